"""Splitting of texts that are too long to be encoded at once."""

import re
from collections.abc import Iterator

_LONGEST = 2**16
"""Characters of a part, after which the text is split at the next space."""
_WORD_AFTER_SPACE = re.compile(r"(?<= )(?=[^\s\u2581])")  # U+2581: space of subwords


def parts_of(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a text, split after spaces, and whether a part is the last one.

    No token spans such a split. Encoding takes a hundred times the memory of the token ids, and a
    line may be as long as a book.
    """
    start = 0
    while match := _WORD_AFTER_SPACE.search(text, start + _LONGEST):
        yield text[start : match.start()], False
        start = match.start()
    yield text[start:], True
