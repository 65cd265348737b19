"""Texts that are too long to be encoded at once."""

import re
from collections.abc import Iterator

_LONGEST = 2**16
"""Characters of a text that are encoded at once, as far as it has spaces."""
_WORD_AFTER_SPACE = re.compile(r"(?<= )(?=[^\s\u2581])")  # U+2581 is a space for subwords


def parts_of(text: str) -> Iterator[tuple[str, bool]]:
    """A text, and whether this ends it: a long one is cut after spaces, where no token can be.

    A book may be a line; while text is encoded, it takes a hundred times the room of its tokens.
    """
    start = 0
    while match := _WORD_AFTER_SPACE.search(text, start + _LONGEST):
        yield text[start : match.start()], False
        start = match.start()
    yield text[start:], True
