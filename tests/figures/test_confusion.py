"""Confusion against its definitions, counted text by text."""

import io
import json
import warnings
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformer_mt.figures.confusion import Confusion, confusion_figure
from transformer_mt.figures.fonts import missing_glyphs_are_boxes

LABELS = ("a", "b", "c", "d")


def confusion_of(texts: list[tuple[int, int]], labels: tuple[str, ...] = LABELS) -> Confusion:
    """Of texts by their label and what they were taken for."""
    counts = np.zeros((len(labels), len(labels)), dtype=np.int64)
    for text in texts:
        counts[text] += 1
    return Confusion(labels, counts)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=30))
def test_figures_are_those_of_their_definitions(texts: list[tuple[int, int]]) -> None:
    confusion = confusion_of(texts)
    found = confusion.to_dict()
    f1_of_occurring = []
    for label, name in enumerate(LABELS):
        right = texts.count((label, label))
        truly = sum(true == label for true, _ in texts)
        taken = sum(predicted == label for _, predicted in texts)
        precision = right / taken if taken else 0.0
        recall = right / truly if truly else 0.0
        f1 = 2 * precision * recall / (precision + recall) if right else 0.0
        place = found["labels"].index(name)
        assert found["precision"][place] == pytest.approx(100 * precision)
        assert found["recall"][place] == pytest.approx(100 * recall)
        assert found["f1"][place] == pytest.approx(100 * f1)
        if truly or taken:
            f1_of_occurring.append(f1)
    right = sum(true == predicted for true, predicted in texts)
    mean = sum(f1_of_occurring) / max(len(f1_of_occurring), 1)
    assert confusion.accuracy == pytest.approx(100 * right / max(len(texts), 1))
    assert confusion.macro_f1 == pytest.approx(100 * mean)
    counts = [[texts.count((true, predicted)) for predicted in range(4)] for true in range(4)]
    assert json.loads(json.dumps(found))["counts"] == counts


def test_a_perfect_classifier_has_100_even_where_labels_never_occur() -> None:
    confusion = confusion_of([(0, 0), (0, 0), (2, 2)])
    assert confusion.accuracy == confusion.macro_f1 == 100


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=2000))
def test_the_table_holds_all_counts(texts: list[tuple[int, int]]) -> None:
    names = ("x", "a long label", "ü", "four")
    confusion = confusion_of(texts, names)
    head, *rows = confusion.lines()
    assert len({len(line) for line in (head, *rows)}) == 1  # columns stand below each other
    assert len(rows) == 4
    for number, (name, line) in enumerate(zip(names, rows, strict=True)):
        assert line.startswith(name)
        numbers = line.removeprefix(name).replace(",", "").split()
        assert [int(cell) for cell in numbers[:4]] == confusion.counts[number].tolist()
        rates = (confusion.precision, confusion.recall, confusion.f1)
        assert numbers[4:] == [f"{100 * each[number]:.2f}" for each in rates]


def test_many_labels_are_cut_from_the_table_and_the_picture_but_not_from_the_figures() -> None:
    labels = tuple(f"label {number}" for number in range(30))
    confusion = confusion_of([(n, (n + n // 25) % 30) for n in range(30)], labels)
    lines = confusion.lines()
    assert len(lines) == 1 + 20 + 1
    assert lines[-1] == "... and 10 more labels"
    assert confusion.accuracy == pytest.approx(100 * 25 / 30)
    assert len(confusion.to_dict()["f1"]) == 30
    axes = confusion_figure(confusion).axes[0]
    assert len(axes.get_xticklabels()) == 20


def test_the_picture_tells_each_count() -> None:
    confusion = confusion_of([(0, 0)] * 1234 + [(0, 1)] * 5 + [(1, 1)] * 7, ("yes", "no"))
    figure = confusion_figure(confusion)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["yes", "no"]
    assert axes.get_ylabel() == "label"
    places = {(text.get_position(), text.get_text()) for text in axes.texts}
    wanted = {(1234, 0, 0), (5, 0, 1), (0, 1, 0), (7, 1, 1)}
    assert places == {((column, row), f"{count:,}") for count, row, column in wanted}
    assert f"{confusion.accuracy:.2f} %" in axes.get_title()
    shades = axes.images[0].get_array()
    assert shades is not None
    for row, column in product(range(2), repeat=2):
        share = confusion.counts[row, column] / confusion.counts[row].sum()
        assert shades[row, column] == pytest.approx(share)
    figure.savefig(io.BytesIO(), format="png")


@pytest.mark.parametrize(
    "label", [r"$\frac$", "a$_{$", "日本語", "\N{RIGHT-TO-LEFT OVERRIDE}x", "x" * 200, "<b>&", " "]
)
def test_a_picture_has_any_labels(label: str) -> None:
    figure = confusion_figure(confusion_of([(0, 0), (1, 0)], (label, "other")))
    with warnings.catch_warnings(action="error"), missing_glyphs_are_boxes():
        figure.savefig(io.BytesIO(), format="png")
    shown = figure.axes[0].get_yticklabels()[0].get_text()
    assert shown == label or (shown.endswith("…") and label.startswith(shown[:-1]))
