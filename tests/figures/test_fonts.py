"""Which characters of a picture no font has, against what matplotlib itself complains of."""

import io
import logging
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from figures.test_render import make

from transformer_mt.figures import fonts
from transformer_mt.figures.attention import cross_attention_figure
from transformer_mt.figures.confusion import Confusion, confusion_figure
from transformer_mt.figures.fonts import missing_characters, missing_fonts
from transformer_mt.figures.render import render
from transformer_mt.training.board import Board

SENTENCES = {
    "Noto Sans CJK": ["我 喜欢 这 本 书 。", "これ は 本 です 。", "이것은 책 입니다"],
    "Noto Sans Thai": ["ฉัน ชอบ หนังสือ"],
    "Noto Sans Devanagari": ["मुझे यह किताब पसंद है ।"],
    "Noto Sans Khmer": ["ខ្ញុំ ចូលចិត្ត"],
    "Noto Sans Bengali, Noto Sans CJK": ["আমি 书"],
}
COVERED = ["Straße übers çğş", "Где вокзал ?", "Πού είναι", "אני אוהב", "أحب هذا", "naïve ▁sub „q“"]


@pytest.fixture(autouse=True)
def _one_font(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fonts this machine has."""
    monkeypatch.setattr(fonts, "_fonts", lambda: ["DejaVu Sans"])


def complained_of(text: str) -> set[str]:
    """The characters that matplotlib has no glyph for, in its own words."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cross_attention_figure(make(text, text)).savefig(io.BytesIO(), format="png")
    numbers = (re.match(r"Glyph (\d+) ", str(each.message)) for each in caught)
    return {chr(int(number[1])) for number in numbers if number}


@pytest.mark.parametrize(
    ("font", "text"), [(font, text) for font, texts in SENTENCES.items() for text in texts]
)
def test_what_matplotlib_misses_is_told_with_the_font_that_has_it(font: str, text: str) -> None:
    figure = cross_attention_figure(make(text, text))
    missing, complaints = missing_characters(figure), complained_of(text)
    assert complaints
    assert complaints <= missing <= set(text)  # of letters written together it names some alone
    told = missing_fonts(figure)
    assert told is not None
    assert told.endswith(f"; install {font}")


@pytest.mark.parametrize("text", COVERED)
def test_nothing_is_told_where_all_is_drawn(text: str) -> None:
    assert complained_of(text) == set()
    assert missing_fonts(cross_attention_figure(make(text, text))) is None


@pytest.mark.parametrize(("suffix", "count"), [("png", 1), ("svg", 0), ("html", 0), ("json", 0)])
def test_pictures_alone_need_fonts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, suffix: str, count: int
) -> None:
    render([make("我 喜欢", "ฉัน ชอบ")], tmp_path / f"out.{suffix}")
    told = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert len(told) == count
    for sentence in told:
        assert "install Noto Sans CJK, Noto Sans Thai, or write .html" in sentence


def test_tensorboard_tells_it_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    figure = confusion_figure(Confusion(("中文", "日本語"), np.eye(2, dtype=np.int64)))
    board = Board(tmp_path, 0)
    for step in (1, 2):
        board.draw("confusion", figure, step)
    board.close()
    (told,) = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert told.startswith(
        "TensorBoard's picture: no font of this machine has characters such as 中 "
    )
