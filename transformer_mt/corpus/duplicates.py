"""Duplicate rows within train, and overlap of train with other splits."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from transformer_mt.corpus.rows import LabelledText, SentencePair, Text

AnyRow = SentencePair | Text | LabelledText


class Duplicates:
    """Counter of duplicate rows, with 8 bytes of memory for each row."""

    def __init__(self) -> None:
        self._hashes: list[NDArray[np.int64]] = []

    def see(self, rows: Sequence[AnyRow]) -> None:
        """Add rows to the count."""
        self._hashes.append(np.fromiter(map(hash, rows), dtype=np.int64, count=len(rows)))

    @property
    def seen(self) -> int:
        """Return the number of rows added."""
        return sum(map(len, self._hashes))

    def count(self) -> int:
        """Return the number of rows equal to an earlier row."""
        hashes = np.concatenate([np.zeros(0, dtype=np.int64), *self._hashes])
        hashes.sort()
        return int((hashes[1:] == hashes[:-1]).sum())


class Overlap:
    """Counter of the rows of a split that share a sentence with train, on either side of pairs."""

    def __init__(self, rows: Sequence[AnyRow]) -> None:
        self._rows = rows
        self._not_seen = [set(side) for side in zip(*(row.sentences for row in rows), strict=True)]

    def see(self, train: Sequence[AnyRow]) -> None:
        """Add training rows to compare with."""
        for side, not_seen in enumerate(self._not_seen):
            not_seen.difference_update(row[side] for row in train)

    def count(self) -> int:
        """Return the number of rows that share a sentence with the training rows."""
        return sum(
            any(text not in side for text, side in zip(row.sentences, self._not_seen, strict=True))
            for row in self._rows
        )
