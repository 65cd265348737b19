"""Character classes shared by the tokenizers and the doctor, as regular expressions.

The syntax is the common part of Python's `re` and the `tokenizers` library.
"""

_JOINING = (
    "\u0600-\u061b\u061d-\u0dff"  # Arabic with its vowel marks, N'Ko, Devanagari ... Sinhala
    "\u0f00-\u109f\u1780-\u18af\u1900-\u1cff"  # Tibetan, Burmese; Khmer, Mongolian; Balinese ...
    "\ua800-\ua95f\ua980-\uab2f\uabc0-\uabff"  # Phags-pa, Javanese, Meetei and others
    "\ufb50-\ufdff\ufe70-\ufefc"  # shapes of Arabic letters
    "\U00010a00-\U00011fff\U0001e900-\U0001e95f"  # ancient and small Indic scripts, Adlam
)
"""Scripts in which a zero-width (non-)joiner changes a letter's shape, and may change the word."""
_PICTURES = "\u2190-\u2bff\U0001f000-\U0001faff"
"""Emoji, which joiners and tags combine into sequences (families, flags of regions)."""
_BREAKS_MATTER = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
"""Thai, Lao, Burmese, Khmer: a zero-width space there marks the end of a word."""

_NEVER_MEANT = (
    "\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # control characters that are no white space
    "\u00ad\u061c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
)
_TAGS = "\U000e0020-\U000e007f"

INVISIBLE_FIRST = f"{_NEVER_MEANT}\u200b-\u200d\U000e0001{_TAGS}"
"""First character of a match of `INVISIBLE`, as the inside of a character class."""
INVISIBLE_AFTER = (
    f"(?<=[{_NEVER_MEANT}])"
    f"|(?<=\u200b)(?:(?<![{_BREAKS_MATTER}].)|(?![{_BREAKS_MATTER}]))"
    f"|(?<=\u200c)(?<![{_JOINING}].)(?![{_JOINING}])"
    f"|(?<=\u200d)(?<![{_JOINING}].)(?![{_JOINING}])"
    f"(?:(?<![{_PICTURES}\ufe0f].)|(?![{_PICTURES}]))"
    f"|(?<=[\U000e0001{_TAGS}])(?<![{_PICTURES}\ufe0f{_TAGS}].)[{_TAGS}]*"
)
"""Condition after the first character of `INVISIBLE`; one class at the start keeps the search
fast."""
INVISIBLE = f"[{INVISIBLE_FIRST}](?:{INVISIBLE_AFTER})"
"""Invisible characters without meaning at their position: soft hyphens, marks of the direction of
writing, byte order marks, zero-width spaces, and joiners between letters that do not join."""

SINGLE_QUOTES = "\u2018\u2019\u201a\u201b\u02bc"
"""Curly, low and modifier-letter forms of the apostrophe."""
DOUBLE_QUOTES = "\u201c\u201d\u201e\u201f"
"""Curly and low forms of the quotation mark. Guillemets are left out: no key of a keyboard stands
for them, and they are not confused with other marks."""
ACCENTS_AS_APOSTROPHES = r"[`\u00b4](?<=\w.)(?=\w)"
HYPHENS = "\u2010\u2011"
"""Hyphens that look like the keyboard's hyphen-minus."""

UNSPACED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ebd\u0ec0-\u0ece\u0edc-\u0edf"  # Thai, Lao
    "\u1000-\u103f\u1050-\u108f\u109a-\u109f\ua9e0-\ua9ef\ua9fa-\ua9fe\uaa60-\uaa7f"  # Burmese
    "\u1780-\u17d3\u17d7\u17dc\u17dd"  # Khmer
    "\u1950-\u1974\u1980-\u19cf\u1a00-\u1a1b\u1a20-\u1a7c\uaa80-\uaadf"  # Tai, Buginese
    "\u1b00-\u1b4b\ua980-\ua9c0"  # Balinese, Javanese
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c"  # Han
    "\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48c\uf900-\ufaff\uff66-\uff9f"  # Han, Yi
    "\U0001aff0-\U0001b16f\U00020000-\U0003fffd"  # rare kana and Han
)
"""Letters and marks of scripts without spaces between words, as the inside of a character class.
Korean, which has spaces, and Tibetan, which marks syllables, are left out."""
