import gzip
import io
import json
import logging
import os
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_runs import Terminal, make_run, own_logging, write

from transformer_mt import load
from transformer_mt.cli import streams
from transformer_mt.cli.streams import (
    argument_line,
    open_input,
    open_output,
    prompt_lines,
    read_chunks,
)
from transformer_mt.cli.translation_lines import format_translation, translate_chunks
from transformer_mt.errors import DataError
from transformer_mt.inference.results import Candidate, Translation
from transformer_mt.inference.translator import Translator
from transformer_mt.runtime.console import hides_bars, print_error, set_up_logging


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Translator:
    return load(make_run(tmp_path_factory.mktemp("runs") / "a"), device="cpu")


@pytest.fixture
def _own_logging() -> Iterator[None]:
    with own_logging():
        yield


def lines_of(raw: bytes) -> list[str]:
    return [line for chunk in read_chunks(io.BytesIO(raw)) for line in chunk]


# reading


@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a\nb", ["a", "b"]),
        (b"a\r\n\r\nb\r\n", ["a", "", "b"]),
        (b"  \n\t\n", ["  ", "\t"]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", ["a", "\ufeffb"]),
        ("a\u2028b\x85c\x0b\x1cd\re\n".encode(), ["a\u2028b\x85c\x0b\x1cd\re"]),
    ],
)
def test_lines_end_at_newline_alone(raw: bytes, lines: list[str]) -> None:
    assert lines_of(raw) == lines


@given(lines=st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))))
def test_every_line_arrives_once_and_in_order(lines: list[str]) -> None:
    expected = [line.removesuffix("\r") for line in lines]
    if expected:
        expected[0] = expected[0].removeprefix("\ufeff")
    assert lines_of("".join(f"{line}\n" for line in lines).encode()) == expected


def test_long_input_comes_in_chunks_of_bounded_size() -> None:
    count = 5 * streams._CHUNK + 7
    chunks = list(read_chunks(io.BytesIO(b"".join(b"%d\n" % i for i in range(count)))))
    assert all(1 <= len(chunk) <= streams._CHUNK for chunk in chunks)
    assert [int(line) for chunk in chunks for line in chunk] == list(range(count))


def test_wrong_bytes_are_replaced_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    raw = b"ok\n" * 2000 + b"caf\xe9 ol\xc3\xa9\n"
    assert lines_of(raw)[2000] == "caf\ufffd olé"
    assert caplog.messages == ["line 2001 is not valid UTF-8: the wrong bytes are replaced"]


def test_a_line_is_there_before_the_next_is_written() -> None:
    """A program that writes one line and waits gets its answer."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb", buffering=0) as sink:
        chunks = read_chunks(source)
        for line in (b"one\n", b"two\n"):
            sink.write(line)
            assert next(chunks) == [line.decode().rstrip()]
        sink.write(b"three")  # no newline, and no end yet
        sink.close()
        assert list(chunks) == [["three"]]


@pytest.mark.parametrize("kept", [0.6, 0.9])
def test_a_broken_gz_gives_its_lines_and_then_an_error(tmp_path: Path, kept: float) -> None:
    raw = "".join(f"{i * 7919 % 10007}\n" for i in range(30000)).encode()
    packed = gzip.compress(raw)
    path = write(tmp_path / "x.gz", packed[: int(kept * len(packed))])
    lines: list[str] = []
    with open_input(path) as file, pytest.raises(DataError) as caught:
        lines.extend(chain.from_iterable(read_chunks(file)))
    assert 1000 < len(lines) < 30000
    assert raw.decode().startswith("\n".join(lines[:-1]))
    assert f"cannot be read after line {len(lines)} (Compressed file ended" in str(caught.value)


def test_gz_input_is_unpacked(tmp_path: Path) -> None:
    with open_input(write(tmp_path / "x.gz", gzip.compress(b"a\nb\n"))) as file:
        assert list(read_chunks(file)) == [["a", "b"]]


@pytest.mark.parametrize("name", ["none", "none.gz", "."])
def test_input_that_cannot_be_opened(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(DataError, match="cannot be read") as caught, open_input(path):
        pass
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("name", ["no/folder/x", "."])
def test_output_that_cannot_be_opened(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(DataError, match="cannot be written") as caught, open_output(path):
        pass
    assert str(caught.value).startswith(f"{path}: ")


def test_output_is_utf8_with_plain_line_ends(tmp_path: Path) -> None:
    with open_output(tmp_path / "x") as file:
        file.write("é\n")
    assert (tmp_path / "x").read_bytes() == b"\xc3\xa9\n"


@pytest.mark.usefixtures("_own_logging")
@pytest.mark.parametrize("path", [None, Path("-")])
def test_standard_streams(path: Path | None, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\n")))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", newline="\r\n"))
    set_up_logging(quiet=False, verbose=False)
    with open_input(path) as source, open_output(path) as target:
        assert list(read_chunks(source)) == [["a"]]
        target.write("é\n")
        target.flush()
    assert raw.getvalue() == b"\xc3\xa9\n"  # whatever the locale


@pytest.mark.parametrize("path", [None, Path("-")])
def test_closed_standard_input_is_an_error(
    monkeypatch: pytest.MonkeyPatch, path: Path | None
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert not streams.is_prompted()
    with pytest.raises(DataError, match="standard input is closed"), open_input(path):
        pass
    with streams.open_chunks(["a", "b\nc"], path) as chunks:  # which needs none
        assert list(chunks) == [["a", "b c"]]


@pytest.mark.parametrize(
    ("argument", "line"),
    [("a b", "a b"), ("a\nb\r\nc", "a b c"), ("caf\udce9", "caf\ufffd"), ("\u00e9", "\u00e9")],
)
def test_an_argument_is_one_line(argument: str, line: str) -> None:
    assert argument_line(argument) == line


def test_prompt_forgets_a_line_at_ctrl_c_and_ends_at_ctrl_d(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed: Iterator[str | BaseException] = iter(["one", KeyboardInterrupt(), "two", EOFError()])
    prompts = []

    def fake_input(prompt: str) -> str:
        prompts.append(prompt)
        what = next(typed)
        if isinstance(what, BaseException):
            raise what
        return what

    monkeypatch.setattr("builtins.input", fake_input)
    assert list(prompt_lines("> ")) == ["one", "two"]
    assert prompts == ["> "] * 4
    assert capsys.readouterr().out == ""


# writing


BOTH = Translation(
    "a\tb «c»",
    (4, 5),
    ("a", "b"),
    (
        Candidate("un", -0.5, -1.25, (7,), ("un",), (-1.0, -0.25), (1,)),
        Candidate("deux é", -2.0, -3.0, (8, 9), ("deux", "é")),
    ),
)


@pytest.mark.parametrize(
    ("layout", "scores", "text"),
    [
        ("text", False, "un\tdeux é"),
        ("text", True, "-0.5000\tun\t-2.0000\tdeux é"),
        ("tsv", False, "3\t1\t-0.5000\ta b «c»\tun\n3\t2\t-2.0000\ta b «c»\tdeux é"),
    ],
)
def test_layouts(layout: str, scores: bool, text: str) -> None:
    assert format_translation(BOTH, 3, layout, scores=scores) == text


def test_jsonl_tells_all() -> None:
    text = format_translation(BOTH, 3, "jsonl", scores=False)
    assert "é" in text
    assert "\n" not in text
    assert json.loads(text) == {
        "line": 3,
        "source": "a\tb «c»",
        "translation": "un",
        "score": -0.5,
        "source_tokens": ["a", "b"],
        "candidates": [
            {
                "text": "un",
                "score": -0.5,
                "log_prob": -1.25,
                "norm": 2.5,
                "tokens": ["un"],
                "token_log_probs": [-1.0, -0.25],
                "alignment": [1],
            },
            {
                "text": "deux é",
                "score": -2.0,
                "log_prob": -3.0,
                "norm": 1.5,
                "tokens": ["deux", "é"],
                "token_log_probs": None,
                "alignment": None,
            },
        ],
    }


def run_chunks(
    translator: Translator, chunks: list[list[str]], *, show_progress: bool = False
) -> list[str]:
    target = io.StringIO()
    translate_chunks(
        translator.translate,
        chunks,
        target,
        layout="jsonl",
        scores=False,
        show_progress=show_progress,
    )
    return target.getvalue().splitlines()


def test_lines_are_numbered_through_all_chunks(
    translator: Translator, caplog: pytest.LogCaptureFixture
) -> None:
    long = "cat " * 30
    records = [json.loads(line) for line in run_chunks(translator, [["a", ""], [long], ["b"]])]
    assert [record["line"] for record in records] == [1, 2, 3, 4]
    assert [record["source"] for record in records] == ["a", "", long, "b"]
    assert caplog.messages == [
        "line 3 has 30 tokens: only the first 20 are translated (data.max_length)"
    ]


class Pausing(io.StringIO):
    """Remembers how much was visible at each flush."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def flush(self) -> None:
        self.seen.append(self.getvalue().count("\n"))


def test_each_chunk_is_written_before_the_next_is_read(translator: Translator) -> None:
    target = Pausing()

    def chunks() -> Iterator[list[str]]:
        for count in (1, 2):
            yield ["The cat"] * count
            assert target.seen[-1] == [0, 1, 3][count]

    translate_chunks(
        translator.translate,
        chunks(),
        target,
        layout="text",
        scores=False,
        show_progress=False,
    )
    assert target.seen == [1, 3]


# the terminal


@pytest.mark.usefixtures("_own_logging")
@pytest.mark.parametrize(
    ("quiet", "terminal", "wanted", "shown"),
    [
        (False, True, True, True),
        (True, True, True, False),
        (False, False, True, False),
        (False, True, False, False),
    ],
)
def test_bars_are_for_people_who_want_them(
    translator: Translator,
    monkeypatch: pytest.MonkeyPatch,
    quiet: bool,
    terminal: bool,
    wanted: bool,
    shown: bool,
) -> None:
    set_up_logging(quiet=quiet, verbose=False)
    assert hides_bars() is (True if quiet else None)
    stderr = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    run_chunks(translator, [["a"]], show_progress=wanted)
    assert ("translating" in stderr.getvalue()) is shown


@pytest.mark.usefixtures("_own_logging")
@pytest.mark.parametrize(
    ("quiet", "verbose", "said"),
    [
        (True, False, ["warning: w"]),
        (False, False, ["i", "warning: w"]),
        (False, True, ["d", "i", "warning: w"]),
    ],
)
def test_how_much_is_said(
    capsys: pytest.CaptureFixture[str], quiet: bool, verbose: bool, said: list[str]
) -> None:
    set_up_logging(quiet=quiet, verbose=verbose)
    log = logging.getLogger("transformer_mt.some.module")
    log.debug("d")
    log.info("i")
    log.warning("w")
    captured = capsys.readouterr()
    assert captured.err.splitlines() == said
    assert captured.out == ""


@pytest.mark.usefixtures("_own_logging")
def test_text_from_elsewhere_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Line ends stay: samples and tables have several lines."""
    set_up_logging(quiet=False, verbose=False)
    log = logging.getLogger("transformer_mt.some.module")
    log.info("é\nb %s", "\x1b[31mred\x9b\r\x07")
    assert capsys.readouterr().err == "é\nb  [31mred   \n"


def test_an_error_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_error("first\nsecond")
    assert capsys.readouterr() == ("", "error: first second\n")
