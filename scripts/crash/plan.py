"""What a crash test is to do, and what it found."""

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
    CLIFF: (  # a quarter of this learning rate is small enough to come to the end
        "training.learning_rate=1.6e5",
        "training.clip_norm=0",
        "training.checkpoint_every=12",
    ),
}
"""The trainings that are put to the test, by name."""

Trial = Callable[[Path, Random], list[str]]
"""Works in a new folder, with random choices of its own; returns what was lost."""


@dataclass(frozen=True, slots=True)
class Case:
    """Trials of one kind."""

    name: str
    checked: str
    trials: Sequence[Trial]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    case: str
    trials: str
    checked: str
    lost: tuple[str, ...]
    """Sentences; none is what is hoped for."""


@dataclass(slots=True)
class Reference:
    """A training that nobody disturbed."""

    training: Training
    pace: Pace
    said: str


@dataclass(slots=True)
class Plan:
    """How much is done, where, and with which random choices."""

    folder: Path
    seed: int
    kills: int
    quick: bool
    jobs: int
    every_operation: bool = False
    references: dict[str, Reference] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def rows(self, title: str, cases: Sequence[Case]) -> list[Row]:
        """Try everything, as much of it side by side as was asked for."""
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
            pool.shutdown(cancel_futures=True)  # after Ctrl-C none of them begins any more
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
        """What was lost in one trial; then its folder stays."""
        folder = self.folder / re.sub(r"[^a-z0-9]+", "-", label.casefold())
        try:
            found = trial(folder, Random(f"{self.seed}/{label}"))
        except Failed as failure:
            found = [str(failure)]
        except (OSError, ValueError, LookupError) as error:  # files that nobody expected so
            found = [repr(error)]
        if not found:
            shutil.rmtree(folder, ignore_errors=True)
        problems = [f"{label}: {problem} (see {folder})" for problem in found]
        for problem in problems:
            tqdm.write(f"LOST: {problem}", sys.stderr)
        return problems

    def reference(self, name: str) -> Reference:
        """The undisturbed training of these settings; made once."""
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
    """What is wrong with how a training ended that should end with one clear error.

    Args:
        process: it is waited for.
        code: the exit code that it should have.
        words: one of them, at least, should stand in the error.
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
    """The rows as a Markdown table."""
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
