"""SIGKILL before chosen file operations of a run, so that every order of files is tested."""

import sys
from pathlib import Path
from random import Random

from crash.compare import damaged, differences
from crash.plan import Case, Plan, Row, Trial
from crash.trainings import Failed, Training

_SETTINGS = ("training.max_steps=8", "training.validate_every=4", "training.checkpoint_every=3")
"""Settings of a short run that does each file operation of a long run at least once."""


def _program(nth: int) -> list[str]:
    return [sys.executable, "-P", str(Path(__file__).with_name("killed_at.py")), str(nth)]


def run(plan: Plan) -> list[Row]:
    """Test a kill before some of the operations; with --every-operation before all."""
    undisturbed = Training(plan.folder / "reference-operations", *_SETTINGS)
    with undisturbed.start(by=_program(0)) as process:
        if code := process.wait():
            raise Failed(f"a training ends with exit code {code}: {process.last_words()}")
    changes = int(process.said.rsplit("changes: ", 1)[1])

    def killed_at(nth: int) -> Trial:
        def trial(folder: Path, _: Random) -> list[str]:
            training = Training(folder, *_SETTINGS)
            with training.start(by=_program(nth)) as process:
                process.wait()
            if not process.killed:
                return [f"change {nth} never came: {process.last_words()}"]
            training.finish()
            found = damaged(training.run) + differences(training.run, undisturbed.run)
            return [f"{problem} after a kill before change {nth}" for problem in found]

        return trial

    count = changes if plan.every_operation else min(changes, 4 if plan.quick else 20)
    chosen = Random(f"{plan.seed}/operations").sample(range(1, changes + 1), count)
    case = Case(
        "SIGKILL before a change to a file",
        f"the same end, whichever of the {changes} changes of a short run it is",
        [killed_at(nth) for nth in chosen],
    )
    return plan.rows("changes", [case])
