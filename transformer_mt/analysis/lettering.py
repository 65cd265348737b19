"""Text of any script in pictures."""

import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

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


def lettering() -> dict[str, Any]:
    """The properties of matplotlib's text that draw it as it stands: dollars are no formula."""
    return {"family": _fonts(), "parse_math": False}


@cache
def _fonts() -> list[str]:
    """Those of the known fonts that this machine has: matplotlib warns about any other."""
    from matplotlib.font_manager import fontManager

    installed = set(fontManager.get_font_names())
    return [font for font in _FONTS if font in installed]


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
