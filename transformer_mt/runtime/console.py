"""What goes to the terminal: logs and errors to stderr, results to stdout."""

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
"""Warnings of one kind that name a line: a file in another encoding has a million of them."""

_LINES_AT_ONCE = 10_000
"""Results that are written together: there may be a million."""
_SIZES = ("COLUMNS", "LINES", "TERMINAL_WIDTH")
"""Environment variables that tell the size of a terminal."""
_NARROWEST, _LONGEST_SIZE = 10, 4
"""Columns or lines that can be written in; digits of the largest size that is believed."""


class _BarHandler(logging.Handler):
    """Writes to stderr without breaking a progress bar.

    Args:
        most: warnings of one kind that name a line; of more nothing is said but that.
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
    """Warnings alone when quiet, details when verbose, what a person wants to know otherwise.

    Of several processes all but the main one are quiet, and what happens to a training, which
    happens to all of them, is told by that one.
    """
    if not _is_main():
        quiet = True
        logging.getLogger("transformer_mt.training").setLevel(logging.ERROR)
    if isinstance(sys.stdout, io.TextIOWrapper):  # whatever the locale and the names of files say
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
    logger = logging.getLogger("transformer_mt")
    logger.setLevel(logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO)
    logger.handlers = [_BarHandler(math.inf if verbose else _MOST_LINES)]
    logger.handlers[0].setFormatter(_Formatter())
    logger.propagate = False


def hides_bars() -> bool | None:
    """What tqdm's `disable` should be: True when quiet, else None, which asks for a terminal."""
    return None if logging.getLogger("transformer_mt").isEnabledFor(logging.INFO) else True


def print_note(message: str) -> None:
    """What a person must know even when --quiet, to stderr; of several processes one says it."""
    if _is_main():
        tqdm.write(message, file=sys.stderr)


def print_error(message: str) -> None:
    """One sentence, on one line, for the person who can fix it."""
    tqdm.write(f"error: {_harmless(message)}", file=sys.stderr)


def _harmless(text: str, keep: str = "") -> str:
    """Without the characters by which text from elsewhere could steer a terminal."""
    return "".join(each if each.isprintable() or each in keep else " " for each in text)


def print_lines(lines: Iterable[str]) -> None:
    """Results, to stdout, as they come; of several processes one prints them."""
    if _is_main():
        rest = iter(lines)
        while some := list(islice(rest, _LINES_AT_ONCE)):
            write_out(standard_output(), "".join(f"{line}\n" for line in some))


def _is_main() -> bool:
    return place().rank == 0


def standard_output() -> TextIO:
    """Where results go.

    Raises:
        DataError: whoever started us has closed it.
    """
    if sys.stdout is None:
        raise DataError("standard output is closed: the result has no place to go")
    return sys.stdout


def write_out(target: TextIO, text: str) -> None:
    """Write text, and see it off.

    Raises:
        DataError: the place cannot be written to (a full disk, say).
        BrokenPipeError: nobody reads it any more.
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
    """Write all of a text, whatever signal comes meanwhile.

    Raises:
        DataError: the place cannot be written to (a full disk, say).
    """
    with _signals_wait():
        write_out(target, text)


@contextlib.contextmanager
def _signals_wait() -> Iterator[None]:
    """Ctrl-C and SIGTERM act at the end of the block, so that no line is left half written.

    The second of them acts at once: the reader of a pipe may never read on.
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
    """What could not be written is not tried again when the file is closed."""
    with contextlib.suppress(io.UnsupportedOperation):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, target.fileno())
        os.close(nowhere)


def ignore_absurd_sizes() -> None:
    """Take sizes of the terminal that no terminal has out of the environment.

    With COLUMNS=0 the library that prints help and errors prints nothing at all, with text there it
    fails. Without them it asks the terminal.
    """
    for name in _SIZES:
        value = os.environ.get(name, "")
        if not (value.isdecimal() and len(value) <= _LONGEST_SIZE and int(value) >= _NARROWEST):
            os.environ.pop(name, None)


def prepare_streams() -> None:
    """Make the standard streams what the program takes them for.

    The numbers of those that are closed are kept from the files that are opened next: else what is
    meant for the terminal would be written into them. Logs are then dropped, not printed among the
    results. And where PYTHONUNBUFFERED is set, Python forgets what a pipe does not take at once.
    """
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if stream is None:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is not None and isinstance(sys.stdout.buffer, io.RawIOBase):
        encoding, errors = sys.stdout.encoding, sys.stdout.errors
        raw = sys.stdout.detach()
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(raw), encoding=encoding, errors=errors)
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for good
