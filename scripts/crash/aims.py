"""Aims of kills: each waits for a moment of one kind in a training."""

import os
import signal
import time
from collections.abc import Callable
from random import Random

from crash.stages import WRITE_STAGES, has_begun, stage_of, write_stage
from crash.trainings import Pace, Process

_WRITES = 10
"""Maximum checkpoint writes that are stepped through until one is stopped at a rename."""

_STEP = 0.00006
"""Maximum seconds between two stops of the process; some renames take as long."""

Aim = Callable[[Process, Pace, Random], object]


def _any_moment(process: Process, pace: Pace, dice: Random) -> None:
    process.sleep(dice.uniform(0, pace.whole))


def _first_second(process: Process, pace: Pace, dice: Random) -> None:
    process.sleep(dice.uniform(0, min(1.0, pace.loading)))


def _loading(process: Process, pace: Pace, dice: Random) -> None:
    process.sleep(dice.uniform(0.3, 1.1) * pace.loading)


def _training(process: Process, pace: Pace, dice: Random) -> None:
    process.wait_until(has_begun)
    process.sleep(dice.uniform(0, pace.training))


def _validation(process: Process, _: Pace, dice: Random) -> None:
    _wait_for("validating", process, dice)
    time.sleep(dice.uniform(0, 0.2))


def _checkpoint_write(process: Process, _: Pace, dice: Random) -> None:
    _skip_writes(process, dice)
    process.wait_until(lambda it: write_stage(it) is not None)
    time.sleep(dice.uniform(0, 0.004))


def _renames(process: Process, _: Pace, dice: Random) -> None:
    """Run the process some microseconds at a time, so that even the shortest stage is found."""
    _skip_writes(process, dice)
    for _write in range(_WRITES):
        if not process.wait_until(lambda it: write_stage(it) is not None):
            return
        while _stopped(process) and (stage := write_stage(process)):
            if stage != WRITE_STAGES[0] and dice.random() < 0.3:
                return
            process.send(signal.SIGCONT)
            end = time.perf_counter() + dice.uniform(0, _STEP)
            while time.perf_counter() < end:  # busy wait: time.sleep is not that precise
                pass
        process.send(signal.SIGCONT)


def _finishing(process: Process, _: Pace, dice: Random) -> None:
    process.wait_until(lambda it: stage_of(it) == "finishing")
    time.sleep(dice.uniform(0, 0.2))


AIMS: dict[str, tuple[int, Aim]] = {
    "the first second": (1, _first_second),
    "loading": (1, _loading),
    "any moment": (2, _any_moment),
    "training": (4, _training),
    "validation": (2, _validation),
    "a checkpoint": (3, _checkpoint_write),
    "a rename": (4, _renames),
    "the end": (1, _finishing),
}
"""Weight and function of each aim, by name."""


def draw(dice: Random, count: int) -> list[str]:
    """Draw `count` names of aims by weight."""
    return dice.choices(list(AIMS), [weight for weight, _ in AIMS.values()], k=count)


def _wait_for(stage: str, process: Process, dice: Random) -> None:
    """Wait for the first, second or third occurrence of a stage."""
    for _ in range(dice.randint(0, 2)):
        process.wait_until(lambda it: stage_of(it) == stage)
        process.wait_until(lambda it: stage_of(it) != stage)
    process.wait_until(lambda it: stage_of(it) == stage)


def _skip_writes(process: Process, dice: Random) -> None:
    """Wait until 0 to 5 checkpoints have been written."""
    for _ in range(dice.randint(0, 5)):
        process.wait_until(lambda it: write_stage(it) is not None)
        process.wait_until(lambda it: write_stage(it) is None)


def _stopped(process: Process) -> bool:
    """Stop the process (SIGSTOP); return False if it has ended."""
    process.send(signal.SIGSTOP)
    found = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    if found is None or found.si_code != os.CLD_STOPPED:
        return False
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)  # consume the state that WNOWAIT left
    return True
