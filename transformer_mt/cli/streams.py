"""Lines in, lines out: arguments, files, standard input, a prompt."""

import codecs
import contextlib
import io
import logging
import queue
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, TextIO

from tqdm import tqdm

from transformer_mt.errors import DataError
from transformer_mt.files.packed import READ_ERRORS, unpacked
from transformer_mt.runtime.console import hides_bars, standard_output, write_whole

log = logging.getLogger(__name__)

_CHUNK = 1024
"""Most lines that are translated before the first of them is written."""
_CHUNK_BYTES = 1 << 20
"""Bytes of lines after which a chunk has no more of them."""
_LONGEST_LINE = 1 << 20
"""Bytes of a line that are read."""
_BLOCK, _MOST_BLOCKS = 1 << 16, 16
"""Bytes read at a time, and such blocks that wait to be translated."""


class _Line(NamedTuple):
    """Without its newline; of a line that is too long, the beginning."""

    raw: bytes
    is_cut: bool = False


def read_chunks(file: BinaryIO) -> Iterator[list[str]]:
    r"""Lines of a stream as they come: whatever is there, in chunks of bounded size.

    A program that writes one line and waits gets its answer at once; a file is read in large
    chunks. Lines end at \n alone; bytes that are no UTF-8 are replaced, and what a line has beyond
    1 MiB is skipped, each with a warning. Memory is bounded, whatever the stream holds.

    Raises:
        DataError: the stream breaks off (a damaged .gz file, say), after the lines before that; or
            holds no text.
    """
    failures: list[Exception] = []
    blocks = _blocks(file, failures)
    number = 0
    for chunk in _grouped(_split(blocks)):
        yield [_decode(line, number + index) for index, line in enumerate(chunk, start=1)]
        number += len(chunk)
    if failures and isinstance(failures[0], DataError):  # names the file itself
        raise failures[0]
    if failures:
        raise DataError(f"the input cannot be read after line {number} ({failures[0]})")


def _blocks(file: BinaryIO, failures: list[Exception]) -> Iterator[bytes | None]:
    """The bytes of a stream as they come; None wherever there are no more for the moment."""
    waiting: queue.Queue[bytes] = queue.Queue(maxsize=_MOST_BLOCKS)

    def fill() -> None:
        try:
            while block := file.read1(_BLOCK):  # type: ignore[attr-defined]
                waiting.put(block)
        except (DataError, *READ_ERRORS) as error:
            failures.append(error)
        finally:
            waiting.put(b"")

    threading.Thread(target=fill, daemon=True).start()
    while block := _wait_for(waiting):
        yield block
        if waiting.empty():
            yield None


def _wait_for(waiting: "queue.Queue[bytes]") -> bytes:
    """The next block. Waits in short turns: a Ctrl-C just before a wait cannot end that wait."""
    while True:
        with contextlib.suppress(queue.Empty):
            return waiting.get(timeout=0.2)


def _split(blocks: Iterable[bytes | None]) -> Iterator[_Line | None]:
    """Lines of the blocks; None as there."""
    begun, is_cut = bytearray(), False
    for block in blocks:
        if block is None:
            yield None
            continue
        *ended, rest = block.split(b"\n")
        for part in ended:
            yield _line(begun + part, is_cut=is_cut)
            begun, is_cut = bytearray(), False
        begun += rest
        if len(begun) > _LONGEST_LINE:  # what was cut is not kept
            del begun[_LONGEST_LINE + 1 :]
            is_cut = True
    if begun:
        yield _line(begun, is_cut=is_cut)


def _line(raw: bytearray, *, is_cut: bool) -> _Line:
    """At most _LONGEST_LINE bytes, and no half of a character at a cut."""
    if not (is_cut or len(raw) > _LONGEST_LINE):
        return _Line(bytes(raw))
    end = _LONGEST_LINE
    while end > _LONGEST_LINE - 4 and raw[end] & 0xC0 == 0x80:  # goes on a character
        end -= 1
    return _Line(bytes(raw[:end]), is_cut=True)


def _grouped(lines: Iterable[_Line | None]) -> Iterator[list[_Line]]:
    """As many lines as a chunk may have, or as there are before a None."""
    chunk: list[_Line] = []
    size = 0
    for line in lines:
        if line is not None:
            chunk.append(line)
            size += len(line.raw)
        if chunk and (line is None or len(chunk) == _CHUNK or size >= _CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _decode(line: _Line, number: int) -> str:
    raw = line.raw.removeprefix(codecs.BOM_UTF8) if number == 1 else line.raw
    if line.is_cut:
        log.warning("line %d is cut: only its first %d bytes are read", number, len(raw))
    else:
        raw = raw.removesuffix(b"\r")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        log.warning("line %d is not valid UTF-8: the wrong bytes are replaced", number)
        return raw.decode("utf-8", errors="replace")


@contextlib.contextmanager
def open_input(path: Path | None) -> Iterator[BinaryIO]:
    """Open a file, plain or compressed, to read bytes from; None or "-" is standard input.

    Raises:
        DataError: the file cannot be read; standard input is closed.
    """
    if path is None or str(path) == "-":
        yield unpacked(_standard_input(), "standard input")
        return
    try:
        opened = path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    with opened as file:
        yield unpacked(file, str(path))


@contextlib.contextmanager
def open_chunks(texts: Sequence[str] | None, path: Path | None) -> Iterator[Iterator[list[str]]]:
    """Lines of the command line, if there are any; else those of a file or of standard input."""
    if texts:
        yield iter([[argument_line(text) for text in texts]])
        return
    with open_input(path) as source:
        yield read_chunks(source)


def _standard_input() -> BinaryIO:
    """Standard input, through a reader of its own.

    `sys.stdin` must not be held by the thread that waits for lines: Python shuts it down at exit.

    Raises:
        DataError: it is closed, which no program takes for an empty input.
    """
    if sys.stdin is None:  # closed by whoever started us
        raise DataError("standard input is closed: there is nothing to read")
    try:
        return open(sys.stdin.fileno(), "rb", closefd=False)
    except io.UnsupportedOperation:
        return sys.stdin.buffer


def is_prompted() -> bool:
    """True when a person types and reads: both ends are a terminal, so a prompt is no result."""
    return all(end is not None and end.isatty() for end in (sys.stdin, sys.stdout))


@contextlib.contextmanager
def open_output(path: Path | None) -> Iterator[TextIO]:
    """A text file to write to; None or "-" is standard output."""
    if path is None or str(path) == "-":
        yield standard_output()
        return
    try:
        opened = path.open("w", encoding="utf-8", newline="\n")
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror or error})") from None
    with opened as file:
        yield file


def read_whole() -> str:
    """Standard input as one text, its last line end left out; wrong bytes are replaced."""
    with open_input(None) as file:
        lines = [line for chunk in read_chunks(file) for line in chunk]
    return "\n".join(lines)


def argument_text(text: str) -> str:
    """A text of the command line; bytes that are no UTF-8 are replaced."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def argument_line(text: str) -> str:
    """A sentence of the command line as one line."""
    return " ".join(argument_text(text).splitlines())


def prompt_lines(prompt: str) -> Iterator[str]:
    """Lines that a person types; Ctrl-C forgets the line, Ctrl-D ends."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 - importing it gives `input` a history

    while True:
        try:
            yield argument_line(input(prompt))
        except KeyboardInterrupt:
            sys.stderr.write("\n")
        except EOFError:
            sys.stderr.write("\n")
            return


def write_chunks(
    answer: Callable[[list[str], int], Iterable[str]],
    chunks: Iterable[list[str]],
    target: TextIO,
    *,
    what: str,
    show_progress: bool,
) -> None:
    """Answer chunk after chunk; each is written as soon as it is done.

    Args:
        answer: from lines, and the number of the first of them, to what is written for them.
        chunks: lines.
        target: where to.
        what: is being done, for the progress bar.
        show_progress: whether there is to be one.

    Raises:
        DataError: the place cannot be written to (a full disk, say).
    """
    done = 0
    with tqdm(desc=what, unit="line", disable=hides_bars() if show_progress else True) as bar:
        for lines in chunks:
            write_whole(target, "".join(f"{each}\n" for each in answer(lines, done + 1)))
            done += len(lines)
            bar.update(len(lines))
