"""Runs for the tests of the command line, and a folder of its own for each of them."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from tiny_runs import MODELS, PAIRS, french, make_run, task_config, texts, tsv, write, write_lines

from transformer_mt import load
from transformer_mt.training.loop import train


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


class Alone(dict[str, str]):
    """What each line becomes, translated alone by the library."""

    def __init__(self, run: Path) -> None:
        self.translator = load(run, device="cpu")

    def __missing__(self, line: str) -> str:
        self[line] = self.translator.translate([line])[0].text
        return self[line]


@pytest.fixture(scope="module")
def expected(run: Path) -> dict[str, str]:
    return Alone(run)


@pytest.fixture(scope="session")
def runs_of_all_tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
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


@pytest.fixture
def among_runs(runs_of_all_tasks: Path, _own_place: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test works in the folder of these runs."""
    monkeypatch.chdir(runs_of_all_tasks)
    monkeypatch.setenv("XDG_CACHE_HOME", str(runs_of_all_tasks / "cache"))
