"""Line-by-line reading of text files, with problems that name file and line."""

import codecs
import hashlib
from collections.abc import Iterable, Iterator
from io import BufferedReader
from itertools import chain
from pathlib import Path

from transformer_mt.errors import DataError
from transformer_mt.files.packed import READ_ERRORS, unpacked
from transformer_mt.files.problems import TRAINING, Listener, Problem

_BLOCK = 1 << 16
"""Bytes read at a time."""


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


def read_text(path: Path, listener: Listener = TRAINING) -> Iterator[str]:
    r"""Return the lines of a UTF-8 text file, plain or compressed, without line ends.

    Lines end at \n alone (U+2028 and the like are text); \r\n and a byte order mark are tolerated.
    The listener is told if the file is missing, unreadable or, known at its end, empty, and of
    each line that is not valid UTF-8, whose wrong bytes become lone surrogates (PEP 383).

    Raises:
        DataError: a problem that the listener refuses.
    """
    return chain.from_iterable(_read_file(path, listener))


def _read_file(path: Path, listener: Listener) -> Iterator[list[str]]:
    is_empty, rows = True, 0
    try:
        for lines in _read_blocks(path, listener):
            is_empty = is_empty and not any(lines)
            rows += len(lines)
            yield lines
    except FileNotFoundError:
        listener.tell(Problem("missing", f"{path}: there is no such file", str(path)))
    except DataError as error:
        listener.tell(Problem("unreadable", str(error), str(path)))
    except READ_ERRORS as error:
        cause = first_line_of(error)
        place = f"{path}: cannot be read on after line {rows:,} ({cause})" if rows else ""
        sentence = f"{path}: cannot be read ({cause})"
        listener.tell(Problem("unreadable", sentence, str(path), heading=place))
    else:
        if is_empty:
            listener.tell(Problem("empty-file", f"{path}: the file is empty", str(path)))


def _read_blocks(path: Path, listener: Listener) -> Iterator[list[str]]:
    """Yield the lines of a text file, many at a time, or one by one around invalid UTF-8."""
    rows = place = 0
    with path.open("rb") as raw:
        for block in _whole_lines(unpacked(raw, str(path))):
            if rows == 0 and block.startswith(codecs.BOM_UTF8):
                block = block.removeprefix(codecs.BOM_UTF8)
                heading = "begins with a byte order mark, which is left out"
                listener.tell(
                    Problem("bom", f"{path}: {heading}", str(path), 1, heading, severity="note")
                )
            block = block.removesuffix(b"\n")
            try:
                lines = block.decode("utf-8").split("\n")
            except UnicodeDecodeError:
                for line in block.split(b"\n"):
                    rows += 1
                    yield [_decode(path, rows, line.removesuffix(b"\r"), listener)]
            else:
                rows += len(lines)
                yield [line.removesuffix("\r") for line in lines] if b"\r" in block else lines
            before, place = place, raw.tell() if raw.seekable() else 0  # a pipe has no place
            listener.advance(place - before)


def _whole_lines(file: BufferedReader) -> Iterator[bytes]:
    """Yield blocks of whole lines; all lines before a place that cannot be read."""
    begun: list[bytes] = []
    while piece := file.read1(_BLOCK):
        lines, end, rest = piece.rpartition(b"\n")
        if end:
            yield b"".join((*begun, lines, end))
            begun.clear()
        begun.append(rest)
    if last := b"".join(begun):
        yield last


def _decode(path: Path, number: int, line: bytes, listener: Listener) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        bad = f"byte 0x{line[error.start]:02x} at column {error.start + 1}"
    text = line.decode("utf-8", "surrogateescape")
    sentence, heading = (
        f"{path}:{number}: not valid UTF-8 ({bad})",
        "lines that are not valid UTF-8",
    )
    listener.tell(Problem("utf8", sentence, str(path), number, heading, text, bad))
    return text


def first_line_of(error: BaseException) -> str:
    """Return the first line of an error's message."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return reason.strip().split("\n")[0]


def one_line(record: str) -> str:
    """Escape the line ends U+0085, U+2028 and U+2029 in a JSON record."""
    for end in "\x85\u2028\u2029":
        record = record.replace(end, f"\\u{ord(end):04x}")
    return record
