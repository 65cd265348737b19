import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tiny_runs import PAIRS, Result, make_run, python, tiny_config_file, tmt, tsv, write

import transformer_mt
from transformer_mt import load
from transformer_mt.cli import streams
from transformer_mt.config.load import load_config
from transformer_mt.metrics.translation import corpus_scores
from transformer_mt.runs.run_dir import RunDir
from transformer_mt.text.tokenizer import Tokenizer

LINES = ["The cat is big .", "", "   ", "Le zebra 42 .", "The dog", "\t", "new new new bread"]
LONG = "cat " * 25  # the tiny run takes 20 tokens


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TMT_MODEL", raising=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    data = str(write(folder / "data.tsv", tsv(PAIRS * 2)))
    return make_run(folder / "tiny", train=data, validation=data, test=data)


@pytest.fixture(scope="module")
def expected(run: Path) -> dict[str, str]:
    """What each line becomes, translated alone by the library."""
    translator = load(run, device="cpu")
    return {line: translator.translate([line])[0].text for line in [*LINES, LONG]}


def translate(run: Path, *args: str | Path, stdin: str | bytes = b"") -> Result:
    return tmt("translate", "--model", run, *args, stdin=stdin)


# the program


@pytest.mark.parametrize("args", [["--help"], ["-h"], ["translate", "-h"], ["train", "--help"]])
def test_help(args: list[str]) -> None:
    result = tmt(*args)
    assert result.exit_code == 0
    assert "Usage: " in result.stdout
    assert result.stderr == ""


def test_version() -> None:
    result = tmt("--version")
    assert (result.exit_code, result.stdout) == (0, f"tmt {transformer_mt.__version__}\n")


def test_no_arguments_shows_help_and_is_no_success() -> None:
    result = tmt()
    assert result.exit_code == 2
    assert "Usage: tmt" in result.stdout + result.stderr
    assert "translate" in result.stdout + result.stderr


@pytest.mark.parametrize(
    "args",
    [
        ["bogus"],
        ["translate", "--bogus"],
        ["train"],
        ["attention", "a sentence"],
        ["translate", "x", "--beam-size", "many"],
    ],
)
def test_wrong_usage_is_exit_code_2(args: list[str]) -> None:
    result = tmt(*args)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage: tmt" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_module_is_the_program() -> None:
    done = subprocess.run(
        python("-m", "transformer_mt", "--version"), capture_output=True, text=True, check=True
    )
    assert done.stdout == f"tmt {transformer_mt.__version__}\n"


@pytest.mark.parametrize("args", [["--quiet", "translate"], ["translate", "-q"]])
def test_global_flags_stand_anywhere(run: Path, args: list[str]) -> None:
    command = [*args, "The cat", "--model", str(run)]
    make_run(Path("runs") / "a")
    newest = tmt(*args, "The cat")
    assert (newest.exit_code, newest.stderr) == (0, "")  # else the model would be named
    assert tmt(*command).exit_code == 0
    assert "model: " in tmt("translate", "The cat").stderr


def test_after_two_dashes_flags_are_text(run: Path) -> None:
    result = translate(run, "--", "-q", "--debug")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 2


def test_debug_shows_where() -> None:
    result = tmt("info", "nowhere", "--debug")
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert result.stderr.endswith("error: nowhere: there is no such run directory\n")


# translate: one line in, one line out


@pytest.mark.parametrize(
    "raw",
    [
        "".join(f"{line}\n" for line in LINES),
        "\n".join(LINES),
        "".join(f"{line}\r\n" for line in LINES),
        "\ufeff" + "".join(f"{line}\n" for line in LINES),
    ],
)
def test_one_line_in_one_line_out(run: Path, expected: dict[str, str], raw: str) -> None:
    result = translate(run, stdin=raw)
    assert result.exit_code == 0
    assert result.stdout == "".join(f"{expected[line]}\n" for line in LINES)
    assert result.stderr == ""


def test_blank_lines_stay_empty(run: Path) -> None:
    assert translate(run, stdin="\n  \n\t\n").stdout == "\n\n\n"
    assert translate(run, stdin="").stdout == ""


@pytest.mark.parametrize("options", [[], ["--greedy"], ["--beam-size", "2", "--n-best", "2"]])
@pytest.mark.parametrize("batch_tokens", [1, 13, 4096])
def test_company_changes_nothing(run: Path, options: list[str], batch_tokens: int) -> None:
    alone = "".join(translate(run, *options, stdin=f"{line}\n").stdout for line in LINES)
    together = translate(run, *options, "--batch-tokens", str(batch_tokens), stdin="\n".join(LINES))
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


def test_files(run: Path, expected: dict[str, str], tmp_path: Path) -> None:
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


# translate: what is shown


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


# which model


def test_the_model_comes_from_the_environment(run: Path, expected: dict[str, str]) -> None:
    result = tmt("translate", "The dog", env={"TMT_MODEL": str(run)})
    assert (result.stdout, result.stderr) == (f"{expected['The dog']}\n", "")
    other = tmt("translate", "The dog", "-m", run, env={"TMT_MODEL": "nowhere"})
    assert other.stdout == result.stdout


def test_the_newest_finished_run_is_taken_and_named() -> None:
    for age, (name, finished) in enumerate(
        [("a", None), ("b", "all updates made"), ("c", "time is up"), ("d", "time is up")]
    ):
        state = RunDir(make_run(Path("runs") / name, finished)).last / "state.json"
        os.utime(state, (1e9 - age, 1e9 - age))
    write(Path("runs/e/last/state.json"), "junk")
    write(Path("runs/notes.txt"), "no run")
    result = tmt("translate", "The dog")
    assert result.exit_code == 0
    assert result.stderr == "model: runs/b\n"


@pytest.mark.parametrize("finished", [None, "not there"])
def test_no_finished_run(finished: str | None) -> None:
    if finished is None:
        make_run(Path("runs/a"), None)
    result = tmt("translate", "The dog")
    assert result.exit_code == 2
    wanted = "no finished run of task translation in runs/: train one, or name one with --model"
    assert result.error.startswith(wanted)


def drop(path: Path) -> None:
    path.unlink()


def change(path: Path, old: str, new: str) -> None:
    write(path, path.read_text().replace(old, new))


def cut(*paths: Path) -> None:
    for path in paths:
        path.write_bytes(path.read_bytes()[:99])


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {  # what is done, what must be said
    "run": (shutil.rmtree, "there is no such run directory"),
    "config": (lambda run: drop(run / "config.yaml"), "is not a run directory (it has no config"),
    "key": (
        lambda run: change(run / "config.yaml", "seed:", "sead:"),
        "unknown key 'sead'; did you mean 'seed'?",
    ),
    "tokenizer": (
        lambda run: write(run / "tokenizer.src.json", "junk"),
        "tokenizer.src.json: is not a tokenizer",
    ),
    "no_tokenizer": (
        lambda run: drop(run / "tokenizer.tgt.json"),
        "tokenizer.tgt.json: there is no such file",
    ),
    "untrained": (lambda run: shutil.rmtree(run / "best"), "has no checkpoint 'best' yet; run tmt"),
    "all": (
        lambda run: cut(*run.rglob("model.safetensors")),
        "best/model.safetensors: is damaged (its checksum is not that in SHA256SUMS)",
    ),
    "shape": (
        lambda run: change(run / "config.yaml", "d_model: 16", "d_model: 32"),
        "model.safetensors: does not fit this model",
    ),
    "last": (lambda run: write(run / "last" / "state.json", "[]"), "state.json: cannot be read"),
    "info": (lambda run: write(run / "info.json", "[]"), "info.json: cannot be read"),
}


def spoiled(what: str) -> tuple[Path, str]:
    """A run with one damage, and what must be said of it."""
    spoil, message = DAMAGES[what]
    run = make_run(Path("spoiled"))
    spoil(run)
    return run, message


@pytest.mark.parametrize("what", [what for what in DAMAGES if what not in ("last", "info")])
def test_a_spoiled_run_is_named(what: str) -> None:
    run, message = spoiled(what)
    result = translate(run, "The dog")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.error.startswith("spoiled")
    assert message in result.error


@pytest.mark.parametrize("act", [cut, drop])
@pytest.mark.parametrize("name", ["model.safetensors", "state.json"])
def test_another_checkpoint_takes_the_place_of_a_damaged_best(
    name: str, act: Callable[[Path], None]
) -> None:
    run = make_run(Path("spoiled"))
    wanted = translate(run, "The dog").stdout
    act(run / "best" / name)
    result = translate(run, "The dog")
    assert (result.exit_code, result.stdout) == (0, wanted)
    assert f"warning: spoiled/best/{name}: " in result.stderr
    assert result.stderr.endswith("; spoiled/last is used instead\n")


# build-tokenizer


def test_build_tokenizer_writes_tells_and_repeats_itself(tmp_path: Path) -> None:
    config = tiny_config_file(tmp_path)
    first = tmt("build-tokenizer", "-c", config)
    assert (first.exit_code, first.stderr) == (0, "")
    files = {path.name: path.read_bytes() for path in (tmp_path / "run").glob("*.json")}
    assert files.keys() == {"tokenizer.src.json", "tokenizer.tgt.json"}
    for side, language in (("src", "en"), ("tgt", "fr")):
        size = Tokenizer.load(tmp_path / "run" / f"tokenizer.{side}.json").vocab_size
        assert f"{language}: {size} tokens -> " in first.stdout
    second = tmt("build-tokenizer", "-c", config)
    assert second.stdout == first.stdout
    assert {p.name: p.read_bytes() for p in (tmp_path / "run").glob("*.json")} == files
    saved = load_config(tmp_path / "run" / "config.yaml")
    assert saved == load_config(config)


def test_build_tokenizer_tells_coverage_and_unknown_words(tmp_path: Path) -> None:
    config = tiny_config_file(tmp_path)
    validation = write(tmp_path / "v.tsv", "en\tfr\nThe zebra, a cat .\tLe chat .\n")
    data = f"data.validation={validation}"
    result = tmt("build-tokenizer", "-c", config, "--set", data)
    english, french = result.stdout.split("fr: ")
    assert "training text: 100.00 % of the tokens are in the vocabulary" in english
    assert "validation text: 50.00 %, UNK rate 50.00 %" in english  # zebra , a of six
    words = english.split("most frequent unknown words: ")[1].splitlines()[0].split(", ")
    assert {word.replace(",", "") for word in words if word} >= {"zebra (1)", "a (1)"}
    assert "UNK rate 0.00 %" in french
    assert "most frequent unknown words: none" in french


def test_build_tokenizer_replaces_others_by_force_alone(tmp_path: Path) -> None:
    config = tiny_config_file(tmp_path)
    assert tmt("build-tokenizer", "-c", config).exit_code == 0
    path = tmp_path / "run" / "tokenizer.src.json"
    before = path.read_bytes()
    change = ("--set", "tokenizer.lowercase=true")
    refused = tmt("build-tokenizer", "-c", config, *change)
    assert refused.exit_code == 2
    assert refused.error == f"{path}: holds another tokenizer; --force replaces it"
    assert path.read_bytes() == before
    assert tmt("build-tokenizer", "-c", config, *change, "--force").exit_code == 0
    assert path.read_bytes() != before


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_build_tokenizer_with_too_small_a_vocabulary(tmp_path: Path, kind: str) -> None:
    options = ("--set", f"tokenizer.type={kind}", "--set", "tokenizer.vocab_size=9")
    result = tmt("build-tokenizer", "-c", tiny_config_file(tmp_path), *options)
    assert result.exit_code == 2
    assert result.error.startswith("tokenizer.vocab_size is 9, but the training text has more")


# train


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    config = tiny_config_file(tmp_path)
    result = tmt("train", "-c", config, "--dry-run")
    assert result.exit_code == 0
    assert "run_dir: " in result.stdout
    assert "pairs read" in result.stdout
    assert "parameters on " in result.stdout
    assert not (tmp_path / "run").exists()


# evaluate


EVALUATE_ERRORS: dict[str, tuple[list[str], int, str]] = {
    "split": (["--split", "train"], 2, "--split train: must be test or validation"),
    "both": (
        ["--hypothesis", "a", "--source", "b", "--reference", "c"],
        2,
        "give --hypothesis or --source, not both",
    ),
    "no_run": (["--source", "a"], 2, "no finished run in runs/"),
    "no_reference_2": (["--hypothesis", "a"], 2, "--reference is missing"),
    "only_reference": (["--reference", "a"], 2, "--reference needs --source"),
    "output": (
        ["--hypothesis", "a", "--reference", "a", "-o", "x"],
        2,
        "--output is for the model's translations",
    ),
    "missing": (["--hypothesis", "a", "--reference", "none"], 1, "none: there is no such file"),
    "unequal": (
        ["--hypothesis", "a", "--reference", "b"],
        1,
        "a has 1 lines but b has 2: parallel files must align line by line",
    ),
    "utf8": (["--hypothesis", "b", "--reference", "bad"], 1, "bad:2: not valid UTF-8"),
    "tokenizer": (
        ["--hypothesis", "b", "--reference", "b", "--tokenize", "14a"],
        2,
        "--tokenize 14a: must be one of none, zh,",
    ),
    "language": (["--lang", "zh"], 2, "--lang is for --hypothesis: a run knows"),
}


@pytest.mark.parametrize("case", EVALUATE_ERRORS)
def test_bad_evaluations_are_one_sentence(case: str) -> None:
    args, exit_code, message = EVALUATE_ERRORS[case]
    for name, raw in (("a", b"one\n"), ("b", b"one\ntwo\n"), ("bad", b"one\n\xff\n")):
        write(Path(name), raw)
    result = tmt("evaluate", *args)
    assert result.exit_code == exit_code
    assert result.stdout == ""
    assert result.error.startswith(message)


def test_evaluate_files_without_a_model() -> None:
    hypotheses = ["the cat is on the big red mat .", "a dog !"]
    references = ["the cat was on the big red mat .", "the dog !"]
    write(Path("h"), "\n".join(hypotheses))
    write(Path("r"), "\n".join(references))
    figures = json.loads(tmt("evaluate", "--hypothesis", "h", "--reference", "r", "--json").stdout)
    ours = {score["name"]: (score["value"], score["signature"]) for score in figures["scores"]}
    assert ours == {s.name: (s.value, s.signature) for s in corpus_scores(hypotheses, references)}
    assert figures["sentences"] == 2
    assert figures["loss"] is None
    table = tmt("evaluate", "--hypothesis", "h", "--reference", "r").stdout
    assert [line.split()[0] for line in table.splitlines()[:3]] == ["BLEU", "chrF2", "TER"]
    assert f"{ours['BLEU'][0]:.2f}" in table.splitlines()[0]


def test_evaluate_several_references(run: Path) -> None:
    write(Path("h"), "the cat\nthe dog\n")
    write(Path("r1"), "the cat\nno\n")
    write(Path("r2"), "nothing\nthe dog\n")
    references = ["--reference", "r1", "--reference", "r2"]
    figures = json.loads(tmt("evaluate", "--hypothesis", "h", *references, "--json").stdout)
    assert figures["scores"][2]["value"] == 0
    assert all("nrefs:2" in score["signature"] for score in figures["scores"])
    result = tmt("evaluate", "--model", run, "--source", "h", *references)
    assert result.stdout.count("nrefs:2") == 3
    write(Path("r2"), "one line\n")
    for what in (["--hypothesis", "h"], ["--model", run, "--source", "h"]):
        result = tmt("evaluate", *what, *references)
        assert result.exit_code == 1
        assert result.error.startswith("h has 2 lines but r2 has 1")


def test_evaluate_in_a_language_without_spaces() -> None:
    write(Path("t.zh"), "我喜欢这本书。\n他在北京工作\n")
    files = ["--hypothesis", "t.zh", "--reference", "t.zh"]
    result = tmt("evaluate", *files)
    assert "warning: the references have no spaces between words" in result.stderr
    for option in (["--lang", "zh"], ["--tokenize", "zh"]):
        result = tmt("evaluate", *files, *option)
        assert result.stderr == ""
        assert "BLEU            100.00  nrefs:1|case:mixed|eff:no|tok:zh|" in result.stdout


def test_evaluate_a_run_on_its_split_and_on_files(run: Path) -> None:
    """The same pairs both ways give the same figures, and the translations are `translate`'s."""
    pairs = PAIRS * 2
    write(Path("s"), "".join(f"{pair.src}\n" for pair in pairs))
    write(Path("r"), "".join(f"{pair.tgt}\n" for pair in pairs))
    options = ["--model", str(run), "--json"]
    on_files = tmt("evaluate", *options, "--source", "s", "--reference", "r", "-o", "out")
    assert on_files.exit_code == 0, on_files.stderr
    assert Path("out").read_text() == translate(run, "-i", "s").stdout
    for split in ("test", "validation"):
        assert tmt("evaluate", *options, "--split", split).stdout == on_files.stdout
    figures = json.loads(on_files.stdout)
    assert figures["sentences"] == len(pairs)
    assert figures["src_unk_rate"] == 0
    assert figures["loss"] > 0
    hypotheses = Path("out").read_text().splitlines()
    scores = {s.name: s.value for s in corpus_scores(hypotheses, [p.tgt for p in pairs])}
    assert {s["name"]: s["value"] for s in figures["scores"]} == scores


# info and attention


def test_info_tells_what_a_run_is(run: Path) -> None:
    table = tmt("info", run).stdout
    for part in ("en -> fr", "finished (all updates made)", "d_model 16", "2 heads", "bleu 12.50"):
        assert part in table
    described = json.loads(tmt("info", run, "--json").stdout)
    assert described["languages"] == "en -> fr"
    for name, value in described.items():
        assert f"{name:<18}{value}" in table.splitlines()


@pytest.mark.parametrize("what", ["run", "config", "key", "last", "info"])
def test_info_on_a_wrong_folder(what: str) -> None:
    run, message = spoiled(what)
    result = tmt("info", run)
    assert result.exit_code == 1
    assert message in result.error


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["The cat", "-o", "x.pdf"], "x.pdf"),
        (["  ", "-o", "x.json"], "the sentence is empty: there is nothing to attend to"),
    ],
)
def test_bad_attention(run: Path, args: list[str], message: str) -> None:
    result = tmt("attention", *args, "--model", run)
    assert result.exit_code == 2
    assert message in result.error


def test_attention_writes_a_file_and_prints_the_translation(
    run: Path, expected: dict[str, str]
) -> None:
    result = tmt("attention", "The dog", "-o", "x.json", "--model", run)
    assert (result.exit_code, result.stdout) == (0, f"{expected['The dog']}\n")
    assert json.loads(Path("x.json").read_text())


# as a process


@pytest.fixture
def coprocess(run: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`tmt translate` that has answered one line and waits for the next."""
    process = subprocess.Popen(
        python("-m", "transformer_mt", "translate", "-m", str(run)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    killer = signal.getsignal(signal.SIGALRM)
    signal.signal(signal.SIGALRM, lambda *_: process.kill())  # a deadlock ends the reads below
    signal.alarm(50)
    with process:
        yield process
        process.kill()
    signal.alarm(0)
    signal.signal(signal.SIGALRM, killer)


def ask(process: subprocess.Popen[bytes], line: str) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{line}\n".encode())
    process.stdin.flush()
    return process.stdout.readline().decode().removesuffix("\n")


def test_a_coprocess_answers_line_by_line_and_stops_quietly_at_ctrl_c(
    coprocess: subprocess.Popen[bytes], expected: dict[str, str]
) -> None:
    for line in ("The dog", "", "The cat is big ."):
        assert ask(coprocess, line) == expected[line]
    coprocess.send_signal(signal.SIGINT)
    assert coprocess.wait() == 130
    assert coprocess.stderr is not None
    assert coprocess.stderr.read() == b"error: interrupted\n"


def test_a_closed_pipe_is_no_error(
    coprocess: subprocess.Popen[bytes], expected: dict[str, str]
) -> None:
    assert ask(coprocess, "The dog") == expected["The dog"]
    assert coprocess.stdin is not None
    assert coprocess.stdout is not None
    assert coprocess.stderr is not None
    coprocess.stdout.close()
    coprocess.stdin.write(b"The dog\n")
    coprocess.stdin.flush()
    assert coprocess.wait() == 0
    assert coprocess.stderr.read() == b""


@pytest.mark.parametrize(
    ("args", "exit_code", "lines", "stderr"),
    [
        (["train", "--config", "none.yaml"], 2, 0, "error: none.yaml: there is no such conf"),
        (["info", "nowhere"], 1, 0, "error: nowhere: there is no such run directory"),
        (["translate", "-m", "{run}", "caf\udce9", "The dog"], 0, 2, ""),
    ],
)
def test_exit_codes_of_the_process(
    run: Path, args: list[str], exit_code: int, lines: int, stderr: str
) -> None:
    command = [arg.format(run=run) for arg in args]
    done = subprocess.run(
        python("-m", "transformer_mt", *command),
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == exit_code
    assert done.stdout.count("\n") == lines
    assert done.stderr.startswith(stderr)
    assert done.stderr.count("\n") == bool(stderr)
