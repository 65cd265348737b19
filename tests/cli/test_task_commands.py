"""The commands on runs of all three tasks: what they print, or the one sentence that they say."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import (
    SIZES,
    TASKS,
    WORDS,
    Result,
    Task,
    task_config,
    task_file,
    texts,
    tmt,
    write_lines,
)

import transformer_mt
from transformer_mt.config.load import load_config
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.training.loop import train

COULEURS = ("rouge", "bleu", "vert", "blanc", "noir", "rose", "gris", "brun")
FRENCH = dict(zip(WORDS, COULEURS, strict=True))
MODELS: dict[str, Task] = {
    "translator": "translation",
    "lm": "language-model",
    "other_lm": "language-model",
    "classifier": "classification",
}


def french(line: str) -> str:
    return " ".join(FRENCH[word] for word in line.split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs in runs/: an old and a new language model, and one of each of the others.

    `lm` has the tokens of the translator's target side. `classifier` tells two languages apart.
    """
    folder = tmp_path_factory.mktemp("commands")
    runs = folder / "runs"
    lines = texts(60, 1), [french(line) for line in texts(60, 2)]
    en, fr = (
        write_lines(folder / name, each) for name, each in zip(("en", "fr"), lines, strict=True)
    )
    two_files = (f"data.train=[{en},{fr}]", "data.labels=[en,fr]")
    quick = ("model.dropout=0", "training.max_steps=60", "training.learning_rate=0.03")
    held_out = ("data.validation=null", "data.test=null", "data.heldout_size=10")
    settings: dict[str, Sequence[str]] = {
        "translator": (),
        "lm": (
            f"tokenizer.file={runs}/translator/tokenizer.tgt.json",
            "data.examples=lines",
        ),
        "other_lm": ("tokenizer.type=character", "data.block_size=30"),
        "classifier": (*two_files, *held_out, *quick),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        for age, (name, task) in enumerate(MODELS.items()):
            own = ("training.max_steps=2", f"run_dir={runs / name}", *settings[name])
            train(task_config(folder / name, task, *own), device="cpu")
            os.utime(runs / name / "last" / "state.json", (1e9 - age, 1e9 - age))
    return folder


@pytest.fixture(autouse=True)
def _there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))


def said(result: Result) -> str:
    """What a command printed that went well."""
    assert result.exit_code == 0, result.stderr
    return result.stdout


def refused(result: Result, code: int = 2) -> str:
    """The one sentence of a command that went no further."""
    assert (result.exit_code, result.stdout) == (code, ""), result.stderr
    return result.error


# --- those of all tasks


@pytest.mark.parametrize("model", MODELS)
def test_info(model: str) -> None:
    told = json.loads(said(tmt("info", "--json", f"runs/{model}")))
    assert told["task"] == MODELS[model]
    assert told["status"] == "finished (all updates made)"
    assert "1" in told["model"]
    assert "d_model 16, 2 heads" in told["model"]
    if model in ("translator", "lm"):
        sizes = "{train} training, {validation} validation, {test} test examples"
        assert told["data"] == sizes.format(**SIZES)
    if model == "classifier":
        assert told["data"] == "100 training, 10 validation, 10 test examples"
        assert told["vocabulary"].endswith(" tokens, 2 labels")
        assert "accuracy 100.00" in told["validation"]
    plain = said(tmt("info", f"runs/{model}"))
    for value in told.values():
        assert str(value) in plain


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("split", ["test", "validation"])
def test_evaluate(model: str, split: str) -> None:
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


def test_evaluate_other_text(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("task", TASKS)
def test_dry_run_and_vocabulary(tmp_path: Path, task: Task) -> None:
    config = task_file(tmp_path, task)
    plan = said(tmt("train", "-q", "--dry-run", "-c", config, "--device", "cpu"))
    assert plan.startswith(f"task: {task}\n")
    read_back = tmp_path / "resolved.yaml"
    read_back.write_text(plan.split("\n\n")[0], "utf-8")
    assert load_config(read_back) == load_config(config)
    answers = {"translation": "target tokens", "language-model": "tokens"}.get(task, "texts")
    assert f" {answers} a second" in plan
    assert "parameters on cpu" in plan
    assert not (tmp_path / "run").exists()

    built = said(tmt("build-tokenizer", "-q", "-c", config))
    assert built.count("100.00 %, UNK rate 0.00 %") == 1 + (task == "translation")
    names = {p.name for p in (tmp_path / "run").iterdir() if not p.name.startswith(".")}
    sides = {"tokenizer.src.json", "tokenizer.tgt.json"}
    wanted = sides if task == "translation" else {"tokenizer.json"}
    wanted |= {"labels.json"} if task == "classification" else set()
    assert names == {"config.yaml", "SHA256SUMS"} | wanted
    before = {name: (tmp_path / "run" / name).read_bytes() for name in wanted}
    result = tmt("train", "-q", "-c", config, "--device=cpu", "--set=training.max_steps=1")
    assert result.exit_code == 0, result.stderr
    assert before == {name: (tmp_path / "run" / name).read_bytes() for name in wanted}


OF_OTHER_TASKS = [
    (("translate", "red"), "translation"),
    (("translate", "--engine", "ctranslate2", "red"), "translation"),
    (("attention", "red", "-o", "a.html"), "translation"),
    (("generate", "red"), "language-model"),
    (("classify", "red"), "classification"),
    (("classify", "--pairs", "en", "fr"), "classification"),
]


@pytest.mark.parametrize(("arguments", "task"), OF_OTHER_TASKS)
@pytest.mark.parametrize("model", ["translator", "lm", "classifier"])
def test_a_run_of_another_task(arguments: tuple[str, ...], task: str, model: str) -> None:
    if MODELS[model] != task:
        message = refused(tmt(*arguments, "-m", f"runs/{model}"), code=1)
        told = f"its task is {MODELS[model]}, but {task} is needed here"
        assert message == f"runs/{model}/config.yaml: {told}"


@pytest.mark.parametrize("model", ["lm", "classifier"])
def test_nothing_but_translators_is_exported_or_examined(tmp_path: Path, model: str) -> None:
    told = f"its task is {MODELS[model]}, but translation is needed here"
    for to in ("ctranslate2", "transformers"):
        exported = tmt("export", f"runs/{model}", "--to", to, "-o", tmp_path / "out")
        assert refused(exported, code=1).endswith(told)
    assert refused(tmt("doctor", "-c", f"{model}/config.yaml")).endswith(told)
    assert not (tmp_path / "out").exists()


def test_the_newest_run_of_the_task_is_chosen() -> None:
    """Not the newest of all; of two language models the one that ended last."""
    for arguments, model in (
        (("translate", "red"), "translator"),
        (("generate", "red", "--length", "1"), "lm"),
        (("classify", "red"), "classifier"),
        (("evaluate", "--json"), "translator"),
    ):
        result = tmt(*arguments, "--device", "cpu")
        assert result.exit_code == 0
        assert result.stderr == f"model: runs/{model}\n"


def test_without_a_run_of_the_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "lm").symlink_to(Path("runs/lm").resolve())
    monkeypatch.chdir(tmp_path)
    message = refused(tmt("classify", "red"))
    assert message.startswith("no finished run of task classification in runs/: train one")
    assert said(tmt("generate", "-q", "red", "--length", "1"))


# --- what cannot be trained on


@pytest.mark.parametrize(
    ("task", "settings", "code", "message"),
    [
        (
            "language-model",
            ["data.train=[BLANK]", "data.examples=lines"],
            2,
            "the vocabulary of the text is empty",
        ),
        ("language-model", ["data.validation=[BLANK]", "data.examples=lines"], 1, "validate on"),
        ("language-model", ["data.text_column=x", "data.train=TABLE"], 1, "no column 'x'"),
        ("language-model", ["data.src_lang=en"], 2, "is a key of the task translation"),
        ("language-model", ["model.pooling=max"], 2, "is a key of the task classification"),
        ("language-model", ["training.best_metric=bleu"], 2, "must be one of loss, not 'bleu'"),
        ("language-model", ["tokenizer.file=nothing"], 1, "tokenizer.file: nothing: there is no"),
        ("language-model", ["tokenizer.file=BLANK"], 1, "is not a tokenizer"),
        ("classification", ["data.block_size=9"], 2, "is a key of the task language-model"),
        ("classification", ["data.label_column=text"], 2, "is the column of the text"),
        ("classification", ["data.label_column=x"], 1, "no column 'x', only text, label"),
        ("classification", ["data.train=[BLANK,BLANK]"], 2, "must name a label for each file"),
        ("classification", ["data.train=ONE"], 1, "all training texts have the label 'a'"),
        ("classification", ["data.validation=ONE"], 1, "the label 'a' is none of those"),
        ("classification", ["task=regression"], 2, "'task' must be one of translation, language"),
    ],
)
def test_train_refuses(
    tmp_path: Path, task: Task, settings: list[str], code: int, message: str
) -> None:
    files = {
        "BLANK": write_lines(tmp_path / "blank.txt", ["", " "]),
        "TABLE": write_lines(tmp_path / "table.tsv", ["text", "red"]),
        "ONE": write_lines(tmp_path / "one.tsv", ["text\tlabel", "red\ta", "blue\ta"]),
    }
    options = [f"--set={setting}" for setting in settings]
    for name, file in files.items():
        options = [option.replace(name, str(file)) for option in options]
    result = tmt("train", "-q", "-c", task_file(tmp_path, task), "--device=cpu", *options)
    assert message in refused(result, code)
    assert not (tmp_path / "run").exists()


# --- generate


def generate(*arguments: str, model: str = "other_lm", stdin: str = "") -> str:
    given = ("generate", "-q", "-m", f"runs/{model}", "--device", "cpu", *arguments)
    return said(tmt(*given, stdin=stdin))


@pytest.mark.parametrize("prompt", ["red blue", "", "red\nblue ", "grün"])
def test_a_prompt_goes_on(prompt: str) -> None:
    first = generate(prompt, "--length", "30", "--seed", "1")
    assert first.startswith(prompt)
    assert first.endswith("\n")
    assert len(first) > len(prompt) + 1
    assert generate(prompt, "--length", "30", "--seed", "1") == first
    assert generate("--length", "30", "--seed", "1", stdin=prompt) == first
    assert generate(prompt, "--length", "30", "--seed", "2") != first
    assert generate(prompt, "--length", "0") == prompt + "\n"


def test_options_of_generate() -> None:
    likeliest = generate("red", "--temperature", "0")
    assert generate("red", "--top-k", "1", "--seed", "5") == likeliest
    assert generate("red", "--top-p", "1e-9", "--seed", "6") == likeliest
    api = transformer_mt.load_generator("runs/other_lm", device="cpu")
    pieces = "".join(api.generate("red", temperature=0))
    assert f"red{pieces}\n" == likeliest
    assert "".join(api.generate("red", seed=3)) + "\n" == generate("red", "--seed", "3")[3:]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("length", "-1"),
        ("length", "x"),
        ("temperature", "-1"),
        ("temperature", "nan"),
        ("temperature", "inf"),
        ("top-k", "0"),
        ("top-p", "0"),
        ("top-p", "1.1"),
        ("top-p", "nan"),
        ("seed", "-1"),
        ("seed", str(2**63)),
        ("device", "abacus"),
    ],
)
def test_generate_refuses(option: str, value: str) -> None:
    result = tmt("generate", "red", "-m", "runs/lm", f"--{option}", value)
    assert (result.exit_code, result.stdout) == (2, "")
    assert option in result.stderr.replace("_", "-")
    assert "Traceback" not in result.stderr


# --- classify


def classify(*arguments: str | Path, stdin: str = "") -> list[str]:
    given = ("classify", "-q", "-m", "runs/classifier", "--device", "cpu", *arguments)
    return said(tmt(*given, stdin=stdin)).splitlines()


def test_texts_from_anywhere(tmp_path: Path) -> None:
    lines = ["red blue", "", "noir", "rouge\tvert"]
    file = write_lines(tmp_path / "lines.txt", lines)
    found = classify(*lines)
    assert [line.split("\t")[0] for line in found[:1] + found[2:]] == ["en", "fr", "fr"]
    assert len(found) == len(lines)
    assert classify(stdin=file.read_text()) == found
    assert classify("-i", file) == found
    assert classify("-i", file, "--batch-tokens", "1") == found
    assert classify("-i", file, "-o", tmp_path / "out") == []
    assert (tmp_path / "out").read_text().splitlines() == found
    assert classify(stdin="") == []


def test_probabilities() -> None:
    (line,) = classify("red rouge blue bleu noir", "--top", "5")
    labels, told = line.split("\t")[::2], [float(each) for each in line.split("\t")[1::2]]
    assert sorted(labels) == ["en", "fr"]
    assert told == sorted(told, reverse=True)
    assert sum(told) == pytest.approx(1, abs=1e-4)
    lines = classify("--format", "jsonl", "--top", "2", stdin="red\n\nüx\n")
    records = [json.loads(each) for each in lines]
    assert [record["line"] for record in records] == [1, 2, 3]
    assert [record["text"] for record in records] == ["red", "", "üx"]
    api = transformer_mt.load_classifier("runs/classifier", device="cpu")
    for record, wanted in zip(records, api.classify(["red", "", "üx"]), strict=True):
        assert record["label"] == wanted.label == next(iter(record["probabilities"]))
        assert record["probabilities"] == pytest.approx(wanted.probabilities, abs=1e-4)


def test_pairs(tmp_path: Path) -> None:
    """Two swapped ones and one that is not translated are found, and no other."""
    lines = texts(80, 7)
    sources = [f"{one} {other} {one}" for one, other in zip(lines[:40], lines[40:], strict=True)]
    targets = [french(line) for line in sources]
    for swapped in (3, 20):
        sources[swapped], targets[swapped] = targets[swapped], sources[swapped]
    targets[30] = sources[30]
    files = (
        write_lines(tmp_path / "a", sources),
        write_lines(tmp_path / "b", targets),
    )
    arguments = ("classify", "-m", "runs/classifier", "--pairs", *files, "--threshold", "0.6")
    result = tmt(*arguments, "--format", "jsonl")
    *records, summary = [json.loads(line) for line in said(result).splitlines()]
    assert [record["line"] for record in records] == [4, 21, 31]
    assert [*summary] == ["summary"]
    assert result.stderr.strip()  # the same for a person
    plain = said(tmt(*arguments))
    assert [line.split("\t")[0] for line in plain.splitlines()] == ["4", "21", "31"]
    assert tmt(*arguments, "-o", tmp_path / "out").stdout == ""
    assert (tmp_path / "out").read_text() == plain


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("red", "-i", "en"), "give texts, --input or --pairs, one of them"),
        (("red", "--pairs", "en", "fr"), "give texts, --input or --pairs, one of them"),
        (("-i", "en", "--pairs", "en", "fr"), "give texts, --input or --pairs, one of them"),
        (("--pairs", "en", "fr", "--top", "2"), "--top is for texts"),
        (("red", "--threshold", "0.9"), "are for --pairs"),
        (("red", "--format", "tsv"), "--format tsv: must be text or jsonl"),
        (("-i", "en", "-o", "en"), "--output en is the input file"),
        (("--pairs", "en", "fr", "-o", "fr"), "--output fr is the input file"),
    ],
)
def test_classify_refuses(arguments: tuple[str, ...], message: str) -> None:
    assert message in refused(tmt("classify", *arguments, "-m", "runs/classifier"))


def test_pairs_that_do_not_align(tmp_path: Path) -> None:
    short = write_lines(tmp_path / "short", ["rouge"])
    result = tmt("classify", "-m", "runs/classifier", "--pairs", "en", short)
    assert "en has 60 lines but" in refused(result, code=1)


# --- a language model beside the translator


SENTENCES = "red blue\n\ngreen white black\npink\n"


def translate(*arguments: str) -> str:
    given = ("translate", "-q", "-m", "runs/translator", "--device", "cpu", *arguments)
    return said(tmt(*given, stdin=SENTENCES))


def test_the_weight_of_a_language_model() -> None:
    alone = translate()
    assert translate("--lm", "runs/lm", "--lm-weight", "0") == alone
    assert translate("--lm", "runs/lm", "--lm-weight", "2") != alone
    translator = transformer_mt.load("runs/translator", device="cpu", lm="runs/lm", lm_weight=2)
    found = translator.translate(SENTENCES.splitlines())
    assert "".join(f"{each.text}\n" for each in found) == translate(
        "--lm", "runs/lm", "--lm-weight", "2"
    )
    default = translate("--lm", "runs/lm")
    assert default == translate("--lm", "runs/lm", "--lm-weight", "0.2")
    scored = ("evaluate", "--json", "-q", "-m", "runs/translator", "--lm", "runs/lm")
    plain = json.loads(said(tmt("evaluate", "--json", "-q", "-m", "runs/translator")))
    fused = json.loads(said(tmt(*scored, "--lm-weight", "2")))
    assert fused["loss"] == plain["loss"]  # the translator's own
    assert fused["scores"] != plain["scores"]
    assert json.loads(said(tmt(*scored, "--lm-weight", "0"))) == plain


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
def test_translate_refuses(arguments: tuple[str, ...], code: int, message: str) -> None:
    for command in (("translate", "red"), ("evaluate",)):
        result = tmt(*command, "-m", "runs/translator", "--device", "cpu", *arguments)
        assert message in refused(result, code)


def rescore(lists: str, *arguments: str, lm: str = "lm") -> str:
    given = ("rescore", "-q", "--lm", f"runs/{lm}", "--device", "cpu", *arguments)
    return said(tmt(*given, stdin=lists))


def test_rescoring_what_translate_writes() -> None:
    """Also with a language model of other tokens: it reads text."""
    lists = translate("--format", "jsonl", "--n-best", "4")
    records = [json.loads(line) for line in lists.splitlines()]
    assert rescore(lists, "--lm-weight", "0") == translate()
    model = transformer_mt.load_language_model("runs/other_lm", device="cpu")
    ranked = rescore(lists, "--lm-weight", "3", "--format", "list", lm="other_lm")
    for before, line in zip(records, ranked.splitlines(), strict=True):
        after = json.loads(line)
        assert after["source"] == before["source"]
        candidates = {each["text"]: each for each in before["candidates"]}
        known = model.log_probs([each["text"] for each in after["candidates"]])
        scores = []
        for each, log_prob in zip(after["candidates"], known, strict=True):
            old = candidates[each["text"]]
            assert each["lm_log_prob"] == pytest.approx(log_prob, abs=2e-4)
            wanted = old["score"] + 3 * log_prob / old["norm"]
            assert each["score"] == pytest.approx(wanted, abs=2e-4)
            scores.append(each["score"])
        assert scores == sorted(scores, reverse=True)
        assert after["translation"] == after["candidates"][0]["text"]
    best = [json.loads(line)["translation"] for line in ranked.splitlines()]
    assert rescore(lists, "--lm-weight", "3", lm="other_lm").splitlines() == best


def test_rescoring_lists_of_moses(tmp_path: Path) -> None:
    first = "0 ||| red blue ||| TM= 1 ||| -1.5\n0 ||| red ||| TM= 2 ||| -1.6\n"
    lists = f"{first}1 ||| pink ||| ||| 0\n"
    assert rescore(lists, "--lm-weight", "0") == "red blue\npink\n"
    model = transformer_mt.load_language_model("runs/lm", device="cpu")
    longer, shorter = model.log_probs(["red blue", "red"])
    weight = 0.2 / abs(shorter - longer)
    assert shorter > longer
    assert rescore(lists, "--lm-weight", str(weight)) == "red\npink\n"
    file, out = write_lines(tmp_path / "lists", lists.splitlines()), tmp_path / "out"
    assert rescore("", "-i", str(file), "-o", str(out), "--lm-weight", str(weight)) == ""
    assert out.read_text() == "red\npink\n"


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ("no list\n", "line 1: is no n-best list"),
        ("0 ||| red ||| ||| 1\n0 ||| red ||| x\n", "line 2: is not id ||| text"),
        ('{"line": 1}\n', "line 1: is not what tmt translate --format jsonl --n-best N writes"),
    ],
)
def test_rescore_refuses_lines(lists: str, message: str) -> None:
    result = tmt("rescore", "-q", "--lm", "runs/lm", stdin=lists)
    assert result.exit_code == 1
    assert result.error.startswith(message)


def test_rescore_refuses_options() -> None:
    assert tmt("rescore", stdin="").exit_code == 2
    assert "must be text or list" in refused(tmt("rescore", "--lm", "runs/lm", "--format", "x"))
    assert "is the input file" in refused(tmt("rescore", "--lm=runs/lm", "-i", "en", "-o", "en"))
    assert "language-model is needed" in refused(tmt("rescore", "--lm", "runs/classifier"), code=1)


# --- the library


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


def test_the_library_refuses() -> None:
    functions: list[tuple[Any, str]] = [
        (transformer_mt.load, "lm"),
        (transformer_mt.load_generator, "classifier"),
        (transformer_mt.load_language_model, "translator"),
        (transformer_mt.load_classifier, "translator"),
    ]
    for function, model in functions:
        with pytest.raises(DataError, match=f"its task is {MODELS[model]}, but"):
            function(f"runs/{model}")
    with pytest.raises(ConfigError, match=r"tokenizer\.file"):
        transformer_mt.load("runs/translator", lm="runs/other_lm")
    with pytest.raises(ConfigError, match="weight"):
        transformer_mt.load("runs/translator", lm="runs/lm", lm_weight=-1)
