"""Evaluation of language models and classifiers on any text, for `tmt evaluate`."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from transformer_mt.corpus.source import load_corpus, load_split
from transformer_mt.files.paths import user_path
from transformer_mt.runs.checkpoint import load_run
from transformer_mt.runs.run_dir import RunDir, load_run_config
from transformer_mt.runtime.device import choose_device
from transformer_mt.runtime.rounding import rounded
from transformer_mt.training.tasks.registry import task_class
from transformer_mt.training.tasks.task import Validation

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TaskEvaluation:
    """Figures of a model on a test set, and those of simple baselines."""

    found: Validation
    baselines: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values for JSON."""
        found = {**self.found.figures, **self.found.details, "baselines": self.baselines}
        return {name: rounded(value) for name, value in found.items()}

    def lines(self) -> list[str]:
        """Return the figures as lines of a table."""
        rows = [*self.found.figures.items(), *self.baselines.items()]
        width = max(len(name) for name, _ in rows) + 2
        shown = [f"{name.replace('_', ' '):<{width}}{value:>8.3f}" for name, value in rows]
        return [*shown, "", *self.found.table] if self.found.table else shown


def evaluate_run(
    run_dir: str | Path,
    files: str | Sequence[str] | None = None,
    *,
    split: Literal["test", "validation"] = "test",
    device: str = "auto",
    batch_tokens: int = 4096,
) -> TaskEvaluation:
    """Measure the best model of a run on a split of its own data, or on other files.

    Args:
        run_dir: run directory of a language model or classifier.
        files: test files, as `data.test` would name them; None: the run's own data.
        split: split of the run's own data.
        device: "auto", "cpu", "cuda" or "mps".
        batch_tokens: positions in a batch; changes speed and memory only.

    Raises:
        DataError: the run, or the text, cannot be read.
    """
    path = user_path(run_dir, "run_dir")
    config = load_run_config(RunDir(path))
    task_type = task_class(config)
    run = load_run(path, choose_device(device), task_type.kind)
    config = replace(config, training=replace(config.training, batch_tokens=batch_tokens))
    task = task_type(config, run.vocabulary)
    named = files if files is None or isinstance(files, str) else tuple(files)
    rows = (
        load_split(config.data, split)
        if named is None
        else load_split(config.data.of_files(named), "test")
    )
    found = task.validate(run.model, task.encode(rows))
    for sample in found.samples:
        log.info("%s\n", sample)
    baselines = task.baselines(rows, load_corpus(config.data).train) if named is None else {}
    return TaskEvaluation(found, baselines)
