"""Truncated and bit-flipped files: they must be detected, named and replaced or refused."""

import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from crash.compare import damaged, differences
from crash.interference import wait_for_update
from crash.plan import Case, Plan, Row, Trial, complaint
from crash.trainings import MAX_STEPS, VALIDATE_EVERY, Process, Training, read_json

_WEIGHTS = ("model.safetensors", "state.json", "SHA256SUMS")
_TRAINING = (*_WEIGHTS, "training_state.safetensors")
"""Files of a checkpoint for inference, and of one to resume from."""

_KEPT = f"checkpoints/step-{MAX_STEPS - VALIDATE_EVERY:08d}"
"""Kept checkpoint that is averaged with the last one at the end."""

_SENTENCE = "red blue green"

Damage = Callable[[Path, Random], None]
Expectation = Callable[["_Trial", Training, Path, Random], list[str]]


def truncate(file: Path, dice: Random) -> None:
    """Truncate a file at a random size."""
    file.write_bytes(file.read_bytes()[: dice.randrange(file.stat().st_size)])


def flip(file: Path, dice: Random) -> None:
    """Flip one random bit of a file."""
    content = bytearray(file.read_bytes())
    content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    file.write_bytes(content)


def run(plan: Plan) -> list[Row]:
    """Test every file of every checkpoint, truncated and with a flipped bit."""
    source = _interrupted(plan)
    cases: list[tuple[str, str, str, tuple[str, ...], Expectation]] = [
        (
            "damaged last/",
            "file named; goes on from previous/, and says so; the same end",
            "last",
            _TRAINING,
            _Trial.goes_on_from_previous,
        ),
        ("damaged previous/", "the same end", "previous", _TRAINING, _Trial.goes_on),
        (
            "damaged last/ and previous/",
            "file named, exit 1, nothing removed; with one put back, the same end",
            "last",
            _TRAINING,
            _Trial.refuses,
        ),
        (
            "damaged best/, tmt translate",
            "file named; the newest whole checkpoint translates, and is named",
            "best",
            _WEIGHTS,
            _Trial.translates_with_another,
        ),
        (
            "damaged best/, training goes on",
            "file named; the same end where a copy is kept, else a new best",
            "best",
            _WEIGHTS,
            _Trial.finds_a_best,
        ),
        (
            "damaged kept checkpoint",
            "file named; the average does without; otherwise the same end",
            _KEPT,
            _WEIGHTS,
            _Trial.averages_without,
        ),
        (
            "damaged tokenizer",
            "file named, exit 1, nothing removed; put back, the same end",
            ".",
            ("tokenizer.src.json", "tokenizer.tgt.json"),
            _Trial.cannot_do_without,
        ),
    ]
    return plan.rows(
        "damage",
        [
            Case(name, checked, _trials(plan, name, source, place, files, expectation))
            for name, checked, place, files, expectation in cases
        ],
    )


def _trials(
    plan: Plan,
    name: str,
    source: Training,
    place: str,
    files: Sequence[str],
    expectation: Expectation,
) -> list[Trial]:
    """Return a trial for each file and damage; with --quick, two of them."""
    trials: list[Trial] = [
        _Trial(plan, source, f"{place}/{file}", damage, expectation).run
        for file in files
        for damage in (truncate, flip)
    ]
    return Random(f"{plan.seed}/{name}").sample(trials, 2) if plan.quick else trials


def _interrupted(plan: Plan) -> Training:
    """Stop a training after the second last validation, when all kinds of checkpoints exist."""
    training = Training(plan.folder / "interrupted")
    with training.start() as process:
        wait_for_update(process, MAX_STEPS - VALIDATE_EVERY + 2)
        process.send(signal.SIGTERM)
        process.wait()
    return training


class _Trial:
    """A trial with one damaged file and the expected behaviour."""

    def __init__(
        self, plan: Plan, source: Training, name: str, damage: Damage, expectation: Expectation
    ) -> None:
        self._plan, self._source, self._name = plan, source, name
        self._damage, self._expectation = damage, expectation

    def run(self, folder: Path, dice: Random) -> list[str]:
        """Run the trial in a copy of the interrupted training."""
        training = Training(folder)
        shutil.copytree(self._source.run, training.run)
        file = training.run / self._name
        self._damage(file, dice)
        found = self._expectation(self, training, file, dice)
        return [f"{self._damage.__name__} {self._name}: {problem}" for problem in found]

    def _differences(self, training: Training) -> list[str]:
        reference = self._plan.reference("fp32").training
        return damaged(training.run) + differences(training.run, reference.run)

    def _silent_about(self, process: Process, *names: str) -> list[str]:
        missing = [name for name in names if name not in process.said]
        return [f"does not name {name}: {process.last_words()}" for name in missing]

    def goes_on(self, training: Training, _file: Path, _dice: Random) -> list[str]:
        """Expect the same end: the damaged file is not needed."""
        training.finish()
        return self._differences(training)

    def goes_on_from_previous(self, training: Training, _file: Path, _dice: Random) -> list[str]:
        """Expect that training resumes from `previous` and repeats the missing updates."""
        step = read_json(self._source.run / "previous" / "state.json")["step"]
        process = training.finish()
        clue = f"run/previous, after update {step}"
        return self._silent_about(process, f"run/{self._name}", clue) + self._differences(training)

    def refuses(self, training: Training, _file: Path, dice: Random) -> list[str]:
        """Expect an error if `previous` is damaged too; the same end after one is restored."""
        other = training.run / "previous" / dice.choice(_TRAINING)
        whole = other.read_bytes()
        dice.choice((truncate, flip))(other, dice)
        problems = self._refused(training)
        other.write_bytes(whole)
        return problems + self.goes_on_from_previous(training, other, dice)

    def cannot_do_without(self, training: Training, file: Path, _dice: Random) -> list[str]:
        """Expect an error; the same end after the file is restored."""
        problems = self._refused(training)
        file.write_bytes((self._source.run / self._name).read_bytes())
        training.finish()
        return problems + self._differences(training)

    def _refused(self, training: Training) -> list[str]:
        before = _files(training.run)
        with training.start() as process:
            problems = complaint(process, 1, str(Path("run", self._name)))
        return problems if _files(training.run) == before else [*problems, "files were changed"]

    def translates_with_another(self, training: Training, _file: Path, _dice: Random) -> list[str]:
        """Expect that the newest whole checkpoint translates, with a message."""
        with training.tmt("translate", "--model", "run", _SENTENCE) as process:
            code = process.wait()
        problems = [f"exit code {code}: {process.last_words()}"] if code else []
        return problems + self._silent_about(process, f"run/{self._name}", f"run/{_KEPT}")

    def finds_a_best(self, training: Training, file: Path, _dice: Random) -> list[str]:
        """Expect the same best checkpoint if a kept one is equal, else any whole one."""
        best = (self._source.run / self._name).read_bytes()
        kept = self._source.run.glob(f"checkpoints/*/{file.name}")
        process = training.finish()
        problems = self._silent_about(process, f"run/{self._name}")
        if any(copy.read_bytes() == best for copy in kept):
            return problems + self._differences(training)
        return problems + damaged(training.run)

    def averages_without(self, training: Training, file: Path, _dice: Random) -> list[str]:
        """Expect the same end, except for files that depend on the average."""
        process = training.finish()
        problems = self._silent_about(process, f"run/{self._name}")
        exempt = ("best/", "last/state.json", _KEPT)
        found = self._differences(training)
        return problems + [
            problem for problem in found if not problem.startswith((*exempt, str(file.parent)))
        ]


def _files(run: Path) -> dict[Path, bytes]:
    """Read all files of a run."""
    return {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
