"""Reports of a running training: progress bar, TensorBoard, metrics.jsonl."""

import dataclasses
import json
import sys
import time
from typing import Any

from tqdm import tqdm

from transformer_mt.config.load import to_yaml
from transformer_mt.config.sections import Config
from transformer_mt.files.atomic import cannot_be_written, flush, write_text
from transformer_mt.runs.run_dir import RunDir
from transformer_mt.runs.train_state import TrainState
from transformer_mt.runtime.console import hides_bars
from transformer_mt.training.board import Board
from transformer_mt.training.tasks.task import Validation


@dataclasses.dataclass(slots=True)
class Speed:
    """Counter of tokens, and the time when counting began."""

    tokens: int = 0
    since: float = dataclasses.field(default_factory=time.perf_counter)

    def per_second(self) -> float:
        """Return the tokens per second up to now."""
        return self.tokens / max(time.perf_counter() - self.since, 1e-9)


class Clock:
    """Stopwatch for the parts of a training."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    def lap(self) -> float:
        """Return the seconds since the last lap."""
        earlier, self._since = self._since, time.perf_counter()
        return self._since - earlier


class Progress:
    """Reporter to the terminal (stderr), to metrics.jsonl and to TensorBoard; a context manager.

    metrics.jsonl holds nothing that depends on the clock: the same training writes the same file,
    however often it was interrupted.

    Args:
        run: run directory; None, as in all processes but the main one, reports nothing.
        config: settings of the run.
        state: state at the start of the session.
        total: seconds of the training where time is limited, which the bar then counts; None:
            the bar counts updates.
    """

    def __init__(
        self, run: RunDir | None, config: Config, state: TrainState, total: float | None
    ) -> None:
        self._run = run
        self._timed = total is not None
        self._speed = Speed()
        self._config = config
        self._bar = tqdm(
            total=round(total) if total is not None else config.training.max_steps,
            initial=round(state.seconds) if self._timed else state.step,
            desc=f"epoch {state.epoch + 1}",
            unit="s" if self._timed else "step",
            disable=hides_bars() if run else True,
            dynamic_ncols=True,
            file=sys.stderr,
        )
        self._forget_after(state.step)
        self._board = Board(run.tensorboard if run else None, state.step)
        text = f"```yaml\n{to_yaml(config)}```"
        self._board.write("text", "config", text, state.step)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
        self._board.close()

    def update(self, state: TrainState, loss: float, tokens: int) -> None:
        """Report an update and the mean loss of a token in it."""
        state.recent_loss += loss * tokens
        state.recent_tokens += tokens
        self._speed.tokens += tokens
        self._bar.set_description(f"epoch {state.epoch + 1}", refresh=False)
        self._bar.update(round(state.seconds) - self._bar.n if self._timed else 1)

    def point(self, state: TrainState, lr: float, grad_norm: float) -> None:
        """Write a point of the training curves: the mean since the last point."""
        rate, self._speed = self._speed.per_second(), Speed()
        loss = state.recent_loss / max(state.recent_tokens, 1)
        state.recent_loss, state.recent_tokens = 0.0, 0
        self._bar.set_postfix(loss=f"{loss:.3f}", lr=f"{lr:.2e}", tok_s=f"{rate:,.0f}")
        figures = {"loss": loss, "lr": lr, "grad_norm": grad_norm}
        self._write("train", state, {**figures, "skipped": state.skipped, "rescues": state.rescues})
        self._board.write("scalar", "train/tokens_per_second", rate, state.step)

    def go_back(self, state: TrainState) -> None:
        """Drop the points after an earlier checkpoint that training has returned to."""
        self._forget_after(state.step)
        self._board.go_back(state.step)
        self._speed = Speed()
        if not self._timed:
            self._bar.n = state.step
            self._bar.refresh()

    def flush(self) -> None:
        """Sync metrics.jsonl to the disk, as a checkpoint must not be newer than its points."""
        if self._run and self._run.metrics.is_file():
            try:
                flush(self._run.metrics)
            except OSError as error:  # a quota, say, that is looked at only now
                raise cannot_be_written(self._run.metrics, error) from None

    def validation(self, state: TrainState, result: Validation) -> None:
        """Report the figures of a validation, with samples and a picture."""
        self._speed = Speed()  # validation is not training: its time is no part of the next rate
        if self._run is None:
            return
        self._write("validation", state, result.figures)
        samples = "\n".join((*result.table, *result.samples))
        self._board.write("text", "samples", f"```\n{samples}\n```", state.step)
        if result.picture is not None:
            name, draw = result.picture
            self._board.draw(name, draw(), state.step)

    def hyperparameters(self, state: TrainState) -> None:
        """Write the settings and the best score to the table of TensorBoard."""
        values = {
            f"{section}.{key}": value if isinstance(value, int | float | str) else str(value)
            for section in ("model", "training", "tokenizer")
            for key, value in dataclasses.asdict(getattr(self._config, section)).items()
        }
        best = {"best": abs(state.best_score or 0.0)}
        self._board.write("hparams", values, best, run_name=".", global_step=state.step)

    def _write(self, kind: str, state: TrainState, figures: dict[str, float]) -> None:
        if self._run is None:
            return
        point = {"kind": kind, "step": state.step, "epoch": state.epoch + 1, **figures}
        try:
            with self._run.metrics.open("a", encoding="utf-8") as file:
                file.write(json.dumps(point) + "\n")
        except OSError as error:
            raise cannot_be_written(self._run.metrics, error) from None
        for name, value in figures.items():
            self._board.write("scalar", f"{kind}/{name}", value, state.step)

    def _forget_after(self, step: int) -> None:
        """Drop points of updates that an interrupted session made but did not save."""
        if self._run and self._run.metrics.is_file():
            text = self._run.metrics.read_text(encoding="utf-8", errors="replace")
            lines = text.splitlines(keepends=True)
            kept = [line for line in lines if _step_of(line) <= step]
            if kept != lines:
                write_text(self._run.metrics, "".join(kept))


def _step_of(line: str) -> float:
    try:
        point: dict[str, Any] = json.loads(line)
        return int(point["step"])
    except (ValueError, TypeError, KeyError):  # a line cut off by a crash
        return float("inf")
