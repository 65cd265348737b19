"""Whatever the input holds and whoever stops the program: one whole line out for each line in."""

import io
import json
import os
import signal
import subprocess
import tracemalloc
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import BinaryIO, cast

import fuzz
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_runs import make_run, python, tmt, write

from transformer_mt import load
from transformer_mt.cli import streams
from transformer_mt.cli.streams import read_chunks
from transformer_mt.text.tokenizer import SPECIAL_TOKENS, Tokenizer, Tokenizers

LOOKALIKES = [token.encode() for token in (*SPECIAL_TOKENS, "\uffed", "\u2581", "</s>", "\u2028")]
PARTS = st.one_of(
    st.binary(max_size=20),
    st.text(max_size=20).map(str.encode),
    st.sampled_from([*LOOKALIKES, b"The cat is big .", b"\r", b"\x00", b"\x85", b"\xf0\x9f\x98"]),
)
LINES = st.lists(PARTS, max_size=4).map(lambda parts: b"".join(parts).replace(b"\n", b""))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "a")


@settings(max_examples=25)
@given(lines=st.lists(LINES, max_size=6), layout=st.sampled_from(["text", "jsonl", "tsv"]))
def test_one_line_out_for_each_line_in(run: Path, lines: list[bytes], layout: str) -> None:
    raw = b"".join(line + b"\n" for line in lines)
    options = ("--n-best", "2", "--beam-size", "2") if layout == "text" else ("--greedy",)
    result = tmt("translate", "--model", run, "--format", layout, *options, stdin=raw)
    assert result.exit_code == 0
    assert result.stdout.count("\n") == len(result.stdout.splitlines()) == len(lines)
    for number, line in enumerate(result.stdout.splitlines(), start=1):
        if layout == "jsonl":
            assert json.loads(line)["line"] == number
        elif layout == "tsv":
            assert line.split("\t")[0] == str(number)
            assert line.count("\t") == 4
        else:
            assert line.count("\t") <= 1
    assert all(line.startswith("warning: line ") for line in result.stderr.splitlines())


def test_words_are_copied_without_what_ends_a_line(run: Path, tmp_path: Path) -> None:
    """Even where the vocabulary holds such characters."""
    saved = json.loads((run / "tokenizer.tgt.json").read_text())
    vocab = saved["model"]["vocab"]
    spoiled = {n: token if n < 4 else f"a\n\t\u2028\x85\r{n}" for token, n in vocab.items()}
    saved["model"]["vocab"] = {token: number for number, token in spoiled.items()}
    path = write(tmp_path / "t.json", json.dumps(saved))
    translator = load(run, device="cpu")
    translator.tokenizers = Tokenizers(translator.tokenizers.src, Tokenizer.load(path))
    sources = ["The cat", "dog is\nred", "new \u2028 bread"]
    found = translator.translate(sources, n_best=8, beam_size=8)
    texts = [candidate.text for each in found for candidate in each.candidates]
    assert any("a" in text for text in texts)
    assert all(len(text.splitlines()) <= 1 for text in texts)
    assert not any("\t" in text for text in texts)


class Endless:
    """A stream of the same block again and again, that counts what was read of it."""

    def __init__(self, block: bytes, blocks: int | None = None) -> None:
        self.rest: Iterator[bytes] = repeat(block) if blocks is None else repeat(block, blocks)
        self.read = 0

    def read1(self, _: int) -> bytes:
        block = next(self.rest, b"")
        self.read += len(block)
        return block


def test_a_line_without_end_takes_little_memory(caplog: pytest.LogCaptureFixture) -> None:
    blocks = 4096  # 256 MiB
    stream = Endless(b"x" * 65536, blocks)
    tracemalloc.start()
    chunks = list(read_chunks(cast(BinaryIO, stream)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert stream.read == blocks * 65536
    assert chunks == [["x" * streams._LONGEST_LINE]]
    assert peak < 16 << 20
    assert caplog.messages == ["line 1 is cut: only its first 1048576 bytes are read"]


def test_what_is_read_ahead_is_bounded_in_bytes() -> None:
    """A reader that waits for the first translation does not let the rest pile up."""
    stream = Endless((b"x" * 65535) + b"\n")
    chunks = read_chunks(cast(BinaryIO, stream))
    first = next(chunks)
    next(chunks)
    assert sum(map(len, first)) <= 2 << 20
    assert stream.read < 8 << 20


@pytest.mark.parametrize("size", [-3, -2, -1, 0, 1, 2, 70_000])
@pytest.mark.parametrize("character", ["x", "é", "€", "😀"])
def test_a_cut_leaves_whole_characters(
    size: int, character: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(streams, "_LONGEST_LINE", 100)
    line = ("a" * (100 + min(size, 2) - 2) + character * 2 + "b" * max(0, size)).encode()
    read = [t for chunk in read_chunks(io.BytesIO(line + b"\nnext\n")) for t in chunk]
    whole = line.decode()
    assert read[1:] == ["next"]
    assert whole.startswith(read[0])
    assert "\ufffd" not in read[0]
    kept = len(read[0].encode())
    assert kept == len(line) if len(line) <= 100 else 96 < kept <= 100
    cut = [f"line 1 is cut: only its first {kept} bytes are read"] if len(line) > 100 else []
    assert caplog.messages == cut


def test_a_megabyte_in_one_word(run: Path) -> None:
    raw = b"x" * 1_000_000 + b"\n" + b"cat " * 300_000 + b"\nThe cat\n"
    result = tmt("translate", "--model", run, "--greedy", stdin=raw)
    assert result.exit_code == 0
    assert result.stdout.count("\n") == 3
    assert len(result.stdout) < 100_000  # the long word is not copied whole, again and again
    cut = "warning: line 2 is cut: only its first 1048576 bytes are read"
    most = "warning: line 2 has 262144 tokens: only the first 20 are translated (data.max_length)"
    assert result.stderr.splitlines() == [cut, most]


@pytest.fixture(scope="module")
def command(run: Path) -> list[str]:
    """Of a translation that starts at once, for it does without torch."""
    pytest.importorskip("ctranslate2")
    command = ["translate", "--greedy", "-q", "--engine", "ctranslate2", "-m", str(run)]
    assert tmt(*command, "cat").exit_code == 0  # the model is exported
    return command


def start(command: list[str], *options: str) -> "subprocess.Popen[bytes]":
    program = python("-m", "transformer_mt", *command, *options)
    pipe = subprocess.PIPE
    return subprocess.Popen(program, stdin=pipe, stdout=pipe, stderr=pipe)


@pytest.mark.parametrize(("stop", "unbuffered"), [(signal.SIGINT, ""), (signal.SIGTERM, "1")])
def test_a_signal_leaves_whole_lines(
    command: list[str],
    tmp_path: Path,
    stop: signal.Signals,
    unbuffered: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a program that is in the middle of writing: nobody has yet read what fills the pipe."""
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    count = 5000
    lines = write(tmp_path / "x.txt", b"".join(b"word%d Name%d\n" % (i, i) for i in range(count)))
    with start(command, "--format", "jsonl", "-i", str(lines)) as program:
        assert program.stdout
        assert program.stderr
        first = os.read(program.stdout.fileno(), 10_000)  # the pipe is filled again, and then full
        program.send_signal(stop)
        written = first + program.stdout.read()
        assert program.wait(60) in (130, -stop)
        assert b"Traceback" not in program.stderr.read()
    assert written.endswith(b"\n")
    records = [json.loads(line) for line in written.splitlines()]
    assert [record["line"] for record in records] == list(range(1, len(records) + 1))
    assert 0 < len(records) < count


def test_a_reader_who_leaves_is_no_error(command: list[str]) -> None:
    with start(command) as program:
        assert program.stdin
        assert program.stdout
        assert program.stderr
        program.stdin.write(b"The cat\n")
        program.stdin.flush()
        assert program.stdout.readline().endswith(b"\n")
        program.stdout.close()
        program.stdin.write(b"The dog\n")
        program.stdin.close()
        assert (program.wait(60), program.stderr.read()) == (0, b"")


CLOSED = """
import os, sys
for number in map(int, sys.argv[1].split(",")):
    os.close(number)
os.execv(sys.executable, [sys.executable, "-m", "transformer_mt", *sys.argv[2:]])
"""


@pytest.mark.parametrize(
    ("closed", "options", "exit_code", "told"),
    [
        ("1", (), 1, b"error: standard output is closed: the result has no place to go\n"),
        ("0,1,2", ("-o", "out"), 0, b""),
    ],
)
def test_closed_streams(
    command: list[str],
    tmp_path: Path,
    closed: str,
    options: tuple[str, ...],
    exit_code: int,
    told: bytes,
) -> None:
    """Nothing else is written into what is opened in their place."""
    sentence = "cat " * 30  # of which a warning is told
    program = python("-c", CLOSED, closed, *command, *options, sentence)
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (exit_code, b"")
    assert done.stderr.endswith(told)
    assert b"Traceback" not in done.stderr
    if options:
        assert (tmp_path / "out").read_text().count("\n") == 1
        assert "warning" not in (tmp_path / "out").read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk")
@pytest.mark.parametrize("what", ["translate", "info"])
def test_a_full_disk_is_one_sentence(run: Path, command: list[str], what: str) -> None:
    args = [*command, "cat"] if what == "translate" else ["info", str(run)]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            python("-m", "transformer_mt", *args), stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    told = b"error: standard output: cannot be written (No space left on device)\n"
    assert done.stderr == told


def test_the_fuzz_script_finds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz.main(["--inputs", "250", "--seed", "3"]) == 0
    shown = capsys.readouterr().out
    assert "seed 3" in shown
    assert "laws broken: 0" in shown


def test_the_fuzz_script_finds_a_broken_law(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Tokenizer.decode
    monkeypatch.setattr(Tokenizer, "decode", lambda self, ids: real(self, ids) + "!")
    monkeypatch.setattr(fuzz, "check_program", lambda *_: None)
    assert fuzz.main(["--inputs", "250"]) == 1
    assert "- round trip: " in capsys.readouterr().out
