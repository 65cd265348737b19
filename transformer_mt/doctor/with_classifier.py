"""Detection of swapped, untranslated and wrong-language pairs with a language classifier."""

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
from transformer_mt.doctor.checks import FINE, KINDS, SENTENCE, pair_kinds
from transformer_mt.doctor.report import excerpt
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.files.lines import one_line
from transformer_mt.runtime.console import hides_bars
from transformer_mt.runtime.rounding import DECIMALS, rounded

_PIECE = 4096
"""Pairs that are in memory at once."""
_LEAST_LETTERS = 20
"""Minimum bytes of letters to judge the language of a line: names and numbers fit any."""
_EXCERPT = 60
"""Maximum characters of a line in a report."""


class LanguageClassifier(Protocol):
    """A text classifier whose labels are languages."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the languages, in the order of the probabilities."""

    def probabilities(self, texts: Sequence[str], batch_tokens: int) -> NDArray[np.float32]:
        """Return the probability of each language for each text, (texts, labels)."""


@dataclass(frozen=True, slots=True)
class SuspiciousPair:
    """A suspicious pair with the most probable label of each side."""

    line: int
    kind: str
    """Kind of the problem, one of `KINDS`."""
    src: str
    """Beginning of the source line."""
    src_label: str
    src_probability: float
    tgt: str
    tgt_label: str
    tgt_probability: float

    def show(self, layout: str) -> str:
        """Format the pair as one line of text ("text") or JSON ("jsonl")."""
        if layout == "jsonl":
            return one_line(json.dumps(rounded(asdict(self)), ensure_ascii=False))
        src = f"{self.src_label} {self.src_probability:.{DECIMALS}f}\t{self.src}"
        tgt = f"{self.tgt_label} {self.tgt_probability:.{DECIMALS}f}\t{self.tgt}"
        return f"{self.line}\t{self.kind}\t{src}\t{tgt}"


@dataclass(frozen=True, slots=True)
class _Side:
    """The languages of the lines of one file; all arrays are (lines,)."""

    labels: NDArray[np.int16]
    """Index of the most probable label."""
    probabilities: NDArray[np.float32]
    """Probability of the label."""
    known: NDArray[np.bool_]
    """True if the line is long enough and the probability reaches the threshold."""

    def count(self, number: int) -> int:
        """Return the number of lines of a known language."""
        return int((self.known & (self.labels == number)).sum())


@dataclass(frozen=True, slots=True)
class PairCheck:
    """The result of checking two parallel files."""

    files: tuple[Path, Path]
    labels: tuple[str, ...]
    """Languages that the classifier knows."""
    languages: tuple[str, str]
    """Languages of the two files."""
    sides: tuple[_Side, _Side]
    kinds: NDArray[np.int8]
    """(lines,) 0 if the pair is not suspicious, else 1 + the index in `KINDS`."""

    @property
    def counts(self) -> dict[str, int]:
        """Number of pairs of each kind."""
        return {kind: int((self.kinds == n).sum()) for n, kind in enumerate(KINDS, start=1)}

    def suspicious(self) -> Iterator[SuspiciousPair]:
        """Yield all suspicious pairs, in order; read the files again for the text."""
        wanted = self.kinds != FINE
        for row, pair in compress(enumerate(parallel_pairs(*self.files)), wanted.tolist()):
            yield self._suspicious(row, pair)

    def _suspicious(self, row: int, pair: SentencePair) -> SuspiciousPair:
        src, tgt = self.sides
        texts = [excerpt(text, _EXCERPT, lambda _: " ") for text in pair]
        return SuspiciousPair(
            line=row + 1,
            kind=KINDS[self.kinds[row] - 1],
            src=texts[0],
            src_label=self.labels[src.labels[row]],
            src_probability=float(src.probabilities[row]),
            tgt=texts[1],
            tgt_label=self.labels[tgt.labels[row]],
            tgt_probability=float(tgt.probabilities[row]),
        )

    def lines(self) -> list[str]:
        """Return a summary as lines of text."""
        told = ", ".join(f"{count:,} {kind}" for kind, count in self.counts.items())
        return [*map(self._side_line, range(2)), f"{len(self.kinds):,} pairs: {told}"]

    def _side_line(self, side: int) -> str:
        own, known = self._own(side)
        return (
            f"{self.files[side]}: {self.languages[side]}, as {own:,} of {known:,} lines are whose"
            " language is plain"
        )

    def _own(self, side: int) -> tuple[int, int]:
        """Return the number of lines in the language of the file, and in any known language."""
        found = self.sides[side]
        return found.count(self.labels.index(self.languages[side])), int(found.known.sum())

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as plain values for JSON."""
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
    """Classify the language of all lines of two parallel files and find suspicious pairs.

    Each line takes a few bytes of memory.

    Args:
        classifier: a classifier whose labels are languages.
        files: two parallel files.
        languages: languages of the files; None: the most frequent language of each file.
        threshold: minimum probability from which the language of a line counts as known.
        batch_tokens: positions of a batch; changes speed and memory only.

    Raises:
        DataError: a file cannot be read, line counts differ, or both files are in one language.
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
    """Classify both files; also return a mask of the untranslated pairs, (lines,)."""
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
    """Return the most frequent known language of a file."""
    counts = Counter({label: side.count(number) for number, label in enumerate(labels)})
    (language, count), *_ = counts.most_common(1)
    if not count:
        raise DataError(f"{file}: there is no line whose language is plain")
    return language


def _kinds(
    sides: tuple[_Side, _Side], languages: tuple[int, int], same: NDArray[np.bool_]
) -> NDArray[np.int8]:
    """Return the kind of each pair (see `PairCheck.kinds`) for files in these languages."""
    src, tgt = sides
    src_wrong = src.known & (src.labels != languages[0])
    tgt_wrong = tgt.known & (tgt.labels != languages[1])
    is_one = src.known & tgt.known & (src.labels == tgt.labels)
    swapped = src_wrong & tgt_wrong & (src.labels == languages[1]) & (tgt.labels == languages[0])
    return pair_kinds((src_wrong, tgt_wrong), swapped, same | is_one)


def _is_same(pair: SentencePair) -> bool:
    """Return whether both sides are equal and long enough to be a sentence."""
    src, tgt = (text.strip() for text in pair)
    if src != tgt:
        return False
    words = sum(any(map(str.isalpha, word)) for word in src.split())
    return words >= SENTENCE and _letters(src) >= _LEAST_LETTERS


def _letters(text: str) -> int:
    """Return the number of bytes of the letters; scripts with many letters need few per line."""
    return len("".join(filter(str.isalpha, text)).encode())
