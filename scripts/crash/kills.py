"""Repeated SIGKILL at random moments: the run must end as if undisturbed."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

from crash.aims import AIMS, draw
from crash.compare import damaged, differences, newest_step
from crash.plan import SETTINGS, Case, Plan, Row
from crash.stages import STAGES, stage_of
from crash.trainings import Failed, Training

_EACH = 5
"""Kills of one trial, in one run unless it ends too soon."""

_MOST_RUNS = 20
"""Maximum runs of one trial."""

_CHECKED = "same weights, optimiser, random states, curves, best and kept checkpoints"


def run(plan: Plan) -> list[Row]:
    """Test the requested number of kills; only kills that ended a living process count."""
    sizes = [min(_EACH, plan.kills - start) for start in range(0, plan.kills, _EACH)]
    trials = {
        name: [_Trial(plan, name, size) for size in sizes[index :: len(SETTINGS)]]
        for index, name in enumerate(SETTINGS)
        if index < len(sizes)
    }
    cases = [
        Case(f"SIGKILL, {name}", _CHECKED, [trial.survive for trial in those])
        for name, those in trials.items()
    ]
    rows = [
        replace(row, trials=f"{sum(t.hits.total() for t in those)} kills")
        for row, those in zip(plan.rows("kills", cases), trials.values(), strict=True)
    ]
    hits = sum((trial.hits for those in trials.values() for trial in those), Counter[str]())
    return [*rows, *(Row(f"- {stage}", f"{hits[stage]} kills", "", ()) for stage in STAGES)]


class _Trial:
    """A trial: one run, killed several times, and further runs if it ends too soon."""

    def __init__(self, plan: Plan, name: str, kills: int) -> None:
        self._plan, self._name, self._kills = plan, name, kills
        self.hits = Counter[str]()

    def survive(self, folder: Path, dice: Random) -> list[str]:
        """Kill runs until enough kills have hit; return what was lost."""
        for number in range(_MOST_RUNS):
            if self.hits.total() == self._kills:
                return []
            if problems := self._survive_one(
                Training(folder / str(number), *SETTINGS[self._name]), dice
            ):
                return problems
        return ["it never came to be killed so often"]

    def _survive_one(self, training: Training, dice: Random) -> list[str]:
        reference = self._plan.reference(self._name).training.run
        history: list[str] = []
        try:
            for aim in draw(dice, self._kills - self.hits.total()):
                if not self._kill(training, aim, dice, history):
                    break
            training.finish()
            problems = damaged(training.run) + differences(training.run, reference)
        except Failed as failure:
            problems = [str(failure)]
        return [f"{problem} after {', '.join(history)}" for problem in problems]

    def _kill(self, training: Training, aim: str, dice: Random, history: list[str]) -> bool:
        """Start the training and kill it; return False if it ended before."""
        pace = self._plan.reference(self._name).pace
        before = newest_step(training.run)
        with training.start() as process:
            AIMS[aim][1](process, pace, dice)
            if not process.kill():
                if code := process.wait():
                    raise Failed(f"ends with exit code {code}: {process.last_words()}")
                return False
        stage, after = stage_of(process), newest_step(training.run)
        self.hits[stage] += 1
        history.append(f"a kill for {aim} that hit {stage} with update {after} saved")
        if after < before:
            raise Failed(f"update {before} was saved, and is no more")
        return True
