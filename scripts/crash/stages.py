"""What a training is doing, told from the files of its run directory."""

from pathlib import Path

from crash.compare import SUMS
from crash.trainings import MAX_STEPS, VALIDATE_EVERY, Process, last_point, read_json

WRITE_STAGES = (
    "writing a checkpoint's files",
    "before its renames",
    "between its renames",
    "removing the old one",
)
"""Of a checkpoint: its folder is filled, sealed, takes the place of the last one, which goes."""

STAGES = (
    "loading",
    "updating",
    "validating",
    "between two checkpoints",
    *WRITE_STAGES,
    "finishing",
)
"""In the order in which a training comes to them."""


def stage_of(process: Process) -> str:
    """One of STAGES; exact when the process stands still, which a dead one does."""
    run = process.run
    if not has_begun(process):
        return "loading"
    return write_stage(process) or _stage_by_points(run)


def has_begun(process: Process) -> bool:
    """True when it has loaded everything, and has touched the curves."""
    try:
        return (process.run / "metrics.jsonl").stat().st_mtime >= process.began
    except FileNotFoundError:
        return False


def write_stage(process: Process) -> str | None:
    """How far the checkpoint is that this process is writing; None while it writes none."""
    run = process.run
    hidden = (*run.glob(".*.*"), *run.glob("checkpoints/.*.*"))
    found = [
        WRITE_STAGES.index(_folder_stage(path))
        for path in hidden
        if path.is_dir() and _changed(path) >= process.began
    ]
    return WRITE_STAGES[max(found)] if found else None


def _folder_stage(path: Path) -> str:
    """What `.best.new`, say, tells; and `.best.old`, to which `best` is moved until it is removed.

    What was `last` becomes `previous` instead, and stays.
    """
    place = path.with_name(path.name[1:-4])
    kept = path.with_name("previous") if place.name == "last" else path.with_suffix(".old")
    if not place.is_dir() and kept.is_dir():
        return "between its renames"
    if path.suffix == ".old":
        return "removing the old one"
    return "before its renames" if (path / SUMS).is_file() else "writing a checkpoint's files"


def _changed(path: Path) -> float:
    """When it was made, filled or renamed; those left by an earlier process are old."""
    try:
        return path.stat().st_ctime
    except FileNotFoundError:
        return 0.0


def _stage_by_points(run: Path) -> str:
    point, saved = last_point(run), read_json(run / "last" / "state.json").get("step", 0)
    step = point.get("step", 0)
    if saved >= MAX_STEPS:
        return "finishing"
    if step % VALIDATE_EVERY or step <= saved:
        return "updating"
    is_kept = (run / "checkpoints" / f"step-{step:08d}").is_dir()
    return "between two checkpoints" if is_kept else "validating"
