"""How long the lines are that a model is trained on, and which lines are much longer."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

_USUAL = 0.99
"""Share of the training lines that are called usual."""
_MUCH = 1.5
"""Times the usual number of tokens from which a line is much longer."""
_CLOSING = "\"'”’“‘»›)\\]」』）"  # noqa: RUF001
_OPENING = "\"'“‘„«‹(\\[「『（¿¡—–-"  # noqa: RUF001
_ENDS, _WIDE_ENDS = ".!?…؟۔।॥።։။។៕", "。！？｡"  # noqa: RUF001
"""Marks that a space follows at the end of a sentence, and those that need none."""
_END = re.compile(  # bounded, so that no text takes long
    rf"(?:(?<![{_ENDS}])([{_ENDS}]{{1,9}})[{_CLOSING}]{{0,3}}\s{{1,9}}"
    rf"|[{_WIDE_ENDS}][{_CLOSING}]{{0,3}}\s?)"
    rf"[{_OPENING}]{{0,3}}(\w)"
)
_BEFORE = re.compile(r"[^\W\d_]+$")
_ABBREVIATED = 3
"""Letters of a capitalised word before a full stop that may be an abbreviation, such as Mrs."""


def count_sentences(text: str) -> int:
    """Count the sentences of a line by its sentence ends, in any script that marks them.

    Rather too few than too many: no full stop after a number, one letter or a short capitalised
    word counts, nor one before a small letter.
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
    """What 99 of 100 training lines do not exceed, on the source side."""

    tokens: int
    sentences: int

    def complaint(self, text: str, tokens: int) -> tuple[str, tuple[int, ...]] | None:
        """Say why a line is much longer than usual: a message for a log and its numbers, or None.

        The message lacks the number of the line, which comes first.
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
    """Counts training lines by their tokens and by their sentences."""

    def __init__(self) -> None:
        self._tokens: Counter[int] = Counter()
        self._sentences: Counter[int] = Counter()

    def see(self, texts: Sequence[str], lengths: Iterable[int]) -> None:
        """Count some lines with their numbers of tokens."""
        self._tokens.update(lengths)
        self._sentences.update(map(count_sentences, texts))

    def usual(self) -> UsualLines:
        """Return the sizes that 99 of 100 of them do not exceed; at least one was seen."""
        return UsualLines(_quantile(self._tokens), _quantile(self._sentences))


def _quantile(counts: Counter[int]) -> int:
    """The smallest size that the usual share of what was counted does not exceed."""
    sizes = sorted(counts)
    sums = list(accumulate(counts[size] for size in sizes))
    return sizes[bisect_left(sums, _USUAL * sums[-1])]
