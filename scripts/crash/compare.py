"""Comparison and integrity check of run directories, without the code under test."""

import hashlib
from pathlib import Path

from crash.trainings import read_json

SUMS = "SHA256SUMS"
_WALL_CLOCK = ("seconds", "validation_seconds")
"""Fields of state.json that differ in every training."""

_OF_ITS_OWN = ("tensorboard/", "previous/", ".lock", "last.damaged/", "best.damaged/")
"""Files that belong to one process, or depend on its interruptions."""

TRAINING_CHECKPOINTS = ("last", "previous", ".last.old")
"""Checkpoints that training resumes from; `.last.old` exists only between two renames."""


def differences(run: Path, reference: Path) -> list[str]:
    """Return every file that differs between two runs.

    Left out: files of one process (lock, TensorBoard's events), `previous` (a signal adds a
    checkpoint), damaged checkpoints that were renamed, and times.
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
        elif path.name == SUMS:  # the sum of state.json depends on times
            found[name] = [line for line in _sums(path) if line[1] != "state.json"]
        else:
            found[name] = path.read_bytes()
    return found


def damage(checkpoint: Path) -> str | None:
    """Return the damage of a checkpoint by the list of checksums; None if it is whole."""
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
    """Read each checksum with the file name, without comments."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [(line[:64], line[66:]) for line in lines if not line.startswith("#")]


def newest_step(run: Path) -> int:
    """Return the update of the newest whole checkpoint to resume from; 0 if there is none."""
    folders = [run / name for name in TRAINING_CHECKPOINTS]
    whole = [folder for folder in folders if folder.is_dir() and damage(folder) is None]
    return max((int(read_json(folder / "state.json")["step"]) for folder in whole), default=0)


def damaged(run: Path) -> list[str]:
    """Return the damages of all checkpoints of a run."""
    folders = [run / "last", run / "previous", run / "best", *run.glob("checkpoints/step-*")]
    found = [damage(folder) for folder in folders if folder.is_dir()]
    return [problem for problem in found if problem]
