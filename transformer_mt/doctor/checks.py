"""Checks of pairs by the numbers of their lines: lengths, hashes, language scores."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from transformer_mt.corpus.readers import unequal_counts
from transformer_mt.doctor.alignment import Alignment, Break
from transformer_mt.doctor.report import (
    SHOWN,
    Finding,
    Findings,
    Ref,
)
from transformer_mt.doctor.scanning import Side
from transformer_mt.files.problems import Severity

Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]

_ODD_RATIO = 3.0
"""Factor of the median length ratio from which a pair is reported ..."""
_ODD_SPREADS = 5.0
"""... if the pair is also this many standard deviations away."""
_SHORT = 20
"""Minimum characters of a pair whose length ratio is checked."""
SENTENCE = 3
"""Minimum words of a sentence reported as untranslated: names are the same in both languages."""
_LONG = 10
"""Factor of the median length from which a line is long ..."""
_NEVER_LONG = 300
"""... if the line has more characters than this."""
KINDS = ("swapped", "untranslated", "wrong language")
FINE, SWAPPED, UNTRANSLATED, WRONG = range(4)
"""Kinds of a pair: 0 for a good one, else 1 + the index in `KINDS`."""
_FEW = 0.01
"""Fraction of the pairs up to which a minor problem is a note."""
_SURE = 6.0
"""Minimum log-odds to report the language of a line: no pair of 29,000 clean English and German
ones reached half of this by mistake, and 99 of 100 reach it if they are swapped."""
_TRAINED = 0.8
"""Minimum fraction of correctly classified lines; below, the languages are too similar."""


def rows_finding(
    severity: Severity, code: str, split: str, message: str, wrong: Mask | Rows, side: int | None
) -> Finding | None:
    """Return a finding with the first wrong rows as examples; None if no row is wrong."""
    rows = np.flatnonzero(wrong) if wrong.dtype == np.bool_ else wrong.astype(np.int64)
    if not len(rows):
        return None
    refs = [Ref(side, int(row)) for row in rows[:SHOWN]]
    return Finding(severity, code, split, message, len(rows), refs, rows=rows)


def graded(count: int, total: int) -> Severity:
    """Return the severity of a minor problem: a warning only if it is frequent."""
    return "warning" if count > _FEW * total else "note"


class PairChecks:
    """The checks of one split; only pairs before a break of the alignment are checked.

    Args:
        split: name of the split.
        files: file name of each side, for messages.
        sides: line numbers, lengths and hashes of each side.
        findings: collection that the findings are added to.
    """

    def __init__(
        self, split: str, files: tuple[str, str], sides: tuple[Side, Side], findings: Findings
    ) -> None:
        self._split = split
        self._files = files
        self._sides = sides
        self._findings = findings
        self.pairs = min(map(len, sides))
        """Number of rows that are aligned pairs."""

    def run(self) -> None:
        """Run all checks except `languages`."""
        if self.pairs:
            self._alignment()
            self._empty()
            self._lengths()
            self._same()

    @property
    def chars(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Characters of each line of each side, (pairs,)."""
        src, tgt = (side.chars[: self.pairs] for side in self._sides)
        return src, tgt

    @property
    def filled(self) -> Mask:
        """Mask of the pairs with two non-empty sides, (pairs,)."""
        src, tgt = self.chars
        return np.asarray((src > 0) & (tgt > 0))

    @property
    def hashes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Hash of each line of each side, (pairs,)."""
        src, tgt = (side.hashes[: self.pairs] for side in self._sides)
        return src, tgt

    @property
    def keys(self) -> NDArray[np.int64]:
        """Hash of each pair, (pairs,)."""
        src, tgt = self.hashes
        odd = np.int64(-7046029254386353131)  # 2**64 divided by the golden ratio (Knuth)
        return np.asarray(src * odd ^ tgt, dtype=np.int64)

    def _add(
        self,
        severity: Severity,
        code: str,
        message: str,
        wrong: Mask | Rows,
        side: int | None = None,
    ) -> None:
        finding = rows_finding(severity, code, self._split, message, wrong, side)
        if finding is not None:
            self._findings.add(finding)

    def _alignment(self) -> None:
        src, tgt = (side.chars for side in self._sides)
        alignment = Alignment(src, tgt)
        place = alignment.first_break()
        unrelated = alignment.is_by_chance(place)
        place = None if unrelated else place
        if len(src) != len(tgt):
            self._findings.add(self._line_counts(place))
            self.pairs = self.pairs if place is None else min(self.pairs, place.row)
        elif place is not None:
            message = (
                f"line counts are equal, but from here to line {place.end:,} the sides are out of"
                f" step: {self._explain(place)}"
            )
            refs = [Ref(None, place.row)]
            self._findings.add(Finding("warning", "out-of-step", self._split, message, None, refs))
        if unrelated:
            message = (
                "the lengths of the two sides have nothing to do with each other: these may be no"
                " translations"
            )
            self._findings.add(Finding("warning", "unrelated", self._split, message))

    def _line_counts(self, place: Break | None) -> Finding:
        (src, tgt), (src_file, tgt_file) = map(len, self._sides), self._files
        found = Finding("error", "line-counts", self._split, "")
        found.sentence = unequal_counts(src_file, tgt_file, src, tgt)
        found.message = f"{src_file} has {src:,} lines but {tgt_file} has {tgt:,}"
        if place is not None:
            likely = "they get" if place.certain else "perhaps they get"
            where = f"{likely} out of step near line {place.row + 1:,}: {self._explain(place)}"
            found.message += f"; {where}"
            found.refs = [Ref(None, place.row)] if place.row < min(src, tgt) else []
        return found

    def _explain(self, place: Break) -> str:
        lacking = self._files[0 if place.shift > 0 else 1]
        count = abs(place.shift)
        lines = "a line" if count == 1 else f"{count:,} lines"
        return f"{lacking} lacks {lines} there, or the other has too many"

    def _empty(self) -> None:
        src, tgt = (chars == 0 for chars in self.chars)
        self._add("warning", "empty", "pairs with an empty source", src & ~tgt, 0)
        self._add("warning", "empty", "pairs with an empty target", tgt & ~src, 1)
        self._add("warning", "empty", "pairs of two empty lines", src & tgt, 0)

    def _lengths(self) -> None:
        src, tgt = self.chars
        full = self.filled
        for side, chars in enumerate((src, tgt)):
            usual = float(np.median(chars[chars > 0])) if chars.any() else 0.0
            long = chars > max(_LONG * usual, _NEVER_LONG)
            message = f"lines more than {_LONG} times as long as usual ({usual:,.0f} characters)"
            self._add(graded(long.sum(), len(long)), "length", message, long, side)
        if full.any():
            ratios = np.log((tgt + 1.0) / (src + 1.0))
            ratios -= np.median(ratios[full])
            spread = 1.48 * float(np.median(np.abs(ratios[full])))
            limit = max(np.log(_ODD_RATIO), _ODD_SPREADS * spread)
            odd = full & (np.abs(ratios) > limit) & (np.maximum(src, tgt) >= _SHORT)
            message = f"pairs whose lengths are more than {np.exp(limit):.1f} times the usual apart"
            self._add("warning", "ratio", message, odd)

    def _same(self) -> None:
        src, tgt = self.hashes
        same = (src == tgt) & (self._sides[0].words[: self.pairs] >= SENTENCE)
        message = "pairs whose sides are the same: not translated?"
        self._add(graded(same.sum(), self.pairs), "untranslated", message, same)
        again, before = repetitions(self.keys)
        filled = self.filled[again]
        again, before = again[filled], before[filled]
        finding = rows_finding(
            graded(len(again), self.pairs),
            "duplicate",
            self._split,
            "pairs that occurred before",
            again,
            None,
        )
        if finding is not None:
            lines = [self._sides[0].line(int(row)) for row in before[:SHOWN]]
            finding.remark([f"as line {line}" for line in lines])
            self._findings.add(finding)

    def languages(self, scores: Sequence[NDArray[np.float32]]) -> None:
        """Report lines in the wrong language and pairs with swapped sides.

        Args:
            scores: for each side (lines,) log-odds that the line is in the source language.
        """
        src, tgt = (side[: self.pairs] for side in scores)
        wrong = src < -_SURE, tgt > _SURE
        kinds = pair_kinds(wrong, wrong[0] & wrong[1], np.equal(*self.hashes))
        swapped = kinds == SWAPPED
        self._add("warning", "swapped", "pairs with source and target swapped", swapped)
        if 2 * swapped.sum() > len(swapped):
            return  # the whole split is swapped: more findings would repeat this
        for side, language in enumerate(("target", "source")):
            message = f"lines that seem to be in the {language} language"
            self._add("warning", "language", message, wrong[side] & (kinds == WRONG), side)


def pair_kinds(wrong: tuple[Mask, Mask], swapped: Mask, same: Mask) -> NDArray[np.int8]:
    """Return the kind of each pair, (pairs,), by whatever judge of languages.

    Args:
        wrong: for each side, the lines that are not in the language of the side.
        swapped: the pairs whose lines are each in the language of the other side.
        same: the pairs whose lines are the same sentence or in one language.
    """
    kinds = np.where(wrong[0] | wrong[1], WRONG, FINE).astype(np.int8)
    kinds[swapped] = SWAPPED
    kinds[same] = UNTRANSLATED
    return kinds


def can_judge(scores: Sequence[NDArray[np.float32]]) -> bool:
    """Return whether the scores of training lines separate the two languages well enough."""
    src, tgt = scores
    return bool(len(src) and len(tgt)) and min((src > 0).mean(), (tgt < 0).mean()) >= _TRAINED


def repetitions(keys: NDArray[np.int64]) -> tuple[Rows, Rows]:
    """Return the rows whose key occurred before, in order, and the first row of each key."""
    order = np.argsort(keys, kind="stable")
    ranked = keys[order]
    new = np.concatenate([[True], ranked[1:] != ranked[:-1]]) if len(keys) else np.zeros(0, bool)
    firsts = order[np.flatnonzero(new)][np.cumsum(new) - 1]
    again, before = order[~new], firsts[~new]
    in_order = np.argsort(again)
    return again[in_order], before[in_order]


def found_in(keys: NDArray[np.int64], others: NDArray[np.int64]) -> tuple[Rows, Rows]:
    """Return the rows whose key is in `others`, and a row of each in `others`."""
    if not len(others):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    order = np.argsort(others, kind="stable")
    places = order[np.searchsorted(others[order], keys).clip(max=len(others) - 1)]
    rows = np.flatnonzero(others[places] == keys)
    return rows, places[rows]
