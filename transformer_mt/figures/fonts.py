"""Text of any script in pictures."""

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

# The fonts after DejaVu Sans, which comes with matplotlib, are for scripts that it lacks; only
# those that this machine has are used.
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
"""Characters without a font that are named."""
_EAST_ASIAN = ("CJK", "HIRAGANA", "KATAKANA", "HALFWIDTH", "FULLWIDTH", "HANGUL", "BOPOMOFO")


def lettering() -> dict[str, Any]:
    """The properties of matplotlib's text that draw it as it stands: dollars are no formula."""
    return {"family": _fonts(), "parse_math": False}


@cache
def _fonts() -> list[str]:
    """Those of the known fonts that this machine has: matplotlib warns about any other.

    All Noto Sans fonts are known: there is one for each script. Fonts that were installed after
    matplotlib had written its list of them are looked for.
    """
    from matplotlib.font_manager import findSystemFonts, fontManager

    for file in set(findSystemFonts()) - {font.fname for font in fontManager.ttflist}:
        with suppress(Exception):  # of formats that matplotlib cannot draw
            fontManager.addfont(file)
    installed = fontManager.get_font_names()
    noto = sorted(font for font in installed if font.startswith("Noto Sans"))
    return [font for font in dict.fromkeys((*_FONTS, *noto)) if font in installed]


def missing_fonts(figure: Figure) -> str | None:
    """Say for which characters of a picture a font is missing, and which; None if for none."""
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
    """Find the characters of a picture that none of its fonts has."""
    from matplotlib.font_manager import findfont, get_font
    from matplotlib.text import Text

    texts = "".join(text.get_text() for text in figure.findobj(Text))
    charmaps = [get_font(findfont(font)).get_charmap() for font in _fonts()]
    known = {chr(code) for charmap in charmaps for code in charmap}
    return {c for c in texts if c not in known and c.isprintable() and not c.isspace()}


def _font_for(character: str) -> str:
    """The font of the Noto family for the script of a character, by its Unicode name."""
    script = unicodedata.name(character, "SYMBOLS").split()[0].split("-")[0]
    kind, width = unicodedata.category(character)[0], unicodedata.east_asian_width(character)
    if script in _EAST_ASIAN or (kind == "P" and width in "WF"):
        return "Noto Sans CJK"
    return "Noto Sans Symbols" if kind in "SC" else f"Noto Sans {script.title()}"


@contextmanager
def missing_glyphs_are_boxes() -> Iterator[None]:
    """No warning of each character that no font has."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        yield


def shortened(label: str) -> str:
    """At most so many characters as there is room for."""
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"


def printable(text: str) -> str:
    """Control characters and surrogates, which XML forbids, as question marks."""
    return "".join(c if unicodedata.category(c) not in ("Cc", "Cs") else "\ufffd" for c in text)


def without_joiner(token: str) -> str:
    """Return a token without its marks of joining, if it is anything else."""
    return token.strip(JOINER) or token
