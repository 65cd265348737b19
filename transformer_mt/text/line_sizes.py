"""Line lengths of the training text, and warnings about much longer input lines."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

_USUAL = 0.99
"""Quantile of the training lines that defines the usual size."""
_MUCH = 1.5
"""Multiple of the usual number of tokens above which a line is much longer."""
_CLOSING = "\"'”’“‘»›)\\]」』）"  # noqa: RUF001
_OPENING = "\"'“‘„«‹(\\[「『（¿¡—–-"  # noqa: RUF001
_ENDS, _WIDE_ENDS = ".!?…؟۔।॥።։။។៕", "。！？｡"  # noqa: RUF001
"""Sentence-final marks followed by a space, and marks that need no space."""
_END = re.compile(  # bounded repetitions keep matching linear
    rf"(?:(?<![{_ENDS}])([{_ENDS}]{{1,9}})[{_CLOSING}]{{0,3}}\s{{1,9}}"
    rf"|[{_WIDE_ENDS}][{_CLOSING}]{{0,3}}\s?)"
    rf"[{_OPENING}]{{0,3}}(\w)"
)
_BEFORE = re.compile(r"[^\W\d_]+$")
_ABBREVIATED = 3
"""Maximum letters of a capitalised word that is taken for an abbreviation, such as Mrs."""


def count_sentences(text: str) -> int:
    """Count the sentences of a line by sentence-final marks, in any script.

    Ambiguous marks are not counted: a full stop after a number, a single letter or a short
    capitalised word, and any mark before a lower-case letter.
    """
    return 1 + sum(_is_end(text, match) for match in _END.finditer(text))


def _is_end(text: str, match: re.Match[str]) -> bool:
    if match[2].islower():
        return False
    if match[1] != ".":
        return True
    before = text[max(0, match.start() - _ABBREVIATED - 1) : match.start()]
    word = _BEFORE.search(before)
    if word is None:
        return not before[-1:].isdigit()
    is_short = len(word[0]) == 1 or (word[0][0].isupper() and len(word[0]) <= _ABBREVIATED)
    return not is_short


@dataclass(frozen=True, slots=True)
class UsualLines:
    """Sizes that 99 of 100 training lines do not exceed, on the source side."""

    tokens: int
    sentences: int

    def complaint(self, text: str, tokens: int) -> tuple[str, tuple[int, ...]] | None:
        """Return a log message and arguments if a line is much longer than usual, else None.

        The first argument of the message, the line number, is left to the caller.
        """
        sentences = count_sentences(text)
        if sentences > self.sentences == 1:
            return _SEVERAL, (sentences,)
        if sentences > self.sentences:
            return _MANY, (sentences, self.sentences)
        if tokens > _MUCH * self.tokens:
            return _LONG, (tokens, self.tokens)
        return None


_SEVERAL = (
    "line %d holds %d sentences; the model was trained on single sentences: give one sentence a"
    " line"
)
_MANY = (
    "line %d holds %d sentences; the model was trained on lines of up to %d: give one sentence a"
    " line"
)
_LONG = (
    "line %d has %d tokens; the model was trained on lines of up to %d: give shorter sentences,"
    " one a line"
)


class LineSizes:
    """Histogram of training lines by number of tokens and of sentences."""

    def __init__(self) -> None:
        self._tokens: Counter[int] = Counter()
        self._sentences: Counter[int] = Counter()

    def see(self, texts: Sequence[str], lengths: Iterable[int]) -> None:
        """Add lines, given the number of tokens of each."""
        self._tokens.update(lengths)
        self._sentences.update(map(count_sentences, texts))

    def usual(self) -> UsualLines:
        """Return the sizes that 99 of 100 lines do not exceed; requires at least one line."""
        return UsualLines(_quantile(self._tokens), _quantile(self._sentences))


def _quantile(counts: Counter[int]) -> int:
    """Return the 0.99 quantile of a histogram."""
    sizes = sorted(counts)
    sums = list(accumulate(counts[size] for size in sizes))
    return sizes[bisect_left(sums, _USUAL * sums[-1])]
