"""Reading of a corpus in blocks; unreadable lines are reported, and reading continues."""

import codecs
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from transformer_mt.corpus.tables import text_of
from transformer_mt.doctor.report import Example, Finding, excerpt
from transformer_mt.errors import DataError
from transformer_mt.files.packed import READ_ERRORS, unpacked

_BLOCK_BYTES = 1 << 22
BOM = "\ufeff"

Complain = Callable[[Finding], None]
Advance = Callable[[int], object]
Row = tuple[int, object, object]
"""Line number in the file, source, target (both should be text)."""


class Block(NamedTuple):
    """A block of lines of one side. Bytes that are not UTF-8 are lone surrogates (PEP 383)."""

    side: int
    """Number of the side: 0 source, 1 target."""
    texts: list[str]
    lines: Sequence[int] | None = None
    """Line number of each text in the file (from 1); None if it is the row number + 1."""


class Split(ABC):
    """The sentence pairs of one split, which can be read several times."""

    def __init__(self, name: str, files: tuple[str, ...]) -> None:
        self.name = name
        self.files = files
        """File names for messages: two, or one with both sides."""

    unit = "B"
    """Unit of `size` and of the amounts passed to `advance`."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Sum of the amounts passed to `advance`."""

    @abstractmethod
    def read(self, complain: Complain, advance: Advance) -> Iterator[Block]:
        """Yield all blocks; the blocks of each side are in order."""

    def file_of(self, side: int) -> str:
        return self.files[side % len(self.files)]

    def error(self, code: str, message: str, place: Example | None = None) -> Finding:
        """Return a finding that training would refuse; of a line if `place` is given."""
        places = [place] if place else []
        return Finding("error", code, self.name, message, len(places) or None, examples=places)


def read_texts(
    split: Split, file: str, complain: Complain, advance: Advance
) -> Iterator[list[str]]:
    """Yield the lines of a text file as training reads them, thousands at a time."""
    path = Path(file)
    rows = place = 0
    if path.exists() and not path.is_file():
        complain(split.error("unreadable", f"{file}: is no plain file, to be read several times"))
        return
    try:
        with path.open("rb") as raw:
            for block in _blocks_of_lines(unpacked(raw, file)):
                if rows == 0:
                    block[0] = _without_bom(split, file, block[0], complain)
                lines = _decode(split, file, rows, block, complain).removesuffix("\n").split("\n")
                yield [line.removesuffix("\r") for line in lines]
                rows += len(lines)
                advance(raw.tell() - place)
                place = raw.tell()
    except FileNotFoundError:
        complain(split.error("missing", f"{file}: there is no such file"))
    except DataError as error:
        complain(split.error("unreadable", str(error)))
    except READ_ERRORS as error:
        cause = error.strerror if isinstance(error, OSError) and error.strerror else error
        message = f"{file}: cannot be read on after line {rows:,} ({cause})"
        complain(split.error("unreadable", message))


def _without_bom(split: Split, file: str, line: bytes, complain: Complain) -> bytes:
    if line.startswith(codecs.BOM_UTF8):
        message = "begins with a byte order mark, which is left out"
        complain(Finding("note", "bom", split.name, message, examples=[Example(file, 1)]))
    return line.removeprefix(codecs.BOM_UTF8)


def _decode(split: Split, file: str, rows: int, block: list[bytes], complain: Complain) -> str:
    """Decode a block of lines; report the lines that are not UTF-8."""
    joined = b"".join(block)
    try:
        return joined.decode("utf-8")
    except UnicodeDecodeError:
        pass
    for number, line in enumerate(block, start=rows + 1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            text = excerpt(line.decode("utf-8", "surrogateescape").rstrip("\r\n"))
            remark = f"byte 0x{line[error.start]:02x} at column {error.start + 1}"
            place = Example(file, number, text, remark)
            complain(split.error("utf8", "lines that are not valid UTF-8", place))
    return joined.decode("utf-8", "surrogateescape")


def _blocks_of_lines(file: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield blocks of lines with line ends; on a read error, first the lines before it."""
    block: list[bytes] = []
    size = 0
    try:
        for line in file:
            block.append(line)
            size += len(line)
            if size >= _BLOCK_BYTES:
                yield block
                block, size = [], 0
    except READ_ERRORS:
        if block:
            yield block
        raise
    if block:
        yield block


def blocks_of_rows(
    split: Split, rows: Sequence[Row], columns: tuple[str, ...], complain: Complain
) -> Iterator[Block]:
    """Yield blocks of the rows whose two cells are text; report the other rows."""
    kept: list[tuple[int, list[str | None]]] = []
    for row in rows:
        texts = [text_of(cell) for cell in row[1:]]
        missing = [name for name, text in zip(columns, texts, strict=True) if text is None]
        if missing:
            message = f"rows without text in column '{missing[0]}'"
            complain(split.error("no-text", message, Example(split.files[0], row[0])))
        else:
            kept.append((row[0], texts))
    lines = [row[0] for row in kept]
    for side in (0, 1):
        yield Block(side, [_one_line(str(row[1][side])) for row in kept], lines)


def _one_line(text: str) -> str:
    """Replace newlines in a cell by vertical tabs, which the scan reports."""
    return text.replace("\n", "\v") if "\n" in text else text
