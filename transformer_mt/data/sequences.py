"""Compact storage of token id sequences in one array, or in a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int32]
Lengths = NDArray[np.int32]
Offsets = NDArray[np.int64]
RowNumbers = NDArray[np.int32]
Rows = Sequence[int] | RowNumbers | Offsets


@dataclass(frozen=True, slots=True)
class Sequences:
    """Sequences of ids, concatenated in one array."""

    ids: Ids
    offsets: Offsets
    """Sequence boundaries, (count + 1,): sequence i is ids[offsets[i]:offsets[i + 1]]."""

    @classmethod
    def pack(cls, sequences: Sequence[Sequence[int] | Ids]) -> "Sequences":
        offsets = _ends([len(sequence) for sequence in sequences])
        ids = np.fromiter(chain.from_iterable(sequences), dtype=np.int32, count=offsets[-1])
        return cls(ids, offsets)

    @classmethod
    def join(cls, parts: "Sequence[Sequences]") -> "Sequences":
        """Concatenate the sequences of all parts, in order."""
        ids = [part.ids for part in parts]
        lengths = [part.lengths for part in parts]
        return cls(
            np.concatenate(ids) if ids else np.zeros(0, dtype=np.int32),
            _ends(np.concatenate(lengths) if lengths else []),
        )

    @property
    def lengths(self) -> Lengths:
        """Return the number of tokens of each sequence, (count,)."""
        return np.diff(self.offsets).astype(np.int32)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> Ids:
        return self.ids[self.offsets[index] : self.offsets[index + 1]]

    def take(self, rows: Rows) -> "Sequences":
        """Return copies of the given sequences, in the order of `rows`."""
        rows = np.asarray(rows, dtype=np.int64)
        return self.gather(self.ids, self.offsets[rows], self.offsets[rows + 1])

    def pieces(self) -> "Iterator[Sequences]":
        """Yield all sequences as one part, since they are in memory."""
        yield self

    @classmethod
    def gather(cls, ids: Ids, starts: Offsets, ends: Offsets) -> "Sequences":
        """Copy `ids[start:end]` for each start and end."""
        offsets = _ends(ends - starts)
        places = np.repeat(starts - offsets[:-1], ends - starts)
        places += np.arange(offsets[-1])
        return cls(ids[places], offsets)


class SequenceStore(Protocol):
    """Sequences of ids in memory (`Sequences`) or in a file (`MappedSequences`)."""

    @property
    def lengths(self) -> Lengths: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Ids: ...

    def take(self, rows: Rows) -> Sequences: ...

    def pieces(self) -> Iterator[Sequences]: ...


def _ends(lengths: Sequence[int] | Lengths | Offsets) -> Offsets:
    """Return the offsets of sequences, (count + 1,), from the lengths, (count,)."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets
