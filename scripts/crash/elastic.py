"""Kills under torchrun: one of two ranks is killed, and both resume from the last checkpoint."""

import os
import signal
import sys
from pathlib import Path
from random import Random

from crash.compare import damaged, differences
from crash.interference import wait_for_update
from crash.plan import Case, Plan, Row
from crash.trainings import MAX_STEPS, Failed, Process, Training

_TORCHRUN = [
    *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
    *("--nproc-per-node", "2", "--max-restarts", "3", "-m", "transformer_mt"),
]
_CHECKED = "torchrun starts both again; the same end as two that nobody disturbed"


def run(plan: Plan) -> list[Row]:
    """Test kills of either rank."""
    undisturbed = Training(plan.folder / "reference-torchrun")
    with undisturbed.start(by=_TORCHRUN) as process:
        if code := process.wait():
            raise Failed(f"torchrun ends with exit code {code}: {process.last_words()}")

    def trial(folder: Path, dice: Random) -> list[str]:
        return _kill_one(Training(folder), undisturbed, dice)

    count = 1 if plan.quick else 3
    return plan.rows("torchrun", [Case("SIGKILL, one of two processes", _CHECKED, [trial] * count)])


def _kill_one(training: Training, undisturbed: Training, dice: Random) -> list[str]:
    with training.start(by=_TORCHRUN) as process:
        wait_for_update(process, dice.randint(1, MAX_STEPS - 20))
        os.kill(dice.choice(_children(process)), signal.SIGKILL)
        code = process.wait()
    if code:
        return [f"exit code {code}: {process.last_words()}"]
    found = damaged(training.run) + differences(training.run, undisturbed.run)
    return found if "exitcode: -9" in process.said else [*found, "nobody was killed"]


def _children(process: Process) -> list[int]:
    """Return the process ids that torchrun has started."""
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8")
    return [int(pid) for pid in listed.split()]
