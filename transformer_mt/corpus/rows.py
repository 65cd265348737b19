"""Rows of a corpus, in memory or in an unnamed temporary Arrow file."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from transformer_mt.files.spool import Spool, SpoolFile, SpoolReader

if TYPE_CHECKING:
    import pyarrow as pa

_PIECE = 20_000
"""Number of rows in memory at a time."""

Item = TypeVar("Item")


class SentencePair(NamedTuple):
    """Source sentence and target sentence."""

    src: str
    tgt: str

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return the sentences that must not occur in two splits."""
        return self


class Text(NamedTuple):
    """Line of running text, or independent sentence."""

    text: str

    @property
    def sentences(self) -> tuple[str, ...]:
        return self


class LabelledText(NamedTuple):
    """Text with the label of a class."""

    text: str
    label: str

    @property
    def sentences(self) -> tuple[str, ...]:
        return self[:1]


Row = TypeVar("Row", SentencePair, Text, LabelledText)
"""Row of a corpus, a named tuple with one field per column."""
Row_co = TypeVar("Row_co", covariant=True)


class Rows(Protocol[Row_co]):
    """Sized, repeatedly iterable rows: a list or `StoredRows`."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Row_co]: ...


class StoredRows(Generic[Row]):
    """Rows in a temporary file, of which one piece is in memory at a time.

    The file is read, not memory-mapped: mapped pages would count as memory of this process until
    the system reclaims them.
    """

    def __init__(self, file: SpoolFile, kind: type[Row], count: int) -> None:
        self._file = file
        self._kind: type[Row] = kind
        self._count = count

    @classmethod
    def of(cls, kind: type[Row], rows: Iterable[Row]) -> "StoredRows[Row]":
        """Store rows from any iterable, which is read once.

        Raises:
            DataError: the disk is full.
        """
        import pyarrow as pa

        schema = pa.schema([(name, pa.large_string()) for name in kind._fields])
        spool, count = Spool(schema, "text"), 0
        for piece in pieces(rows, _PIECE):
            spool.write([_text_array(column) for column in zip(*piece, strict=True)])
            count += len(piece)
        return cls(spool.finish(), kind, count)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Row]:
        import pyarrow as pa

        # Read as a stream, which is the format of an Arrow file after the magic bytes: the file
        # reader passes Python buffers between threads, and a buffer released while Python exits
        # aborts the process.
        for batch in pa.ipc.open_stream(SpoolReader(self._file, start=len(b"ARROW1\0\0"))):
            columns = (column.to_pylist() for column in batch.columns)
            yield from map(self._kind._make, zip(*columns, strict=True))


def _text_array(texts: Sequence[str]) -> "pa.LargeStringArray":
    """Build an Arrow array from buffers; `pa.array` would import pandas, which is slow."""
    import pyarrow as pa

    encoded = [text.encode() for text in texts]
    ends = array("q", accumulate(map(len, encoded), initial=0))
    buffers = pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))
    return pa.LargeStringArray.from_buffers(len(texts), *buffers)


def pieces(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield lists of up to `size` items, in order."""
    rest = iter(items)
    while piece := list(islice(rest, size)):
        yield piece
