"""What a run directory holds, and whether that is whole; written without the code under test."""

import hashlib
from pathlib import Path

from crash.trainings import read_json

SUMS = "SHA256SUMS"
_WALL_CLOCK = ("seconds", "validation_seconds")
"""In state.json: what no two trainings have alike."""

_OF_ITS_OWN = ("tensorboard/", "previous/", ".lock", "last.damaged/", "best.damaged/")
"""What belongs to one process, or tells what happened to it."""

TRAINING_CHECKPOINTS = ("last", "previous", ".last.old")
"""From which training goes on; the last one is there between two renames only."""


def differences(run: Path, reference: Path) -> list[str]:
    """Every file that is not, bit for bit, that of the other run.

    Left out: what belongs to one process (lock, TensorBoard's events), the checkpoint before the
    last (a signal makes one more), those put aside as damaged, and measures of time.
    """
    found, wanted = _contents(run), _contents(reference)
    names = sorted(found.keys() | wanted.keys())
    return [
        f"{name} {'differs' if name in found and name in wanted else 'is in one run only'}"
        for name in names
        if found.get(name) != wanted.get(name)
    ]


def _contents(run: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in sorted(run.rglob("*")):
        name = path.relative_to(run).as_posix()
        if path.is_dir() or name.startswith(_OF_ITS_OWN):
            continue
        if path.name == "state.json":
            state = read_json(path).items()
            found[name] = {key: value for key, value in state if key not in _WALL_CLOCK}
        elif path.name == SUMS:  # that of state.json depends on the time
            found[name] = [line for line in _sums(path) if line[1] != "state.json"]
        else:
            found[name] = path.read_bytes()
    return found


def damage(checkpoint: Path) -> str | None:
    """What is wrong with a checkpoint by its own list of sums; None when it is whole."""
    sums = checkpoint / SUMS
    if not sums.is_file():
        return f"{sums} is missing"
    listed = set()
    for wanted, name in _sums(sums):
        file = checkpoint / name
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != wanted:
            return f"{file} is damaged"
        listed.add(file.name)
    unlisted = {file.name for file in checkpoint.iterdir()} - listed - {SUMS}
    return f"{checkpoint / unlisted.pop()} has no sum" if unlisted else None


def _sums(path: Path) -> list[tuple[str, str]]:
    """Each sum and the name of its file, without comments."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [(line[:64], line[66:]) for line in lines if not line.startswith("#")]


def newest_step(run: Path) -> int:
    """Updates of the newest whole checkpoint to go on from; 0 without any."""
    folders = [run / name for name in TRAINING_CHECKPOINTS]
    whole = [folder for folder in folders if folder.is_dir() and damage(folder) is None]
    return max((int(read_json(folder / "state.json")["step"]) for folder in whole), default=0)


def damaged(run: Path) -> list[str]:
    """What is wrong with the checkpoints that stand in their places."""
    folders = [run / "last", run / "previous", run / "best", *run.glob("checkpoints/step-*")]
    found = [damage(folder) for folder in folders if folder.is_dir()]
    return [problem for problem in found if problem]
