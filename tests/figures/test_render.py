import json
import re
import struct
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray

from transformer_mt.errors import ConfigError, DataError
from transformer_mt.figures.attention import cross_attention_figure
from transformer_mt.figures.maps import AttentionMaps
from transformer_mt.figures.render import render
from transformer_mt.text.tokenizer import JOINER

SENTENCE = "A man in an orange hat is staring at something ."
TRANSLATION = "Ein Mann mit orangefarbenem Hut schaut übers Geländer ."
HOSTILE = "</script><script>alert(1)</script> <!-- <b>&amp;</b> a\u2028b $x_1$ __DATA__ \x01 \udc80"
FORMATS = ["html", "json", "png", "svg"]


def weights(
    rng: np.random.Generator, layers: int, heads: int, rows: int, columns: int
) -> NDArray[np.float32]:
    raw = rng.random((layers, heads, rows, columns)) ** 8
    return (raw / raw.sum(-1, keepdims=True)).astype(np.float32)


def make(
    source: str = SENTENCE,
    translation: str = TRANSLATION,
    layers: int = 2,
    heads: int = 3,
    score: float | None = None,
) -> AttentionMaps:
    rng = np.random.default_rng(len(source))
    src, tgt = source.split(" "), translation.split(" ")
    src_len, tgt_len = len(src) + 1, len(tgt) + 1
    return AttentionMaps(
        source=source,
        translation=translation,
        src_tokens=(*src, "[EOS]"),
        tgt_in=("[SOS]", *tgt),
        tgt_out=(*tgt, "[EOS]"),
        encoder=weights(rng, layers, heads, src_len, src_len),
        decoder=weights(rng, layers, heads, tgt_len, tgt_len),
        cross=weights(rng, layers, heads, tgt_len, src_len),
        score=score,
    )


class Page(HTMLParser):
    """The elements of a page, and the text of its scripts and its title."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.texts.setdefault(tag, []).append("")

    def handle_data(self, data: str) -> None:
        if self.tags:
            self.texts[self.tags[-1][0]][-1] += data

    @property
    def data(self) -> list[dict[str, Any]]:
        return json.loads(self.texts["script"][0])


def page_of(maps: list[AttentionMaps], tmp_path: Path) -> Page:
    render(maps, tmp_path / "page.html")
    return Page((tmp_path / "page.html").read_text("utf-8"))


def test_json_holds_every_map_with_its_weights(tmp_path: Path) -> None:
    maps = [make(score=-0.5), make(translation="Ein Mann starrt .")]
    render(maps, tmp_path / "out.json")
    loaded = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert [m["score"] for m in loaded] == [-0.5, None]
    for got, wanted in zip(loaded, maps, strict=True):
        for name in ("source", "translation"):
            assert got[name] == getattr(wanted, name)
        for name in ("src_tokens", "tgt_in", "tgt_out"):
            assert tuple(got[name]) == getattr(wanted, name)
        for name in ("encoder", "decoder", "cross"):
            assert np.allclose(got[name], getattr(wanted, name), rtol=0, atol=0.51e-4)


def test_weights_are_written_with_four_decimals(tmp_path: Path) -> None:
    render([make()], tmp_path / "out.json")
    text = (tmp_path / "out.json").read_text("utf-8")
    assert max(len(decimals) for decimals in re.findall(r"0\.(\d+)", text)) == 4


def test_page_embeds_the_json(tmp_path: Path) -> None:
    maps = [make(), make(HOSTILE, HOSTILE)]
    render(maps, tmp_path / "out.json")
    json_text = (tmp_path / "out.json").read_text("utf-8")
    assert page_of(maps, tmp_path).data == json.loads(json_text)


def test_page_needs_nothing_else(tmp_path: Path) -> None:
    page = page_of([make()], tmp_path)
    for tag, attributes in page.tags:
        assert tag not in {"link", "img", "iframe", "base", "object", "embed"}
        assert not {"src", "href", "srcset", "action"} & set(attributes)
    (style,) = page.texts["style"]
    assert "url(" not in style
    assert "@import" not in style
    assert "fetch(" not in page.texts["script"][1]
    policy = next(a["content"] for t, a in page.tags if "http-equiv" in a)
    assert str(policy).startswith("default-src 'none';")


def test_hostile_words_stay_words(tmp_path: Path) -> None:
    page, plain = page_of([make(HOSTILE, HOSTILE)], tmp_path), page_of([make()], tmp_path)
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in plain.tags]
    assert page.texts["script"][1] == plain.texts["script"][1]
    assert not re.search("[<>&\u2028\u2029]", page.texts["script"][0])
    assert page.data[0]["src_tokens"] == [*HOSTILE.split(" "), "[EOS]"]
    assert "</script><script>alert(1)</script>" in page.texts["title"][0]
    assert "__DATA__" in page.texts["title"][0]


def test_svg_is_xml_and_its_words_are_text(tmp_path: Path) -> None:
    render([make()], tmp_path / "out.svg")
    root = ElementTree.parse(tmp_path / "out.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    words = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {SENTENCE, TRANSLATION, "layer 1", "layer 2", "[EOS]"} <= set(words)
    assert {*SENTENCE.split(), *TRANSLATION.split()} <= set(words)


def test_svg_of_hostile_words_is_xml(tmp_path: Path) -> None:
    render([make(HOSTILE, HOSTILE)], tmp_path / "out.svg")
    root = ElementTree.parse(tmp_path / "out.svg").getroot()
    words = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "$x_1$" in words
    assert not [node for node in root.iter() if node.tag.endswith("script")]


def test_same_svg_twice(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        render([make()], tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.mark.parametrize(("words", "layers"), [(2, 1), (12, 4), (40, 12)])
def test_png_grows_with_the_sentence(tmp_path: Path, words: int, layers: int) -> None:
    sentence = " ".join(["Straße"] * words)
    render([make(sentence, sentence, layers)], tmp_path / "out.png")
    content = (tmp_path / "out.png").read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", content[16:24])
    assert 500 < width < 2500
    assert 400 < height < 3500


def test_figure_of_a_very_long_sentence_stays_drawable() -> None:
    sentence = " ".join(["word"] * 600)
    width, height = cross_attention_figure(make(sentence, sentence, 1, 1)).get_size_inches()
    assert max(width, height) < 60


def test_figure_words_do_not_overlap() -> None:
    sentence = " ".join(f"Wort{i}" for i in range(40))
    figure = cross_attention_figure(make(sentence, sentence))
    figure.draw_without_rendering()
    axes = figure.axes[0]
    boxes = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert all(upper.y0 >= lower.y1 - 1 for upper, lower in pairwise(boxes))
    assert all(box.x0 >= 0 for box in boxes)
    tops = [label.get_window_extent().y1 for label in axes.get_xticklabels()]
    assert max(tops) < min(text.get_window_extent().y0 for text in figure.texts)


def test_figure_leaves_matplotlib_as_it_was(tmp_path: Path) -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    render([make()], tmp_path / "out.svg")
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("name", ["out.pdf", "out", "out.html.gz"])
def test_unknown_suffix(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError) as error:
        render([make()], tmp_path / name)
    assert f"'{Path(name).suffix}'" in str(error.value)
    assert all(f".{suffix}" in str(error.value) for suffix in FORMATS)
    assert not list(tmp_path.iterdir())


def test_suffix_in_capitals(tmp_path: Path) -> None:
    render([make()], tmp_path / "OUT.JSON")
    assert json.loads((tmp_path / "OUT.JSON").read_text("utf-8"))


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_place_that_cannot_be_written(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / f"folder.{suffix}").mkdir()
    before = sorted(tmp_path.iterdir())
    below_a_file, folder = tmp_path / "file" / f"out.{suffix}", tmp_path / f"folder.{suffix}"
    with pytest.raises(DataError, match=re.escape(str(below_a_file))):
        render([make()], below_a_file)
    with pytest.raises(ConfigError, match=re.escape(str(folder))):
        render([make()], folder)
    assert sorted(tmp_path.iterdir()) == before
    render([make()], tmp_path / "new" / f"out.{suffix}")  # a missing folder is made


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_older_drawing_is_replaced(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out.{suffix}"
    render([make()], path)
    wanted = path.read_bytes()
    path.write_bytes(wanted + b" ")
    render([make()], path)
    assert path.read_bytes() == wanted
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_is_no_drawing_of_attention_is_left_alone(tmp_path: Path, suffix: str) -> None:
    """A photograph, say, or a page that was written by hand."""
    (tmp_path / "mine").write_text("<html><title>Attention, please</title>[{}]")
    path, link = tmp_path / f"out.{suffix}", tmp_path / f"link.{suffix}"
    dangling = tmp_path / f"dangling.{suffix}"
    path.write_bytes(b"\x89PNG\r\n\x1a\n mine")
    link.symlink_to("mine")
    dangling.symlink_to("no")
    for place in (path, link, dangling):
        with pytest.raises(ConfigError, match=re.escape(f"{place}: exists and is no drawing")):
            render([make()], place)
    assert path.read_bytes() == b"\x89PNG\r\n\x1a\n mine"
    assert (tmp_path / "mine").read_text() == "<html><title>Attention, please</title>[{}]"
    assert dangling.is_symlink()
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("suffix", FORMATS)
def test_weights_that_are_not_numbers(tmp_path: Path, suffix: str) -> None:
    maps = make()
    maps.cross[0, 0, 0, 0] = np.nan
    with pytest.raises(DataError, match="not finite"):
        render([maps], tmp_path / f"out.{suffix}")
    assert not list(tmp_path.iterdir())


def test_nothing_to_render(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing to render"):
        render([], tmp_path / "out.html")


def test_maps_refuse_shapes_that_disagree_with_the_tokens() -> None:
    good = make()
    with pytest.raises(ValueError, match="cross has shape"):
        AttentionMaps(
            source=good.source,
            translation=good.translation,
            src_tokens=good.src_tokens,
            tgt_in=good.tgt_in,
            tgt_out=good.tgt_out,
            encoder=good.encoder,
            decoder=good.decoder,
            cross=good.cross.swapaxes(2, 3),
        )


def marked() -> AttentionMaps:
    """A translation whose tokens carry marks of joining, on either side or both."""
    return make("I 'm here \uffed.", "j \uffed'\uffed ai \uffed, \uffed")


@pytest.mark.parametrize("suffix", ["html", "svg"])
def test_marks_of_joining_are_not_shown(tmp_path: Path, suffix: str) -> None:
    maps = replace(marked(), source="I'm here.", translation="j'ai,")
    render([maps], tmp_path / f"out.{suffix}")
    text = (tmp_path / f"out.{suffix}").read_text("utf-8")
    assert text.count(JOINER) == {"html": 2, "svg": 1}[suffix]  # a token that is nothing else
    if suffix == "html":
        (shown,) = Page(text).data
        assert shown["src_tokens"] == ["I", "'m", "here", ".", "[EOS]"]
        assert shown["tgt_in"] == ["[SOS]", "j", "'", "ai", ",", JOINER]
        assert shown["tgt_out"] == ["j", "'", "ai", ",", JOINER, "[EOS]"]


def test_the_numbers_keep_the_tokens_of_the_vocabulary(tmp_path: Path) -> None:
    render([marked()], tmp_path / "out.json")
    (saved,) = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert tuple(saved["tgt_out"]) == marked().tgt_out
