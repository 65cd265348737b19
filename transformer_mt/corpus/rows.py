"""Rows of text in any number: kept in an Arrow file without a name, read a piece at a time."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from transformer_mt.files.spool import Spool, SpoolFile, SpoolReader

if TYPE_CHECKING:
    import pyarrow as pa

_PIECE = 20_000
"""Rows that are in memory at a time."""

Item = TypeVar("Item")


class SentencePair(NamedTuple):
    """A sentence and its translation."""

    src: str
    tgt: str

    @property
    def sentences(self) -> tuple[str, ...]:
        """What should not stand in two splits."""
        return self


class Text(NamedTuple):
    """A line of running text, or a sentence of its own."""

    text: str

    @property
    def sentences(self) -> tuple[str, ...]:
        return self


class LabelledText(NamedTuple):
    """A text and the class that it belongs to."""

    text: str
    label: str

    @property
    def sentences(self) -> tuple[str, ...]:
        return self[:1]


Row = TypeVar("Row", SentencePair, Text, LabelledText)
"""A row of a corpus; its fields are the columns."""
Row_co = TypeVar("Row_co", covariant=True)


class Rows(Protocol[Row_co]):
    """What can be counted and read again and again: a list, or `StoredRows`."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Row_co]: ...


class StoredRows(Generic[Row]):
    """Rows that take the memory of one piece, however many they are.

    They are read, not mapped: pages of a map would count as memory of this process until the
    system takes them back.
    """

    def __init__(self, file: SpoolFile, kind: type[Row], count: int) -> None:
        self._file = file
        self._kind: type[Row] = kind
        self._count = count

    @classmethod
    def of(cls, kind: type[Row], rows: Iterable[Row]) -> "StoredRows[Row]":
        """Keep what can be read only once, or is made on the way.

        Raises:
            DataError: there is no room.
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

        # As a stream, which is what the file is after its first bytes: read as a file, its parts
        # would be handed from thread to thread, and one that is given back while Python ends
        # would end the process with an abort.
        for batch in pa.ipc.open_stream(SpoolReader(self._file, start=len(b"ARROW1\0\0"))):
            columns = (column.to_pylist() for column in batch.columns)
            yield from map(self._kind._make, zip(*columns, strict=True))


def _text_array(texts: Sequence[str]) -> "pa.LargeStringArray":
    """From its buffers: `pa.array` would load pandas, which takes as long as a small corpus."""
    import pyarrow as pa

    encoded = [text.encode() for text in texts]
    ends = array("q", accumulate(map(len, encoded), initial=0))
    buffers = pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))
    return pa.LargeStringArray.from_buffers(len(texts), *buffers)


def pieces(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of up to `size` items, in order."""
    rest = iter(items)
    while piece := list(islice(rest, size)):
        yield piece
