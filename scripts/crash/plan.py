"""Plan and results of a crash test."""

import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tqdm import tqdm

from crash.stages import has_begun
from crash.trainings import Failed, Pace, Process, Training

CLIFF = "fp32 with rescues"
SETTINGS = {
    "fp32": (),
    "bf16": ("training.precision=bf16", "training.accumulate=1"),
    CLIFF: (  # two rescues, to a quarter of this learning rate, are enough to reach the end
        "training.learning_rate=1.6e5",
        "training.clip_norm=0",
        "training.checkpoint_every=12",
    ),
}
"""Settings of the tested trainings, by name."""

Trial = Callable[[Path, Random], list[str]]
"""Function (new folder, random generator) that returns a description of each loss."""


@dataclass(frozen=True, slots=True)
class Case:
    """The trials of one kind."""

    name: str
    checked: str
    trials: Sequence[Trial]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the result table."""

    case: str
    trials: str
    checked: str
    lost: tuple[str, ...]
    """Description of each loss; empty if nothing was lost."""


@dataclass(slots=True)
class Reference:
    """The result of an undisturbed training."""

    training: Training
    pace: Pace
    said: str


@dataclass(slots=True)
class Plan:
    """The settings of a crash test, and the reference trainings."""

    folder: Path
    seed: int
    kills: int
    quick: bool
    jobs: int
    every_operation: bool = False
    references: dict[str, Reference] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def rows(self, title: str, cases: Sequence[Case]) -> list[Row]:
        """Run all trials, `jobs` in parallel; return the rows of the table."""
        trials = {
            f"{case.name} {number}": trial
            for case in cases
            for number, trial in enumerate(case.trials, 1)
        }
        pool = ThreadPoolExecutor(self.jobs)
        try:
            results = pool.map(self._attempt, trials, trials.values())
            bar = tqdm(results, desc=title, total=len(trials), unit="trial")
            lost = dict(zip(trials, bar, strict=True))
        finally:
            pool.shutdown(cancel_futures=True)  # after Ctrl-C, begin no further trial
        return [
            Row(
                case.name,
                f"{len(case.trials)} trials",
                case.checked,
                tuple(p for n in range(len(case.trials)) for p in lost[f"{case.name} {n + 1}"]),
            )
            for case in cases
        ]

    def _attempt(self, label: str, trial: Trial) -> list[str]:
        """Run one trial; return what was lost, and keep the folder if anything was."""
        folder = self.folder / re.sub(r"[^a-z0-9]+", "-", label.casefold())
        try:
            found = trial(folder, Random(f"{self.seed}/{label}"))
        except Failed as failure:
            found = [str(failure)]
        except (OSError, ValueError, LookupError) as error:  # unexpected files
            found = [repr(error)]
        if not found:
            shutil.rmtree(folder, ignore_errors=True)
        problems = [f"{label}: {problem} (see {folder})" for problem in found]
        for problem in problems:
            tqdm.write(f"LOST: {problem}", sys.stderr)
        return problems

    def reference(self, name: str) -> Reference:
        """Return the undisturbed training of some settings, which is run only once."""
        with self._lock:
            if name not in self.references:
                self.references[name] = self._make_reference(name)
        return self.references[name]

    def _make_reference(self, name: str) -> Reference:
        training = Training(self.folder / f"reference {name}".replace(" ", "-"), *SETTINGS[name])
        begin = time.monotonic()
        with training.start() as process:
            process.wait_until(has_begun)
            loading = time.monotonic() - begin
            if code := process.wait():
                raise Failed(f"a training ends with exit code {code}: {process.last_words()}")
        return Reference(training, Pace(loading, time.monotonic() - begin - loading), process.said)


def complaint(process: Process, code: int, *words: str) -> list[str]:
    """Wait for a training that should end with one clear error; return the problems.

    Args:
        process: the training.
        code: the expected exit code.
        words: texts of which at least one should be in the error.
    """
    found = process.wait()
    said = process.said
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    problems = []
    if found != code:
        problems.append(f"exit code {found} instead of {code}: {process.last_words()}")
    if "Traceback" in said:
        problems.append(f"a traceback: {process.last_words()}")
    if len(errors) != 1 or not any(word in errors[0] for word in words):
        problems.append(f"no clear error: {process.last_words()}")
    return problems


def render(rows: Sequence[Row]) -> str:
    """Format the rows as a Markdown table."""
    grid = [
        ("case", "trials", "what was checked", "result"),
        *((row.case, row.trials, row.checked, _result(row)) for row in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
    lines = [
        " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in grid
    ]
    lines.insert(1, " | ".join("-" * width for width in widths))
    return "\n".join(f"| {line} |" for line in lines)


def _result(row: Row) -> str:
    if not row.checked:
        return ""
    return f"LOST: {len(row.lost)}" if row.lost else "nothing lost"
