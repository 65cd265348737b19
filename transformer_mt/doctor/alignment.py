"""Where two texts that should correspond line by line get out of step, told by their lengths.

A sentence and its translation are of about one length ratio (Gale and Church 1993); a sentence and
any other are not. Each row of the source is compared with the target row beside it, and with those
some rows further up and down: a stretch is out of step by k where the rows k further down agree
with it better than the rows beside it, and better than chance.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Lengths = NDArray[np.int32]
Floats = NDArray[np.float32]

_SHIFTS = 8
"""Rows lost or added at one place that are looked for, besides the difference of the counts."""
_FAR = 4 * _SHIFTS
"""Rows further away than any lost line would put a translation."""
_EVIDENCE = 25.0
"""Log-likelihood ratio from which a stretch is out of step: chance gives e**-25 as much."""
_EACH = 0.12
"""The same of each row of the stretch: over many rows the smallest of biases adds up."""
_WINDOW = 64
"""Rows whose usual deviation is looked at together."""
_DEGREES = 4.0
"""Of freedom, of Student's distribution of log ratios: a free translation is no great surprise."""
_CORRELATED = 0.04
"""Log-likelihood ratio of each row of texts that belong together: 0.1 to 0.6 is usual; else 0.0."""
_JUDGEABLE = 100
"""Rows from which it can be said that two texts do not belong together ..."""
_VARIED = 0.25
"""... if the lengths differ so much; in a corpus of sentences of one length all agree."""


class Break(NamedTuple):
    """A stretch of rows that are out of step."""

    row: int
    """The first source row (from 0) whose translation is not on the same row."""
    shift: int
    """Its translation is this many rows further down (or, negative, up)."""
    end: int
    """The row at which this stretch ends."""
    certain: bool
    """False where the difference of the counts alone says that there is such a place."""


class _Stretch(NamedTuple):
    """Rows from `row` to before `end` that are out of step by `shift`."""

    row: int
    end: int
    shift: int


class Alignment:
    """The lengths of two texts, compared row by row.

    Args:
        src: (src_lines,) characters of each source line.
        tgt: (tgt_lines,) the same of the target; neither is empty.
    """

    def __init__(self, src: Lengths, tgt: Lengths) -> None:
        self._src, self._tgt = (np.log(side + 1).astype(np.float32) for side in (src, tgt))
        self._difference = len(tgt) - len(src)
        self._shifts = [k for k in {*range(-_SHIFTS, _SHIFTS + 1), self._difference} if k]
        self._centre = float(np.median(self._log_ratios(self._src, 0)))
        self._scale = self._usual_spread(self._src)
        elsewhere = np.roll(self._src, len(src) // 2)  # where rows can agree by chance alone
        self._chance_scale = max(self._usual_spread(elsewhere), self._scale)
        self._aligned = self._agreement(0, self._scale)
        self._by_chance = self._agreement(0, self._chance_scale)

    def first_break(self) -> Break | None:
        """The first place at which the sides get out of step; None where they never do."""
        found = [stretch for k in self._shifts for stretch in self._stretch(k)]
        if found:
            first = min(found)
            return self._switch(first.shift, first.end, certain=True)
        if self._difference:  # all the lines that one side lacks were lost at one place, perhaps
            return self._switch(self._difference, len(self._src), certain=False)
        return None

    def is_by_chance(self, place: Break | None) -> bool:
        """Whether rows agree no better than any two would, and lengths vary enough to tell that.

        With a break, these are the rows before it and those that are out of step.
        """
        if len(self._src) < _JUDGEABLE or self._chance_scale < _VARIED:
            return False
        gain = self._aligned - self._by_chance
        if place is not None:
            shifted = self._agreement(place.shift, self._scale) - self._by_chance
            gain = np.concatenate([gain[: place.row], shifted[place.row : place.end]])
        return bool(gain.mean() < _CORRELATED) if len(gain) else True

    def _log_ratios(self, src: Floats, shift: int) -> Floats:
        """Of each source row to the target row `shift` further down, where there are both."""
        first = max(0, -shift)
        count = max(0, min(len(src), len(self._tgt) - shift) - first)
        return self._tgt[first + shift : first + shift + count] - src[first : first + count]

    def _deviations(self, src: Floats, shift: int) -> Floats:
        """(src_lines,) the same, less the usual ratio; far out for rows without such a partner."""
        ratios = self._log_ratios(src, shift)
        first = max(0, -shift)
        deviations = np.full(len(src), 1.0, dtype=np.float32)
        deviations[first : first + len(ratios)] = ratios - self._centre
        return deviations

    def _usual_spread(self, src: Floats) -> float:
        """Of the log ratios of rows in step: each window of rows may have its own shift."""
        window = min(_WINDOW, len(src))
        count = len(src) // window
        spreads = np.full(count, np.inf)
        for shift in (0, *self._shifts):
            rows = self._deviations(src, shift)[: count * window].reshape(count, window)
            np.minimum(spreads, _spread(rows), out=spreads)
        return max(float(np.median(spreads)), 0.05)

    def _agreement(self, shift: int, scale: float) -> Floats:
        """(src_lines,) log-density of each row's ratio to the one `shift` further down."""
        surprise = np.log1p((self._deviations(self._src, shift) / scale) ** 2 / _DEGREES)
        return np.asarray(-0.5 * (_DEGREES + 1) * surprise - np.log(scale), dtype=np.float32)

    def _stretch(self, shift: int) -> list["_Stretch"]:
        """The stretch that speaks most for this shift, if it speaks loud enough.

        It is the sub-array of the largest sum (Kadane), by running sums and their running minimum.
        """
        rival = np.maximum(self._aligned, self._by_chance)
        sums = _running_sums(self._agreement(shift, self._scale) - rival)
        rises = sums - np.minimum.accumulate(sums)
        end = int(rises.argmax())
        row = int(sums[: end + 1].argmin())
        needed = max(_EVIDENCE, _EACH * (end - row))
        if min(rises[end], self._lead(row, end, shift)) < needed:
            return []
        return [_Stretch(row, end, shift)]

    def _lead(self, row: int, end: int, shift: int) -> float:
        """How much louder the rows speak for this shift than for others that cannot be.

        In a corpus sorted by length all neighbours agree, and none is louder.
        """
        here = self._agreement(shift, self._scale)[row:end].sum(dtype=np.float64)
        others = (shift - _FAR, shift + _FAR, -shift)
        there = (self._agreement(k, self._scale)[row:end] for k in others)
        return float(here - max(rows.sum(dtype=np.float64) for rows in there))

    def _switch(self, shift: int, end: int, *, certain: bool) -> Break:
        """The likeliest place before `end` to go from no shift to this one.

        Rows of the source that the target lacks belong to nothing: they lie in between.
        """
        lacking = max(0, -shift)
        before = _running_sums(self._aligned - self._by_chance)[: end - lacking + 1]
        after = _running_sums(self._agreement(shift, self._scale) - self._by_chance)[lacking:]
        row = int((before - after[: len(before)]).argmax()) if len(before) else 0
        return Break(row, shift, end, certain)


def _spread(deviations: Floats) -> NDArray[np.float64]:
    """Of each row: the standard deviation, were they normal; outliers do not matter."""
    return np.asarray(1.48 * np.median(np.abs(deviations), axis=-1), dtype=np.float64)


def _running_sums(gains: Floats) -> NDArray[np.float64]:
    """(rows + 1,) the sums of what comes before each row."""
    return np.concatenate([[0.0], np.cumsum(gains, dtype=np.float64)])
