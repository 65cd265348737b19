"""What a language's writing means for counting: which languages put no spaces between words."""

import re
from collections.abc import Iterable

UNSPACED = (
    "\u0e00-\u0e7f"  # Thai
    "\u0e80-\u0eff"  # Lao
    "\u0f00-\u0fff"  # Tibetan
    "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f"  # Myanmar
    "\u1780-\u17ff\u19e0-\u19ff"  # Khmer
    "\u1950-\u197f\u1980-\u19df\u1a20-\u1aaf"  # Tai Le, New Tai Lue, Tai Tham
    "\ua980-\ua9df"  # Javanese
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b"  # radicals and signs of Han
    "\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Hiragana, Katakana
    "\u3105-\u312f"  # Bopomofo
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"  # Han
)
"""A class of characters for regular expressions: scripts that are written without spaces."""

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
"""A language of the table that is written in one of these (`zh-Latn`) has spaces."""
_KOREAN = ("ko", "kor", "korean")

_LETTERS = re.compile(rf"([{UNSPACED}])|[^\W\d_]")
_SAMPLE = 1000
"""Lines that are looked at to tell whether a text has spaces."""


def base_language(code: str) -> str:
    """Return the short code of a language however it is written: `zho_Hans`, `zh-TW`, `Chinese`.

    Codes outside the table of languages without spaces, and Korean, are returned without their
    region and script.
    """
    first, *others = re.split(r"[-_.@ ]", code.strip().lower())
    if any(script in others for script in _SPACED_SCRIPTS):
        return f"{first}-latn"
    if first in _KOREAN:
        return "ko"
    for language, names in _UNSPACED_LANGUAGES.items():
        if first in names.split():
            return language
    return first


def is_unspaced_language(code: str) -> bool:
    """Tell whether a language is written without spaces between words."""
    return base_language(code) in _UNSPACED_LANGUAGES


def is_unspaced_text(lines: Iterable[str]) -> bool:
    """Tell whether most letters of the first lines belong to scripts without spaces."""
    unspaced = letters = 0
    for _, line in zip(range(_SAMPLE), lines, strict=False):
        for found in _LETTERS.finditer(line[:_SAMPLE]):
            letters += 1
            unspaced += found[1] is not None
    return unspaced > letters / 2
