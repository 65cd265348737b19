"""A model directory from a stranger gives one sentence; nothing in it is executed or followed.

Each is made of a run that works, of every task.
"""

import json
import os
import pickle
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file, save_file
from tiny_runs import Task, make_run, python, task_config, tmt, write

from transformer_mt.training.loop import train

MARK = "HARMED"
"""A file of this name appears in the current folder where something was executed."""

WEIGHTS = "best/model.safetensors"
Spoil = Callable[[Path], object]


class Bomb:
    """Unpickled, it makes a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (MARK, "w")


def copy_of(run: Path, copy: Path, spoil: Spoil) -> Path:
    """A spoiled copy; without checksums, as whoever spoils a file would make those anew."""
    shutil.copytree(run, copy, ignore=shutil.ignore_patterns("SHA256SUMS", "last"))
    spoil(copy)
    return copy


def content(name: str, new: str | bytes) -> Spoil:
    """Another file under this name."""
    return lambda run: write(run / name, new)


def settings(**changes: Any) -> Spoil:
    """Other values in the configuration; `model__d_model` is the key model.d_model."""

    def spoil(run: Path) -> None:
        saved = yaml.safe_load((run / "config.yaml").read_text())
        for key, value in changes.items():
            *sections, name = key.split("__")
            section = saved
            for each in sections:
                section = section[each]
            section[name] = value
        write(run / "config.yaml", yaml.safe_dump(saved))

    return spoil


def tokenizer(change: Callable[[dict[str, Any]], object]) -> Spoil:
    """Another tokenizer of the source."""

    def spoil(run: Path) -> None:
        saved = json.loads((run / "tokenizer.src.json").read_text())
        change(saved)
        write(run / "tokenizer.src.json", json.dumps(saved))

    return spoil


def link(name: str, target: str) -> Spoil:
    """A link in the place of a file or folder."""

    def spoil(run: Path) -> None:
        path = run / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        path.symlink_to(target)

    return spoil


def both(first: Spoil, second: Spoil) -> Spoil:
    """One after the other."""

    def spoil(run: Path) -> None:
        first(run)
        second(run)

    return spoil


def folder(name: str) -> Spoil:
    """A folder in the place of a file."""

    def spoil(run: Path) -> None:
        (run / name).unlink()
        (run / name).mkdir()

    return spoil


def pipe(name: str) -> Spoil:
    """What would be waited for, for ever."""

    def spoil(run: Path) -> None:
        (run / name).unlink()
        os.mkfifo(run / name)

    return spoil


def header(change: Callable[[dict[str, Any]], object]) -> Spoil:
    """Another header before the same weights."""

    def spoil(run: Path) -> None:
        raw = (run / WEIGHTS).read_bytes()
        (size,) = struct.unpack("<Q", raw[:8])
        saved = json.loads(raw[8 : 8 + size])
        change(saved)
        text = json.dumps(saved).encode()
        write(run / WEIGHTS, struct.pack("<Q", len(text)) + text + raw[8 + size :])

    return spoil


def weights(change: Callable[[bytes], bytes]) -> Spoil:
    """Other bytes in the place of the weights."""
    return lambda run: write(run / WEIGHTS, change((run / WEIGHTS).read_bytes()))


def everywhere(value: float) -> Spoil:
    """All weights are this number."""

    def spoil(run: Path) -> None:
        tensors = load_file(run / WEIGHTS)
        save_file(
            {name: np.full_like(each, value) for name, each in tensors.items()}, run / WEIGHTS
        )

    return spoil


def _first(tensors: dict[str, Any]) -> dict[str, Any]:
    first: dict[str, Any] = tensors[min(tensors.keys() - {"__metadata__"})]
    return first


ALIASES = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
MERGES = "seed: {a: &b0 {k: 1}\n" + "".join(
    f" ,a{n}: &b{n} {{<<: [*b{n - 1}, *b{n - 1}]}}\n" for n in range(1, 30)
)

WEIGHT_CASES: dict[str, tuple[Spoil, str]] = {
    "a pickle bomb as the weights": (content(WEIGHTS, pickle.dumps(Bomb())), "damaged or no"),
    "weights cut off": (weights(lambda raw: raw[: len(raw) // 2]), "damaged or no safetensors"),
    "no bytes of weights": (content(WEIGHTS, b""), "damaged or no safetensors"),
    "a header of 2**63 bytes": (content(WEIGHTS, b"\xff" * 7 + b"\x7f{}"), "header of 92"),
    "a header longer than the file": (
        content(WEIGHTS, struct.pack("<Q", 1000) + b"{}"),
        "damaged or no safetensors",
    ),
    "a header nested deeply": (
        content(WEIGHTS, struct.pack("<Q", 10**5) + b"[" * 10**5),
        "damaged or no safetensors",
    ),
    "offsets beyond the file": (
        header(lambda h: _first(h).update(data_offsets=[0, 10**12])),
        "damaged or no safetensors",
    ),
    "a shape of 2**124 numbers": (
        header(lambda h: _first(h).update(shape=[2**62, 2**62])),
        "damaged or no safetensors",
    ),
    "weights that are whole numbers": (
        header(lambda h: _first(h).update(dtype="I32")),
        "holds I32, which no weight is",
    ),
    "a weight of another shape": (
        header(lambda h: _first(h).update(shape=[1, *_first(h)["shape"]])),
        "first difference: decoder",
    ),
    "a folder as the weights": (
        folder(WEIGHTS),
        "damaged or no safetensors",
    ),
    "the weights a link out of it": (link(WEIGHTS, "/dev/zero"), "is a link out of the folder"),
    "the checkpoint a link out of it": (link("best", "/etc"), "is a link out of the folder"),
    "what a crash left a link out of it": (
        link(".best.new", "/etc"),
        "is a link out of the folder",
    ),
    "the checkpoints a link out of it, for damaged weights": (
        both(content("best/SHA256SUMS", "-"), link("checkpoints", "/etc")),
        "checkpoints: is a link out of the folder",
    ),
    "a pipe as the weights": (pipe(WEIGHTS), "is no plain file"),
    "weights that are NaN": (everywhere(float("nan")), "scores are no numbers"),
    "weights that are infinite": (everywhere(float("inf")), "scores are no numbers"),
    "10**9 layers": (settings(model__num_encoder_layers=10**9), "at most 1,000"),
    "d_model of 10**9": (settings(model__d_model=10**9), "at most"),
    "10**9 wide heads": (
        settings(model__num_heads=10**9, model__attention="wide"),
        "at most 65,536",
    ),
    "d_ff of 10**30": (settings(model__d_ff=10**30), "at most"),
}
"""The files of the weights, and configurations that they do not fit."""

CONFIG_CASES: dict[str, tuple[Spoil, str]] = {
    "max_length of 10**15": (settings(data__max_length=10**15), "at most 100,000"),
    "beam_size of 10**9": (settings(decoding__beam_size=10**9), "at most 1,000"),
    "a length ratio of 1e308": (settings(decoding__max_length_ratio=1e308), "at most 100"),
    "NaN in the configuration": (
        settings(model__dropout=float("nan")),
        "must be a number, not .nan",
    ),
    "a YAML object of Python": (
        content("config.yaml", f"seed: !!python/object/apply:open [{MARK}, w]\n"),
        "config.yaml:1: not valid YAML",
    ),
    "YAML aliases of aliases": (
        content(
            "config.yaml", f"seed:\n{''.join(' ' + line for line in ALIASES.splitlines(True))}"
        ),
        "an alias can stand for a single value alone",
    ),
    "YAML merges of merges": (content("config.yaml", MERGES + "}\n"), "an alias can stand for"),
    "YAML nested deeply": (content("config.yaml", "seed: " + "[" * 20_000), "nested too deeply"),
    "a configuration of 200 kB": (content("config.yaml", "# x\n" * 50_000), "more than 65,536"),
    "a number of 5,000 digits": (
        content("config.yaml", f"run_dir: r\nseed: {'9' * 5000}"),
        "'seed' must be",
    ),
    "binary as the configuration": (content("config.yaml", b"\x00\xff\x80"), "not valid UTF-8"),
    "the configuration a link out of it": (link("config.yaml", "/etc/passwd"), "is a link out"),
    "the configuration a link to itself": (link("config.yaml", "config.yaml"), "no config.yaml"),
}

TOKENIZER_CASES: dict[str, tuple[Spoil, str]] = {
    "no JSON": (content("tokenizer.src.json", "junk"), "is not a tokenizer"),
    "a list": (content("tokenizer.src.json", "[1, 2]"), "is not a tokenizer"),
    "JSON nested deeply": (content("tokenizer.src.json", "[" * 100_000), "nested too deeply"),
    "a vocabulary that is a list": (
        tokenizer(lambda t: t["model"].update(vocab=[1, 2])),
        "its parts are not those",
    ),
    "a token of number 10**12": (
        tokenizer(lambda t: t["model"]["vocab"].update(cat=10**12)),
        "not numbered 0, 1, 2",
    ),
    "padding to 10**12 tokens": (
        tokenizer(lambda t: t.update(padding={"strategy": {"Fixed": 10**12}})),
        "it has padding",
    ),
    "text that becomes [EOS]": (
        tokenizer(lambda t: t.update(added_tokens=[{"id": 3, "content": "cat"}])),
        "it has added_tokens",
    ),
    "rules that stop the library": (
        tokenizer(
            lambda t: t.update(normalizer={"type": "Precompiled", "precompiled_charsmap": "AAAA"})
        ),
        "table of normalisation is damaged",
    ),
    "rules of another kind": (
        tokenizer(lambda t: t.update(pre_tokenizer={"type": "FixedLength", "length": 0})),
        "of type FixedLength",
    ),
    "another unknown token": (
        tokenizer(lambda t: t["model"].update(unk_token="x")),
        "its token for the unknown is x",
    ),
    "the tokenizer a link out of it": (
        link("tokenizer.src.json", "../../x"),
        "is a link out of the folder",
    ),
    "the tokenizer a pipe": (pipe("tokenizer.tgt.json"), "is no plain file"),
}


def tokens(change: object) -> Spoil:
    """Other numbers of the tokens."""

    def spoil(run: Path) -> None:
        saved = json.loads((run / "tokenizer.json").read_text())
        saved["model"]["vocab"] = change
        (run / "tokenizer.json").write_text(json.dumps(saved))

    return spoil


def one_label_more(run: Path) -> None:
    """Weights of as many classes as there are labels, but no more."""
    labels = json.loads((run / "labels.json").read_text())
    (run / "labels.json").write_text(json.dumps([*labels, "another"]))


def only_nan_in_the_output(run: Path) -> None:
    tensors = load_file(run / "best/model.safetensors")
    tensors["output.weight"] = np.full_like(tensors["output.weight"], np.nan)
    save_file(tensors, run / "best/model.safetensors")


def no_tokenizer(run: Path) -> None:
    (run / "tokenizer.json").unlink()


BOTH: dict[str, tuple[Spoil, str]] = {
    name: WEIGHT_CASES[name]
    for name in ("a pickle bomb as the weights", "weights cut off", "a folder as the weights")
} | {
    "weights that are NaN": (everywhere(float("nan")), "scores are no numbers"),
    "10**9 layers": (settings(model__num_layers=10**9), "at most 1,000"),
    "d_model of 10**9": (settings(model__d_model=10**9), "at most"),
    "10**9 wide heads": (
        settings(model__num_heads=10**9, model__attention="wide"),
        "at most 65,536",
    ),
    "d_ff of 10**30": (settings(model__d_ff=10**30), "at most"),
    "learned positions": (settings(model__positions="learned"), "does not fit this model"),
    "the task of another": (settings(task="translation"), "is a key of the task"),
    "a task that there is not": (settings(task="x"), "'task' must be one of"),
    "a list of tasks": (settings(task=["classification"]), "'task' must be one of"),
    "tokenizer: no JSON": (content("tokenizer.json", "junk"), "is not a tokenizer"),
    "tokenizer: none": (no_tokenizer, "tokenizer.json"),
    "tokenizer: a list of tokens": (tokens([1, 2]), "its parts are not those"),
    "tokenizer: a pipe": (pipe("tokenizer.json"), "is no plain file"),
    "tokenizer: a link out of it": (link("tokenizer.json", "/etc/passwd"), "is a link out"),
}
OF_LANGUAGE_MODELS: dict[str, tuple[Spoil, str]] = {
    "block_size of 10**15": (settings(data__block_size=10**15), "at most 100,000"),
}
OF_CLASSIFIERS: dict[str, tuple[Spoil, str]] = {
    "two tasks": (
        lambda run: content(
            "config.yaml", (run / "config.yaml").read_text() + "task: classification\n"
        )(run),
        "is set twice",
    ),
    "max_length of 10**15": (settings(data__max_length=10**15), "at most 100,000"),
    "output that is NaN": (only_nan_in_the_output, "scores are no numbers"),
    "labels: one more": (one_label_more, "does not fit this model"),
    "labels: no JSON": (content("labels.json", "[1"), "labels.json: is no list of labels"),
    "labels: numbers": (content("labels.json", "[1, 2, 3]"), "is no list of labels"),
    "labels: twice the same": (content("labels.json", '["a", "a", "b"]'), "is no list of labels"),
    "labels: a dictionary": (content("labels.json", '{"a": 1}'), "is no list of labels"),
    "labels: deep": (content("labels.json", "[" * 100_000), "is no list of labels"),
    "labels: huge": (content("labels.json", "[" + '"a",' * 10**7 + '"b"]'), "labels.json"),
    "labels: not UTF-8": (content("labels.json", b'["\xff", "b", "c"]'), "labels.json"),
    "labels: a terminal's orders": (
        content("labels.json", '["\\u001b[2J", "b", "c"]'),
        "is no list of labels",
    ),
    "labels: a line break": (content("labels.json", '["a\\nb", "b", "c"]'), "is no list of labels"),
    "labels: half a character": (
        content("labels.json", '["\\ud800", "b", "c"]'),
        "is no list of labels",
    ),
    "labels: a link": (link("labels.json", "/etc/passwd"), "is a link out of the folder"),
    "labels: a pipe": (pipe("labels.json"), "is no plain file"),
    "labels: none": (lambda run: (run / "labels.json").unlink(), "labels.json"),
}
OF_TRANSLATORS = (
    WEIGHT_CASES | CONFIG_CASES | {f"tokenizer: {n}": c for n, c in TOKENIZER_CASES.items()}
)
CASES: list[tuple[Task, str, Spoil, str]] = [
    *(("translation", name, *case) for name, case in OF_TRANSLATORS.items()),
    *(("language-model", name, *case) for name, case in (BOTH | OF_LANGUAGE_MODELS).items()),
    *(("classification", name, *case) for name, case in (BOTH | OF_CLASSIFIERS).items()),
]


def commands(run: Path, out: Path) -> dict[str, list[str | Path]]:
    """Everything that can be done with a run that somebody else made."""
    source = write(out / "x.txt", "The cat is big .\n")
    pair = ("--source", source, "--reference", source)
    return {
        "translate": ["translate", "--model", run, "The cat"],
        "translate with ctranslate2": ["translate", "-m", run, "--engine", "ctranslate2", "cat"],
        "evaluate": ["evaluate", "--model", run, *pair],
        "attention": ["attention", "--model", run, "-o", out / "x.html", "The cat"],
        "export": ["export", run, "--to", "transformers", "-o", out / "export", "--no-verify"],
        "info": ["info", run],
    }


COMMANDS: dict[Task, list[str]] = {
    "translation": ["translate", "The cat"],
    "language-model": ["generate", "red", "--seed", "1", "--length", "3"],
    "classification": ["classify", "red"],
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[Task, Path]:
    folder = tmp_path_factory.mktemp("runs")
    for task in COMMANDS:
        if task != "translation":
            train(task_config(folder / task, task, "training.max_steps=1"), device="cpu")
    make_run(folder / "translation" / "run")
    return {task: folder / task / "run" for task in COMMANDS}


@pytest.fixture(scope="module")
def run(runs: dict[Task, Path]) -> Path:
    return runs["translation"]


@pytest.mark.parametrize(
    ("task", "spoil", "message"),
    [pytest.param(task, spoil, said, id=f"{task}: {name}") for task, name, spoil, said in CASES],
)
def test_each_spoiled_run_gives_one_sentence(
    runs: dict[Task, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    task: Task,
    spoil: Spoil,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    spoiled = copy_of(runs[task], tmp_path / "model", spoil)
    result = tmt(*COMMANDS[task], "-m", spoiled, "--device", "cpu")
    assert (result.exit_code, result.stdout if task != "language-model" else "") == (1, "")
    assert message in result.error
    assert str(spoiled) in result.error or "scores are no numbers" in result.error
    assert len(result.error) < 600
    assert not Path(MARK).exists()


@pytest.mark.parametrize("task", COMMANDS)
def test_an_unspoiled_copy_works(runs: dict[Task, Path], tmp_path: Path, task: Task) -> None:
    copied = copy_of(runs[task], tmp_path / "model", lambda _: None)
    assert tmt(*COMMANDS[task], "-m", copied).exit_code == 0
    assert tmt("info", copied).exit_code == 0
    if task == "translation":
        codes = {name: tmt(*args).exit_code for name, args in commands(copied, tmp_path).items()}
        assert codes == dict.fromkeys(codes, 0)


@pytest.mark.parametrize("task", ["language-model", "classification"])
def test_a_change_of_the_vocabulary_is_noticed(
    runs: dict[Task, Path], tmp_path: Path, task: Task
) -> None:
    """By its checksum."""
    file = {"language-model": "tokenizer.json", "classification": "labels.json"}[task]
    copied = tmp_path / "model"
    shutil.copytree(runs[task], copied)
    text = (copied / file).read_text()
    (copied / file).write_text(text.replace("red", "rad"))
    assert (copied / file).read_text() != text
    result = tmt(*COMMANDS[task], "-m", copied)
    assert (result.exit_code, result.stdout) == (1, "")
    assert file in result.error


def refusal(run: Path, case: str, command: str, folder: Path) -> str:
    """The one line that is said of a spoiled copy."""
    spoiled = copy_of(run, folder / "model", OF_TRANSLATORS[case][0])
    result = tmt(*commands(spoiled, folder)[command])
    assert (result.exit_code, result.stdout) == (1, "")
    return result.error


@pytest.mark.parametrize("options", [(), ("--greedy",)])
def test_both_engines_refuse_weights_that_are_no_numbers(
    run: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    pytest.importorskip("ctranslate2")
    spoiled = copy_of(run, tmp_path / "model", OF_TRANSLATORS["weights that are NaN"][0])
    for engine in ("torch", "ctranslate2"):
        result = tmt("translate", "-q", "--engine", engine, "-m", spoiled, *options, "cat")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.error == "the model's scores are no numbers: its weights are damaged"


def test_unpickling_the_bomb_leaves_its_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickle.dumps(Bomb())).close()
    assert Path(MARK).exists()


@pytest.mark.parametrize(
    "command", ["evaluate", "attention", "export", "translate with ctranslate2"]
)
@pytest.mark.parametrize(
    "case",
    ["a pickle bomb as the weights", "10**9 layers", "max_length of 10**15", "tokenizer: a list"],
)
def test_every_command_refuses_a_spoiled_run(
    run: Path, case: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "ctranslate2" in command:
        pytest.importorskip("ctranslate2")
    monkeypatch.chdir(tmp_path)
    assert OF_TRANSLATORS[case][1] in refusal(run, case, command, tmp_path)
    assert not Path(MARK).exists()
    assert not (tmp_path / "export").exists()


@pytest.mark.parametrize("case", ["the checkpoint a link out of it", *CONFIG_CASES])
def test_info_of_a_spoiled_run_is_one_sentence(run: Path, case: str, tmp_path: Path) -> None:
    assert OF_TRANSLATORS[case][1] in refusal(run, case, "info", tmp_path)


@pytest.mark.parametrize(
    "record",
    ["[" * 100_000, '{"data": 1}', "[]", '{"parameters": "x"}', "x" * (2 << 20), b"\xff"],
)
def test_info_of_a_wrong_record(run: Path, record: str | bytes, tmp_path: Path) -> None:
    spoiled = copy_of(run, tmp_path / "model", content("info.json", record))
    result = tmt("info", spoiled)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{spoiled / 'info.json'}: cannot be read" in result.error


def test_a_run_may_be_reached_by_a_link_and_hold_links_within(run: Path, tmp_path: Path) -> None:
    copied = copy_of(run, tmp_path / "model", lambda _: None)
    (copied / "best").rename(copied / "checkpoint-7")
    (copied / "best").symlink_to("checkpoint-7")
    (tmp_path / "alias").symlink_to(copied)
    (copied / ".venv").mkdir()  # what is not read may lead anywhere
    (copied / ".venv/python").symlink_to("/usr/bin/python3")
    (copied / "checkpoints").symlink_to(tmp_path)
    assert tmt("translate", "--model", tmp_path / "alias", "cat").exit_code == 0


def test_no_other_configuration_is_read_for_a_run(run: Path, tmp_path: Path) -> None:
    """A saved configuration that lacks keys has defaults, not those of what it was begun with."""
    parent = copy_of(run, tmp_path / "parent", content("config.yaml", "not: read"))
    text = (run / "config.yaml").read_text().replace("init_from: null", f"init_from: {parent}")
    text = text.replace("  output_bias: false\n", "")
    copied = copy_of(run, tmp_path / "model", content("config.yaml", text))
    assert str(parent) in text
    assert tmt("translate", "--model", copied, "cat").exit_code == 0


def test_rules_that_fail_on_some_texts_give_one_sentence(run: Path, tmp_path: Path) -> None:
    """A search tree whose numbers lead out of it: the library finds that out as it reads."""
    rules = {"type": "Precompiled", "precompiled_charsmap": "BAAAAP////8AYQ=="}
    spoil = tokenizer(lambda saved: saved.update(normalizer=rules))
    copied = copy_of(run, tmp_path / "model", spoil)
    result = tmt("translate", "--model", copied, "The cat")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "the tokenizer cannot process this text" in result.error


PROGRAM = """
import resource, sys
from transformer_mt.cli import main
sys.argv = ["tmt", *sys.argv[1:]]
try:
    main()
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    print(*sys.modules)
"""


def test_claims_take_no_memory(run: Path, tmp_path: Path) -> None:
    """Of a model that would have 2.2 GB, there are but a few kilobytes."""
    spoil = settings(model__d_model=4096, model__d_ff=65536)
    copied = copy_of(run, tmp_path / "giant", spoil)
    command = python("-c", PROGRAM, "translate", "--model", str(copied), "cat")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "does not fit this model" in done.stderr
    resident, loaded = done.stdout.splitlines()
    assert int(resident) < 1 << 20  # KiB, the libraries included
    assert "torch" in loaded.split()
    assert "torch._dynamo" not in loaded.split()  # looking takes no time: it would be a second


def test_an_honest_model_is_made_at_once(run: Path) -> None:
    command = python("-c", PROGRAM, "translate", "--model", str(run), "cat")
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "torch._dynamo" not in done.stdout.split()
