"""How far a training is: a few numbers beside every checkpoint, read without torch."""

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
    """How far training is: plain numbers, saved as JSON beside every checkpoint."""

    step: int = 0
    """Updates made."""
    epoch: int = 0
    position: int = 0
    """Batches of this epoch already used."""
    seconds: float = 0.0
    """Time spent, over all sessions."""
    tokens: int = 0
    """Real target tokens trained on."""
    recent_loss: float = 0.0
    """Summed over the tokens since the last point of the training curve."""
    recent_tokens: int = 0
    best_score: float | None = None
    """`training.best_metric` of the best checkpoint (a loss is negated: higher is better)."""
    tie_breaks: list[float] = dataclasses.field(default_factory=list)
    """What decides between checkpoints of equal score (`Validation.rank`); [] in older runs."""
    best_step: int = 0
    validated_step: int = 0
    """Updates made before the last validation."""
    data: str = ""
    """Fingerprint of the encoded training pairs."""
    stale: int = 0
    """Validations since the best."""
    validation_seconds: float = 0.0
    """Time that the last validation took, its saving included."""
    skipped: int = 0
    """Updates left out because their loss or gradient was no number."""
    skipped_in_a_row: int = 0
    rescues: int = 0
    """Times that training went back to a checkpoint, since the last new best."""
    learning_rate_factor: float = 1.0
    """Of the configured learning rate; each rescue halves it."""
    finished: str | None = None
    """Why training ended; null while it is not."""
    scores: dict[str, float] = dataclasses.field(default_factory=dict)
    """The last validation's figures."""

    @property
    def best_rank(self) -> tuple[float, ...] | None:
        """`Validation.rank` of the best checkpoint; None before the first."""
        return None if self.best_score is None else (self.best_score, *self.tie_breaks)

    def chosen_by(self, metric: str) -> str:
        """Return the name of the figure that decided which checkpoint is best."""
        by_chrf = metric == "bleu" and self.best_score == 0 and self.tie_breaks
        return "chrf, as bleu was 0" if by_chrf else metric

    def best_words(self, metric: str) -> str:
        """Return the deciding figure of the best checkpoint with its value, for a person."""
        name = self.chosen_by(metric)
        value = self.best_score if name == metric else self.tie_breaks[0]
        return f"{name}: {abs(value or 0.0):.2f}"  # a loss is kept negated

    def become(self, other: "TrainState") -> None:
        """Take over all numbers of another state."""
        for field in dataclasses.fields(self):
            setattr(self, field.name, getattr(other, field.name))


def load_state(folder: Path) -> TrainState:
    """The numbers saved with a checkpoint.

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
    """Whether a value of a JSON file can be that of a field of this type."""
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
    """Where it is said how far a run is: `last`, or `best` where a model was imported.

    None when there is neither.
    """
    return next((folder for folder in (run.last, run.best) if folder.is_dir()), None)


def refuse_imported(run: RunDir) -> None:
    """Keep a model that was made elsewhere from being replaced by an untrained one.

    Raises:
        ConfigError: the run is such a model: from its first checkpoint on it is called finished.
    """
    if not run.last.is_dir() and run.best.is_dir() and load_state(run.best).finished:
        raise ConfigError(
            f"{run.path}: holds a model that was not trained here; train it further from another"
            f" run_dir, with init_from: {run.path}"
        )


def newest_run(root: Path, kind: type[Config] | None = None) -> Path:
    """The run below `root`, of a task, that was finished, or imported, last.

    Raises:
        ConfigError: there is none.
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
    """Write the numbers into a checkpoint that is being made."""
    text = json.dumps(dataclasses.asdict(state), indent=2) + "\n"
    (folder / STATE_FILE).write_text(text, encoding="utf-8")
