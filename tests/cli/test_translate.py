"""`tmt translate`: one line in, one line out; what is shown; a language model beside it."""

import json
from pathlib import Path

import pytest
from tiny_runs import LINES, Result, refused, said, tmt, write

import transformer_mt
from transformer_mt.cli import streams

LONG = "cat " * 25  # the tiny run takes 20 tokens


def translate(run: Path, *args: str | Path, stdin: str | bytes = b"") -> Result:
    return tmt("translate", "--model", run, *args, stdin=stdin)


@pytest.mark.parametrize(
    "raw",
    [
        "".join(f"{line}\n" for line in LINES),
        "\n".join(LINES),
        "\ufeff" + "".join(f"{line}\n" for line in LINES),
    ],
)
def test_one_line_in_one_line_out(run: Path, expected: dict[str, str], raw: str) -> None:
    result = translate(run, stdin=raw)
    assert result.exit_code == 0
    assert result.stdout == "".join(f"{expected[line]}\n" for line in LINES)
    assert result.stderr == ""


@pytest.mark.parametrize("options", [[], ["--greedy"], ["--beam-size", "2", "--n-best", "2"]])
def test_company_changes_nothing(run: Path, options: list[str]) -> None:
    alone = "".join(translate(run, *options, stdin=f"{line}\n").stdout for line in LINES)
    together = translate(run, *options, "--batch-tokens", "13", stdin="\n".join(LINES))
    assert together.stdout == alone
    order = [*reversed(LINES), *LINES]
    mixed = translate(run, *options, stdin="\n".join(order)).stdout.splitlines()
    of_line = dict(zip(LINES, alone.splitlines(), strict=True))
    assert mixed == [of_line[line] for line in order]


def test_too_long_and_wrong_lines_are_named(run: Path) -> None:
    raw = b"The cat\n" + LONG.encode() + b"\ncaf\xe9\nThe dog\n"
    result = translate(run, stdin=raw)
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 4
    assert sorted(result.stderr.splitlines()) == [
        "warning: line 2 has 25 tokens: only the first 20 are translated (data.max_length)",
        "warning: line 3 is not valid UTF-8: the wrong bytes are replaced",
    ]


def test_of_many_wrong_lines_the_first_are_named(run: Path) -> None:
    raw = b"caf\xe9\n" * 30 + LONG.encode()
    named = [
        f"warning: line {number} is not valid UTF-8: the wrong bytes are replaced"
        for number in range(1, 31)
    ]
    long = "warning: line 31 has 25 tokens: only the first 20 are translated (data.max_length)"
    shown = translate(run, "-q", stdin=raw).stderr.splitlines()
    more = " (--verbose names more such lines, if there are any)"
    assert shown == [*named[:19], named[19] + more, long]
    shown = translate(run, "-v", stdin=raw).stderr.splitlines()
    assert [line for line in shown if line.startswith("warning")] == [*named, long]


def test_arguments_are_a_line_each(run: Path, expected: dict[str, str]) -> None:
    result = translate(run, "The dog", "", "The\ndog", stdin="not read")
    dog = expected["The dog"]
    assert result.stdout == f"{dog}\n\n{dog}\n"


def test_lines_of_a_file_become_lines_of_a_file(
    run: Path, expected: dict[str, str], tmp_path: Path
) -> None:
    source = write(tmp_path / "in.txt", "\n".join(LINES))
    result = translate(run, "-i", source, "-o", "out.txt")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert Path("out.txt").read_text() == "".join(f"{expected[line]}\n" for line in LINES)
    piped = translate(run, "-i", "-", "-o", "-", stdin="The dog")
    assert piped.stdout == f"{expected['The dog']}\n"


@pytest.mark.parametrize("name", ["in.txt", "./in.txt", "sub/../in.txt", "link.txt"])
def test_the_input_is_not_overwritten(run: Path, name: str) -> None:
    source = write(Path("in.txt"), "The dog\n")
    Path("sub").mkdir()
    Path("link.txt").symlink_to(source)
    result = translate(run, "-i", source, "-o", name)
    assert result.exit_code == 2
    assert result.error == f"--output {Path(name)} is the input file"
    assert source.read_text() == "The dog\n"


def test_a_person_is_asked(
    run: Path, expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = ["The dog", "", "The cat is big ."]

    def fake_input(prompt: str) -> str:
        assert prompt == "> "
        if not typed:
            raise EOFError
        return typed.pop(0)

    monkeypatch.setattr("builtins.input", fake_input)
    monkeypatch.setattr(streams, "is_prompted", lambda: True)
    result = translate(run)
    assert result.exit_code == 0
    assert result.stdout == f"{expected['The dog']}\n\n{expected['The cat is big .']}\n"


def test_n_best_are_different_and_best_first(run: Path, expected: dict[str, str]) -> None:
    (line,) = translate(run, "The cat is big .", "--n-best", "4", "--scores").stdout.splitlines()
    fields = line.split("\t")
    scores, texts = [float(field) for field in fields[::2]], fields[1::2]
    assert len(texts) == 4  # the beam of the run, 3, is widened
    assert scores == sorted(scores, reverse=True)
    three = translate(run, "The cat is big .", "--n-best", "3").stdout.rstrip("\n").split("\t")
    assert three[0] == expected["The cat is big ."]
    assert len(three) == 3


def test_jsonl_and_tsv_say_the_same(run: Path) -> None:
    options = ["--n-best", "2", "-b", "3"]
    raw = "\n".join(LINES)
    records = [
        json.loads(line)
        for line in translate(run, *options, "--format", "jsonl", stdin=raw).stdout.splitlines()
    ]
    assert [record["source"] for record in records] == LINES
    assert [record["line"] for record in records] == list(range(1, len(LINES) + 1))
    rows = [
        line.split("\t")
        for line in translate(run, *options, "--format", "tsv", stdin=raw).stdout.splitlines()
    ]
    assert rows == [
        [str(r["line"]), str(rank), f"{c['score']:.4f}", " ".join(r["source"].split()), c["text"]]
        for r in records
        for rank, c in enumerate(r["candidates"], start=1)
    ]


def test_greedy_is_a_beam_of_one(run: Path) -> None:
    greedy = translate(run, "--greedy", stdin="\n".join(LINES))
    assert greedy.exit_code == 0
    assert greedy.stdout == translate(run, "-b", "1", stdin="\n".join(LINES)).stdout
    assert translate(run, "The cat", "--greedy", "--beam-size", "1").exit_code == 0


BAD_TRANSLATE: dict[str, tuple[list[str], int, str]] = {
    "contradiction": (["x", "--greedy", "-b", "3"], 2, "--greedy and --beam-size 3 contradict"),
    "narrow": (["x", "--n-best", "3", "-b", "2"], 2, "--n-best 3 needs a --beam-size of at least"),
    "narrow_greedy": (["x", "--n-best", "2", "--greedy"], 2, "--n-best 2 needs a --beam-size"),
    "format": (["x", "--format", "xml"], 2, "--format xml: must be text, jsonl or tsv"),
    "both": (["x", "-i", "in.txt"], 2, "give sentences or --input, not both"),
    "device": (["x", "--device", "tpu9"], 2, "--device tpu9: there is no such device here"),
    "cuda": (["x", "--device", "cuda:99"], 2, "--device cuda:99: there is no such device here"),
    "no_input": (["-i", "none.txt"], 1, "none.txt: cannot be read (No such file"),
    "folder_input": (["-i", "."], 1, ".: cannot be read (Is a directory"),
    "no_output": (["x", "-o", "no/x"], 1, "no/x: cannot be written (No such file"),
    "zip": (["-i", "in.gz"], 1, "in.gz: is a zip archive; unpack it"),
}


@pytest.mark.parametrize("case", BAD_TRANSLATE)
def test_bad_options_are_one_sentence(run: Path, case: str) -> None:
    args, exit_code, message = BAD_TRANSLATE[case]
    write(Path("in.txt"), "The dog\n")
    write(Path("in.gz"), b"PK\x03\x04" + bytes(30))
    result = translate(run, *args)
    assert result.exit_code == exit_code
    assert result.stdout == ""
    assert result.error.startswith(message)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
def test_a_full_disk_is_one_sentence(run: Path) -> None:
    result = translate(run, "The dog", "-o", "/dev/full")
    assert result.exit_code == 1
    assert "No space left on device" in result.error


SENTENCES = "red blue\n\ngreen white black\npink\n"


def translate_four(*arguments: str) -> str:
    given = ("translate", "-q", "-m", "runs/translator", "--device", "cpu", *arguments)
    return said(tmt(*given, stdin=SENTENCES))


@pytest.mark.usefixtures("among_runs")
def test_a_language_model_counts_by_its_weight() -> None:
    alone = translate_four()
    assert translate_four("--lm", "runs/lm", "--lm-weight", "0") == alone
    assert translate_four("--lm", "runs/lm", "--lm-weight", "2") != alone
    translator = transformer_mt.load("runs/translator", device="cpu", lm="runs/lm", lm_weight=2)
    found = translator.translate(SENTENCES.splitlines())
    assert "".join(f"{each.text}\n" for each in found) == translate_four(
        "--lm", "runs/lm", "--lm-weight", "2"
    )
    default = translate_four("--lm", "runs/lm")
    assert default == translate_four("--lm", "runs/lm", "--lm-weight", "0.2")
    scored = ("evaluate", "--json", "-q", "-m", "runs/translator", "--lm", "runs/lm")
    plain = json.loads(said(tmt("evaluate", "--json", "-q", "-m", "runs/translator")))
    fused = json.loads(said(tmt(*scored, "--lm-weight", "2")))
    assert fused["loss"] == plain["loss"]  # the translator's own
    assert fused["scores"] != plain["scores"]
    assert json.loads(said(tmt(*scored, "--lm-weight", "0"))) == plain


@pytest.mark.usefixtures("among_runs")
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--lm", "runs/other_lm"), 2, "train it with tokenizer.file: RUN/tokenizer.tgt.json"),
        (("--lm", "runs/lm", "--engine", "ctranslate2"), 2, "only torch's search asks"),
        (("--lm-weight", "0.3"), 2, "name one with --lm"),
        (
            ("--lm", "runs/lm", "--lm-weight", "inf"),
            2,
            "'--lm-weight' must be at least 0 and at most 1,000, not inf",
        ),
        (("--lm", "runs/classifier"), 1, "its task is classification, but language-model is"),
        (("--lm", "runs/nothing"), 1, "runs/nothing: there is no such run directory"),
    ],
)
def test_language_models_that_do_not_fit_are_one_sentence(
    arguments: tuple[str, ...], code: int, message: str
) -> None:
    for command in (("translate", "red"), ("evaluate",)):
        result = tmt(*command, "-m", "runs/translator", "--device", "cpu", *arguments)
        assert message in refused(result, code)
