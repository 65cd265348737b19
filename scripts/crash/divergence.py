"""Divergence: training returns to a checkpoint with a lower learning rate, or stops with an error.

`kills.py` tests that a training with rescues also survives kills.
"""

from pathlib import Path
from random import Random

from crash.compare import damaged
from crash.plan import CLIFF, Case, Plan, Row, Trial, complaint
from crash.trainings import Training, read_json

_HOPELESS = ("training.learning_rate=1e20", "training.clip_norm=0")
"""Learning rate that remains too large after all rescues."""

_WENT_BACK = "back to update"


def run(plan: Plan) -> list[Row]:
    """Test too large learning rates."""
    cases = [
        Case(
            "divergence",
            "went back with half the learning rate, reached the end",
            [_rescued(plan)],
        ),
        Case(
            "hopeless divergence",
            "went back in vain, one clear error, exit 1, checkpoints whole; the same once more",
            [_hopeless],
        ),
        Case("divergence, --no-rescue", "one clear error, exit 1, at once", [_without_rescue]),
    ]
    return plan.rows("divergence", cases)


def _rescued(plan: Plan) -> Trial:
    def trial(_: Path, __: Random) -> list[str]:
        """Check that the reference training of the kills was rescued."""
        reference = plan.reference(CLIFF)
        factor = read_json(reference.training.run / "last/state.json")["learning_rate_factor"]
        return [] if _WENT_BACK in reference.said and factor < 1 else ["did not go back"]

    return trial


def _hopeless(folder: Path, _: Random) -> list[str]:
    """Train until the error, twice."""
    training, problems = Training(folder, *_HOPELESS), []
    for _time in range(2):
        with training.start() as process:
            problems += complaint(process, 1, "went back")
        problems += damaged(training.run)
    return problems


def _without_rescue(folder: Path, _: Random) -> list[str]:
    """Train with --no-rescue: the first divergence is an error."""
    training = Training(folder, *_HOPELESS)
    with training.start("--no-rescue") as process:
        problems = complaint(process, 1, "is nan", "is inf")
    return [*problems, *(["went back"] if _WENT_BACK in process.said else [])]
