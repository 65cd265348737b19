import gzip
import math
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import EOS, PAD, SOS, as_src, as_tgt, sentences

from transformer_mt.data.batching import (
    BilingualDataset,
    Collator,
    padding_share,
    token_batches,
)
from transformer_mt.data.sequences import RowNumbers, Sequences

MULTI30K = Path(__file__).parents[3] / "shared" / "data" / "multi30k"
COLLATOR = Collator(pad_id=PAD, sos_id=SOS, eos_id=EOS)
Lengths = list[tuple[int, int]]


def random_lengths(count: int, longest: int, seed: int) -> Lengths:
    dice = Random(seed)
    return [(dice.randint(0, longest), dice.randint(0, longest)) for _ in range(count)]


lengths_of_pairs = st.builds(
    random_lengths, st.integers(0, 80), st.integers(0, 25), st.integers(0, 1000)
)
budgets = st.integers(1, 200)
shuffles = st.none() | st.tuples(st.integers(0, 2**63 - 1), st.integers(0, 1000))


def dataset_of(lengths: Lengths) -> BilingualDataset:
    sides = zip(*lengths, strict=True) if lengths else ([], [])
    src, tgt = (Sequences.pack(sentences(*side, vocab=1000, seed=len(lengths))) for side in sides)
    return BilingualDataset(src, tgt)


def blank_dataset(lengths: Lengths) -> BilingualDataset:
    """Lengths without words: quick to make."""
    ends = np.cumsum([(0, 0), *lengths], axis=0)
    src, tgt = (Sequences(np.zeros(side[-1], dtype=np.int32), side) for side in ends.T)
    return BilingualDataset(src, tgt)


def like_multi30k(count: int = 29_000, seed: int = 0) -> Lengths:
    """Lengths with the mean, the spread and the correlation of Multi30k."""
    random = np.random.default_rng(seed)
    src = np.clip(random.gamma(shape=10, scale=1.3, size=count).round(), 3, 42)
    tgt = np.clip((0.95 * src + random.normal(0, 2, count)).round(), 2, 45)
    return [(int(s), int(t)) for s, t in zip(src, tgt, strict=True)]


def as_lists(batches: list[RowNumbers]) -> list[list[int]]:
    return [batch.tolist() for batch in batches]


def positions(lengths: Lengths, batch: list[int]) -> int:
    return len(batch) * (1 + max(max(lengths[row]) for row in batch))


@given(lengths_of_pairs, budgets, shuffles)
def test_every_example_is_in_exactly_one_batch(
    lengths: Lengths, budget: int, shuffle: tuple[int, int] | None
) -> None:
    batches = as_lists(token_batches(dataset_of(lengths), budget, shuffle))
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))


@given(lengths_of_pairs.filter(bool), budgets, shuffles)
def test_only_a_single_long_sentence_is_over_the_budget(
    lengths: Lengths, budget: int, shuffle: tuple[int, int] | None
) -> None:
    for batch in as_lists(token_batches(dataset_of(lengths), budget, shuffle)):
        assert len(batch) == 1 or positions(lengths, batch) <= budget


@given(lengths_of_pairs.filter(bool), budgets, shuffles)
def test_a_batch_more_than_half_full_has_little_padding(
    lengths: Lengths, budget: int, shuffle: tuple[int, int] | None
) -> None:
    for batch in as_lists(token_batches(dataset_of(lengths), budget, shuffle)):
        if len(batch) > 1 and 2 * positions(lengths, batch) > budget:
            sides = np.array([lengths[row] for row in batch]) + 1
            assert sides.sum() >= 0.97 * len(batch) * sides.max(axis=0).sum()


@given(lengths_of_pairs.filter(bool), budgets)
def test_no_batch_ends_before_it_is_half_full(lengths: Lengths, budget: int) -> None:
    for batch, following in pairwise(as_lists(token_batches(dataset_of(lengths), budget))):
        assert 2 * positions(lengths, [*batch, following[0]]) > budget


@given(lengths_of_pairs.filter(bool), budgets)
def test_a_new_batch_begins_where_one_that_grows_pair_by_pair_must_end(
    lengths: Lengths, budget: int
) -> None:
    batches = as_lists(token_batches(dataset_of(lengths), budget))
    expected: list[list[int]] = []
    for row in (row for batch in batches for row in batch):
        grown = [*expected[-1], row] if expected else [row]
        sides = np.array([lengths[r] for r in grown]) + 1
        full = 2 * positions(lengths, grown) > budget
        padded = sides.sum() / (len(grown) * sides.max(axis=0).sum()) < 0.97
        if len(grown) == 1 or positions(lengths, grown) > budget or (full and padded):
            expected.append([row])
        else:
            expected[-1] = grown
    assert batches == expected


@given(lengths_of_pairs, budgets, st.tuples(st.integers(0, 9), st.integers(0, 9)))
def test_seed_and_epoch_fix_the_batches(
    lengths: Lengths, budget: int, shuffle: tuple[int, int]
) -> None:
    first, second = (token_batches(dataset_of(lengths), budget, shuffle) for _ in range(2))
    assert as_lists(first) == as_lists(second)


@pytest.mark.parametrize("other", [(1, 1), (2, 0)])
def test_another_epoch_has_another_order_and_other_company(other: tuple[int, int]) -> None:
    dataset = blank_dataset(like_multi30k(1000))
    first, second = (as_lists(token_batches(dataset, 500, key)) for key in ((1, 0), other))
    assert first != second
    together = [{frozenset(batch) for batch in batches} for batches in (first, second)]
    assert len(together[0] & together[1]) < 0.5 * len(together[0])
    longest = [[max(dataset.src.lengths[batch]) for batch in one] for one in (first, second)]
    assert longest[0] != sorted(longest[0])  # not from short to long
    assert longest[0] != longest[1]


@given(lengths_of_pairs.filter(bool), budgets)
def test_without_shuffling_the_longer_come_later(lengths: Lengths, budget: int) -> None:
    batches = as_lists(token_batches(dataset_of(lengths), budget))
    longer = [max(lengths[row]) for batch in batches for row in batch]
    assert longer == sorted(longer)


@pytest.mark.parametrize("longest", [5, 255, 100_000])  # 255: the keys just fit into 16 bits
@given(count=st.integers(0, 50), seed=st.integers(0, 1000))
def test_pairs_are_sorted_by_the_longer_side_then_back_and_forth_by_the_difference(
    longest: int, count: int, seed: int
) -> None:
    lengths = [(longest, longest), (longest, 1), *random_lengths(count, longest, seed)]

    def rank(row: int) -> tuple[int, int]:
        src, tgt = (length + 1 for length in lengths[row])
        return max(src, tgt), (src - tgt) * (-1) ** max(src, tgt)

    (batch,) = as_lists(token_batches(blank_dataset(lengths), 10**9))
    assert batch == sorted(range(len(lengths)), key=rank)


@given(st.integers(1, 60), st.integers(0, 20), budgets)
def test_batches_of_equal_sentences_are_full(count: int, length: int, budget: int) -> None:
    batches = token_batches(dataset_of([(length, length)] * count), budget)
    assert len(batches) == math.ceil(count / max(1, budget // (length + 1)))


@given(lengths_of_pairs.filter(bool), st.integers(1, 1000), shuffles)
def test_padding_share_is_what_is_found_in_the_tensors(
    lengths: Lengths, budget: int, shuffle: tuple[int, int] | None
) -> None:
    dataset = dataset_of(lengths)
    rows = token_batches(dataset, budget, shuffle)
    tensors = [
        side
        for batch in (COLLATOR.batch(dataset, one) for one in rows)
        for side in (batch.src, batch.tgt_out)
    ]
    pads = sum(int((side == PAD).sum()) for side in tensors)
    share = pads / sum(side.numel() for side in tensors)
    assert padding_share(dataset, rows) == pytest.approx(share)


def assert_economical(lengths: Lengths, budget: int) -> None:
    dataset = blank_dataset(lengths)
    batches = token_batches(dataset, budget, (1, 0))
    assert padding_share(dataset, batches) < 0.03
    used = [positions(lengths, batch) for batch in as_lists(batches)]
    assert sum(used) / len(used) > 0.5 * budget  # not by making batches small


@pytest.mark.parametrize("budget", [1024, 4096])
@pytest.mark.parametrize("seed", [0, 1])
def test_little_padding(budget: int, seed: int) -> None:
    assert_economical(like_multi30k(seed=seed), budget)


@pytest.mark.skipif(
    not MULTI30K.is_dir(), reason="no ../shared/data/multi30k beside the repository"
)
@pytest.mark.parametrize("budget", [3000, 4096])
def test_little_padding_on_multi30k(budget: int) -> None:
    sides = []
    for language in ("en", "de"):
        path = MULTI30K / "tok" / f"train.lc.norm.tok.{language}.gz"
        with gzip.open(path, "rt", encoding="utf-8") as file:
            sides.append([len(line.split()) for line in file])
    assert_economical(list(zip(*sides, strict=True)), budget)


@given(st.lists(st.lists(st.integers(0, 2**31 - 1), max_size=9), max_size=9))
def test_packed_sequences_come_out_as_they_went_in(rows: list[list[int]]) -> None:
    packed = Sequences.pack(rows)
    assert [packed[index].tolist() for index in range(len(rows))] == rows
    assert packed.lengths.tolist() == [len(row) for row in rows]


@given(st.lists(st.lists(st.lists(st.integers(0, 99), max_size=4), max_size=4), max_size=4))
def test_joined_sequences_are_those_of_all_parts(parts: list[list[list[int]]]) -> None:
    joined = Sequences.join([Sequences.pack(part) for part in parts])
    whole = Sequences.pack([row for part in parts for row in part])
    for ours, expected in ((joined.ids, whole.ids), (joined.offsets, whole.offsets)):
        assert ours.dtype == expected.dtype
        assert ours.tolist() == expected.tolist()


@given(lengths_of_pairs.filter(bool), st.data())
def test_taken_rows_are_the_same_sequences_in_the_order_asked_for(
    lengths: Lengths, data: st.DataObject
) -> None:
    dataset = dataset_of(lengths)
    rows = data.draw(st.lists(st.integers(0, len(lengths) - 1), max_size=9))
    taken = dataset.take(rows)
    assert len(taken) == len(rows)
    for place, row in enumerate(rows):
        for ours, expected in zip(taken[place], dataset[row], strict=True):
            assert ours.dtype == expected.dtype
            assert ours.tolist() == expected.tolist()


@given(lengths_of_pairs)
def test_equal_data_alone_have_equal_fingerprints(lengths: Lengths) -> None:
    dataset = dataset_of(lengths)
    assert dataset.fingerprint == dataset_of(lengths).fingerprint
    src = dataset.src.take(range(len(lengths)))
    if len(src.ids):
        src.ids[-1] += 1
        assert BilingualDataset(src, dataset.tgt).fingerprint != dataset.fingerprint


@given(lengths_of_pairs.filter(bool), st.data())
def test_a_batch_is_its_sentences_shifted_and_padded_on_the_right(
    lengths: Lengths, data: st.DataObject
) -> None:
    dataset = dataset_of(lengths)
    rows = data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=6))
    batch = COLLATOR.batch(dataset, rows)
    src = as_src([dataset[row].src_ids.tolist() for row in rows])
    tgt_in, tgt_out = as_tgt([dataset[row].tgt_ids.tolist() for row in rows])
    for part, expected in ((batch.src, src), (batch.tgt_in, tgt_in), (batch.tgt_out, tgt_out)):
        assert part.dtype == torch.int64
        assert torch.equal(part, expected)
        real = part != PAD
        assert torch.equal(real, real.cummin(dim=1).values)  # once padding, always padding
    assert batch.tgt_in.shape == batch.tgt_out.shape == (len(rows), tgt_out.shape[1])
    inside = batch.tgt_in[:, 1:] != PAD
    assert torch.equal(batch.tgt_in[:, 1:][inside], batch.tgt_out[:, :-1][inside])
    assert (batch.tgt_in[:, 0] == SOS).all()
    assert batch.num_tokens == int((batch.tgt_out != PAD).sum())
    assert batch.num_tokens == sum(lengths[row][1] + 1 for row in rows)


def test_a_batch_on_another_device_is_the_same() -> None:
    batch = COLLATOR.batch(dataset_of([(3, 4), (2, 1)]), [1, 0])
    moved = batch.to(torch.device("meta"))
    assert (moved.src.shape, moved.tgt_in.shape) == (batch.src.shape, batch.tgt_in.shape)
    assert {moved.src.device.type, moved.tgt_in.device.type, moved.tgt_out.device.type} == {"meta"}
    assert moved.num_tokens == batch.num_tokens
    same = batch.to(torch.device("cpu"))
    assert torch.equal(same.src, batch.src)
    assert torch.equal(same.tgt_in, batch.tgt_in)
    assert torch.equal(same.tgt_out, batch.tgt_out)


@pytest.mark.parametrize("pad_id", [0, 9])
def test_padding_is_the_pad_id_whatever_it_is(pad_id: int) -> None:
    padded = Collator(pad_id, sos_id=2, eos_id=3).pad([[5], [6, 7, 8], []], before=2, after=3)
    assert padded.tolist() == [
        [2, 5, 3, pad_id, pad_id],
        [2, 6, 7, 8, 3],
        [2, 3, pad_id, pad_id, pad_id],
    ]
