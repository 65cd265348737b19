"""`tmt info`: a summary of a run in a few lines."""

from pathlib import Path
from typing import Any

from transformer_mt.config.sections import Config
from transformer_mt.errors import DataError
from transformer_mt.files.paths import user_path
from transformer_mt.files.untrusted import read_json
from transformer_mt.runs.run_dir import RunDir, load_run_config
from transformer_mt.runs.train_state import TrainState, load_state, state_folder
from transformer_mt.runtime.durations import show_duration


def describe_run(run_dir: str | Path) -> dict[str, Any]:
    """Describe a run by name and value: languages, sizes, data, scores, training time, versions.

    Raises:
        DataError: `run_dir` is no run directory.
    """
    path = user_path(run_dir, "run_dir")
    run = RunDir(path)
    config = load_run_config(run)
    folder = state_folder(run)
    state = TrainState() if folder is None else load_state(folder)
    description: dict[str, Any] = {
        "run": str(path),
        "task": config.task,
        "status": _status(state),
        **config.describe(),
        "source": _source(config),
    }
    if config.init_from is not None:
        description["begun from"] = config.init_from
    if run.info.is_file():
        description |= _recorded(run.info)
    if state.step:
        description["trained"] = (
            f"{state.step:,} updates, {state.epoch + 1} epochs, {state.tokens:,}"
            f" {config.answers}, {show_duration(state.seconds)}"
        )
    if run.best.is_dir():
        description |= _best(config, state, load_state(run.best).scores)
    return description


def _best(config: Config, state: TrainState, scores: dict[str, float]) -> dict[str, str]:
    """Describe the best checkpoint and validation scores; empty for an imported model."""
    best = {}
    if state.best_step:
        best["best checkpoint"] = (
            f"update {state.best_step:,}, by {state.chosen_by(config.training.best_metric)}"
        )
    if scores:
        shown = (f"{name.replace('_', ' ')} {value:.2f}" for name, value in scores.items())
        best["validation"] = ", ".join(shown)
    return best


def _status(state: TrainState) -> str:
    if state.finished:  # an imported model has no updates, and `finished` says "imported"
        return f"finished ({state.finished})" if state.step else state.finished
    return f"interrupted after update {state.step:,}" if state.step else "not trained yet"


def _source(config: Config) -> str:
    data = config.data
    if data.dataset is not None:
        return data.dataset if data.subset is None else f"{data.dataset} ({data.subset})"
    files = (data.train,) if isinstance(data.train, str) else data.train or ("none",)
    return ", ".join(files)


def _recorded(path: Path) -> dict[str, str]:
    try:
        saved = read_json(path)
        data = saved["data"]
        return {
            "parameters": f"{saved['parameters']:,}",
            "vocabulary": saved["vocabulary"],
            "data": f"{data['kept']:,} training, {data['validation']:,} validation,"
            f" {data['test']:,} test examples",
            "device": saved["device"],
            "versions": ", ".join(f"{name} {value}" for name, value in saved["versions"].items()),
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: cannot be read ({error!r})") from None
