"""Findings of the doctor, as text and as JSON."""

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from transformer_mt.files.problems import Problem, Severity

Lines: TypeAlias = "array[int]"
"""Line numbers of 8 bytes each; in a list a number takes 36 bytes."""

SHOWN = 3
"""Maximum examples of a finding."""
_EXCERPT = 56
"""Maximum characters of a sentence in an example."""


class Ref(NamedTuple):
    """A row of a split to show as an example."""

    side: int | None
    """Number of the side: 0 source, 1 target, None both."""
    row: int
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """An example of a finding: file, line and text."""

    file: str
    line: int
    """Line number from 1; row number in a data set that is no text file."""
    text: str = ""
    """Beginning of the line, or of both lines of a pair, separated by a bar."""
    remark: str = ""

    def show(self) -> str:
        """Format the example as one line of text."""
        remark = f"({self.remark})" if self.remark else ""
        return "  ".join(filter(None, (f"{self.file}:{self.line}", self.text, remark)))


@dataclass(slots=True)
class Finding:
    """A problem of a corpus with the number of occurrences."""

    severity: Severity
    code: str
    split: str
    message: str
    count: int | None = None
    """Number of lines or pairs; None if the finding is about a whole file."""
    refs: list[Ref] = field(default_factory=list, repr=False)
    """Rows of examples whose text is not read yet."""
    examples: list[Example] = field(default_factory=list)
    rows: Sequence[int] | NDArray[np.int64] | None = field(default=None, repr=False)
    """All rows of the finding, on the side of `refs`; None: the rows of `refs`."""
    places: dict[str, Lines] = field(default_factory=dict, repr=False)
    """All line numbers by file, in order; empty unless requested."""
    sentence: str = field(default="", repr=False)
    """Sentence with which training refuses the corpus, if the finding is an error of reading."""

    def remark(self, remarks: Sequence[str]) -> None:
        """Set the remark of each example."""
        pairs = zip(self.refs, remarks, strict=True)
        self.refs = [ref._replace(remark=remark) for ref, remark in pairs]

    def lines(self) -> Iterator[str]:
        """Yield the lines of a text report; lines beyond the examples have no text."""
        count = "" if self.count is None else f": {self.count:,}"
        message = _harmless(self.message)  # it may name words or columns of the corpus
        yield f"{self.severity}: {self.split}: {message}{count}  [{self.code}]"
        yield from (f"    {example.show()}" for example in self.examples)
        if self.places:
            shown = {(example.file, example.line) for example in self.examples}
            for file, lines in self.places.items():
                yield from (f"    {file}:{line}" for line in lines if (file, line) not in shown)
        elif (self.count or 0) > len(self.examples):
            yield "    ... (--all lists every line)"

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain values for JSON."""
        return {
            "severity": self.severity,
            "code": self.code,
            "split": self.split,
            "message": self.message,
            "count": self.count or 1,
            "examples": [asdict(example) for example in self.examples],
            "lines": {file: lines.tolist() for file, lines in self.places.items()},
        }


def finding_of(problem: Problem, split: str) -> Finding:
    """Return the finding that reports a problem of reading."""
    message, examples = problem.heading or problem.sentence, list[Example]()
    if problem.line is not None:
        text = excerpt(problem.text)
        examples = [Example(problem.file, problem.line, text, problem.remark)]
    count = 1 if examples and problem.severity != "note" else None  # a note is of the whole file
    found = Finding(problem.severity, problem.code, split, message, count, examples=examples)
    found.sentence = problem.sentence
    return found


@dataclass(slots=True)
class Examination:
    """The result of the doctor: all findings, the worst first."""

    splits: dict[str, dict[str, Any]]
    """Files, numbers of lines, and token coverage of each split, by name."""
    findings: list[Finding]

    def count(self, severity: Severity) -> int:
        """Return the number of findings of a severity."""
        return sum(finding.severity == severity for finding in self.findings)

    @property
    def exit_code(self) -> int:
        """Exit code of the command: 1 if training would refuse the corpus."""
        return 1 if self.count("error") else 0

    def lines(self) -> Iterator[str]:
        """Yield the lines of a text report."""
        for name, split in self.splits.items():
            src, tgt = split["lines"]
            size = f"{src:,} pairs" if src == tgt else f"{src:,} and {tgt:,} lines"
            yield f"{name:<12}{size}  {', '.join(split['files'])}"
            if "coverage" in split:
                shares = " and ".join(f"{100 * share:.2f} %" for share in split["coverage"])
                yield f"{'':<12}in the vocabulary: {shares} of the tokens ({split['vocabulary']})"
        if self.splits:
            yield ""
        for finding in self.findings:
            yield from finding.lines()
        numbers = [
            f"{self.count(name):,} {name}{'' if self.count(name) == 1 else 's'}"
            for name in ("error", "warning", "note")
            if self.count(name)
        ]
        yield ", ".join(numbers) or "nothing to complain of"

    def to_dict(self) -> dict[str, Any]:
        """Return the examination as plain values for JSON."""
        return {
            "splits": self.splits,
            "errors": self.count("error"),
            "warnings": self.count("warning"),
            "notes": self.count("note"),
            "findings": [finding.to_dict() for finding in self.findings],
        }


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8 (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def excerpt(text: str, most: int = _EXCERPT, escape: Callable[[str], str] = _escaped) -> str:
    """Return the beginning of a sentence, with control characters escaped."""
    shown = _harmless(text[: most + 1], escape)
    return shown if len(shown) <= most else shown[: most - 3] + "..."


def _harmless(text: str, escape: Callable[[str], str] = _escaped) -> str:
    return "".join(c if c.isprintable() else escape(c) for c in text)


class Findings:
    """A collection of findings, which merges findings of equal split, code and message.

    Args:
        all_lines: keep the number of every line, 8 bytes each.
    """

    def __init__(self, *, all_lines: bool = False) -> None:
        self._all_lines = all_lines
        self._found: dict[tuple[str, ...], Finding] = {}
        self._rows: dict[tuple[str, ...], dict[int, Lines]] = {}

    def add(self, finding: Finding) -> None:
        key = (finding.split, finding.code, finding.message)
        known = self._found.setdefault(key, finding)
        if self._all_lines:
            self._keep_lines(key, known, finding)
        finding.rows = None
        if known is not finding:
            known.count = (known.count or 1) + (finding.count or 1)
            known.refs += finding.refs[: SHOWN - len(known.refs)]
            known.examples += finding.examples[: SHOWN - len(known.examples)]

    def _keep_lines(self, key: tuple[str, ...], known: Finding, finding: Finding) -> None:
        for example in finding.examples:
            known.places.setdefault(example.file, array("q")).append(example.line)
        by_side = self._rows.setdefault(key, {})
        if finding.rows is not None:
            rows = by_side.setdefault(finding.refs[0].side or 0, array("q"))
            rows.frombytes(np.asarray(finding.rows, dtype=np.int64).tobytes())
        else:
            for ref in finding.refs:
                by_side.setdefault(ref.side or 0, array("q")).append(ref.row)

    def locate(
        self, split: str, file_of: Callable[[int], str], line: Callable[[int, int], int]
    ) -> None:
        """Convert the rows of all findings of a split to line numbers of files.

        Args:
            split: name of the split.
            file_of: function (side) -> file name.
            line: function (side, row) -> line number in the file.
        """
        for key in [key for key in self._rows if key[0] == split]:
            places = self._found[key].places
            for side, rows in self._rows.pop(key).items():
                numbers = places.setdefault(file_of(side), array("q"))
                numbers.extend(line(side, row) for row in rows)

    def of(self, split: str) -> list[Finding]:
        """Return the findings of one split."""
        return [finding for finding in self._found.values() if finding.split == split]

    def ordered(self) -> list[Finding]:
        """Return all findings: errors first, then warnings, then notes."""
        rank = {"error": 0, "warning": 1, "note": 2}
        return sorted(self._found.values(), key=lambda finding: rank[finding.severity])
