"""Terminal output: logs and errors to stderr, results to stdout."""

import contextlib
import io
import logging
import math
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import TextIO

from tqdm import tqdm

from transformer_mt.errors import DataError
from transformer_mt.runtime.launch import place

_MOST_LINES = 20
"""Most warnings of one kind that name a line: a file in a wrong encoding causes a million."""

_LINES_AT_ONCE = 10_000
"""Number of results written together: there may be a million."""
_SIZES = ("COLUMNS", "LINES", "TERMINAL_WIDTH")
"""Environment variables with the size of a terminal."""
_NARROWEST, _LONGEST_SIZE = 10, 4
"""Smallest usable number of columns or lines; most digits of a plausible size."""


class _BarHandler(logging.Handler):
    """Logging handler that writes to stderr without breaking a progress bar.

    Args:
        most: most warnings of one kind that name a line; the last one says that more are hidden.
    """

    def __init__(self, most: float) -> None:
        super().__init__()
        self._most = most
        self._kinds: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        text, kind = self.format(record), str(record.msg)
        if kind.startswith("line %d"):
            self._kinds[kind] += 1
            if self._kinds[kind] > self._most:
                return
            if self._kinds[kind] == self._most:
                text += " (--verbose names more such lines, if there are any)"
        tqdm.write(text, file=sys.stderr)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = _harmless(record.getMessage(), keep="\n")
        return text if record.levelno <= logging.INFO else f"{record.levelname.lower()}: {text}"


def set_up_logging(*, quiet: bool, verbose: bool) -> None:
    """Set the logging level: warnings when quiet, details when verbose, else information.

    All processes but the main one are quiet; the main process alone reports on the training, which
    is the same in all of them.
    """
    if not _is_main():
        quiet = True
        logging.getLogger("transformer_mt.training").setLevel(logging.ERROR)
    if isinstance(sys.stdout, io.TextIOWrapper):  # independent of the locale
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
    logger = logging.getLogger("transformer_mt")
    logger.setLevel(logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO)
    logger.handlers = [_BarHandler(math.inf if verbose else _MOST_LINES)]
    logger.handlers[0].setFormatter(_Formatter())
    logger.propagate = False


def hides_bars() -> bool | None:
    """Return the value of tqdm's `disable`: True when quiet, None for "only in a terminal"."""
    return None if logging.getLogger("transformer_mt").isEnabledFor(logging.INFO) else True


def print_note(message: str) -> None:
    """Print a message to stderr even when --quiet; the main process alone prints."""
    if _is_main():
        tqdm.write(message, file=sys.stderr)


def print_error(message: str) -> None:
    """Print an error message on one line of stderr."""
    tqdm.write(f"error: {_harmless(message)}", file=sys.stderr)


def _harmless(text: str, keep: str = "") -> str:
    """Replace non-printable characters, which could control a terminal, by spaces."""
    return "".join(each if each.isprintable() or each in keep else " " for each in text)


def print_lines(lines: Iterable[str]) -> None:
    """Print results to stdout as they are produced; the main process alone prints."""
    if _is_main():
        rest = iter(lines)
        while some := list(islice(rest, _LINES_AT_ONCE)):
            write_out(standard_output(), "".join(f"{line}\n" for line in some))


def _is_main() -> bool:
    return place().rank == 0


def standard_output() -> TextIO:
    """Return standard output.

    Raises:
        DataError: standard output is closed.
    """
    if sys.stdout is None:
        raise DataError("standard output is closed: the result has no place to go")
    return sys.stdout


def write_out(target: TextIO, text: str) -> None:
    """Write text and flush the stream.

    Raises:
        DataError: the text cannot be written (a full disk, say).
        BrokenPipeError: the reader of the pipe has ended.
    """
    try:
        target.write(text)
        target.flush()
    except BrokenPipeError:
        _forget(target)
        raise
    except OSError as error:
        _forget(target)
        name = "standard output" if target is sys.stdout else getattr(target, "name", "the output")
        raise DataError(f"{name}: cannot be written ({error.strerror or error})") from None
    except KeyboardInterrupt:
        _forget(target)
        raise


def write_whole(target: TextIO, text: str) -> None:
    """Write all of a text; a signal takes effect only afterwards, a second one at once.

    Raises:
        DataError: the text cannot be written (a full disk, say).
    """
    with _signals_wait():
        write_out(target, text)


@contextlib.contextmanager
def _signals_wait() -> Iterator[None]:
    """Delay SIGINT and SIGTERM to the end of the block, so that no line is half written.

    A second signal takes effect at once: the reader of a pipe may never read on.
    """
    came: list[int] = []

    def put_off(signum: int, _: FrameType | None) -> None:
        came.append(signum)
        if len(came) > 1:
            restore()
            signal.raise_signal(signum)

    def restore() -> None:
        for signum, handler in before.items():
            signal.signal(signum, handler)

    before = {signum: signal.signal(signum, put_off) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        restore()
    if came:
        signal.raise_signal(came[0])


def _forget(target: TextIO) -> None:
    """Redirect a stream to /dev/null, so that closing it does not write the failed text again."""
    with contextlib.suppress(io.UnsupportedOperation):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, target.fileno())
        os.close(nowhere)


def ignore_absurd_sizes() -> None:
    """Remove impossible terminal sizes from the environment.

    With COLUMNS=0 the library that prints help and errors prints nothing, and with text there it
    fails. Without the variables it asks the terminal.
    """
    for name in _SIZES:
        value = os.environ.get(name, "")
        if not (value.isdecimal() and len(value) <= _LONGEST_SIZE and int(value) >= _NARROWEST):
            os.environ.pop(name, None)


def prepare_streams() -> None:
    """Prepare the standard streams: closed ones are replaced, standard output is buffered.

    The descriptors of closed streams are opened on /dev/null: otherwise the next opened file would
    get the descriptor, and the terminal's text. Logs are then dropped, not printed among the
    results. With PYTHONUNBUFFERED set, Python would lose what a pipe does not accept at once.
    """
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if stream is None:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is not None and isinstance(sys.stdout.buffer, io.RawIOBase):
        encoding, errors = sys.stdout.encoding, sys.stdout.errors
        raw = sys.stdout.detach()
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(raw), encoding=encoding, errors=errors)
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - never closed
