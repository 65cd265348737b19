"""Decompression of binary streams, by the format that the first bytes show."""

import bz2
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, cast

from transformer_mt.errors import DataError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ_ERRORS = (OSError, EOFError, zlib.error, lzma.LZMAError)
"""Exceptions that reading a damaged or cut-off file raises."""

_HEAD = 512
"""Most bytes read to detect a format."""
_ZSTD_PIECE = 4096
"""Bytes of zstd decompressed at a time: few bytes may expand to very many."""


class _Zstd(io.RawIOBase):
    """Reader that decompresses zstd frames; a cut-off frame raises EOFError, as with gzip."""

    def __init__(self, packed: BinaryIO) -> None:
        import zstandard

        self._packed = packed
        self._new = zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj
        self._error = zstandard.ZstdError
        self._frame = self._new()
        self._is_begun = False
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer).cast("B")
        while not self._ready:
            rest = self._frame.unused_data if self._frame.eof else b""
            piece = rest or self._packed.read(_ZSTD_PIECE)
            if self._frame.eof:
                self._frame, self._is_begun = self._new(), False
            if not piece:
                if self._is_begun:
                    raise EOFError("Compressed file ended before the end of a frame was reached")
                return 0
            self._is_begun = True
            try:
                self._ready = self._frame.decompress(piece)
            except self._error as error:
                raise OSError(str(error)) from None
        size = min(len(view), len(self._ready))
        view[:size], self._ready = self._ready[:size], self._ready[size:]
        return size


def _zstd(packed: BinaryIO) -> BinaryIO:
    return io.BufferedReader(_Zstd(packed))


def _gzip(packed: BinaryIO) -> BinaryIO:
    return cast(BinaryIO, gzip.GzipFile(fileobj=packed))


def _xz(packed: BinaryIO) -> BinaryIO:
    return cast(BinaryIO, lzma.LZMAFile(packed))


def _bzip2(packed: BinaryIO) -> BinaryIO:
    return cast(BinaryIO, bz2.BZ2File(packed))


_PACKERS: list[tuple[bytes, Callable[[BinaryIO], BinaryIO]]] = [
    (rb"\x1f\x8b\x08", _gzip),
    (rb"BZh[1-9](1AY&SY|\x17\x72\x45\x38\x50\x90)", _bzip2),
    (rb"\xfd7zXZ\x00|\x5d\x00\x00", _xz),
    (rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18", _zstd),
]
"""Pattern of a compressed format's first bytes, and the function that decompresses it."""

_UNPACK = "unpack it"
_SAVE = "save its text as a plain UTF-8 file"
_FOREIGN: list[tuple[bytes, str]] = [
    (
        rb"PK(\x03\x04|\x05\x06).{26}(word|ppt|xl|_rels|docProps|\[Content)",
        f"an office document; {_SAVE}",
    ),
    (rb"PK\x03\x04.{26}mimetypeapplication/", f"an office document or e-book; {_SAVE}"),
    (rb"PK(\x03\x04|\x05\x06)", f"a zip archive; {_UNPACK}"),
    (rb"7z\xbc\xaf\x27\x1c", f"a 7z archive; {_UNPACK}"),
    (rb"Rar!\x1a\x07", f"a rar archive; {_UNPACK}"),
    (rb".{257}ustar", f"a tar archive; {_UNPACK}"),
    (rb"\x04\x22\x4d\x18", f"compressed with lz4; {_UNPACK}"),
    (rb"\x1f[\x9d\xa0]", f"compressed with compress; {_UNPACK}"),
    (rb"LZIP\x01", f"compressed with lzip; {_UNPACK}"),
    (rb"%PDF-[0-9]\.", f"a PDF document; {_SAVE}"),
    (rb"\{\\rtf1", f"an RTF document; {_SAVE}"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", f"an office document; {_SAVE}"),
    (rb"SQLite format 3\x00", "an SQLite database; export the table as .csv"),
    (rb"PAR1\x15", "a Parquet table; give it a name that ends in .parquet"),
    (rb"ARROW1\x00", "an Arrow table; save it as .parquet"),
    (rb"\x93NUMPY", "a NumPy array; save its text as a plain UTF-8 file"),
    (rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a.*\x00", "a picture; text is wanted"),
    (rb"\xff\xfe\x00\x00|\x00\x00\xfe\xff", "UTF-32 text; save it as UTF-8"),
    (rb"\xff\xfe|\xfe\xff", "UTF-16 text; save it as UTF-8"),
]
"""Pattern of the first bytes of a format that is not text, and the words of the error."""

_MAGIC = [b"\x1f\x8b\x08", b"BZh91AY&SY", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"]
_MAGIC += [b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\x04\x22\x4d\x18", b"%PDF-1.", b"\xff\xfe"]
"""Signatures that a first read from a pipe may cut off; none contains a line end."""


class _Begun(io.RawIOBase):
    """Stream that returns bytes already read, then the rest."""

    def __init__(self, head: bytes, rest: BinaryIO, error: Exception | None) -> None:
        self._head, self._rest, self._error = head, rest, error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer).cast("B")
        if not self._head and self._error is not None:
            raise self._error
        block = self._head[: len(view)] or self._rest.read1(len(view))  # type: ignore[attr-defined]
        self._head = self._head[len(view) :]
        view[: len(block)] = block
        return len(block)


class _Unpacked(io.RawIOBase):
    """Decompressed content of a stream; nothing is read before the first `read`."""

    def __init__(self, raw: BinaryIO, name: str, *, is_text: bool) -> None:
        self._raw, self._name, self._is_text = raw, name, is_text
        self._opened: BinaryIO | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer).cast("B")
        if self._opened is None:
            self._opened = self._open()
        block: bytes = self._opened.read1(len(view))  # type: ignore[attr-defined]
        view[: len(block)] = block
        return len(block)

    def _open(self) -> BinaryIO:
        head, stream = _peek(self._raw)
        packer = packer_of(head)
        if packer is not None:
            head, stream = _peek(packer(stream))
            if packer_of(head) is not None:
                raise DataError(f"{self._name}: is compressed twice; unpack it once")
        if self._is_text and (foreign := _foreign(head)):
            raise DataError(f"{self._name}: is {foreign}")
        return stream


def unpacked(raw: BinaryIO, name: str, *, is_text: bool = True) -> io.BufferedReader:
    """Return a stream's content, with gzip, bzip2, xz and zstd decompressed.

    Nothing is read before the first `read`; the stream need not be seekable, and is not closed.

    Args:
        raw: the stream, at its beginning.
        name: name of the stream in error messages.
        is_text: refuse content that is not UTF-8 text (an archive, a document, UTF-16).

    Raises:
        DataError: on reading: the content is refused or compressed twice.
    """
    return io.BufferedReader(_Unpacked(raw, name, is_text=is_text), buffer_size=1 << 16)


def packer_of(head: bytes) -> Callable[[BinaryIO], BinaryIO] | None:
    """Return the function that decompresses content with these first bytes, or None."""
    return next((packer for magic, packer in _PACKERS if re.match(magic, head, re.DOTALL)), None)


def _foreign(head: bytes) -> str | None:
    for magic, what in _FOREIGN:
        if re.match(magic, head, re.DOTALL):
            return what
    for order, place in (("LE", 1), ("BE", 0)):
        high, low = head[place::2], head[1 - place :: 2]
        if high.count(0) >= max(2, 0.7 * len(high)) and not low.count(0):
            return f"UTF-16 text ({order}, without a byte order mark); save it as UTF-8"
    return None


def _peek(stream: BinaryIO) -> tuple[bytes, BinaryIO]:
    """Return the first bytes of a stream, and a stream that still begins with them."""
    head, error = b"", None
    try:
        head = stream.read1(_HEAD)  # type: ignore[attr-defined]
        while any(magic.startswith(head) and magic != head for magic in _MAGIC) and head:
            more = stream.read1(_HEAD)  # type: ignore[attr-defined]
            if not more:
                break
            head += more
    except READ_ERRORS as caught:
        error = caught
    return head, io.BufferedReader(_Begun(head, stream, error))
