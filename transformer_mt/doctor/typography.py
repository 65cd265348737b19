# ruff: noqa: RUF001 (what wrong conversions make of text)
"""Checks of typography: wrongly decoded text, HTML entities, mixed quotation marks."""

import html
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transformer_mt.doctor.reading import Block
from transformer_mt.languages.characters import DOUBLE_QUOTES, SINGLE_QUOTES

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_REST = "\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
"""Characters of UTF-8 continuation bytes that were decoded as Latin-1 or Windows-1252."""
_REST_OF_CYRILLIC = "Ѐ-Џѐ-џҐґ°±µ¶·№»¦§©«¬®¤’“”•–—™›‹…†‡€‰‚„\xa0\xad"
_MOJIBAKE = re.compile(
    "[Â-ôĂĹРСв√├┬]"
    f"(?:(?<=[Â-ß])[{_REST}]|(?<=[à-ï])[{_REST}]{{2}}|(?<=[ð-ô])[{_REST}]{{3}}"
    f"|(?<=[ĂĹ])[{_REST}Ą-ż]|(?<=[РС])[{_REST_OF_CYRILLIC}][РС][{_REST_OF_CYRILLIC}]"
    "|(?<=в)Ђ"
    "|(?<=[√├┬])[^\\s\\w(])"
)
"""Candidates of UTF-8 decoded with a wrong encoding; `ftfy` decides."""
_CONTEXT = 500
"""Characters of context on both sides for `ftfy`."""


def wrong_conversions(block: Block) -> Iterator[tuple[str, int, str]]:
    """Yield kind, row in the block and remark for each kind of wrong conversion in a line."""
    flat = "\n".join(block.texts)
    for row, column, found in _first_of_rows(_ENTITY, flat, block.texts):
        if html.unescape(found) != found:
            yield "html-entity", row, f"{found} at column {column}"
    if flat.isascii():
        return
    for row, column, found in _first_of_rows(_MOJIBAKE, flat, block.texts):
        meant = _repaired(block.texts[row], column - 1, found)
        if meant is not None:
            yield "mojibake", row, f"{meant}at column {column}"


def _first_of_rows(
    pattern: re.Pattern[str], flat: str, texts: Sequence[str]
) -> Iterator[tuple[int, int, str]]:
    """Yield row, column (from 1) and text of the first match in each row."""
    match = pattern.search(flat)
    ends = np.cumsum([len(text) + 1 for text in texts]) if match else np.zeros(0, dtype=np.int64)
    while match is not None:
        row = int(np.searchsorted(ends, match.start(), side="right"))
        yield row, match.start() - int(ends[row - 1] if row else 0) + 1, match[0]
        match = pattern.search(flat, int(ends[row]))


def _repaired(text: str, place: int, found: str) -> str | None:
    """Return a remark with the repaired text; None if the text is correct."""
    import ftfy

    around = text[max(0, place - _CONTEXT) : place + _CONTEXT]
    if ftfy.fix_encoding(around) == around:
        return None
    meant = ftfy.fix_encoding(found)
    return f"{found} was {meant}, " if meant != found else ""


class Mixture(NamedTuple):
    """The rows of one side with the rarer kind of a quotation mark."""

    side: int
    rows: NDArray[np.int64]
    message: str


class Quotes:
    """The rows of both sides with curly and with straight quotes, single and double."""

    _KINDS = (
        ("apostrophes or single quotes", "'", SINGLE_QUOTES),
        ("quotation marks", '"', DOUBLE_QUOTES),
    )

    def __init__(self) -> None:
        self._rows: dict[tuple[int, int, bool], list[NDArray[np.int64]]] = {}

    def see(self, block: Block, first: int) -> None:
        """Record the rows with quotes in a block, whose first line is row `first`."""
        flat = "\n".join(block.texts)
        ends = np.cumsum([len(text) + 1 for text in block.texts])
        for kind, (_, straight, curly) in enumerate(self._KINDS):
            for is_curly, marks in enumerate((straight, curly)):
                # A search for one mark at a time is many times faster than one for all of them.
                present = [mark for mark in marks if mark in flat]
                found = [m.start() for mark in present for m in re.finditer(mark, flat)]
                if found:
                    rows = first + np.unique(np.searchsorted(ends, sorted(found), side="right"))
                    self._rows.setdefault((block.side, kind, bool(is_curly)), []).append(rows)

    def mixtures(self) -> Iterator[Mixture]:
        """Yield the rows with the rarer kind, for each mark of which both kinds occur."""
        for side in (0, 1):
            for kind, (name, _, _) in enumerate(self._KINDS):
                straight, curly = (self._rows.get((side, kind, which)) for which in (False, True))
                if not straight or not curly:
                    continue
                rows = {"straight": np.concatenate(straight), "curly": np.concatenate(curly)}
                rare, usual = sorted(rows, key=lambda way: len(rows[way]))
                message = f"lines with {rare} {name}, where {len(rows[usual]):,} have {usual} ones"
                yield Mixture(side, rows[rare], message)
