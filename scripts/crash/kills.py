"""SIGKILL, again and again, at random moments: the run must end as if nothing had happened."""

from collections import Counter
from itertools import cycle
from pathlib import Path
from random import Random

from crash.aims import AIMS, draw
from crash.compare import damaged, differences, newest_step
from crash.plan import SETTINGS, Plan, Row
from crash.stages import STAGES, stage_of
from crash.trainings import Failed, Pace, Training

_EACH = 5
"""Kills that one run has to survive."""

Hits = Counter[tuple[str, str]]
"""Kills by the settings of the run and the stage that they hit."""

CHECKED = "same weights, optimiser, random states, curves, best and kept checkpoints"


def run(plan: Plan) -> list[Row]:
    """Kill until as many have hit a living process as were asked for."""
    hits, runs = Hits(), Counter[str]()
    lost: list[str] = []
    while not lost and (left := plan.kills - hits.total()) > 0:
        sizes = [min(_EACH, left - start) for start in range(0, left, _EACH)]
        names = [name for name, _ in zip(cycle(SETTINGS), sizes, strict=False)]
        chains = [_Chain(plan, *each, hits) for each in zip(names, sizes, strict=True)]
        lost += plan.trials(f"kills {runs.total()}", [chain.survive for chain in chains])
        runs.update(names)
    trials = f"{hits.total()} kills in {runs.total()} runs"
    parts = [
        *((f"- in a run with {name}", _total(hits, name)) for name in SETTINGS),
        *((f"- while {stage}", _total(hits, stage)) for stage in STAGES),
    ]
    return [
        Row("SIGKILL", trials, CHECKED, tuple(lost)),
        *(Row(part, f"{count} kills", "", ()) for part, count in parts),
    ]


def _total(hits: Hits, name: str) -> int:
    """Kills with these settings, or in this stage."""
    return sum(count for kind, count in hits.items() if name in kind)


class _Chain:
    """One run, killed several times."""

    def __init__(self, plan: Plan, name: str, count: int, hits: Hits) -> None:
        self._plan, self._name, self._count, self._hits = plan, name, count, hits

    def survive(self, folder: Path, dice: Random) -> list[str]:
        """A trial."""
        reference = self._plan.reference(self._name)
        training = Training(folder, *SETTINGS[self._name])
        history: list[str] = []
        try:
            for aim in draw(dice, self._count):
                self._kill_once(training, aim, reference.pace, dice, history)
            training.finish()
            problems = damaged(training.run) + differences(training.run, reference.training.run)
        except Failed as failure:
            problems = [str(failure)]
        return [f"{self._name}: {problem} after {', '.join(history)}" for problem in problems]

    def _kill_once(
        self, training: Training, aim: str, pace: Pace, dice: Random, history: list[str]
    ) -> None:
        before = newest_step(training.run)
        with training.start() as process:
            AIMS[aim][1](process, pace, dice)
            if not process.kill():  # it was done before
                if code := process.wait():
                    raise Failed(f"ends with exit code {code}: {process.last_words()}")
                return
        stage, after = stage_of(process), newest_step(training.run)
        self._hits[self._name, stage] += 1
        history.append(f"a kill for {aim} that hit {stage} with update {after} saved")
        if after < before:
            raise Failed(f"update {before} was saved, and is no more")
