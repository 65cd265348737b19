"""Lines in, translations out: arguments, files, standard input, a prompt."""

import codecs
import contextlib
import io
import json
import logging
import queue
import sys
import threading
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TextIO

from tqdm import tqdm

from transformer_mt.console import hides_bars
from transformer_mt.data.files import open_binary
from transformer_mt.errors import DataError
from transformer_mt.translation import Candidate, Translation

log = logging.getLogger(__name__)

_CHUNK = 1024
"""Most lines that are translated before the first of them is written."""


def read_chunks(file: BinaryIO) -> Iterator[list[str]]:
    r"""Lines of a stream as they come: whatever is there, at most _CHUNK at a time.

    A program that writes one line and waits gets its answer at once; a file is read in large
    chunks. Lines end at \n alone; bytes that are no UTF-8 are replaced, with a warning.

    Raises:
        DataError: the stream breaks off (a damaged .gz file, say), after the lines before that.
    """
    lines: queue.Queue[bytes | None] = queue.Queue(maxsize=4 * _CHUNK)
    failures: list[Exception] = []

    def fill() -> None:
        try:
            for line in file:
                lines.put(line)
        except (OSError, EOFError, zlib.error) as error:
            failures.append(error)
        finally:
            lines.put(None)

    threading.Thread(target=fill, daemon=True).start()
    number = 0
    ended = False
    while not ended:
        chunk = [_wait_for(lines)]
        while len(chunk) < _CHUNK and not lines.empty():
            chunk.append(lines.get())
        ended = chunk[-1] is None
        raw = [line for line in chunk if line is not None]
        if raw:
            yield [_decode(line, number + index) for index, line in enumerate(raw, start=1)]
        number += len(raw)
    if failures:
        raise DataError(f"the input cannot be read after line {number} ({failures[0]})")


def _wait_for(lines: "queue.Queue[bytes | None]") -> bytes | None:
    """The next line. Waits in short turns: a Ctrl-C just before a wait cannot end that wait."""
    while True:
        with contextlib.suppress(queue.Empty):
            return lines.get(timeout=0.2)


def _decode(raw: bytes, number: int) -> str:
    raw = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
    raw = raw.removesuffix(b"\n").removesuffix(b"\r")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        log.warning("line %d is not valid UTF-8: the wrong bytes are replaced", number)
        return raw.decode("utf-8", errors="replace")


@contextlib.contextmanager
def open_input(path: Path | None) -> Iterator[BinaryIO]:
    """A file (plain or .gz) to read bytes from; None or "-" is standard input."""
    if path is None or str(path) == "-":
        yield _standard_input()
        return
    try:
        opened = open_binary(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    with opened as file:
        yield file


def _standard_input() -> BinaryIO:
    """Standard input, through a reader of its own.

    `sys.stdin` must not be held by the thread that waits for lines: Python shuts it down at exit.
    """
    if sys.stdin is None:  # closed by whoever started us
        return io.BytesIO()
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
        yield sys.stdout
        return
    try:
        opened = path.open("w", encoding="utf-8", newline="\n")
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror or error})") from None
    with opened as file:
        yield file


def argument_line(text: str) -> str:
    """A sentence of the command line as one line; bytes that are no UTF-8 are replaced."""
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return " ".join(text.splitlines())


def prompt_lines(prompt: str) -> Iterator[str]:
    """Lines that a person types; Ctrl-C forgets the line, Ctrl-D ends."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 - importing it gives `input` a history

    while True:
        try:
            yield input(prompt)
        except KeyboardInterrupt:
            sys.stderr.write("\n")
        except EOFError:
            sys.stderr.write("\n")
            return


def format_translation(translation: Translation, line: int, layout: str, *, scores: bool) -> str:
    """One translation as text without a final newline.

    Args:
        translation: what to show; all its candidates are shown.
        line: its number, from 1.
        layout: "text": the candidates separated by tabs, each after its score if wanted: always
            one line. "jsonl": one object. "tsv": for each candidate a row of line, rank, score,
            source, text.
        scores: for "text", whether to show them.
    """
    candidates = translation.candidates
    if layout == "jsonl":
        record = {
            "line": line,
            "source": translation.source,
            "translation": translation.text,
            "score": translation.score,
            "source_tokens": translation.src_tokens,
            "candidates": [_record(candidate) for candidate in candidates],
        }
        return json.dumps(record, ensure_ascii=False)
    if layout == "tsv":
        source = " ".join(translation.source.split())
        return "\n".join(
            f"{line}\t{rank}\t{c.score:.4f}\t{source}\t{c.text}"
            for rank, c in enumerate(candidates, start=1)
        )
    return "\t".join(f"{c.score:.4f}\t{c.text}" if scores else c.text for c in candidates)


def _record(candidate: Candidate) -> dict[str, Any]:
    """For JSON; `alignment` tells for each token the index of a source token."""
    return {
        "text": candidate.text,
        "score": candidate.score,
        "log_prob": candidate.log_prob,
        "tokens": candidate.tokens,
        "token_log_probs": candidate.token_log_probs,
        "alignment": candidate.alignment,
    }


class Translate(Protocol):
    """`Translator.translate` with its options set."""

    def __call__(self, text: list[str], *, first_line: int) -> list[Translation]: ...


def translate_chunks(
    translate: Translate,
    chunks: Iterable[list[str]],
    target: TextIO,
    *,
    layout: str,
    scores: bool,
    show_progress: bool,
) -> None:
    """Translate chunk after chunk; each is written as soon as it is done."""
    done = 0
    bar = tqdm(desc="translating", unit="line", disable=hides_bars() if show_progress else True)
    with bar:
        for lines in chunks:
            translations = translate(lines, first_line=done + 1)
            for line, translation in enumerate(translations, start=done + 1):
                text = format_translation(translation, line, layout, scores=scores)
                target.write(f"{text}\n")
            target.flush()
            done += len(lines)
            bar.update(len(lines))
