"""Figure of the cross-attention: weights of each predicted token over the source tokens."""

from __future__ import annotations

import io
import logging
import re
import textwrap
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from transformer_mt.figures.fonts import (
    lettering,
    missing_fonts,
    missing_glyphs_are_boxes,
    printable,
    shortened,
    without_joiner,
)
from transformer_mt.figures.maps import check_finite

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from transformer_mt.figures.maps import AttentionMaps

log = logging.getLogger(__name__)

PROGRAM = "transformer_mt attention"
"""Program name in the metadata of a picture file."""

# White to deep blue in equal steps of OKLab lightness; attention.html has the same.
_COLOURS = (
    "#f3f8fa",
    "#bde0f3",
    "#8cc6eb",
    "#63a9df",
    "#478bce",
    "#366db5",
    "#2e5197",
    "#263775",
    "#1b1f51",
)
_INK, _GREY = "#1d2126", "#7a828e"
_SPECIAL = re.compile(r"\[[A-Z]+\]|<[^<>\s]+>")


def draw_picture(maps: AttentionMaps, kind: str) -> bytes:
    """Return the cross-attention figure as the bytes of a PNG or SVG file."""
    import matplotlib as mpl

    check_finite(maps)
    figure = cross_attention_figure(maps)
    if kind == "png" and (missing := missing_fonts(figure)) is not None:
        log.warning("%s, or write .html, as browsers find fonts themselves", missing)
    buffer = io.BytesIO()
    # Text stays text in SVG: it can be searched, and a viewer finds a font for any script.
    with (
        mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "tmt"}),
        missing_glyphs_are_boxes(),
    ):
        metadata = {"Creator": PROGRAM, "Date": None} if kind == "svg" else {"Software": PROGRAM}
        figure.savefig(buffer, format=kind, dpi=160, metadata=metadata)
    return buffer.getvalue()


def cross_attention_figure(maps: AttentionMaps) -> Figure:
    """Return the figure of cross-attention weights; its size grows with the sentence.

    The large panel is the mean over all layers and heads; below it are the means over the heads of
    each layer, if there are several. All panels share one colour scale.
    """
    from matplotlib.figure import Figure

    layers = maps.cross.mean(axis=1)  # (num_layers, tgt_len, src_len)
    src, tgt = _labels(maps.src_tokens), _labels(maps.tgt_out)
    sheet = _Sheet.plan(src, tgt, len(layers), (maps.source, maps.translation))
    figure = Figure(figsize=(sheet.width, sheet.height), facecolor="white")

    _write_title(figure, sheet)
    axes = figure.add_axes(sheet.box(sheet.left, sheet.top, sheet.panel_width, sheet.panel_height))
    image = _draw_weights(axes, layers.mean(axis=0), vmax=float(layers.max()))
    _label_words(axes, src, tgt, sheet.font)
    _draw_colour_bar(figure, sheet, image)
    for index, weights in enumerate(layers if len(layers) > 1 else ()):
        axes = figure.add_axes(sheet.small_box(index))
        _draw_weights(axes, weights, vmax=float(layers.max()))
        axes.set(xticks=[], yticks=[])
        axes.set_title(f"layer {index + 1}", fontsize=7.5, color=_GREY, pad=3, **lettering())
    return figure


_Box: TypeAlias = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class _Sheet:
    """Layout of the figure, in inches from the upper left corner."""

    width: float
    height: float
    left: float
    top: float
    panel_width: float
    panel_height: float
    small_width: float
    small_height: float
    columns: int
    font: float
    title: tuple[tuple[str, ...], tuple[str, ...]]

    @classmethod
    def plan(
        cls, src: list[str], tgt: list[str], num_layers: int, sentences: tuple[str, str]
    ) -> _Sheet:
        """Compute the layout; cells and letters shrink as the sentence grows, but stay readable."""
        cell = min(max(7 / max(len(src), len(tgt)), 0.2), 0.5)
        cell = min(cell, 40 / max(len(src), len(tgt)))  # at most 40 inches for the panel
        font = min(9.5, cell * 72 * 0.62)
        left = max(_text_width(word, font) for word in tgt) + 0.35
        panel_width, panel_height = cell * len(src), cell * len(tgt)
        # Source words stand above their columns at 50 degrees, the last ones beyond the panel.
        overhang = max(
            _text_width(word, font) * 0.64 - cell * (len(src) - i) for i, word in enumerate(src)
        )
        width = max(left + panel_width + max(overhang + 0.15, 0.95), 4.8)
        title = tuple(_wrapped(s, width - 0.6, 10) for s in sentences)
        top = 0.4 + 0.19 * sum(map(len, title)) + max(_text_width(w, font) for w in src) * 0.77

        columns = min(num_layers, 6)
        room = max(panel_width, width - left - 0.95) - 0.15 * (columns - 1)
        small_width = min(room / columns, panel_width * 0.6)
        small_height = small_width * panel_height / panel_width
        rows = -(-num_layers // columns) if num_layers > 1 else 0
        foot = 0.35 + rows * (small_height + 0.3)
        return cls(
            width=width,
            height=top + panel_height + foot,
            left=left,
            top=top,
            panel_width=panel_width,
            panel_height=panel_height,
            small_width=small_width,
            small_height=small_height,
            columns=columns,
            font=font,
            title=(title[0], title[1]),
        )

    def box(self, x: float, y: float, width: float, height: float) -> _Box:
        """Return a rectangle in matplotlib's form: fractions, from the lower left corner."""
        bottom = self.height - y - height
        return x / self.width, bottom / self.height, width / self.width, height / self.height

    def small_box(self, index: int) -> _Box:
        """Return the rectangle of a layer's panel, below the large one."""
        row, column = divmod(index, self.columns)
        x = self.left + column * (self.small_width + 0.15)
        y = self.top + self.panel_height + 0.4 + row * (self.small_height + 0.3)
        return self.box(x, y, self.small_width, self.small_height)


def _write_title(figure: Figure, sheet: _Sheet) -> None:
    """Write the sentence, and below it the translation in grey."""
    y = 0.28
    for lines, colour in zip(sheet.title, (_INK, _GREY), strict=True):
        for line in lines:
            at = (0.3 / sheet.width, 1 - y / sheet.height)
            figure.text(*at, line, size=10, color=colour, **lettering())
            y += 0.19


def _draw_weights(axes: Axes, weights: np.ndarray, vmax: float) -> AxesImage:
    """Draw weights (tgt_len, src_len), the first predicted word at the top."""
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("attention", _COLOURS)
    image = axes.imshow(weights, cmap=colours, vmin=0, vmax=vmax, aspect="auto")
    for spine in axes.spines.values():
        spine.set(color=_GREY, linewidth=0.5)
    return image


def _label_words(axes: Axes, src: list[str], tgt: list[str], size: float) -> None:
    """Write source words above columns, predicted words left of rows, special tokens in grey."""
    style = {"fontsize": size, **lettering()}
    axes.xaxis.tick_top()
    axes.tick_params(length=0, pad=3)
    axes.set_yticks(range(len(tgt)), tgt, **style)
    axes.set_xticks(
        range(len(src)), src, **style, rotation=50, rotation_mode="anchor", ha="left", va="center"
    )
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_color(_GREY if _SPECIAL.fullmatch(label.get_text()) else _INK)


def _draw_colour_bar(figure: Figure, sheet: _Sheet, image: AxesImage) -> None:
    """Draw a narrow colour bar to the right of the large panel."""
    x = sheet.left + sheet.panel_width + 0.18
    axes = figure.add_axes(sheet.box(x, sheet.top, 0.1, sheet.panel_height))
    bar = figure.colorbar(image, cax=axes)
    bar.ax.tick_params(labelsize=7, labelcolor=_GREY, color=_GREY, length=2)
    bar.outline.set(edgecolor=_GREY, linewidth=0.5)


def _labels(tokens: tuple[str, ...]) -> list[str]:
    """Return tokens as labels: short, without joiner marks or forbidden characters."""
    return [shortened(printable(without_joiner(token))) for token in tokens]


def _wrapped(sentence: str, width: float, size: float) -> tuple[str, ...]:
    """Return text wrapped to `width` inches, at most three lines."""
    columns = max(10, int(width / (0.6 * size / 72)))
    lines = textwrap.wrap(printable(sentence), columns, max_lines=3, placeholder=" …")
    return tuple(lines)


def _text_width(text: str, size: float) -> float:
    """Return the approximate width of text in inches; East Asian letters are square."""
    ems = sum(1.0 if unicodedata.east_asian_width(c) in "WF" else 0.62 for c in text)
    return ems * size / 72
