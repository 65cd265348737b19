"""Encoded examples in a memory-mapped Arrow file, which may be larger than memory.

The file has one list column of token ids for each column of the data set.
"""

import mmap
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, Generic, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from transformer_mt.data.batching import Dataset
from transformer_mt.data.sequences import (
    Ids,
    Lengths,
    Offsets,
    Rows,
    Sequences,
)
from transformer_mt.files.spool import IN_MEMORY, Spool, SpoolFile

IDS = pa.list_(pa.int32())
D = TypeVar("D", bound=Dataset)

_WORD = np.dtype(np.int32).itemsize


def schema_of(kind: type[Dataset]) -> pa.Schema:
    """Return the Arrow schema of a data set class."""
    return pa.schema([(name, IDS) for name in kind.names])


def columns_of(columns: Iterable[Sequences]) -> list[pa.Array]:
    """Convert columns to Arrow arrays of a record batch; only the offsets are copied."""
    arrays = []
    for column in columns:
        ends = pa.py_buffer(column.offsets.astype(np.int32))
        ids = pa.Array.from_buffers(pa.int32(), len(column.ids), [None, pa.py_buffer(column.ids)])
        arrays.append(pa.Array.from_buffers(IDS, len(column), [None, ends], children=[ids]))
    return arrays


class ArrowMap:
    """Arrow file of encoded examples, memory-mapped or, if small, in memory.

    The system drops mapped pages when it needs their memory, and reads them again when needed.
    """

    def __init__(self, content: bytes | mmap.mmap) -> None:
        buffer = pa.py_buffer(content)
        self._reader = pa.ipc.open_file(pa.BufferReader(buffer))
        self.batches = [
            self._reader.get_batch(number) for number in range(self._reader.num_record_batches)
        ]
        self.start = buffer.address
        self.words: Ids = np.frombuffer(content, np.int32, count=len(content) // _WORD)
        """The file as int32 words; offsets and ids are aligned to 8 bytes."""

    @classmethod
    def of_file(cls, file: BinaryIO | SpoolFile) -> "ArrowMap":
        """Map an open file, which may be closed afterwards."""
        return cls(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    @classmethod
    def of_spool(cls, file: SpoolFile) -> "ArrowMap":
        """Read or map a spool file, depending on the file size."""
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        return cls(file.read()) if size <= IN_MEMORY else cls.of_file(file)

    @property
    def metadata(self) -> dict[bytes, bytes]:
        """Return the schema metadata of the file."""
        return self._reader.schema.metadata or {}

    def dataset(self, kind: type[D], batches: slice, fingerprint: str | None = None) -> D:
        """Return a data set of the given record batches."""
        columns = (MappedSequences(self, self.batches[batches], name) for name in kind.names)
        return kind(*columns, known_fingerprint=fingerprint)


class ExampleSpool(Generic[D]):
    """Writer of encoded examples to a temporary file, in pieces."""

    def __init__(self, kind: type[D]) -> None:
        self._kind = kind
        self._spool = Spool(schema_of(kind), "encoded text")

    def write(self, piece: D) -> None:
        """Append examples to the file.

        Raises:
            DataError: the disk is full.
        """
        for columns in piece.pieces():
            self._spool.write(columns_of(columns))

    def finish(self) -> D:
        """Return all examples as one data set.

        Raises:
            DataError: the disk is full.
        """
        return ArrowMap.of_spool(self._spool.finish()).dataset(self._kind, slice(None))


class MappedSequences:
    """Sequences of one column in a mapped Arrow file."""

    def __init__(self, file: ArrowMap, batches: Sequence[pa.RecordBatch], column: str) -> None:
        parts = [batch.column(column) for batch in batches if batch.num_rows]
        self._file = file
        self._counts = [len(part) for part in parts]
        self._first = np.cumsum([0, *self._counts], dtype=np.int64)[:-1]
        self._offsets_at = self._places([part.offsets for part in parts])
        self._ids_at = self._places([part.values for part in parts])

    def _places(self, arrays: Sequence[pa.Array]) -> NDArray[np.int64]:
        """Return the start index of each array in `ArrowMap.words`."""
        starts = [
            array.buffers()[1].address if len(array) else self._file.start for array in arrays
        ]
        return (np.array(starts, dtype=np.int64) - self._file.start) // _WORD

    @property
    def lengths(self) -> Lengths:
        """Return the number of tokens of each sequence, (count,)."""
        lengths = np.empty(len(self), dtype=np.int32)
        for number, first in enumerate(self._first.tolist()):
            offsets = self._offsets(number)
            np.subtract(offsets[1:], offsets[:-1], out=lengths[first : first + len(offsets) - 1])
        return lengths

    def __len__(self) -> int:
        return sum(self._counts)

    def __getitem__(self, index: int) -> Ids:
        return self.take([index]).ids

    def take(self, rows: Rows) -> Sequences:
        """Return copies of the given sequences, in the order of `rows`."""
        rows = np.asarray(rows, dtype=np.int64)
        batch = np.searchsorted(self._first, rows, side="right") - 1
        at = self._offsets_at[batch] + rows - self._first[batch]
        words, ids_at = self._file.words, self._ids_at[batch]
        return Sequences.gather(words, ids_at + words[at], ids_at + words[at + 1])

    def pieces(self) -> Iterator[Sequences]:
        """Yield all sequences by record batch, in order; ids are views of the file."""
        for number, ids_at in enumerate(self._ids_at.tolist()):
            offsets: Offsets = self._offsets(number).astype(np.int64)
            ids = self._file.words[ids_at : ids_at + offsets[-1]]
            yield Sequences(ids, offsets)

    def _offsets(self, number: int) -> Ids:
        at = self._offsets_at[number]
        return self._file.words[at : at + self._counts[number] + 1]
