"""`tmt evaluate` of files and of runs of every task."""

import json
from pathlib import Path

import pytest
from tiny_runs import MODELS, PAIRS, refused, said, texts, tmt, write, write_lines

import transformer_mt
from transformer_mt.metrics.translation import corpus_scores

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
    assert Path("out").read_text() == tmt("translate", "--model", run, "-i", "s").stdout
    for split in ("test", "validation"):
        assert tmt("evaluate", *options, "--split", split).stdout == on_files.stdout
    figures = json.loads(on_files.stdout)
    assert figures["sentences"] == len(pairs)
    assert figures["src_unk_rate"] == 0
    assert figures["loss"] > 0
    hypotheses = Path("out").read_text().splitlines()
    scores = {s.name: s.value for s in corpus_scores(hypotheses, [p.tgt for p in pairs])}
    assert {s["name"]: s["value"] for s in figures["scores"]} == scores


@pytest.mark.usefixtures("among_runs")
@pytest.mark.parametrize("model", ["translator", "lm", "classifier"])
@pytest.mark.parametrize("split", ["test", "validation"])
def test_evaluate_tells_the_loss_of_training_and_a_baseline(model: str, split: str) -> None:
    arguments = ("evaluate", "-q", "-m", f"runs/{model}", "--split", split, "--device", "cpu")
    told = json.loads(said(tmt(*arguments, "--json")))
    state = json.loads(Path("runs", model, "best", "state.json").read_text())
    if split == "validation":
        assert told["loss"] == pytest.approx(state["scores"]["loss"], abs=1e-4)
    baseline = {"translation": 0, "language-model": 1, "classification": 1}[MODELS[model]]
    assert len(told.get("baselines", {})) == baseline
    plain = said(tmt(*arguments, "--batch-tokens", "7"))
    assert f"{told['loss']:.3f}" in plain
    if model == "classifier":
        assert sum(map(sum, told["counts"])) == 10
        assert told["accuracy"] == 100
        assert "precision" in plain


@pytest.mark.usefixtures("among_runs")
def test_evaluate_other_text_as_the_test_set(tmp_path: Path) -> None:
    book = write_lines(tmp_path / "book.txt", texts(14, len("test")))
    own = json.loads(said(tmt("evaluate", "--json", "-m", "runs/lm")))
    same = json.loads(said(tmt("evaluate", "--json", "-m", "runs/lm", "--source", book)))
    assert same["baselines"] == {}  # it may be larger than what the run learnt from
    assert {**same, "baselines": 0} == {**own, "baselines": 0}
    odd = write_lines(tmp_path / "odd.txt", ["red xyzzy"])
    told = "% of the tokens are unknown"
    assert f"33.33 {told}" in said(tmt("evaluate", "-m", "runs/lm", "--source", odd))
    assert told not in said(tmt("evaluate", "-m", "runs/lm", "--source", book))

    rows = ["text\tlabel", "red blue\ten", "rouge\tfr", "noir rose\ten"]
    table = write_lines(tmp_path / "table.tsv", rows)
    found = json.loads(said(tmt("evaluate", "--json", "-m", "runs/classifier", "--source", table)))
    assert found["counts"] == [[1, 1], [0, 1]]
    assert found["accuracy"] == pytest.approx(200 / 3)

    unknown = write_lines(tmp_path / "unknown.tsv", [*rows, "rot\tde"])
    message = refused(tmt("evaluate", "-q", "-m", "runs/classifier", "--source", unknown), code=1)
    assert "the label 'de' is none of those that the model learns: en, fr" in message
    message = refused(tmt("evaluate", "-q", "-m", "runs/classifier", "--source", book))
    assert f"{book}: a single file must be one of .tsv" in message
    blank = write_lines(tmp_path / "blank.txt", ["", " "])
    message = refused(tmt("evaluate", "-q", "-m", "runs/lm", "--source", blank), code=1)
    assert "no line has a token" in message


@pytest.mark.usefixtures("among_runs")
@pytest.mark.parametrize(
    "option",
    [
        ("--source", "en", "--reference", "fr"),
        ("--output", "x"),
        ("--beam-size", "2"),
        ("--length-penalty", "1"),
        ("--engine", "ctranslate2"),
        ("--quantization", "int8"),
        ("--lm", "runs/lm"),
        ("--lm-weight", "0.1"),
    ],
)
@pytest.mark.parametrize("model", ["lm", "classifier"])
def test_evaluate_refuses_what_is_for_translators(model: str, option: tuple[str, ...]) -> None:
    message = refused(tmt("evaluate", "-m", f"runs/{model}", *option))
    assert message == f"{option[-2]} is for translators, and runs/{model} is none"


@pytest.mark.usefixtures("among_runs")
def test_the_library_measures(tmp_path: Path) -> None:
    for name in ("lm", "classifier"):
        found = transformer_mt.evaluate_run(f"runs/{name}", split="validation", device="cpu")
        wanted = tmt("evaluate", "-q", "--json", "--split=validation", f"--model=runs/{name}")
        assert found.to_dict() == json.loads(said(wanted))
        assert found.lines()
    file = str(write_lines(tmp_path / "a.txt", texts(9, 9)))
    one, two = (transformer_mt.evaluate_run("runs/lm", files) for files in (file, [file, file]))
    for name, value in one.found.figures.items():
        assert two.found.figures[name] == pytest.approx(value)
