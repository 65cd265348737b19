"""Encoded examples in an Arrow file that is mapped into memory: any number, in hardly any room.

A file of record batches with a list of ids for each column; any program that reads Arrow reads it.
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

_RESIDENT = 128 * 2**20
"""Bytes of a map that may be resident before they are given back. To touch a batch of examples anew
takes 3 ms: what fits stays."""
_FAULT = 2 * 64 * 2**10
"""Bytes that a row of one column may make resident: its offsets and its ids, where the system maps
64 KiB around a page that is touched."""
_WORD = np.dtype(np.int32).itemsize


def schema_of(kind: type[Dataset]) -> pa.Schema:
    """That of the file of a data set."""
    return pa.schema([(name, IDS) for name in kind.names])


def columns_of(columns: Iterable[Sequences]) -> list[pa.Array]:
    """The columns of a record batch; nothing is copied but offsets."""
    arrays = []
    for column in columns:
        ends = pa.py_buffer(column.offsets.astype(np.int32))
        ids = pa.Array.from_buffers(pa.int32(), len(column.ids), [None, pa.py_buffer(column.ids)])
        arrays.append(pa.Array.from_buffers(IDS, len(column), [None, ends], children=[ids]))
    return arrays


class ArrowMap:
    """The bytes of an Arrow file of examples: mapped or, if there are few, in memory."""

    def __init__(self, content: bytes | mmap.mmap) -> None:
        self._content = content
        buffer = pa.py_buffer(content)
        self._reader = pa.ipc.open_file(pa.BufferReader(buffer))
        self.batches = [
            self._reader.get_batch(number) for number in range(self._reader.num_record_batches)
        ]
        self.start = buffer.address
        self.words: Ids = np.frombuffer(content, np.int32, count=len(content) // _WORD)
        """The whole file: offsets and ids stand at multiples of 8 bytes."""
        self._touched = 0

    @classmethod
    def of_file(cls, file: BinaryIO | SpoolFile) -> "ArrowMap":
        """Map an open file, which may be closed then."""
        return cls(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    @classmethod
    def of_spool(cls, file: SpoolFile) -> "ArrowMap":
        """What was written to a spool."""
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        return cls(file.read()) if size <= IN_MEMORY else cls.of_file(file)

    @property
    def metadata(self) -> dict[bytes, bytes]:
        """What stands in the file beside the data."""
        return self._reader.schema.metadata or {}

    def dataset(self, kind: type[D], batches: slice, fingerprint: str | None = None) -> D:
        """The examples of some of the record batches."""
        columns = (MappedSequences(self, self.batches[batches], name) for name in kind.names)
        return kind(*columns, known_fingerprint=fingerprint)

    def touched(self, size: int) -> None:
        """Count the bytes that a reader made resident, and give all back where they are too many.

        The pages stay in the cache of the system: the next reader gets them without the disk.
        """
        self._touched += size
        if min(self._touched, len(self._content)) > _RESIDENT:
            self._touched = 0
            if isinstance(self._content, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
                self._content.madvise(mmap.MADV_DONTNEED)


class ExampleSpool(Generic[D]):
    """Encoded examples that need not be in memory: written in pieces, then one data set."""

    def __init__(self, kind: type[D]) -> None:
        self._kind = kind
        self._spool = Spool(schema_of(kind), "encoded text")

    def write(self, piece: D) -> None:
        """Add some examples.

        Raises:
            DataError: there is no room.
        """
        for columns in piece.pieces():
            self._spool.write(columns_of(columns))

    def finish(self) -> D:
        """All of them.

        Raises:
            DataError: there is no room.
        """
        return ArrowMap.of_spool(self._spool.finish()).dataset(self._kind, slice(None))


class MappedSequences:
    """One column of the examples of some record batches."""

    def __init__(self, file: ArrowMap, batches: Sequence[pa.RecordBatch], column: str) -> None:
        parts = [batch.column(column) for batch in batches if batch.num_rows]
        self._file = file
        self._counts = [len(part) for part in parts]
        self._first = np.cumsum([0, *self._counts], dtype=np.int64)[:-1]
        self._offsets_at = self._places([part.offsets for part in parts])
        self._ids_at = self._places([part.values for part in parts])

    def _places(self, arrays: Sequence[pa.Array]) -> NDArray[np.int64]:
        """Where in `words` the arrays begin."""
        starts = [
            array.buffers()[1].address if len(array) else self._file.start for array in arrays
        ]
        return (np.array(starts, dtype=np.int64) - self._file.start) // _WORD

    @property
    def lengths(self) -> Lengths:
        """(count,) tokens of each sequence."""
        lengths = np.empty(len(self), dtype=np.int32)
        for number, first in enumerate(self._first.tolist()):
            offsets = self._offsets(number)
            np.subtract(offsets[1:], offsets[:-1], out=lengths[first : first + len(offsets) - 1])
            self._file.touched(offsets.nbytes)
        return lengths

    def __len__(self) -> int:
        return sum(self._counts)

    def __getitem__(self, index: int) -> Ids:
        return self.take([index]).ids

    def take(self, rows: Rows) -> Sequences:
        """The sequences of some rows, in their order."""
        rows = np.asarray(rows, dtype=np.int64)
        batch = np.searchsorted(self._first, rows, side="right") - 1
        at = self._offsets_at[batch] + rows - self._first[batch]
        words, ids_at = self._file.words, self._ids_at[batch]
        taken = Sequences.gather(words, ids_at + words[at], ids_at + words[at + 1])
        self._file.touched(len(rows) * _FAULT)
        return taken

    def pieces(self) -> Iterator[Sequences]:
        """All sequences, in order, a record batch at a time; ids are views of the file."""
        for number, ids_at in enumerate(self._ids_at.tolist()):
            offsets: Offsets = self._offsets(number).astype(np.int64)
            ids = self._file.words[ids_at : ids_at + offsets[-1]]
            yield Sequences(ids, offsets)
            self._file.touched(offsets.nbytes // 2 + ids.nbytes)

    def _offsets(self, number: int) -> Ids:
        at = self._offsets_at[number]
        return self._file.words[at : at + self._counts[number] + 1]
