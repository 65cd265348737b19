"""Preparation of running text: sequences of block_size target tokens and one preceding token.

The input of the language model is a sequence without the last token, the target the same sequence
without the first token. Every token of the text, and the [EOS] of every line, is a target exactly
once.
"""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np

from transformer_mt.config.tasks import LanguageModelConfig, TextConfig
from transformer_mt.corpus.rows import Rows
from transformer_mt.corpus.source import Corpus, Text
from transformer_mt.data.arrow import ExampleSpool
from transformer_mt.data.batching import TextDataset
from transformer_mt.data.cache import PreparedData
from transformer_mt.data.coverage import UnknownCounter
from transformer_mt.data.encoding import encode_texts, in_pieces
from transformer_mt.data.reports import TextCounts, TextReport
from transformer_mt.data.sequences import Ids, Sequences
from transformer_mt.errors import DataError
from transformer_mt.text.long_texts import parts_of
from transformer_mt.text.tokenizer import (
    EOS_ID,
    SOS_ID,
    UNK_ID,
    Tokenizer,
)
from transformer_mt.text.vocabularies import TextVocabulary

_Cut: TypeAlias = "tuple[Sequences, Ids]"
"""Full sequences, and the remaining ids for the next ones."""


def prepare_text(
    config: LanguageModelConfig, corpus: Corpus[Text], vocabulary: TextVocabulary
) -> PreparedData[TextDataset, Text, TextReport]:
    """Encode a corpus of running text, in pieces.

    Raises:
        DataError: train or validation has no token, or the disk is full.
    """
    encoding = RunningText(config.data, vocabulary.tokenizer)
    spool = ExampleSpool(TextDataset)
    for rows in encoding.rows(corpus.train):
        spool.write(TextDataset(rows))
    if not encoding.counts.tokens:
        raise DataError("there is no text to train on: no training line has a token")
    validation, validated = _encode(config.data, corpus.validation, vocabulary)
    if not len(validation):
        raise DataError("there is no text to validate on: no validation line has a token")
    test, test_counts = encode_text(config.data, corpus.test, vocabulary)
    report = TextReport(
        kept=encoding.counts.examples,
        validation=len(validation),
        test=len(test),
        splits={
            "train": encoding.counts,
            "validation": validated.counts,
            "test": test_counts,
        },
        coverage={
            "train": (encoding.known.coverage(),),
            "validation": (validated.known.coverage(),),
        },
        notes=tuple(corpus.notes),
    )
    return PreparedData(spool.finish(), validation, corpus.validation, report)


def encode_text(
    config: TextConfig, lines: Rows[Text], vocabulary: TextVocabulary
) -> tuple[TextDataset, TextCounts]:
    """Encode lines in memory; return the examples and the counts."""
    dataset, encoding = _encode(config, lines, vocabulary)
    return dataset, encoding.counts


def _encode(
    config: TextConfig, lines: Rows[Text], vocabulary: TextVocabulary
) -> "tuple[TextDataset, RunningText]":
    encoding = RunningText(config, vocabulary.tokenizer)
    return TextDataset(Sequences.join(list(encoding.rows(lines)))), encoding


class RunningText:
    """Encoder of lines to sequences, with counts.

    Args:
        config: data settings, of which `examples` and `block_size` are used.
        tokenizer: tokenizer of the language model.
    """

    def __init__(self, config: TextConfig, tokenizer: Tokenizer) -> None:
        self._size = config.block_size
        self._tokenizer = tokenizer
        self._cut = {"blocks": self._blocks, "lines": self._lines}[config.examples]
        self.counts = TextCounts(lines=0, characters=0, tokens=0, unknown=0, examples=0)
        """Counts of all lines encoded so far."""
        self.known = UnknownCounter(tokenizer)
        """Unknown tokens of all lines encoded so far."""

    def rows(self, lines: Rows[Text]) -> Iterator[Sequences]:
        """Yield the sequences of all lines in parts, in order."""
        for rows in self._cut(lines):
            self._count(tokens=len(rows.ids) - len(rows), examples=len(rows))
            yield rows

    def _count(self, **more: int) -> None:
        counts = self.counts
        self.counts = TextCounts(
            **{name: getattr(counts, name) + more.get(name, 0) for name in TextCounts.__slots__}
        )

    def _blocks(self, lines: Rows[Text]) -> Iterator[Sequences]:
        """Yield blocks of one continuous text, with [EOS] before the text and after each line."""
        rest = np.array([EOS_ID], dtype=np.int32)
        for piece in in_pieces(lines, "line"):
            parts = [part for (line,) in piece for part in parts_of(line)]
            ids = self._encode([text for text, _ in parts])
            ends = np.fromiter((is_last for _, is_last in parts), dtype=bool, count=len(parts))
            self._count(lines=len(piece), characters=sum(len(line) + 1 for (line,) in piece))
            stream = np.insert(ids.ids, ids.offsets[1:][ends], EOS_ID)
            rows, rest = self._full_rows(np.concatenate([rest, stream]))
            if len(rows):
                yield rows
        if len(rest) > 1:
            yield Sequences.pack([rest])

    def _full_rows(self, stream: Ids) -> "_Cut":
        count = (len(stream) - 1) // self._size
        starts = np.arange(count, dtype=np.int64) * self._size
        rows = Sequences.gather(stream, starts, starts + self._size + 1)
        return rows, stream[count * self._size :]

    def _lines(self, lines: Rows[Text]) -> Iterator[Sequences]:
        """Yield sequences of each line from [SOS] to [EOS]; empty lines are skipped."""
        for piece in in_pieces(lines, "line"):
            ids = self._encode([line for (line,) in piece])
            kept = np.flatnonzero(ids.lengths)
            characters = sum(len(piece[row].text) + 1 for row in kept.tolist())
            self._count(lines=len(kept), characters=characters)
            if len(kept):
                yield self._rows_of_lines(ids.take(kept))

    def _rows_of_lines(self, lines: Sequences) -> Sequences:
        places = np.stack([lines.offsets[:-1], lines.offsets[1:]], axis=1).ravel()
        stream = np.insert(lines.ids, places, [SOS_ID, EOS_ID] * len(lines))
        ends = lines.offsets[1:] + 2 * np.arange(1, len(lines) + 1)
        starts = ends - lines.lengths - 2
        counts = -(-(lines.lengths + 1) // self._size)  # sequences of each line
        before = np.repeat(np.cumsum(counts) - counts, counts)
        row_starts = np.repeat(starts, counts) + self._size * (np.arange(len(before)) - before)
        row_ends = np.minimum(row_starts + self._size + 1, np.repeat(ends, counts))
        return Sequences.gather(stream, row_starts, row_ends)

    def _encode(self, texts: Sequence[str]) -> Sequences:
        ids = encode_texts(self._tokenizer, texts)
        self.known.see(texts, ids)
        self._count(unknown=int((ids.ids == UNK_ID).sum()))
        return ids
