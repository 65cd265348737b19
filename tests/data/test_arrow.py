"""Text and ids that are kept in Arrow files: as if they were in memory, in hardly any of it."""

import subprocess
import tracemalloc
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_runs import PAIRS, python, tsv, write

from transformer_mt.config.sections import Config, DataConfig
from transformer_mt.config.tasks import (
    ClassificationConfig,
    LabelledConfig,
    LanguageModelConfig,
    PairsConfig,
    PairTokenizerConfig,
    TextConfig,
    TextTokenizerConfig,
    TranslationConfig,
)
from transformer_mt.corpus import rows
from transformer_mt.corpus.rows import StoredRows
from transformer_mt.corpus.source import Corpus, SentencePair, Source
from transformer_mt.data import arrow, encoding
from transformer_mt.data.arrow import ArrowMap, columns_of, schema_of
from transformer_mt.data.batching import BilingualDataset
from transformer_mt.data.sequences import Sequences
from transformer_mt.data.vocabularies import build_tokenizers
from transformer_mt.files import spool
from transformer_mt.files.spool import Spool
from transformer_mt.training.tasks.registry import build_vocabulary, prepare

pytestmark = pytest.mark.usefixtures("own_cache")

CONFIG = TranslationConfig(
    run_dir="r",
    data=PairsConfig(src_lang="en", tgt_lang="fr", train="-"),
    tokenizer=PairTokenizerConfig(min_frequency=1),
)
TOKENIZERS = build_tokenizers(CONFIG, Corpus(PAIRS, [], []))


@pytest.fixture
def _nothing_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything goes to the disk, in small pieces."""
    for module in (spool, arrow):
        monkeypatch.setattr(module, "IN_MEMORY", 1)
    for module in (rows, encoding):
        monkeypatch.setattr(module, "_PIECE", 100)


def mapped_dataset(dataset: BilingualDataset, cuts: list[int]) -> BilingualDataset:
    """The same pairs in record batches, cut at some rows, between two others."""
    ends = [0, *sorted(cuts), len(dataset)]
    parts = [dataset.take(range(*cut)) for cut in ((0, 1), *pairwise(ends), (0, 1))]
    store = Spool(schema_of(BilingualDataset), "test")
    for part in parts:
        store.write(columns_of(column.take(range(len(column))) for column in part.columns))
    return ArrowMap.of_spool(store.finish()).dataset(BilingualDataset, slice(1, -1))


id_lists = st.lists(st.integers(0, 2**31 - 1), max_size=5)
datasets = st.lists(st.tuples(id_lists, id_lists), min_size=1, max_size=9).map(
    lambda rows: BilingualDataset(
        Sequences.pack([src for src, _ in rows]), Sequences.pack([tgt for _, tgt in rows])
    )
)


@pytest.mark.parametrize("in_memory", [0, 2**20])
@given(dataset=datasets, data=st.data())
def test_mapped_pairs_are_those_in_memory(
    in_memory: int, dataset: BilingualDataset, data: st.DataObject
) -> None:
    numbers = st.integers(0, len(dataset) - 1)
    rows = data.draw(st.lists(numbers, max_size=9))
    with pytest.MonkeyPatch.context() as patch:
        for module in (spool, arrow):
            patch.setattr(module, "IN_MEMORY", in_memory)
        found = mapped_dataset(dataset, data.draw(st.lists(numbers, max_size=4)))
        assert len(found) == len(dataset)
        assert found.fingerprint == dataset.fingerprint
        for ours, expected in ((found.src, dataset.src), (found.tgt, dataset.tgt)):
            assert len(ours) == len(expected)
            assert np.array_equal(ours.lengths, expected.lengths)
            joined = Sequences.join(list(ours.pieces()))
            for got, wanted in (
                (ours.take(rows), expected.take(rows)),
                (joined, expected.take(range(len(expected)))),
            ):
                assert got.ids.dtype == np.int32
                assert got.offsets.dtype == np.int64
                assert np.array_equal(got.ids, wanted.ids)
                assert np.array_equal(got.offsets, wanted.offsets)
        for index in range(len(dataset)):
            for ids, same in zip(found[index], dataset[index], strict=True):
                assert np.array_equal(ids, same)


def test_the_cache_is_an_arrow_file_for_every_program(tmp_path: Path) -> None:
    named = str(write(tmp_path / "t.tsv", tsv(PAIRS)))
    data = PairsConfig(src_lang="en", tgt_lang="fr", train=named, validation=named, test=named)
    prepare(TranslationConfig(run_dir="r", data=data), Source(data), TOKENIZERS)
    (path,) = (tmp_path / "cache" / "transformer_mt").glob("*.arrow")
    table = pa.ipc.open_file(path).read_all().slice(0, len(PAIRS))
    for column, tokenizer in (("src", TOKENIZERS.src), ("tgt", TOKENIZERS.tgt)):
        texts = [tokenizer.decode(ids) for ids in table[column].to_pylist()]
        assert texts == [getattr(pair, column) for pair in PAIRS]


# text


@pytest.mark.usefixtures("_nothing_small")
def test_stored_pairs_can_be_read_again_and_by_two_at_once_and_leave_nothing(
    tmp_path: Path,
) -> None:
    expected = [SentencePair(f"« {i} »\n\0", f"\u2028 {i}") for i in range(250)]
    stored = StoredRows.of(SentencePair, iter(expected))
    assert len(stored) == len(expected)
    assert list(stored) == list(stored) == expected
    assert [*zip(stored, stored, strict=True)] == [*zip(expected, expected, strict=True)]
    assert all(isinstance(pair, SentencePair) for pair in stored)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_no_pairs_are_stored() -> None:
    stored = StoredRows.of(SentencePair, [])
    assert (len(stored), list(stored)) == (0, [])


_ROWS = 15_000
TASKS: dict[str, tuple[type[Config], DataConfig]] = {
    "translation": (TranslationConfig, PairsConfig(src_lang="en", tgt_lang="fr")),
    "lines": (LanguageModelConfig, TextConfig(text_column="en", examples="lines")),
    "blocks": (LanguageModelConfig, TextConfig(text_column="en", examples="blocks")),
    "classification": (ClassificationConfig, LabelledConfig(text_column="en", label_column="id")),
}


@pytest.mark.usefixtures("_nothing_small")
@pytest.mark.parametrize("task", TASKS)
def test_preparing_takes_the_memory_of_a_piece(task: str, tmp_path: Path) -> None:
    """Not that of the text, of which two splits are to be cut."""
    words = "the cat is not as big as the dog that is new and red " * 2
    lines = "".join(f"{i} {words}\t{words} {i}\t{i % 5}\n" for i in range(_ROWS))
    path = write(tmp_path / "t.tsv", f"en\tfr\tid\n{lines}")
    kind, data = TASKS[task]
    data = replace(data, train=str(path), heldout_size=50)
    section = PairTokenizerConfig if kind is TranslationConfig else TextTokenizerConfig
    parts: dict[str, Any] = {"data": data, "tokenizer": section(vocab_size=1000)}
    config = kind(run_dir="r", **parts)
    usual, pool = pa.default_memory_pool(), pa.proxy_memory_pool(pa.default_memory_pool())
    pa.set_memory_pool(pool)
    tracemalloc.start()
    source = Source(data)
    prepared = prepare(config, source, build_vocabulary(config, source.corpus))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    pa.set_memory_pool(usual)
    if task != "blocks":
        assert prepared.report.kept == _ROWS - 2 * 50
    assert peak + pool.max_memory() < len(lines) / 3


FULL_DISK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
from transformer_mt.files import spool
from transformer_mt.corpus.rows import SentencePair, StoredRows
from transformer_mt.errors import DataError
spool.IN_MEMORY = 1
try:
    StoredRows.of(SentencePair, [SentencePair("a" * 1000, "b" * 1000)] * 99)
except DataError as error:
    print(error)
"""


def test_text_that_finds_no_room_is_one_sentence(tmp_path: Path) -> None:
    done = subprocess.run(python("-c", FULL_DISK), capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout == (
        f"{tmp_path}/cache/transformer_mt: the text cannot be kept there while it is prepared"
        " (File too large); XDG_CACHE_HOME may name another folder\n"
    )
