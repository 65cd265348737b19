"""Language models and classifiers from a stranger: as `test_hostile`, one sentence."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers import tmt
from hostile import MARK, Spoil, both, content, copy_of, everywhere, link, pipe, settings
from hostile import WEIGHT_CASES as OF_TRANSLATORS
from safetensors.numpy import load_file, save_file
from task_helpers import Task, task_config

from transformer_mt.training.loop import train

COMMANDS: dict[Task, list[str]] = {
    "language-model": ["generate", "red", "--seed", "1", "--length", "3"],
    "classification": ["classify", "red"],
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[Task, Path]:
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        for task in COMMANDS:
            train(task_config(folder / task, task, "training.max_steps=1"), device="cpu")
    return {task: folder / task / "run" for task in COMMANDS}


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
    name: OF_TRANSLATORS[name]
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
    "two tasks": (
        lambda run: content(
            "config.yaml", (run / "config.yaml").read_text() + "task: classification\n"
        )(run),
        "is set twice",
    ),
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
CASES: list[tuple[Task, str, Spoil, str]] = [
    *(
        (task, name, *case)
        for task in COMMANDS
        for name, case in BOTH.items()
        if (task, name) != ("language-model", "two tasks")
    ),
    *(("language-model", name, *case) for name, case in OF_LANGUAGE_MODELS.items()),
    *(("classification", name, *case) for name, case in OF_CLASSIFIERS.items()),
]


@pytest.mark.parametrize(
    ("task", "spoil", "message"),
    [pytest.param(task, spoil, said, id=f"{task}: {name}") for task, name, spoil, said in CASES],
)
def test_each_gives_one_sentence(
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
    assert result.exit_code == 1
    assert message in result.error
    assert str(spoiled) in result.error or "scores are no numbers" in result.error
    assert len(result.error) < 600
    assert not Path(MARK).exists()
    if task == "classification":
        assert result.stdout == ""


@pytest.mark.parametrize("task", COMMANDS)
def test_an_unspoiled_copy_works(runs: dict[Task, Path], tmp_path: Path, task: Task) -> None:
    copied = copy_of(runs[task], tmp_path / "model", both(lambda _: None, lambda _: None))
    assert tmt(*COMMANDS[task], "-m", copied).exit_code == 0
    assert tmt("info", copied).exit_code == 0


@pytest.mark.parametrize("task", COMMANDS)
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
