"""Pairs of two parallel files that are swapped, untranslated, or in a wrong language."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import compress
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from transformer_mt.config.limits import check_numbers
from transformer_mt.corpus.readers import parallel_pairs
from transformer_mt.corpus.rows import SentencePair, pieces
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.files.lines import one_line
from transformer_mt.runtime.console import hides_bars
from transformer_mt.runtime.rounding import DECIMALS, rounded

KINDS = ("swapped", "untranslated", "wrong language")
_FINE, _SWAPPED, _UNTRANSLATED, _WRONG = range(4)

_PIECE = 4096
"""Pairs that are in memory at a time."""
_LEAST_LETTERS = 20
"""In bytes: of a line whose language is judged. Names and numbers are of any."""
_LEAST_WORDS = 3
"""Of a line for which it is odd to be its own translation."""
_EXCERPT = 60
"""Characters of a line that are shown."""


class LanguageClassifier(Protocol):
    """A classifier of texts whose labels are languages."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the languages, in the order of the probabilities."""

    def probabilities(self, texts: Sequence[str], batch_tokens: int) -> NDArray[np.float32]:
        """Return the probability of each language for each text, (texts, labels)."""


@dataclass(frozen=True, slots=True)
class SuspiciousPair:
    """A pair that is not what it should be; of each side, the likeliest label."""

    line: int
    kind: str
    """One of `KINDS`."""
    src: str
    """The beginning of the line."""
    src_label: str
    src_probability: float
    tgt: str
    tgt_label: str
    tgt_probability: float

    def show(self, layout: str) -> str:
        """For a person ("text") or a program ("jsonl"), in one line."""
        if layout == "jsonl":
            return one_line(json.dumps(rounded(asdict(self)), ensure_ascii=False))
        src = f"{self.src_label} {self.src_probability:.{DECIMALS}f}\t{self.src}"
        tgt = f"{self.tgt_label} {self.tgt_probability:.{DECIMALS}f}\t{self.tgt}"
        return f"{self.line}\t{self.kind}\t{src}\t{tgt}"


@dataclass(frozen=True, slots=True)
class _Side:
    """What was found of one file, line by line."""

    labels: NDArray[np.int16]
    """The likeliest."""
    probabilities: NDArray[np.float32]
    """Of these labels."""
    known: NDArray[np.bool_]
    """True where the language is plain."""

    def count(self, number: int) -> int:
        """Lines that are plainly of one language."""
        return int((self.known & (self.labels == number)).sum())


@dataclass(frozen=True, slots=True)
class PairCheck:
    """What was found in two parallel files."""

    files: tuple[Path, Path]
    labels: tuple[str, ...]
    """The languages that the classifier knows."""
    languages: tuple[str, str]
    """Of the two files."""
    sides: tuple[_Side, _Side]
    kinds: NDArray[np.int8]
    """(lines,) 0 where nothing is suspicious, else one more than the index in `KINDS`."""

    @property
    def counts(self) -> dict[str, int]:
        """How many pairs are of each kind."""
        return {kind: int((self.kinds == n).sum()) for n, kind in enumerate(KINDS, start=1)}

    def suspicious(self) -> Iterator[SuspiciousPair]:
        """All such pairs, in order; the files are read again for their text."""
        wanted = self.kinds != _FINE
        for row, pair in compress(enumerate(parallel_pairs(*self.files)), wanted.tolist()):
            yield self._suspicious(row, pair)

    def _suspicious(self, row: int, pair: SentencePair) -> SuspiciousPair:
        src, tgt = self.sides
        return SuspiciousPair(
            line=row + 1,
            kind=KINDS[self.kinds[row] - 1],
            src=_excerpt(pair.src),
            src_label=self.labels[src.labels[row]],
            src_probability=float(src.probabilities[row]),
            tgt=_excerpt(pair.tgt),
            tgt_label=self.labels[tgt.labels[row]],
            tgt_probability=float(tgt.probabilities[row]),
        )

    def lines(self) -> list[str]:
        """A summary for a person."""
        told = ", ".join(f"{count:,} {kind}" for kind, count in self.counts.items())
        return [*map(self._side_line, range(2)), f"{len(self.kinds):,} pairs: {told}"]

    def _side_line(self, side: int) -> str:
        own, known = self._own(side)
        return (
            f"{self.files[side]}: {self.languages[side]}, as {own:,} of {known:,} lines are whose"
            " language is plain"
        )

    def _own(self, side: int) -> tuple[int, int]:
        """Lines of a file that are in its language, and all that are plainly in one."""
        found = self.sides[side]
        return found.count(self.labels.index(self.languages[side])), int(found.known.sum())

    def to_dict(self) -> dict[str, Any]:
        """The summary for a program."""
        return {
            "files": [str(file) for file in self.files],
            "languages": list(self.languages),
            "lines": len(self.kinds),
            "plain": [self._own(side)[1] for side in range(2)],
            "counts": self.counts,
        }


def check_pairs(
    classifier: LanguageClassifier,
    files: tuple[Path, Path],
    *,
    languages: tuple[str, str] | None = None,
    threshold: float = 0.99,
    batch_tokens: int = 4096,
) -> PairCheck:
    """Tell the language of all lines of two files, and which pairs do not go together.

    Of each line a few bytes are kept in memory.

    Args:
        classifier: its labels are languages.
        files: whose lines correspond.
        languages: of the files; None: what most lines of each are in.
        threshold: the probability from which a line's language is plain.
        batch_tokens: positions read together; changes speed and memory alone.

    Raises:
        DataError: a file cannot be read, the two do not align, or are in one language.
        ConfigError: the classifier does not know a language.
    """
    check_numbers(threshold=threshold, batch_tokens=batch_tokens)
    for file in files:
        if not file.is_file():
            why = "is no plain file, but must be read twice" if file.exists() else "is no file"
            raise DataError(f"{file}: {why}")
    labels = classifier.labels
    for language in languages or ():
        if language not in labels:
            raise ConfigError(f"the classifier knows {', '.join(labels)}, but not '{language}'")
    sides, same = _judge(classifier, files, threshold, batch_tokens)
    if languages is None:
        languages = _majority(labels, files[0], sides[0]), _majority(labels, files[1], sides[1])
    if languages[0] == languages[1]:
        raise DataError(f"{files[0]} and {files[1]} are both in one language, {languages[0]}")
    numbers = labels.index(languages[0]), labels.index(languages[1])
    return PairCheck(files, labels, languages, sides, _kinds(sides, numbers, same))


def _judge(
    classifier: LanguageClassifier, files: tuple[Path, Path], threshold: float, batch_tokens: int
) -> tuple[tuple[_Side, _Side], NDArray[np.bool_]]:
    """Both files, and where their lines are the same."""
    parts: tuple[list[_Side], list[_Side]] = ([], [])
    same: list[NDArray[np.bool_]] = []
    with tqdm(desc="reading", unit="pair", disable=hides_bars(), file=sys.stderr) as bar:
        for piece in pieces(parallel_pairs(*files), _PIECE):
            for side, found in enumerate(parts):
                texts = [pair[side] for pair in piece]
                found.append(_judge_texts(classifier, texts, threshold, batch_tokens))
            same.append(np.fromiter(map(_is_same, piece), dtype=bool, count=len(piece)))
            bar.update(len(piece))
    return (_join(parts[0]), _join(parts[1])), np.concatenate(same)


def _judge_texts(
    classifier: LanguageClassifier, texts: Sequence[str], threshold: float, batch_tokens: int
) -> _Side:
    found = classifier.probabilities(texts, batch_tokens)
    most = found.max(axis=1)
    long = np.fromiter((_letters(text) >= _LEAST_LETTERS for text in texts), dtype=bool)
    return _Side(found.argmax(axis=1).astype(np.int16), most, long & (most >= threshold))


def _join(parts: Sequence[_Side]) -> _Side:
    return _Side(
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate([part.known for part in parts]),
    )


def _majority(labels: Sequence[str], file: Path, side: _Side) -> str:
    """The language of most lines of a file."""
    counts = Counter({label: side.count(number) for number, label in enumerate(labels)})
    (language, count), *_ = counts.most_common(1)
    if not count:
        raise DataError(f"{file}: there is no line whose language is plain")
    return language


def _kinds(
    sides: tuple[_Side, _Side], languages: tuple[int, int], same: NDArray[np.bool_]
) -> NDArray[np.int8]:
    """What is wrong with each pair, if the two files are in these languages."""
    src, tgt = sides
    src_wrong = src.known & (src.labels != languages[0])
    tgt_wrong = tgt.known & (tgt.labels != languages[1])
    is_one = src.known & tgt.known & (src.labels == tgt.labels)
    swapped = src_wrong & tgt_wrong & (src.labels == languages[1]) & (tgt.labels == languages[0])
    kinds = np.where(src_wrong | tgt_wrong, _WRONG, _FINE).astype(np.int8)
    kinds[swapped] = _SWAPPED
    kinds[same | is_one] = _UNTRANSLATED
    return kinds


def _is_same(pair: SentencePair) -> bool:
    """Whether a sentence, no name or number, is its own translation."""
    src, tgt = (text.strip() for text in pair)
    words = sum(any(map(str.isalpha, word)) for word in src.split())
    return src == tgt and words >= _LEAST_WORDS and _letters(src) >= _LEAST_LETTERS


def _letters(text: str) -> int:
    """The bytes of its letters, which scripts of many letters need few of."""
    return len("".join(filter(str.isalpha, text)).encode())


def _excerpt(text: str) -> str:
    """The beginning of a line, harmless to a terminal."""
    shown = "".join(c if c.isprintable() else " " for c in text[: _EXCERPT + 1])
    return shown if len(shown) <= _EXCERPT else shown[: _EXCERPT - 3] + "..."
