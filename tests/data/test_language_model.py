"""Running text: every token is a target exactly once, however the text comes in pieces."""

from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_runs import write

from transformer_mt.config.tasks import LanguageModelConfig, TextConfig, TextTokenizerConfig
from transformer_mt.corpus.source import Corpus, Source, Text
from transformer_mt.data import encoding
from transformer_mt.data.batching import TextDataset, padding_share, token_batches
from transformer_mt.data.language_model import encode_text, prepare_text
from transformer_mt.data.sequences import Sequences
from transformer_mt.errors import DataError
from transformer_mt.text import long_texts
from transformer_mt.text.tokenizer import EOS_ID, SOS_ID, UNK_ID
from transformer_mt.text.vocabularies import TextVocabulary
from transformer_mt.training.tasks.registry import build_vocabulary, prepare

pytestmark = pytest.mark.usefixtures("own_caches")

Examples = Literal["blocks", "lines"]
LINES = [
    Text(line)
    for line in ("The cat is big.", "", "  a  cat ", "It's red; is it? 50 %", "", " ", "the dog")
]


def config(kind: str = "character", **data: Any) -> LanguageModelConfig:
    tokenizer: dict[str, Any] = {"type": kind, "min_frequency": 1, "vocab_size": 300}
    return LanguageModelConfig(
        run_dir="r",
        data=TextConfig(**{"train": "-", **data}),
        tokenizer=TextTokenizerConfig(**tokenizer),
    )


def vocabulary_of(lines: list[Text], kind: str = "character") -> TextVocabulary:
    vocabulary = build_vocabulary(config(kind), Corpus(lines, [], []))
    assert isinstance(vocabulary, TextVocabulary)
    return vocabulary


def rows_of(dataset: TextDataset) -> list[list[int]]:
    return [dataset.text[index].tolist() for index in range(len(dataset))]


def rows_by_hand(
    lines: list[Text], vocabulary: TextVocabulary, examples: str, size: int
) -> list[list[int]]:
    """Texts, each with what stands before it, cut one after the other."""
    ids = [vocabulary.tokenizer.encode(line.text) for line in lines]
    if examples == "blocks":
        texts = [[EOS_ID, *chain.from_iterable([*line, EOS_ID] for line in ids)]]
    else:
        texts = [[SOS_ID, *line, EOS_ID] for line in ids if line]
    rows = []
    for text in texts:
        while len(text) > 1:
            rows.append(text[: size + 1])
            text = text[size:]
    return rows


lines_of_text = st.lists(st.text("ab \t.", max_size=12).map(Text), max_size=12)


@pytest.mark.parametrize("kind", ["character", "byte", "word", "bpe"])
@pytest.mark.parametrize("examples", ["blocks", "lines"])
@given(
    lines=lines_of_text,
    size=st.integers(2, 9),
    piece=st.integers(1, 4),
    characters=st.integers(1, 20),
    longest=st.integers(1, 10),
)
def test_rows_are_those_cut_by_hand_in_pieces_of_any_size(
    kind: str,
    examples: Examples,
    lines: list[Text],
    size: int,
    piece: int,
    characters: int,
    longest: int,
) -> None:
    vocabulary = vocabulary_of(LINES, kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "_PIECE", piece)
        patch.setattr(encoding, "_CHARACTERS", characters)
        patch.setattr(long_texts, "_LONGEST", longest)
        settings = TextConfig(train="-", examples=examples, block_size=size)
        dataset, counts = encode_text(settings, lines, vocabulary)
    expected = rows_by_hand(lines, vocabulary, examples, size)
    assert rows_of(dataset) == expected
    assert [length.tolist() for length in dataset.positions] == [[len(r) - 1 for r in expected]]
    targets = [token for row in rows_of(dataset) for token in row[1:]]
    kept = [line for line in lines if examples == "blocks" or vocabulary.tokenizer.encode(*line)]
    whole = [[*vocabulary.tokenizer.encode(line.text), EOS_ID] for line in kept]
    assert targets == list(chain.from_iterable(whole))  # each token is predicted exactly once
    assert (counts.lines, counts.tokens, counts.examples) == (
        len(kept),
        len(targets),
        len(expected),
    )
    assert counts.characters == sum(len(line.text) + 1 for line in kept)
    assert counts.unknown == targets.count(UNK_ID)


@pytest.mark.parametrize("kind", ["word", "bpe", "unigram", "character", "byte"])
@given(text=st.text(st.sampled_from("aé\u0301 \t\u2581\uffed.'\u00a0\x1c"), max_size=40))
def test_a_line_has_the_same_tokens_where_it_is_cut(kind: str, text: str) -> None:
    tokenizer = vocabulary_of([Text("a é . ' a\u0301 aa"), *LINES], kind).tokenizer
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_texts, "_LONGEST", 1)
        parts = list(long_texts.parts_of(text))
    assert "".join(part for part, _ in parts) == text
    assert [is_last for _, is_last in parts] == [False] * (len(parts) - 1) + [True]
    assert list(chain.from_iterable(tokenizer.encode(part) for part, _ in parts)) == (
        tokenizer.encode(text)
    )


def test_a_long_line_is_cut_after_spaces() -> None:
    parts = list(long_texts.parts_of("word " * 100_000))
    assert len(parts) > 5
    assert all(len(part) < long_texts._LONGEST + 10 for part, _ in parts)


@pytest.mark.parametrize("examples", ["blocks", "lines"])
def test_prepared_text_and_its_report(examples: Examples, tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "".join(f"{line.text}\n" for line in LINES * 10))
    settings = config(
        train=str(path), validation=str(path), test=str(path), examples=examples, block_size=7
    )
    source = Source(settings.data)
    vocabulary = build_vocabulary(settings, source.corpus)
    assert isinstance(vocabulary, TextVocabulary)
    first = prepare(settings, source, vocabulary)
    second = prepare(settings, Source(settings.data), vocabulary)  # from the cache
    expected = rows_by_hand(LINES * 10, vocabulary, examples, 7)
    for data in (first, second):
        assert rows_of(data.train) == rows_of(data.validation) == expected
        assert data.validation_rows == LINES * 10
        report = data.report
        assert (report.kept, report.validation, report.test) == (len(expected),) * 3
        assert report.splits["train"] == report.splits["validation"] == report.splits["test"]
    assert first.report == second.report
    assert first.train.fingerprint == second.train.fingerprint
    lines = 70 if examples == "blocks" else 50  # of spaces alone are lines, too
    assert f"train: {lines} lines, " in report.lines()[0]
    assert f"{report.splits['train'].tokens:,} tokens (0.00 % unknown)" in report.lines()[0]


def test_another_cut_is_prepared_anew(tmp_path: Path) -> None:
    path = str(write(tmp_path / "a.txt", "".join(f"{line.text}\n" for line in LINES * 10)))
    changes: list[dict[str, Any]] = [{}, {"block_size": 9}, {"examples": "lines"}]
    seen = set()
    for change in changes:
        settings = config(train=path, validation=path, test=path, **change)
        vocabulary = vocabulary_of(LINES)
        seen.add(prepare(settings, Source(settings.data), vocabulary).train.fingerprint)
    assert len(seen) == 3


def test_text_without_a_token_is_refused() -> None:
    blank = [Text("  ")]
    settings = config("word", examples="lines")
    with pytest.raises(DataError, match="no training line has a token"):
        prepare_text(settings, Corpus(blank, blank, blank), vocabulary_of(LINES, "word"))


@given(
    lengths=st.lists(st.integers(2, 20), min_size=1, max_size=40),
    budget=st.integers(1, 100),
    shuffle=st.none() | st.tuples(st.integers(0, 99), st.integers(0, 99)),
)
def test_batches_of_one_column_go_by_its_length(
    lengths: list[int], budget: int, shuffle: tuple[int, int] | None
) -> None:
    dataset = TextDataset(Sequences.pack([[0] * length for length in lengths]))
    batches = [batch.tolist() for batch in token_batches(dataset, budget, shuffle)]
    assert sorted(chain.from_iterable(batches)) == list(range(len(lengths)))
    sizes = [[lengths[row] - 1 for row in batch] for batch in batches]
    assert all(len(size) == 1 or len(size) * max(size) <= budget for size in sizes)
    padded = sum(len(size) * max(size) for size in sizes)
    share = 1 - (sum(lengths) - len(lengths)) / padded
    assert padding_share(dataset, token_batches(dataset, budget, shuffle)) == pytest.approx(share)


def test_taken_rows_are_text_again() -> None:
    dataset, _ = encode_text(TextConfig(train="-", block_size=3), LINES, vocabulary_of(LINES))
    taken = dataset.take([2, 0])
    assert isinstance(taken, TextDataset)
    assert rows_of(taken) == [rows_of(dataset)[2], rows_of(dataset)[0]]
    assert np.array_equal(taken.positions[0], dataset.positions[0][[2, 0]])
