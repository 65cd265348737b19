"""Language codes in any spelling, and the languages without spaces between words."""

import re
from collections.abc import Iterable

from transformer_mt.languages.characters import UNSPACED

_UNSPACED_LANGUAGES = {
    "zh": "zh zho chi cmn yue wuu nan hak gan hsn lzh cn chinese mandarin cantonese",
    "ja": "ja jpn jp japanese",
    "th": "th tha thai",
    "lo": "lo lao",
    "km": "km khm khmer",
    "my": "my mya bur burmese myanmar",
    "bo": "bo bod tib tibetan dz dzo dzongkha",
    "shn": "shn mnw nod khb tdd ksw",
}
_SPACED_SCRIPTS = ("latn", "cyrl")
"""Script codes with which a language of the table (`zh-Latn`) has spaces."""
_KOREAN = ("ko", "kor", "korean")

_TIBETAN = "\u0f00-\u0fff"
"""Tibetan script: it marks syllables, and puts no spaces between words."""
_LETTERS = re.compile(rf"([{UNSPACED}{_TIBETAN}])|[^\W\d_]")
_SAMPLE = 1000
"""Number of lines, and of characters of each line, examined for spaces."""


def subtags(code: str) -> list[str]:
    """Split a language code into its parts in lower case: `kk-Latn` is kk, latn."""
    return re.split(r"[-_.@ ]", code.strip().lower())


def base_language(code: str) -> str:
    """Return the short code of a language however it is written: `zho_Hans`, `zh-TW`, `Chinese`.

    Codes outside the table of languages without spaces, and Korean, are returned without their
    region and script.
    """
    first, *others = subtags(code)
    if any(script in others for script in _SPACED_SCRIPTS):
        return f"{first}-latn"
    if first in _KOREAN:
        return "ko"
    for language, names in _UNSPACED_LANGUAGES.items():
        if first in names.split():
            return language
    return first


def is_unspaced_language(code: str) -> bool:
    """Return True if a language is written without spaces between words."""
    return base_language(code) in _UNSPACED_LANGUAGES


def is_unspaced_text(lines: Iterable[str]) -> bool:
    """Return True if most letters of the first lines belong to scripts without spaces."""
    unspaced = letters = 0
    for _, line in zip(range(_SAMPLE), lines, strict=False):
        for found in _LETTERS.finditer(line[:_SAMPLE]):
            letters += 1
            unspaced += found[1] is not None
    return unspaced > letters / 2
