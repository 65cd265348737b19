"""Preparation of labelled texts: truncated token ids and class numbers."""

from collections.abc import Sequence

import numpy as np

from transformer_mt.config.tasks import ClassificationConfig, LabelledConfig
from transformer_mt.corpus.duplicates import Duplicates, Overlap
from transformer_mt.corpus.rows import Rows
from transformer_mt.corpus.source import Corpus, LabelledText
from transformer_mt.data.arrow import ExampleSpool
from transformer_mt.data.batching import LabelledDataset
from transformer_mt.data.cache import PreparedData
from transformer_mt.data.coverage import Coverage, UnknownCounter
from transformer_mt.data.encoding import encode_texts, in_pieces
from transformer_mt.data.reports import LabelledCounts, LabelledReport
from transformer_mt.data.sequences import Sequences
from transformer_mt.errors import DataError
from transformer_mt.text.tokenizer import UNK_ID
from transformer_mt.text.vocabularies import LabelledVocabulary


def prepare_labelled(
    config: ClassificationConfig, corpus: Corpus[LabelledText], vocabulary: LabelledVocabulary
) -> PreparedData[LabelledDataset, LabelledText, LabelledReport]:
    """Encode a corpus of labelled texts, in pieces.

    Raises:
        DataError: the vocabulary lacks a label, or the disk is full.
    """
    encoding = LabelledEncoding(config.data, vocabulary, "train")
    spool = ExampleSpool(LabelledDataset)
    duplicates = Duplicates()
    overlaps = {"validation": Overlap(corpus.validation), "test": Overlap(corpus.test)}
    for rows in in_pieces(corpus.train, "text"):
        spool.write(LabelledDataset(*encoding.encode(rows)))
        duplicates.see(rows)
        for overlap in overlaps.values():
            overlap.see(rows)
    splits = {"train": encoding.counts}
    validation, validated = _encode(config.data, corpus.validation, vocabulary, "validation")
    splits["validation"] = validated.counts
    _, splits["test"] = encode_labelled(config.data, corpus.test, vocabulary, "test")
    report = LabelledReport(
        kept=splits["train"].examples,
        validation=splits["validation"].examples,
        test=splits["test"].examples,
        duplicates=duplicates.count(),
        validation_overlap=overlaps["validation"].count(),
        test_overlap=overlaps["test"].count(),
        splits=splits,
        coverage={"train": encoding.coverage(), "validation": validated.coverage()},
        notes=tuple(corpus.notes),
    )
    return PreparedData(spool.finish(), validation, corpus.validation, report)


def encode_labelled(
    config: LabelledConfig, rows: Rows[LabelledText], vocabulary: LabelledVocabulary, split: str
) -> tuple[LabelledDataset, LabelledCounts]:
    """Encode a split in memory; return the examples and the counts.

    Raises:
        DataError: the vocabulary lacks a label.
    """
    dataset, encoding = _encode(config, rows, vocabulary, split)
    return dataset, encoding.counts


def _encode(
    config: LabelledConfig, rows: Rows[LabelledText], vocabulary: LabelledVocabulary, split: str
) -> "tuple[LabelledDataset, LabelledEncoding]":
    encoding = LabelledEncoding(config, vocabulary, split)
    parts = [encoding.encode(piece) for piece in in_pieces(rows, "text")]
    text, label = (Sequences.join([part[place] for part in parts]) for place in range(2))
    return LabelledDataset(text, label), encoding


class LabelledEncoding:
    """Encoder of the rows of a split, in pieces, with counts.

    Args:
        config: data settings, of which `max_length` is used.
        vocabulary: vocabulary of the classifier.
        split: name of the split for error messages.
    """

    def __init__(self, config: LabelledConfig, vocabulary: LabelledVocabulary, split: str) -> None:
        self._max_length = config.max_length
        self._vocabulary = vocabulary
        self._split = split
        self._numbers = {label: number for number, label in enumerate(vocabulary.labels)}
        self._cut = self._empty = 0
        self._known = UnknownCounter(vocabulary.tokenizer)
        self._found = np.zeros(len(vocabulary.labels), dtype=np.int64)

    @property
    def counts(self) -> LabelledCounts:
        """Return the counts of all rows encoded so far."""
        found = zip(self._vocabulary.labels, self._found.tolist(), strict=True)
        return LabelledCounts(int(self._found.sum()), dict(found), self._cut, self._empty)

    def coverage(self) -> tuple[Coverage]:
        """Return the vocabulary coverage of all texts encoded so far."""
        return (self._known.coverage(),)

    def encode(self, rows: Sequence[LabelledText]) -> tuple[Sequences, Sequences]:
        """Encode rows to token ids and class numbers.

        Raises:
            DataError: the vocabulary lacks a label.
        """
        labels = np.fromiter(map(self._number, rows), dtype=np.int32, count=len(rows))
        self._found += np.bincount(labels, minlength=len(self._found))
        texts = [row.text for row in rows]
        ids = encode_texts(self._vocabulary.tokenizer, texts)
        self._known.see(texts, ids)
        self._cut += int((ids.lengths > self._max_length).sum())
        self._empty += int((ids.lengths == 0).sum())
        return readable(ids, self._max_length), Sequences(labels, np.arange(len(rows) + 1))

    def _number(self, row: LabelledText) -> int:
        number = self._numbers.get(row.label)
        if number is None:
            known = ", ".join(self._vocabulary.labels[:10])
            more = " ..." if len(self._vocabulary.labels) > 10 else ""
            raise DataError(
                f"{self._split}: the label '{row.label}' is none of those that the model learns:"
                f" {known}{more}"
            )
        return number


def readable(ids: Sequences, max_length: int) -> Sequences:
    """Truncate each text to max_length tokens; an empty text becomes a single [UNK]."""
    empty = ids.offsets[:-1][ids.lengths == 0]
    filled = np.insert(ids.ids, empty, UNK_ID)
    lengths = np.maximum(ids.lengths, 1)
    ends = np.cumsum(lengths, dtype=np.int64)
    starts = ends - lengths
    return Sequences.gather(filled, starts, np.minimum(ends, starts + max_length))
