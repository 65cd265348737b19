"""Locks and signals: a second training in the same run directory, Ctrl-C, and SIGTERM."""

import contextlib
import signal
from pathlib import Path
from random import Random

from crash.compare import damaged, differences, newest_step
from crash.plan import Case, Plan, Row, complaint
from crash.stages import has_begun, stage_of
from crash.trainings import MAX_STEPS, Failed, Process, Training, last_point

_MANNERS = {signal.SIGINT: 130, signal.SIGTERM: 143}
"""Exit codes by signal, as in a shell."""

_TOGETHER = 3
"""Trainings that are started at once in one run directory."""


def run(plan: Plan) -> list[Row]:
    """Test locks and signals."""
    count, trial = 1 if plan.quick else 3, _Trial(plan)
    cases = [
        Case(
            "Ctrl-C, then SIGTERM, or the other way round",
            "exit 130, 143; the update saved; said how to go on; the same end",
            [trial.asked_to_stop] * 2 * count,
        ),
        Case("Ctrl-C twice", "the second stops at once; the same end", [trial.asked_twice] * count),
        Case("Ctrl-C while loading", "exit 130; the same end", [trial.asked_early] * count),
        Case(
            "second training",
            "refused by the name of the first, also to overwrite; the first ends as ever",
            [trial.second] * count,
        ),
        Case("lock of a killed training", "no obstacle; the same end", [trial.dead_lock] * count),
        Case(f"{_TOGETHER} at once", "one trains, the others are refused", [trial.at_once]),
    ]
    return plan.rows("locks and signals", cases)


class _Trial:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def _end(self, training: Training) -> list[str]:
        """Train to the end; return the differences to the reference."""
        training.finish()
        reference = self._plan.reference("fp32")
        return damaged(training.run) + differences(training.run, reference.training.run)

    def asked_to_stop(self, folder: Path, dice: Random) -> list[str]:
        """Expect that each signal ends the update, saves, and prints how to resume."""
        training, problems = Training(folder), []
        half = MAX_STEPS // 2
        for number, first in zip(dice.sample(list(_MANNERS), 2), (0, half), strict=True):
            with training.start() as process:
                step = wait_for_update(process, dice.randint(first + 1, first + half - 5))
                process.send(number)
                code = process.wait()
            if code != _MANNERS[number]:
                problems.append(f"exit code {code} after {number.name}: {process.last_words()}")
            if process.said.splitlines()[-1:] != [
                f"stopped by {number.name}; saved: run the same command again to go on"
            ]:
                problems.append(f"does not say how to go on: {process.last_words()}")
            if (saved := newest_step(training.run)) < step:
                problems.append(f"update {step} was made before {number.name}, {saved} is saved")
        return problems + self._end(training)

    def asked_twice(self, folder: Path, dice: Random) -> list[str]:
        """Expect that a second Ctrl-C stops at once, even in a validation, and saves nothing."""
        training = Training(folder)
        while True:
            with training.start() as process:
                wait_for_update(process, newest_step(training.run) + dice.randint(1, 6))
                process.wait_until(lambda it: stage_of(it) == "validating")
                process.send(signal.SIGINT)
                if not process.wait_until(lambda it: "stopping" in it.said):
                    raise Failed("ends before a second Ctrl-C reaches it")
                before = newest_step(training.run)
                process.send(signal.SIGINT)
                code, after = process.wait(), newest_step(training.run)
            if code != 130:
                return [f"exit code {code} after two Ctrl-C: {process.last_words()}"]
            if "saved:" not in process.said:  # else the validation ended before the second signal
                break
        problems = [f"update {after} is saved after all"] if after != before else []
        return problems + self._end(training)

    def asked_early(self, folder: Path, dice: Random) -> list[str]:
        """Interrupt the loading, when there is nothing to save."""
        training = Training(folder)
        loading = self._plan.reference("fp32").pace.loading
        with training.start() as process:
            process.sleep(dice.uniform(0.2, 0.9) * loading)
            process.send(signal.SIGINT)
            code = process.wait()
        # while Python itself starts, the signal ends the process
        wrong = code not in (130, -signal.SIGINT)
        problems = [f"exit code {code}: {process.last_words()}"] if wrong else []
        return problems + self._end(training)

    def second(self, folder: Path, dice: Random) -> list[str]:
        """Start a second training while the first one trains: expect an error."""
        training, problems = Training(folder), []
        with training.start() as first:
            first.wait_until(has_begun)
            first.send(signal.SIGSTOP)  # else the first might end before the others begin
            for more in ((), ("--overwrite",)):
                with training.start(*more) as second:
                    problems += complaint(second, 1, f"process {first.pid} ")
            first.sleep(dice.uniform(0, 0.5))
            first.send(signal.SIGCONT)
            if code := first.wait():
                problems.append(f"the first ends with exit code {code}: {first.last_words()}")
        return problems + self._end(training)

    def dead_lock(self, folder: Path, dice: Random) -> list[str]:
        """Resume after SIGKILL, which leaves the lock file."""
        training = Training(folder)
        with training.start() as process:
            wait_for_update(process, dice.randint(1, MAX_STEPS // 2))
        if not (training.run / ".lock").is_file():
            raise Failed("there was no lock")
        return self._end(training)

    def at_once(self, folder: Path, _: Random) -> list[str]:
        """Start several equal commands at the same time: expect that one trains."""
        training = Training(folder)
        with contextlib.ExitStack() as stack:
            processes = [stack.enter_context(training.start()) for _ in range(_TOGETHER)]
            codes = sorted(process.wait() for process in processes)
        wanted = [0, *([1] * (_TOGETHER - 1))]
        problems = [f"exit codes {codes}"] if codes != wanted else []
        return problems + self._end(training)


def wait_for_update(process: Process, step: int) -> int:
    """Wait for update `step`; return the last update made."""
    if not process.wait_until(
        lambda it: has_begun(it) and last_point(it.run).get("step", 0) >= step
    ):
        raise Failed(f"ends before update {step}: {process.last_words()}")
    return int(last_point(process.run)["step"])
