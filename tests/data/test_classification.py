"""Labelled texts as a classifier reads them, and what is told of them."""

from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_runs import write

from transformer_mt.config.tasks import ClassificationConfig, LabelledConfig, TextTokenizerConfig
from transformer_mt.corpus.source import Corpus, LabelledText, Source
from transformer_mt.data import encoding
from transformer_mt.data.batching import LabelledDataset, token_batches
from transformer_mt.data.classification import encode_labelled, prepare_labelled
from transformer_mt.data.sequences import Sequences
from transformer_mt.errors import DataError
from transformer_mt.text import long_texts
from transformer_mt.text.tokenizer import UNK_ID
from transformer_mt.text.vocabularies import LabelledVocabulary
from transformer_mt.training.tasks.registry import build_vocabulary, prepare

pytestmark = pytest.mark.usefixtures("own_cache")

LABELS = ("en", "fr", "it")
WORDS = ("a", "b", "c", "the")
ROWS = [LabelledText(" ".join(WORDS[: 1 + i % 4]), LABELS[i % 3]) for i in range(24)]


def config(**data: Any) -> ClassificationConfig:
    return ClassificationConfig(
        run_dir="r",
        data=LabelledConfig(**{"train": "-", **data}),
        tokenizer=TextTokenizerConfig(min_frequency=1),
    )


def vocabulary_of(rows: list[LabelledText]) -> LabelledVocabulary:
    vocabulary = build_vocabulary(config(), Corpus(rows, [], []))
    assert isinstance(vocabulary, LabelledVocabulary)
    return vocabulary


VOCABULARY = vocabulary_of(ROWS)

words = st.lists(st.sampled_from([*WORDS, "new", "\x1c", "\u200b"]), max_size=7).map(" ".join)
some_rows = st.lists(st.builds(LabelledText, words, st.sampled_from(LABELS)), max_size=20)


@given(rows=some_rows, max_length=st.integers(2, 6), piece=st.integers(1, 9))
def test_examples_are_the_first_tokens_and_the_number_of_the_class(
    rows: list[LabelledText], max_length: int, piece: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "_PIECE", piece)
        settings = LabelledConfig(train="-", max_length=max_length)
        data, counts = encode_labelled(settings, rows, VOCABULARY, "test")
    ids = [VOCABULARY.tokenizer.encode(row.text) for row in rows]
    assert len(data) == len(rows)
    for index, (row, tokens) in enumerate(zip(rows, ids, strict=True)):
        assert data.text[index].tolist() == (tokens[:max_length] or [UNK_ID])
        assert [VOCABULARY.labels[n] for n in data.label[index]] == [row.label]
    assert counts.examples == len(rows)
    assert counts.cut == sum(len(tokens) > max_length for tokens in ids)
    assert counts.empty == sum(not tokens for tokens in ids)
    assert {k: v for k, v in counts.labels.items() if v} == Counter(row.label for row in rows)


@given(train=some_rows.filter(bool), validation=some_rows, test=some_rows)
def test_duplicates_and_overlap_are_those_found_one_by_one(
    train: list[LabelledText], validation: list[LabelledText], test: list[LabelledText]
) -> None:
    report = prepare_labelled(config(), Corpus(train, validation, test), VOCABULARY).report
    assert report.duplicates == sum(row in train[:index] for index, row in enumerate(train))
    texts = {row.text for row in train}
    for rows, count in ((validation, report.validation_overlap), (test, report.test_overlap)):
        assert count == sum(row.text in texts for row in rows)
    counts = (report.kept, report.validation, report.test)
    assert counts == (len(train), len(validation), len(test))


def test_prepared_texts_come_from_the_cache(tmp_path: Path) -> None:
    table = "text\tlabel\n" + "".join(f"{row.text}\t{row.label}\n" for row in ROWS)
    path = str(write(tmp_path / "t.tsv", table))
    settings = config(train=path, validation=path, test=path, max_length=3)
    first = prepare(settings, Source(settings.data), VOCABULARY)
    second = prepare(settings, Source(settings.data), VOCABULARY)
    assert len(list((tmp_path / "cache").rglob("*.arrow"))) == 1
    assert first.report == second.report
    assert first.validation_rows == second.validation_rows == ROWS
    assert all(isinstance(row, LabelledText) for row in second.validation_rows)
    for data in (first, second):
        labels = [VOCABULARY.labels[data.train.label[index][0]] for index in range(len(ROWS))]
        assert labels == [row.label for row in ROWS]
    assert first.train.fingerprint == second.train.fingerprint
    assert second.report.lines() == [
        "train: 24 texts (en: 8, fr: 8, it: 8); 6 cut, 0 without a token; 12 duplicates",
        "validation: 24 texts (en: 8, fr: 8, it: 8); 6 cut, 0 without a token;"
        " 24 that stand in train, too",
        "test: 24 texts (en: 8, fr: 8, it: 8); 6 cut, 0 without a token;"
        " 24 that stand in train, too",
        "unknown tokens: train 0.00 %; validation 0.00 %",
    ]


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_label_that_the_vocabulary_lacks_is_named(split: str) -> None:
    """In train, too: with `init_from` the labels are those of another run."""
    splits: dict[str, Any] = dict.fromkeys(("train", "validation", "test"), ROWS)
    splits[split] = [LabelledText("a", "es")]
    with pytest.raises(DataError) as caught:
        prepare_labelled(config(), Corpus(**splits), VOCABULARY)
    assert str(caught.value) == (
        f"{split}: the label 'es' is none of those that the model learns: en, fr, it"
    )


@given(texts=st.lists(st.text(st.sampled_from("abc  é"), max_size=30), max_size=6))
def test_texts_of_any_length_are_encoded_in_parts(texts: list[str]) -> None:
    tokenizer = VOCABULARY.tokenizer
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_texts, "_LONGEST", 3)
        found = encoding.encode_texts(tokenizer, texts)
    told = [found[row].tolist() for row in range(len(found))]
    assert told == tokenizer.encode_batch(texts)


def test_many_labels_are_told_in_a_line() -> None:
    rows = [LabelledText("a", f"label {number}") for number in range(100)]
    report = prepare_labelled(config(), Corpus(rows, rows, rows), vocabulary_of(rows)).report
    assert "label 0: 1, label 1: 1" in report.lines()[0]
    assert "label 15: 1, 92 other labels" in report.lines()[0]
    assert len(report.lines()[0]) < 250


@given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=40), budget=st.integers(1, 100))
def test_batches_go_by_the_length_of_the_text(lengths: list[int], budget: int) -> None:
    text = Sequences.pack([[0] * length for length in lengths])
    dataset = LabelledDataset(text, Sequences.pack([[1]] * len(lengths)))
    batches = [batch.tolist() for batch in token_batches(dataset, budget)]
    assert sorted(chain.from_iterable(batches)) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[row] for row in batch) <= budget
