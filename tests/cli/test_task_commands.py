"""The commands and the library each take runs of their own task, the newest if none is named."""

from pathlib import Path
from typing import Any

import pytest
from tiny_runs import MODELS, refused, said, tmt

import transformer_mt
from transformer_mt.errors import ConfigError, DataError

pytestmark = pytest.mark.usefixtures("among_runs")


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
def test_another_task_is_refused(arguments: tuple[str, ...], task: str, model: str) -> None:
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


def test_no_run_of_the_task_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "lm").symlink_to(Path("runs/lm").resolve())
    monkeypatch.chdir(tmp_path)
    message = refused(tmt("classify", "red"))
    assert message.startswith("no finished run of task classification in runs/: train one")
    assert said(tmt("generate", "-q", "red", "--length", "1"))


def test_the_library_refuses_runs_of_another_task() -> None:
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
