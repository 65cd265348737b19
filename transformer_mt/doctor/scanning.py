"""First reading of a corpus: lengths and hash of every line, and search for rare characters.

A line takes some 16 bytes of memory, independent of the length.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from transformer_mt.doctor.language import LetterPairs
from transformer_mt.doctor.reading import Advance, Block, Split
from transformer_mt.doctor.report import (
    Finding,
    Findings,
    Ref,
)
from transformer_mt.doctor.typography import Quotes, wrong_conversions
from transformer_mt.files.problems import Severity
from transformer_mt.languages.characters import INVISIBLE_AFTER, INVISIBLE_FIRST

BOM = "\ufeff"
_LINE_ENDS = "\x0b\x0c\r\x1c\x1d\x1e\x85\u2028\u2029"
_ALWAYS = f"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029{BOM}\ufffd"
_RARE = re.compile(f"[{_ALWAYS}{INVISIBLE_FIRST}](?:(?<=[{_ALWAYS}])|{INVISIBLE_AFTER})")
_KINDS: dict[str, tuple[Severity, str]] = {
    "line-separator": ("warning", "lines with a character that other programs take for a line end"),
    "bom-inside": ("warning", "lines with a byte order mark in the text"),
    "replacement": ("warning", "lines with U+FFFD, the mark of a wrong conversion before"),
    "control": ("warning", "lines with control characters"),
    "invisible": (
        "warning",
        "lines with invisible characters that mean nothing where they stand"
        " (tokenizer.normalization: clean drops them)",
    ),
    "html-entity": ("warning", "lines with characters written as in HTML"),
    "mojibake": ("warning", "lines that were read in a wrong encoding before"),
}


@dataclass(frozen=True, slots=True)
class Side:
    """Lengths and hashes of the lines of one side of a split; all arrays are (lines,)."""

    chars: NDArray[np.int32]
    """Number of characters without white space around them; 0 for an empty line."""
    words: NDArray[np.int32]
    """Number of words, separated by white space."""
    hashes: NDArray[np.int64]
    """Hash of the text without white space around it; two different lines of a million collide
    with a probability of 1 in 30 million."""
    numbers: NDArray[np.int64] | None
    """Line numbers in the file; None if row `i` is line `i + 1`."""

    def __len__(self) -> int:
        return len(self.chars)

    def line(self, row: int) -> int:
        """Return the line number of a row in the file, from 1."""
        return row + 1 if self.numbers is None else int(self.numbers[row])


def scan(
    split: Split, findings: Findings, pairs: LetterPairs | None, quotes: Quotes, advance: Advance
) -> tuple[Side, Side]:
    """Read a split once and return both sides; also fill `findings`, `pairs` and `quotes`.

    Unreadable lines and rare characters are added to `findings`.
    """
    builders = (_Builder(), _Builder())
    for block in split.read(findings.add, advance):
        first = len(builders[block.side])
        for kind, row, remark in chain(rare_characters(block), wrong_conversions(block)):
            severity, message = _KINDS[kind]
            ref = Ref(block.side, first + row, remark)
            findings.add(Finding(severity, kind, split.name, message, 1, [ref]))
        quotes.see(block, first)
        if pairs is not None:
            pairs.add(block.side, block.texts)
        builders[block.side].add(block)
    return builders[0].build(), builders[1].build()


class _Builder:
    """A builder of `Side`, block by block."""

    def __init__(self) -> None:
        self._parts: dict[str, list[NDArray[np.int64]]] = {name: [] for name in _COLUMNS}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, block: Block) -> None:
        texts = list(map(str.strip, block.texts))
        self._count += len(texts)
        columns = {
            "chars": map(len, texts),
            "words": map(len, map(str.split, texts)),
            "hashes": map(hash, texts),
            "numbers": block.lines or (),
        }
        for name, values in columns.items():
            self._parts[name].append(np.fromiter(values, dtype=_COLUMNS[name]))

    def build(self) -> Side:
        none = [np.zeros(0, dtype=np.int64)]
        columns = {
            name: np.concatenate(parts or none).astype(_COLUMNS[name], copy=False)
            for name, parts in self._parts.items()
        }
        numbers = columns["numbers"]
        return Side(
            columns["chars"],
            columns["words"],
            columns["hashes"],
            numbers if len(numbers) == self._count and self._count else None,
        )


_COLUMNS = {"chars": np.int32, "words": np.int32, "hashes": np.int64, "numbers": np.int64}


def rare_characters(block: Block) -> Iterator[tuple[str, int, str]]:
    """Yield kind, row in the block and remark for each kind of rare character in a line."""
    flat = "\n".join(block.texts)
    match = _RARE.search(flat)
    if match is None:
        return
    ends = np.cumsum([len(text) + 1 for text in block.texts])
    while match is not None:
        row = int(np.searchsorted(ends, match.start(), side="right"))
        kinds: dict[str, re.Match[str]] = {}
        for found in _RARE.finditer(block.texts[row]):
            kinds.setdefault(_kind_of(found[0][0]), found)
        for kind, found in kinds.items():
            yield kind, row, f"{_name(found[0][0])} at column {found.start() + 1}"
        match = _RARE.search(flat, int(ends[row]))


def _kind_of(character: str) -> str:
    if character in _LINE_ENDS:
        return "line-separator"
    if unicodedata.category(character) == "Cc":
        return "control"
    return {BOM: "bom-inside", "\ufffd": "replacement"}.get(character, "invisible")


def _name(character: str) -> str:
    return f"U+{ord(character):04X}"
