"""Preparation of sentence pairs: encoding, and cleaning of the training pairs."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from transformer_mt.config.tasks import PairsConfig, TranslationConfig
from transformer_mt.corpus.duplicates import Duplicates, Overlap
from transformer_mt.corpus.source import Corpus, SentencePair
from transformer_mt.data.arrow import ExampleSpool
from transformer_mt.data.batching import BilingualDataset
from transformer_mt.data.cache import PreparedData
from transformer_mt.data.coverage import Coverage, Coverages, UnknownCounter
from transformer_mt.data.encoding import encode_texts, in_pieces
from transformer_mt.data.reports import DataReport
from transformer_mt.data.sequences import Lengths
from transformer_mt.errors import DataError
from transformer_mt.text.line_sizes import LineSizes
from transformer_mt.text.tokenizer import Tokenizers


def prepare_pairs(
    config: TranslationConfig, corpus: Corpus[SentencePair], vocabulary: Tokenizers
) -> PreparedData[BilingualDataset, SentencePair, DataReport]:
    """Encode and clean a corpus of sentence pairs, in pieces.

    Raises:
        DataError: no training pair is left, or the disk is full.
    """
    cleaning = Cleaning(config.data, corpus)
    spool = ExampleSpool(BilingualDataset)
    known = PairCoverage(vocabulary)
    for pairs in in_pieces(corpus.train):
        encoded = encode_pairs(pairs, vocabulary)
        known.see(pairs, encoded)
        rows = cleaning.keep(pairs, encoded.src.lengths, encoded.tgt.lengths)
        spool.write(encoded.take(rows))
    validation = encode_pairs(corpus.validation, vocabulary)
    known_of_validation = PairCoverage(vocabulary)
    known_of_validation.see(corpus.validation, validation)
    coverage = {"train": known.coverage(), "validation": known_of_validation.coverage()}
    report = cleaning.report(coverage)
    return PreparedData(spool.finish(), validation, corpus.validation, report)


def encode_pairs(pairs: Sequence[SentencePair], tokenizers: Tokenizers) -> BilingualDataset:
    """Encode sentence pairs to token ids."""
    return BilingualDataset(
        encode_texts(tokenizers.src, [pair.src for pair in pairs]),
        encode_texts(tokenizers.tgt, [pair.tgt for pair in pairs]),
    )


class PairCoverage:
    """Counter of unknown tokens on both sides of sentence pairs."""

    def __init__(self, tokenizers: Tokenizers) -> None:
        self._sides = UnknownCounter(tokenizers.src), UnknownCounter(tokenizers.tgt)

    def see(self, pairs: Sequence[SentencePair], encoded: BilingualDataset) -> None:
        """Count the unknown tokens of pairs, which are encoded in memory."""
        self._sides[0].see([pair.src for pair in pairs], next(encoded.src.pieces()))
        self._sides[1].see([pair.tgt for pair in pairs], next(encoded.tgt.pieces()))

    def coverage(self) -> tuple[Coverage, ...]:
        """Return the coverage of each side for all pairs counted so far."""
        return tuple(side.coverage() for side in self._sides)


class Cleaning:
    """Filter of the training pairs, applied in pieces, with counts.

    Counting duplicates takes 8 bytes of memory for each kept pair.
    """

    def __init__(self, config: PairsConfig, corpus: Corpus[SentencePair]) -> None:
        self._config = config
        self._corpus = corpus
        self._read = self._empty = self._too_long = self._ratio = 0
        self._sizes = LineSizes()
        self._kept = Duplicates()
        self._validation = Overlap(corpus.validation)
        self._test = Overlap(corpus.test)

    def keep(
        self, pairs: Sequence[SentencePair], src_len: Lengths, tgt_len: Lengths
    ) -> NDArray[np.int64]:
        """Return the indices of the pairs to keep, given the numbers of tokens, (count,)."""
        longer, shorter = np.maximum(src_len, tgt_len), np.minimum(src_len, tgt_len)
        empty = shorter == 0
        too_long = ~empty & (longer > self._config.max_length)
        ratio = ~empty & ~too_long & (longer > self._config.max_length_ratio * shorter)
        rows = np.flatnonzero(~(empty | too_long | ratio))
        self._read += len(pairs)
        self._empty += int(empty.sum())
        self._too_long += int(too_long.sum())
        self._ratio += int(ratio.sum())
        kept = [pairs[row] for row in rows.tolist()]
        for each in (self._kept, self._validation, self._test):
            each.see(kept)
        self._sizes.see([pair.src for pair in kept], src_len[rows].tolist())
        return rows

    def report(self, coverage: Coverages) -> DataReport:
        """Return the data report of all pairs.

        Args:
            coverage: vocabulary coverage of each split.

        Raises:
            DataError: no pair is kept.
        """
        if not self._kept.seen:
            raise DataError(
                f"none of the {self._read} training pairs is usable: {self._empty} are empty,"
                f" {self._too_long} longer than data.max_length, {self._ratio} of odd length ratio"
            )
        usual = self._sizes.usual()
        return DataReport(
            read=self._read,
            empty=self._empty,
            too_long=self._too_long,
            ratio=self._ratio,
            kept=self._kept.seen,
            duplicates=self._kept.count(),
            validation=len(self._corpus.validation),
            test=len(self._corpus.test),
            validation_overlap=self._validation.count(),
            test_overlap=self._test.count(),
            coverage=coverage,
            notes=tuple(self._corpus.notes),
            usual_tokens=usual.tokens,
            usual_sentences=usual.sentences,
        )
