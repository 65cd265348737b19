"""Reading and writing of lines: arguments, files, standard input, a prompt."""

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
"""Most lines in a chunk, whose outputs are written together."""
_CHUNK_BYTES = 1 << 20
"""Bytes of lines at which a chunk is full."""
_LONGEST_LINE = 1 << 20
"""Most bytes read of a line."""
_BLOCK, _MOST_BLOCKS = 1 << 16, 16
"""Bytes of a block, and most blocks that wait to be translated."""


class _Line(NamedTuple):
    """Line without its newline; of a line that is too long, the beginning."""

    raw: bytes
    is_cut: bool = False


def read_chunks(file: BinaryIO) -> Iterator[list[str]]:
    r"""Yield the lines of a stream as they arrive, in chunks of bounded size.

    A program that writes one line and waits gets its output at once; a file is read in large
    chunks. Lines end at \n alone; invalid UTF-8 is replaced, and the part of a line beyond 1 MiB is
    skipped, each with a warning. Memory is bounded, whatever the stream's content.

    Raises:
        DataError: the stream breaks off (a damaged .gz file, say), after the lines before that; or
            its content is not text.
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
    """Yield the bytes of a stream as they arrive; None whenever no more are waiting."""
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
    """Return the next block.

    Waits in short intervals: otherwise a Ctrl-C just before a wait could not end it.
    """
    while True:
        with contextlib.suppress(queue.Empty):
            return waiting.get(timeout=0.2)


def _split(blocks: Iterable[bytes | None]) -> Iterator[_Line | None]:
    """Yield the lines of blocks; None is passed on."""
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
        if len(begun) > _LONGEST_LINE:  # drop the skipped part
            del begun[_LONGEST_LINE + 1 :]
            is_cut = True
    if begun:
        yield _line(begun, is_cut=is_cut)


def _line(raw: bytearray, *, is_cut: bool) -> _Line:
    """Return a line of at most _LONGEST_LINE bytes, cut between two characters."""
    if not (is_cut or len(raw) > _LONGEST_LINE):
        return _Line(bytes(raw))
    end = _LONGEST_LINE
    while end > _LONGEST_LINE - 4 and raw[end] & 0xC0 == 0x80:  # a continuation byte of UTF-8
        end -= 1
    return _Line(bytes(raw[:end]), is_cut=True)


def _grouped(lines: Iterable[_Line | None]) -> Iterator[list[_Line]]:
    """Yield chunks of lines: full ones, and at a None all lines so far."""
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
    """Open the lines of the command line if there are any, else of a file or standard input."""
    if texts:
        yield iter([[argument_line(text) for text in texts]])
        return
    with open_input(path) as source:
        yield read_chunks(source)


def _standard_input() -> BinaryIO:
    """Return standard input, through a separate reader.

    `sys.stdin` must not be held by the thread that waits for lines: Python closes it at exit.

    Raises:
        DataError: standard input is closed, which is not the same as empty.
    """
    if sys.stdin is None:  # closed by the parent process
        raise DataError("standard input is closed: there is nothing to read")
    try:
        return open(sys.stdin.fileno(), "rb", closefd=False)
    except io.UnsupportedOperation:
        return sys.stdin.buffer


def is_prompted() -> bool:
    """Return True if input and output are both a terminal, so that a prompt is no result."""
    return all(end is not None and end.isatty() for end in (sys.stdin, sys.stdout))


@contextlib.contextmanager
def open_output(path: Path | None) -> Iterator[TextIO]:
    """Open a text file to write to; None or "-" is standard output."""
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
    """Return standard input as one text without its last line end; invalid UTF-8 is replaced."""
    with open_input(None) as file:
        lines = [line for chunk in read_chunks(file) for line in chunk]
    return "\n".join(lines)


def argument_text(text: str) -> str:
    """Return a text of the command line, with invalid UTF-8 replaced."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def argument_line(text: str) -> str:
    """Return a text of the command line as one line."""
    return " ".join(argument_text(text).splitlines())


def prompt_lines(prompt: str) -> Iterator[str]:
    """Yield lines typed at a prompt; Ctrl-C drops the line, Ctrl-D ends."""
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
    """Compute and write the outputs of lines, chunk by chunk.

    Args:
        answer: function from lines, and the number of the first line, to output lines.
        chunks: input lines.
        target: stream to write to.
        what: name of the work, for the progress bar.
        show_progress: show a progress bar.

    Raises:
        DataError: the output cannot be written (a full disk, say).
    """
    done = 0
    with tqdm(desc=what, unit="line", disable=hides_bars() if show_progress else True) as bar:
        for lines in chunks:
            write_whole(target, "".join(f"{each}\n" for each in answer(lines, done + 1)))
            done += len(lines)
            bar.update(len(lines))
