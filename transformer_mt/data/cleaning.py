"""Which training pairs are kept, and what a person should know of all pairs."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from transformer_mt.data.batching import Lengths
from transformer_mt.data.corpus import Corpus
from transformer_mt.data.pairs import SentencePair
from transformer_mt.data.prepared import DataReport
from transformer_mt.errors import DataError
from transformer_mt.task_config import PairsConfig


class Cleaning:
    """Goes through the training pairs once, piece by piece, and counts.

    Of those that went by it keeps 8 bytes each, to count duplicates.
    """

    def __init__(self, config: PairsConfig, corpus: Corpus) -> None:
        self._config = config
        self._corpus = corpus
        self._read = self._empty = self._too_long = self._ratio = 0
        self._hashes: list[NDArray[np.int64]] = []
        self._validation = _Overlap(corpus.validation)
        self._test = _Overlap(corpus.test)

    def keep(
        self, pairs: Sequence[SentencePair], src_len: Lengths, tgt_len: Lengths
    ) -> NDArray[np.int64]:
        """The places of those of the next pairs that are kept, by their numbers of tokens."""
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
        self._hashes.append(np.fromiter(map(hash, kept), dtype=np.int64, count=len(kept)))
        self._validation.see(kept)
        self._test.see(kept)
        return rows

    def report(self) -> DataReport:
        """What was found in all pairs.

        Raises:
            DataError: none is kept.
        """
        hashes = np.concatenate([np.zeros(0, dtype=np.int64), *self._hashes])
        if not len(hashes):
            raise DataError(
                f"none of the {self._read} training pairs is usable: {self._empty} are empty,"
                f" {self._too_long} longer than data.max_length, {self._ratio} of odd length ratio"
            )
        hashes.sort()
        return DataReport(
            read=self._read,
            empty=self._empty,
            too_long=self._too_long,
            ratio=self._ratio,
            kept=len(hashes),
            duplicates=int((hashes[1:] == hashes[:-1]).sum()),
            validation=len(self._corpus.validation),
            test=len(self._corpus.test),
            validation_overlap=self._validation.count(),
            test_overlap=self._test.count(),
            notes=tuple(self._corpus.notes),
        )


class _Overlap:
    """Which pairs of a split share a sentence with train, on either side."""

    def __init__(self, pairs: Sequence[SentencePair]) -> None:
        self._pairs = pairs
        self._not_seen = {pair.src for pair in pairs}, {pair.tgt for pair in pairs}

    def see(self, train: Sequence[SentencePair]) -> None:
        """Compare with some of the training pairs."""
        src, tgt = self._not_seen
        src.difference_update(pair.src for pair in train)
        tgt.difference_update(pair.tgt for pair in train)

    def count(self) -> int:
        """How many share a sentence with those that were seen."""
        src, tgt = self._not_seen
        return sum(pair.src not in src or pair.tgt not in tgt for pair in self._pairs)
