"""Data reports of each task, logged before training."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, TypeVar

from transformer_mt.data.coverage import Coverages, saved_coverages

_SPLITS = ("train", "validation", "test")


class Report(Protocol):
    """Data report of any task; `of` is the inverse of `dataclasses.asdict`."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def kept(self) -> int:
        """Return the number of training examples."""

    @property
    def validation(self) -> int:
        """Return the number of validation examples."""

    @property
    def test(self) -> int: ...

    @property
    def coverage(self) -> Coverages:
        """Return the vocabulary coverage of each split."""

    def lines(self) -> list[str]:
        """Return the report as lines of text."""

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> Self:
        """Rebuild a report from saved JSON."""


R = TypeVar("R", bound=Report)


@dataclass(frozen=True, slots=True)
class DataReport:
    """Data report of sentence pairs."""

    read: int
    empty: int
    too_long: int
    ratio: int
    kept: int
    duplicates: int
    """Number of kept pairs equal to an earlier pair; duplicates are not removed."""
    validation: int
    test: int
    validation_overlap: int
    """Number of validation pairs that share a source or target sentence with train."""
    test_overlap: int
    coverage: Coverages
    notes: tuple[str, ...]
    usual_tokens: int | None = None
    """Source tokens that 99 of 100 kept pairs do not exceed; None in runs of older versions."""
    usual_sentences: int | None = None
    """Source sentences per line that 99 of 100 kept pairs do not exceed."""

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
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
        """Rebuild a report from saved JSON."""
        return cls(**_parts(saved))


@dataclass(frozen=True, slots=True)
class TextCounts:
    """Counts of a split of running text."""

    lines: int
    characters: int
    """Number of characters, including one line end per line."""
    tokens: int
    """Number of target tokens, including one [EOS] per line."""
    unknown: int
    """Number of [UNK] among the target tokens."""
    examples: int
    """Number of sequences of the split."""


@dataclass(frozen=True, slots=True)
class TextReport:
    """Data report of running text."""

    kept: int
    validation: int
    test: int
    splits: dict[str, TextCounts]
    """Counts by split name."""
    coverage: Coverages
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
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
        """Rebuild a report from saved JSON."""
        return cls(**_parts(saved, TextCounts))


@dataclass(frozen=True, slots=True)
class LabelledCounts:
    """Counts of a split of labelled texts."""

    examples: int
    labels: dict[str, int]
    """Number of texts of each label."""
    cut: int
    """Number of texts truncated to `data.max_length` tokens."""
    empty: int
    """Number of texts without a token, which are encoded as [UNK]."""


@dataclass(frozen=True, slots=True)
class LabelledReport:
    """Data report of labelled texts."""

    kept: int
    validation: int
    test: int
    duplicates: int
    """Number of training rows equal to an earlier row; duplicates are not removed."""
    validation_overlap: int
    """Number of validation texts that also occur in train."""
    test_overlap: int
    splits: dict[str, LabelledCounts]
    """Counts by split name."""
    coverage: Coverages
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
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
        """Rebuild a report from saved JSON."""
        return cls(**_parts(saved, LabelledCounts))


def _parts(saved: Mapping[str, Any], counts: Callable[..., Any] = dict) -> dict[str, Any]:
    """Rebuild the fields of a report from JSON; `counts` makes those of a split."""
    parts = dict(saved)
    if "splits" in saved:
        parts["splits"] = {name: counts(**split) for name, split in saved["splits"].items()}
    coverage = saved_coverages(saved["coverage"])
    return parts | {"coverage": coverage, "notes": tuple(saved["notes"])}


def _unknown(coverages: Coverages) -> str:
    """Return the percentages of unknown tokens, of each column of each split."""
    return "; ".join(
        f"{split} {', '.join(f'{100 * column.unknown_share:.2f} %' for column in columns)}"
        for split, columns in coverages.items()
    )


def _commonest(labels: Mapping[str, int], most: int = 8) -> Iterator[str]:
    yield from (f"{label}: {count:,}" for label, count in Counter(labels).most_common(most))
    if len(labels) > most:
        yield f"{len(labels) - most} other labels"
