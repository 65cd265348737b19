"""Confusion matrix of a classifier: scores, a table, a figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from transformer_mt.figures.fonts import lettering, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_SHOWN = 20
"""Most labels shown in a table or a figure."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """Confusion matrix: number of texts by true and predicted label."""

    labels: tuple[str, ...]
    counts: NDArray[np.int64]
    """Number of texts (true label, predicted label)."""

    @property
    def accuracy(self) -> float:
        """Percent of the texts whose predicted label is the true one."""
        return 100 * float(self.counts.trace()) / max(int(self.counts.sum()), 1)

    @property
    def macro_f1(self) -> float:
        """Mean F1 in percent of the labels that occur, as true or as predicted label."""
        occurring = (self.counts.sum(axis=0) + self.counts.sum(axis=1)) > 0
        return 100 * float(self.f1[occurring].mean()) if occurring.any() else 0.0

    @property
    def precision(self) -> NDArray[np.float64]:
        """Share of correct texts among those predicted as a label, (labels,); else 0."""
        return _share(self.counts.diagonal(), self.counts.sum(axis=0))

    @property
    def recall(self) -> NDArray[np.float64]:
        """Share of correct texts among those of a true label, (labels,)."""
        return _share(self.counts.diagonal(), self.counts.sum(axis=1))

    @property
    def f1(self) -> NDArray[np.float64]:
        """Harmonic mean of precision and recall, (labels,)."""
        return _share(2 * self.counts.diagonal(), self.counts.sum(axis=0) + self.counts.sum(axis=1))

    def lines(self) -> list[str]:
        """Return the matrix as a table: a row per true label, a column per predicted label."""
        shown = self.labels[:_MOST_SHOWN]
        width = max(len(label) for label in (*shown, "label"))
        cells = [max(len(label), len(f"{self.counts.max(initial=0):,}"), 5) for label in shown]
        head = "  ".join(f"{label:>{size}}" for label, size in zip(shown, cells, strict=True))
        lines = [f"{'label':<{width}}  {head}  precision  recall     F1"]
        for row, label in enumerate(shown):
            numbers = "  ".join(
                f"{count:>{size},}" for count, size in zip(self.counts[row], cells, strict=False)
            )
            rates = (100 * each[row] for each in (self.precision, self.recall, self.f1))
            figures = "{:>9.2f}  {:>6.2f} {:>6.2f}".format(*rates)
            lines.append(f"{label:<{width}}  {numbers}  {figures}")
        if len(shown) < len(self.labels):
            lines.append(f"... and {len(self.labels) - len(shown)} more labels")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Return all scores and counts as plain values for JSON."""
        return {
            "labels": list(self.labels),
            "counts": self.counts.tolist(),
            "precision": [100 * value for value in self.precision.tolist()],
            "recall": [100 * value for value in self.recall.tolist()],
            "f1": [100 * value for value in self.f1.tolist()],
        }


def confusion_figure(confusion: Confusion) -> Figure:
    """Draw the matrix: the darker a cell, the larger the share of the row's texts."""
    from matplotlib.figure import Figure

    labels = [shortened(label) for label in confusion.labels[:_MOST_SHOWN]]
    counts = confusion.counts[:_MOST_SHOWN, :_MOST_SHOWN]
    size = 2.5 + 0.5 * len(labels)
    figure = Figure(figsize=(size + 0.5, size), facecolor="white", layout="constrained")
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right", **lettering())
    axes.set_yticks(range(len(labels)), labels, **lettering())
    axes.set_xlabel("taken for")
    axes.set_ylabel("label")
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, f"{count:,}", ha="center", va="center", color=color, fontsize=8)
    axes.set_title(f"accuracy {confusion.accuracy:.2f} %, macro F1 {confusion.macro_f1:.2f} %")
    return figure


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return part / np.maximum(whole, 1)
