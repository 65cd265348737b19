"""Line-by-line reading of text files, with errors that name file and line."""

import codecs
import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from transformer_mt.errors import DataError
from transformer_mt.files.packed import READ_ERRORS, unpacked


@contextlib.contextmanager
def open_binary(path: Path, *, is_text: bool = True) -> Iterator[BinaryIO]:
    """Open a file to read bytes from; compressed content is decompressed, whatever the name.

    Raises:
        OSError: the file cannot be opened.
        DataError: on reading, as for `unpacked`.
    """
    with path.open("rb") as raw:
        yield unpacked(raw, str(path), is_text=is_text)


def digest_of_files(paths: Iterable[Path]) -> str:
    """Return a digest of the contents of files: equal only for equal contents, as stored.

    Raises:
        OSError: a file cannot be read, or is not a regular file (a pipe can be read only once).
    """
    digest = hashlib.blake2b(digest_size=16)
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(path)
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "blake2b").digest())
    return digest.hexdigest()


def read_lines(path: Path) -> Iterator[str]:
    r"""Yield the lines of a UTF-8 text file, plain or compressed, without line ends.

    Lines end at \n alone (U+2028 and the like are text); \r\n and a byte order mark are tolerated.

    Raises:
        DataError: a line is not valid UTF-8; the message names file and line.
    """
    with open_binary(path) as file:
        for number, raw in enumerate(file, start=1):
            raw = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
            try:
                yield raw.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8")
            except UnicodeDecodeError as error:
                bad = f"byte 0x{error.object[error.start]:02x} at column {error.start + 1}"
                raise DataError(f"{path}:{number}: not valid UTF-8 ({bad})") from None


def read_text(path: Path) -> Iterator[str]:
    """Yield the lines of a text file that must exist and must not be empty.

    Raises:
        DataError: the file is missing, unreadable or, known at its end, empty.
    """
    is_empty = True
    try:
        for line in read_lines(path):
            is_empty = is_empty and not line
            yield line
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except READ_ERRORS as error:
        raise DataError(f"{path}: cannot be read ({first_line_of(error)})") from None
    if is_empty:
        raise DataError(f"{path}: the file is empty")


def first_line_of(error: BaseException) -> str:
    """Return the first line of an error's message."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return reason.strip().split("\n")[0]


def one_line(record: str) -> str:
    """Escape the line ends U+0085, U+2028 and U+2029 in a JSON record."""
    for end in "\x85\u2028\u2029":
        record = record.replace(end, f"\\u{ord(end):04x}")
    return record
