"""Training state: progress numbers beside every checkpoint, read without torch."""

import contextlib
import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from transformer_mt.config.sections import Config
from transformer_mt.config.tasks import task_of
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.runs.run_dir import STATE_FILE, RunDir, load_run_config


@dataclass(slots=True)
class TrainState:
    """The progress of a training: plain numbers, saved as JSON beside every checkpoint."""

    step: int = 0
    """Number of updates made."""
    epoch: int = 0
    position: int = 0
    """Number of batches of this epoch already used."""
    seconds: float = 0.0
    """Training time over all sessions."""
    tokens: int = 0
    """Number of target tokens trained on, without padding."""
    recent_loss: float = 0.0
    """Loss, summed over the tokens since the last point of the training curve."""
    recent_tokens: int = 0
    best_score: float | None = None
    """`training.best_metric` of the best checkpoint (a loss is negated: higher is better)."""
    tie_breaks: list[float] = dataclasses.field(default_factory=list)
    """Further scores that order checkpoints of equal score (`Validation.rank`); [] in old runs."""
    best_step: int = 0
    validated_step: int = 0
    """Number of updates at the last validation."""
    data: str = ""
    """Fingerprint of the encoded training pairs."""
    stale: int = 0
    """Number of validations since the best one."""
    validation_seconds: float = 0.0
    """Time of the last validation, saving included."""
    skipped: int = 0
    """Number of updates left out because the loss or gradient was not finite."""
    skipped_in_a_row: int = 0
    rescues: int = 0
    """Number of returns to a checkpoint since the last new best one."""
    learning_rate_factor: float = 1.0
    """Factor of the configured learning rate; each rescue halves it."""
    finished: str | None = None
    """Reason why training ended; None before the end."""
    scores: dict[str, float] = dataclasses.field(default_factory=dict)
    """Scores of the last validation, by name."""

    @property
    def best_rank(self) -> tuple[float, ...] | None:
        """`Validation.rank` of the best checkpoint; None before the first validation."""
        return None if self.best_score is None else (self.best_score, *self.tie_breaks)

    def chosen_by(self, metric: str) -> str:
        """Return the name of the score that decided which checkpoint is best."""
        by_chrf = metric == "bleu" and self.best_score == 0 and self.tie_breaks
        return "chrf, as bleu was 0" if by_chrf else metric

    def best_words(self, metric: str) -> str:
        """Return the name and value of the deciding score of the best checkpoint, as text."""
        name = self.chosen_by(metric)
        value = self.best_score if name == metric else self.tie_breaks[0]
        return f"{name}: {abs(value or 0.0):.2f}"  # a loss is kept negated

    def become(self, other: "TrainState") -> None:
        """Copy all fields of another state."""
        for field in dataclasses.fields(self):
            setattr(self, field.name, getattr(other, field.name))


def load_state(folder: Path) -> TrainState:
    """Load the training state of a checkpoint.

    Raises:
        DataError: the file is missing, or holds something else.
    """
    path = folder / STATE_FILE
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        state = TrainState(**saved)
        wrong = [
            name
            for name, kind in get_type_hints(TrainState).items()
            if not _is_a(getattr(state, name), kind)
        ]
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    if wrong:
        raise DataError(f"{path}: does not tell how far a training is ('{wrong[0]}' is wrong)")
    return state


def _is_a(value: Any, kind: Any) -> bool:
    """Return whether a JSON value is valid for a field of type `kind`."""
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value)
    if kind is int:
        return type(value) is int and 0 <= value < 2**63
    if get_origin(kind) is list:
        return isinstance(value, list) and all(_is_a(each, float) for each in value)
    if get_origin(kind) is dict:
        return isinstance(value, dict) and all(_is_a(each, float) for each in value.values())
    if get_args(kind):
        return any(_is_a(value, each) for each in get_args(kind))
    return isinstance(value, kind)


def state_folder(run: RunDir) -> Path | None:
    """Return the checkpoint with the training state: `last`, or `best` for an imported model.

    None if there is neither.
    """
    return next((folder for folder in (run.last, run.best) if folder.is_dir()), None)


def refuse_imported(run: RunDir) -> None:
    """Refuse to train in the run directory of an imported model, which would be replaced.

    Raises:
        ConfigError: the run is an imported model: it has a finished `best` and no `last`.
    """
    if not run.last.is_dir() and run.best.is_dir() and load_state(run.best).finished:
        raise ConfigError(
            f"{run.path}: holds a model that was not trained here; train it further from another"
            f" run_dir, with init_from: {run.path}"
        )


def newest_run(root: Path, kind: type[Config] | None = None) -> Path:
    """Return the run below `root`, of a task if given, that was finished or imported last.

    Raises:
        ConfigError: there is no finished run.
    """
    finished = []
    for folder in root.iterdir() if root.is_dir() else ():
        state = state_folder(RunDir(folder))
        with contextlib.suppress(DataError):
            if state is not None and load_state(state).finished:
                if kind is not None:
                    load_run_config(RunDir(folder), kind)
                finished.append(((state / STATE_FILE).stat().st_mtime, folder))
    if not finished:
        wanted = f" of task {task_of(kind)}" if kind else ""
        raise ConfigError(
            f"no finished run{wanted} in {root}/: train one, or name one with --model DIR"
        )
    return max(finished)[1]


def save_state(folder: Path, state: TrainState) -> None:
    """Write the training state into the folder of a new checkpoint."""
    text = json.dumps(dataclasses.asdict(state), indent=2) + "\n"
    (folder / STATE_FILE).write_text(text, encoding="utf-8")
