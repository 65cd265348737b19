"""A loss that is no number: training goes back and on more slowly, or stops with an explanation.

That a training which goes back survives kills, too, is seen in `kills.py`.
"""

from pathlib import Path
from random import Random

from crash.compare import damaged
from crash.plan import CLIFF, Case, Plan, Row, Trial, complaint
from crash.trainings import Training, read_json

_HOPELESS = ("training.learning_rate=1e20", "training.clip_norm=0")
"""No rescue makes this small enough."""

_WENT_BACK = "back to update"


def run(plan: Plan) -> list[Row]:
    """Too large learning rates."""
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
        """The undisturbed training that the kills are compared with."""
        reference = plan.reference(CLIFF)
        factor = read_json(reference.training.run / "last/state.json")["learning_rate_factor"]
        return [] if _WENT_BACK in reference.said and factor < 1 else ["did not go back"]

    return trial


def _hopeless(folder: Path, _: Random) -> list[str]:
    """To the end, twice."""
    training, problems = Training(folder, *_HOPELESS), []
    for _time in range(2):
        with training.start() as process:
            problems += complaint(process, 1, "went back")
        problems += damaged(training.run)
    return problems


def _without_rescue(folder: Path, _: Random) -> list[str]:
    """The first is the last."""
    training = Training(folder, *_HOPELESS)
    with training.start("--no-rescue") as process:
        problems = complaint(process, 1, "is nan", "is inf")
    return [*problems, *(["went back"] if _WENT_BACK in process.said else [])]
