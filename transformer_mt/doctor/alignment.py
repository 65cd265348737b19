"""Detection of lines lost on one side of a parallel corpus, by line lengths.

Sentences and translations have about one length ratio (Gale and Church 1993); unrelated sentences
have not. Each source row is compared with the target row of equal number, and with target rows k
further down (k < 0: up): a stretch of rows is out of step by k if the rows k further down agree
better than the rows of equal number, and better than chance.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Lengths = NDArray[np.int32]
Floats = NDArray[np.float32]

_SHIFTS = 8
"""Maximum shift that is tested, besides the difference of the line counts."""
_FAR = 4 * _SHIFTS
"""Shift that is larger than any tested one: rows that far apart are unrelated."""
_EVIDENCE = 25.0
"""Minimum log-likelihood ratio of a stretch out of step: by chance, a probability of e**-25."""
_EACH = 0.12
"""Minimum log-likelihood ratio per row of the stretch: over many rows a small bias adds up."""
_WINDOW = 64
"""Rows of a window in which the spread is measured."""
_DEGREES = 4.0
"""Degrees of freedom of the log ratios (Student's t: heavy tails allow free translations)."""
_CORRELATED = 0.04
"""Minimum log-likelihood ratio per row of a translation: usually 0.1 to 0.6; unrelated: 0.0."""
_JUDGEABLE = 100
"""Minimum rows to report that two texts are unrelated ..."""
_VARIED = 0.25
"""... and minimum spread of the lengths: if all sentences are of one length, all rows agree."""


class Break(NamedTuple):
    """A stretch of rows out of step."""

    row: int
    """First source row (from 0) whose translation is not on the same row."""
    shift: int
    """Number of rows that the translation is further down (negative: up)."""
    end: int
    """Row after the stretch."""
    certain: bool
    """True if the lengths show the break; False if only the line counts do."""


class _Stretch(NamedTuple):
    """The rows [row, end), which are out of step by `shift`."""

    row: int
    end: int
    shift: int


class Alignment:
    """A comparison of the line lengths of two texts.

    Args:
        src: (src_lines,) characters of each source line, at least one line.
        tgt: (tgt_lines,) characters of each target line, at least one line.
    """

    def __init__(self, src: Lengths, tgt: Lengths) -> None:
        self._src, self._tgt = (np.log(side + 1).astype(np.float32) for side in (src, tgt))
        self._difference = len(tgt) - len(src)
        self._shifts = [k for k in {*range(-_SHIFTS, _SHIFTS + 1), self._difference} if k]
        self._centre = float(np.median(self._log_ratios(self._src, 0)))
        self._scale = self._usual_spread(self._src)
        elsewhere = np.roll(self._src, len(src) // 2)  # unrelated rows: they agree by chance only
        self._chance_scale = max(self._usual_spread(elsewhere), self._scale)
        self._aligned = self._agreement(0, self._scale)
        self._by_chance = self._agreement(0, self._chance_scale)

    def first_break(self) -> Break | None:
        """Return the first stretch out of step; None if there is none."""
        found = [stretch for k in self._shifts for stretch in self._stretch(k)]
        if found:
            first = min(found)
            return self._switch(first.shift, first.end, certain=True)
        if self._difference:  # assume that all missing lines were lost at one place
            return self._switch(self._difference, len(self._src), certain=False)
        return None

    def is_by_chance(self, place: Break | None) -> bool:
        """Return whether the rows agree no better than unrelated rows.

        Always False for few rows or little varied lengths. With a break, the rows before it and
        the shifted rows of it are compared.
        """
        if len(self._src) < _JUDGEABLE or self._chance_scale < _VARIED:
            return False
        gain = self._aligned - self._by_chance
        if place is not None:
            shifted = self._agreement(place.shift, self._scale) - self._by_chance
            gain = np.concatenate([gain[: place.row], shifted[place.row : place.end]])
        return bool(gain.mean() < _CORRELATED) if len(gain) else True

    def _log_ratios(self, src: Floats, shift: int) -> Floats:
        """Return log(tgt length / src length) of rows and target rows `shift` further down."""
        first = max(0, -shift)
        count = max(0, min(len(src), len(self._tgt) - shift) - first)
        return self._tgt[first + shift : first + shift + count] - src[first : first + count]

    def _deviations(self, src: Floats, shift: int) -> Floats:
        """Return (src_lines,) log ratios minus the median; 1.0 for rows without a target row."""
        ratios = self._log_ratios(src, shift)
        first = max(0, -shift)
        deviations = np.full(len(src), 1.0, dtype=np.float32)
        deviations[first : first + len(ratios)] = ratios - self._centre
        return deviations

    def _usual_spread(self, src: Floats) -> float:
        """Return the median spread of log ratios in windows, each with the best shift for it."""
        window = min(_WINDOW, len(src))
        count = len(src) // window
        spreads = np.full(count, np.inf)
        for shift in (0, *self._shifts):
            rows = self._deviations(src, shift)[: count * window].reshape(count, window)
            np.minimum(spreads, _spread(rows), out=spreads)
        return max(float(np.median(spreads)), 0.05)

    def _agreement(self, shift: int, scale: float) -> Floats:
        """Return (src_lines,) log-densities of the log ratios at a shift."""
        surprise = np.log1p((self._deviations(self._src, shift) / scale) ** 2 / _DEGREES)
        return np.asarray(-0.5 * (_DEGREES + 1) * surprise - np.log(scale), dtype=np.float32)

    def _stretch(self, shift: int) -> list["_Stretch"]:
        """Return the stretch with the most evidence for this shift, if there is enough.

        It is the sub-array of the largest sum (Kadane), by running sums and a running minimum.
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
        """Return the log-likelihood ratio of this shift to the best of three implausible shifts.

        In a corpus sorted by length all neighbours agree, so the ratio is about 0.
        """
        here = self._agreement(shift, self._scale)[row:end].sum(dtype=np.float64)
        others = (shift - _FAR, shift + _FAR, -shift)
        there = (self._agreement(k, self._scale)[row:end] for k in others)
        return float(here - max(rows.sum(dtype=np.float64) for rows in there))

    def _switch(self, shift: int, end: int, *, certain: bool) -> Break:
        """Return the break with the most likely row, before `end`, where the shift begins.

        Source rows that the target lacks lie between the two parts and count for neither.
        """
        lacking = max(0, -shift)
        before = _running_sums(self._aligned - self._by_chance)[: end - lacking + 1]
        after = _running_sums(self._agreement(shift, self._scale) - self._by_chance)[lacking:]
        row = int((before - after[: len(before)]).argmax()) if len(before) else 0
        return Break(row, shift, end, certain)


def _spread(deviations: Floats) -> NDArray[np.float64]:
    """Return the robust standard deviation of each row: 1.48 * median absolute deviation."""
    return np.asarray(1.48 * np.median(np.abs(deviations), axis=-1), dtype=np.float64)


def _running_sums(gains: Floats) -> NDArray[np.float64]:
    """Return (rows + 1,) sums of the gains before each row."""
    return np.concatenate([[0.0], np.cumsum(gains, dtype=np.float64)])
