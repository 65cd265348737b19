"""What occurs twice in a corpus: within train, and in train and another split."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from transformer_mt.corpus.rows import LabelledText, SentencePair, Text

AnyRow = SentencePair | Text | LabelledText


class Duplicates:
    """Counts rows that occurred before; of each that went by it keeps 8 bytes."""

    def __init__(self) -> None:
        self._hashes: list[NDArray[np.int64]] = []

    def see(self, rows: Sequence[AnyRow]) -> None:
        """Some more rows."""
        self._hashes.append(np.fromiter(map(hash, rows), dtype=np.int64, count=len(rows)))

    @property
    def seen(self) -> int:
        """All rows that went by."""
        return sum(map(len, self._hashes))

    def count(self) -> int:
        """How many of them occurred before."""
        hashes = np.concatenate([np.zeros(0, dtype=np.int64), *self._hashes])
        hashes.sort()
        return int((hashes[1:] == hashes[:-1]).sum())


class Overlap:
    """Which rows of a split share a sentence with train, on either side of pairs."""

    def __init__(self, rows: Sequence[AnyRow]) -> None:
        self._rows = rows
        self._not_seen = [set(side) for side in zip(*(row.sentences for row in rows), strict=True)]

    def see(self, train: Sequence[AnyRow]) -> None:
        """Compare with some of the training rows."""
        for side, not_seen in enumerate(self._not_seen):
            not_seen.difference_update(row[side] for row in train)

    def count(self) -> int:
        """How many share a sentence with those that were seen."""
        return sum(
            any(text not in side for text, side in zip(row.sentences, self._not_seen, strict=True))
            for row in self._rows
        )
