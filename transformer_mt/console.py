"""What goes to the terminal: logs and errors to stderr, results to stdout."""

import io
import logging
import sys
from collections.abc import Iterable

from tqdm import tqdm

from transformer_mt.processes import place


class _BarHandler(logging.Handler):
    """Writes to stderr without breaking a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        tqdm.write(self.format(record), file=sys.stderr)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        return text if record.levelno <= logging.INFO else f"{record.levelname.lower()}: {text}"


def set_up_logging(*, quiet: bool, verbose: bool) -> None:
    """Warnings alone when quiet, details when verbose, what a person wants to know otherwise.

    Of several processes all but the main one are quiet, and what happens to a training, which
    happens to all of them, is told by that one.
    """
    if not _is_main():
        quiet = True
        logging.getLogger("transformer_mt.training").setLevel(logging.ERROR)
    if isinstance(sys.stdout, io.TextIOWrapper):  # whatever the locale says
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    logger = logging.getLogger("transformer_mt")
    logger.setLevel(logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO)
    logger.handlers = [_BarHandler()]
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
    tqdm.write(f"error: {' '.join(message.splitlines())}", file=sys.stderr)


def print_lines(lines: Iterable[str]) -> None:
    """Results, to stdout; of several processes one prints them."""
    if _is_main():
        for line in lines:
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def _is_main() -> bool:
    return place().rank == 0
