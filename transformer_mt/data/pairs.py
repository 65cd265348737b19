"""Sentence pairs in any number: kept in an Arrow file without a name, read a piece at a time."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, islice
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from transformer_mt.data.spool import Spool, SpoolFile, SpoolReader

if TYPE_CHECKING:
    import pyarrow as pa

_PIECE = 20_000
"""Pairs that are in memory at a time."""

Item = TypeVar("Item")


class SentencePair(NamedTuple):
    """A sentence and its translation."""

    src: str
    tgt: str


class Pairs(Protocol):
    """What can be counted and read again and again: a list, or `StoredPairs`."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[SentencePair]: ...


class StoredPairs:
    """Pairs that take the memory of one piece, however many they are.

    They are read, not mapped: pages of a map would count as memory of this process until the
    system takes them back.
    """

    def __init__(self, file: SpoolFile, count: int) -> None:
        self._file = file
        self._count = count

    @classmethod
    def of(cls, pairs: Iterable[SentencePair]) -> "StoredPairs":
        """Keep what can be read only once, or is made on the way.

        Raises:
            DataError: there is no room.
        """
        import pyarrow as pa

        text = pa.large_string()
        spool, count = Spool(pa.schema([("src", text), ("tgt", text)]), "text"), 0
        for piece in pieces(pairs, _PIECE):
            sides = [pair.src for pair in piece], [pair.tgt for pair in piece]
            spool.write([_text_array(side) for side in sides])
            count += len(piece)
        return cls(spool.finish(), count)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[SentencePair]:
        import pyarrow as pa

        # As a stream, which is what the file is after its first bytes: read as a file, its parts
        # would be handed from thread to thread, and one that is given back while Python ends
        # would end the process with an abort.
        for batch in pa.ipc.open_stream(SpoolReader(self._file, start=len(b"ARROW1\0\0"))):
            src, tgt = batch.columns
            yield from map(SentencePair, src.to_pylist(), tgt.to_pylist())


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
