"""Fonts and labels for figures with text of any script."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from transformer_mt.text.tokenizer import JOINER

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The fonts after DejaVu Sans, which comes with matplotlib, are for scripts missing there; only
# installed fonts are used.
_FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Arial Unicode MS",
    "WenQuanYi Zen Hei",
)
_LONGEST_LABEL = 24
_MOST_SHOWN = 5
"""Most characters without a font named in a warning."""
_EAST_ASIAN = ("CJK", "HIRAGANA", "KATAKANA", "HALFWIDTH", "FULLWIDTH", "HANGUL", "BOPOMOFO")


def lettering() -> dict[str, Any]:
    """Return matplotlib's text properties: the fonts, and no formula parsing of dollar signs."""
    return {"family": _fonts(), "parse_math": False}


@cache
def _fonts() -> list[str]:
    """Return the known fonts that are installed: matplotlib warns about any other.

    All Noto Sans fonts are known: there is one for each script. Fonts installed after matplotlib
    wrote its list of fonts are searched for.
    """
    from matplotlib.font_manager import findSystemFonts, fontManager

    for file in set(findSystemFonts()) - {font.fname for font in fontManager.ttflist}:
        with suppress(Exception):  # the format is unknown to matplotlib
            fontManager.addfont(file)
    installed = fontManager.get_font_names()
    noto = sorted(font for font in installed if font.startswith("Noto Sans"))
    return [font for font in dict.fromkeys((*_FONTS, *noto)) if font in installed]


def missing_fonts(figure: Figure) -> str | None:
    """Return a message about characters of a figure without a font, or None."""
    missing = missing_characters(figure)
    if not missing:
        return None
    fonts = ", ".join(sorted(set(map(_font_for, missing))))
    shown = " ".join(sorted(missing, key=lambda c: (unicodedata.combining(c), c))[:_MOST_SHOWN])
    return (
        f"no font of this machine has characters such as {shown}: boxes stand for them; install"
        f" {fonts}"
    )


def missing_characters(figure: Figure) -> set[str]:
    """Return the characters of a figure that no installed font has."""
    from matplotlib.font_manager import findfont, get_font
    from matplotlib.text import Text

    texts = "".join(text.get_text() for text in figure.findobj(Text))
    charmaps = [get_font(findfont(font)).get_charmap() for font in _fonts()]
    known = {chr(code) for charmap in charmaps for code in charmap}
    return {c for c in texts if c not in known and c.isprintable() and not c.isspace()}


def _font_for(character: str) -> str:
    """Return the Noto font for the script of a character, by its Unicode name."""
    script = unicodedata.name(character, "SYMBOLS").split()[0].split("-")[0]
    kind, width = unicodedata.category(character)[0], unicodedata.east_asian_width(character)
    if script in _EAST_ASIAN or (kind == "P" and width in "WF"):
        return "Noto Sans CJK"
    return "Noto Sans Symbols" if kind in "SC" else f"Noto Sans {script.title()}"


@contextmanager
def missing_glyphs_are_boxes() -> Iterator[None]:
    """Suppress matplotlib's warning about each character without a font."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        yield


def shortened(label: str) -> str:
    """Return a label cut to _LONGEST_LABEL characters."""
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"


def printable(text: str) -> str:
    """Replace control characters and surrogates, which XML forbids, by U+FFFD."""
    return "".join(c if unicodedata.category(c) not in ("Cc", "Cs") else "\ufffd" for c in text)


def without_joiner(token: str) -> str:
    """Return a token without joiner marks, unless it consists of them."""
    return token.strip(JOINER) or token
