"""What a person should know of the data before training."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, TypeVar

from transformer_mt.data.coverage import Coverages, saved_coverages

_SPLITS = ("train", "validation", "test")


class Report(Protocol):
    """What all reports tell; `dataclasses.asdict` gives what `of` takes."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def kept(self) -> int:
        """Training examples."""

    @property
    def validation(self) -> int:
        """Of its rows."""

    @property
    def test(self) -> int: ...

    @property
    def coverage(self) -> Coverages:
        """How much of each split the vocabulary knows."""

    def lines(self) -> list[str]:
        """The report as sentences."""

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> Self:
        """From what was saved as JSON."""


R = TypeVar("R", bound=Report)


@dataclass(frozen=True, slots=True)
class DataReport:
    """That of sentence pairs."""

    read: int
    empty: int
    too_long: int
    ratio: int
    kept: int
    duplicates: int
    """Kept pairs that occurred before (they stay)."""
    validation: int
    test: int
    validation_overlap: int
    """Validation pairs with a source or target sentence that also stands in train."""
    test_overlap: int
    coverage: Coverages
    notes: tuple[str, ...]
    usual_tokens: int | None = None
    """Source tokens that 99 of 100 kept pairs do not exceed; None in runs of earlier versions."""
    usual_sentences: int | None = None
    """The same of sentences on the source side."""

    def lines(self) -> list[str]:
        """The report as sentences."""
        dropped = f"{self.empty:,} empty, {self.too_long:,} too long, {self.ratio:,} odd ratio"
        return [
            *self.notes,
            f"train: {self.read:,} pairs read, {self.kept:,} kept; dropped {dropped};"
            f" {self.duplicates:,} duplicates",
            f"validation: {self.validation:,} pairs, {self.validation_overlap:,} with a sentence of"
            f" train; test: {self.test:,} pairs, {self.test_overlap:,} with one",
            f"unknown tokens, source and target: {_unknown(self.coverage)}",
        ]

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> Self:
        """From what was saved as JSON."""
        coverage = saved_coverages(saved["coverage"])
        return cls(**{**saved, "coverage": coverage, "notes": tuple(saved["notes"])})


@dataclass(frozen=True, slots=True)
class TextCounts:
    """Of a split of running text."""

    lines: int
    characters: int
    """Those of all lines, and one for the end of each."""
    tokens: int
    """That are predicted: those of all lines, and the [EOS] of each."""
    unknown: int
    """Of them [UNK]."""
    examples: int
    """Rows that it is cut into."""


@dataclass(frozen=True, slots=True)
class TextReport:
    """That of running text."""

    kept: int
    validation: int
    test: int
    splits: dict[str, TextCounts]
    """By their names."""
    coverage: Coverages
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """The report as sentences."""
        return [*self.notes, *map(self._line, _SPLITS)]

    def _line(self, split: str) -> str:
        counts = self.splits[split]
        unknown = 100 * counts.unknown / max(counts.tokens, 1)
        return (
            f"{split}: {counts.lines:,} lines, {counts.characters:,} characters,"
            f" {counts.tokens:,} tokens ({unknown:.2f} % unknown), {counts.examples:,} examples"
        )

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> Self:
        """From what was saved as JSON."""
        splits = {name: TextCounts(**counts) for name, counts in saved["splits"].items()}
        coverage = saved_coverages(saved["coverage"])
        notes = tuple(saved["notes"])
        return cls(**{**saved, "splits": splits, "coverage": coverage, "notes": notes})


@dataclass(frozen=True, slots=True)
class LabelledCounts:
    """Of a split of labelled texts."""

    examples: int
    labels: dict[str, int]
    """How many there are of each."""
    cut: int
    """Texts that are longer than `data.max_length`, and are read no further."""
    empty: int
    """Texts without a token: they are read as one that is unknown."""


@dataclass(frozen=True, slots=True)
class LabelledReport:
    """That of labelled texts."""

    kept: int
    validation: int
    test: int
    duplicates: int
    """Training texts that occurred before with the same label (they stay)."""
    validation_overlap: int
    """Validation texts that also stand in train."""
    test_overlap: int
    splits: dict[str, LabelledCounts]
    """By their names."""
    coverage: Coverages
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """The report as sentences."""
        more = {
            "train": f"{self.duplicates:,} duplicates",
            "validation": f"{self.validation_overlap:,} that stand in train, too",
            "test": f"{self.test_overlap:,} that stand in train, too",
        }
        return [
            *self.notes,
            *(f"{self._line(split)}; {more[split]}" for split in _SPLITS),
            f"unknown tokens: {_unknown(self.coverage)}",
        ]

    def _line(self, split: str) -> str:
        counts = self.splits[split]
        return (
            f"{split}: {counts.examples:,} texts ({', '.join(_commonest(counts.labels))});"
            f" {counts.cut:,} cut, {counts.empty:,} without a token"
        )

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> Self:
        """From what was saved as JSON."""
        splits = {name: LabelledCounts(**counts) for name, counts in saved["splits"].items()}
        coverage = saved_coverages(saved["coverage"])
        notes = tuple(saved["notes"])
        return cls(**{**saved, "splits": splits, "coverage": coverage, "notes": notes})


def _unknown(coverages: Coverages) -> str:
    """Their shares, of each column of each split."""
    return "; ".join(
        f"{split} {', '.join(f'{100 * column.unknown_share:.2f} %' for column in columns)}"
        for split, columns in coverages.items()
    )


def _commonest(labels: Mapping[str, int], most: int = 8) -> Iterator[str]:
    yield from (f"{label}: {count:,}" for label, count in Counter(labels).most_common(most))
    if len(labels) > most:
        yield f"{len(labels) - most} other labels"
