"""Stages of a training, derived from the files of the run directory."""

from pathlib import Path

from crash.compare import SUMS
from crash.trainings import MAX_STEPS, VALIDATE_EVERY, Process, last_point, read_json

WRITE_STAGES = (
    "writing a checkpoint's files",
    "before its renames",
    "between its renames",
    "removing the old one",
)
"""Stages of writing a checkpoint: fill the folder, seal it, replace the old one, remove that."""

STAGES = (
    "loading",
    "updating",
    "validating",
    "between two checkpoints",
    *WRITE_STAGES,
    "finishing",
)
"""All stages, in the order in which a training reaches them."""


def stage_of(process: Process) -> str:
    """Return the current stage, one of STAGES; exact if the process is stopped or dead."""
    run = process.run
    if not has_begun(process):
        return "loading"
    return write_stage(process) or _stage_by_points(run)


def has_begun(process: Process) -> bool:
    """Return whether the process has loaded everything and written to metrics.jsonl."""
    try:
        return (process.run / "metrics.jsonl").stat().st_mtime >= process.began
    except FileNotFoundError:
        return False


def write_stage(process: Process) -> str | None:
    """Return the stage of the checkpoint that the process is writing; None if it writes none."""
    run = process.run
    hidden = (*run.glob(".*.*"), *run.glob("checkpoints/.*.*"))
    found = [
        WRITE_STAGES.index(_folder_stage(path))
        for path in hidden
        if path.is_dir() and _changed(path) >= process.began
    ]
    return WRITE_STAGES[max(found)] if found else None


def _folder_stage(path: Path) -> str:
    """Return the write stage of a hidden folder, such as `.best.new` or `.best.old`.

    A replaced `best` is renamed to `.best.old` and removed; a replaced `last` becomes `previous`.
    """
    place = path.with_name(path.name[1:-4])
    kept = path.with_name("previous") if place.name == "last" else path.with_suffix(".old")
    if not place.is_dir() and kept.is_dir():
        return "between its renames"
    if path.suffix == ".old":
        return "removing the old one"
    return "before its renames" if (path / SUMS).is_file() else "writing a checkpoint's files"


def _changed(path: Path) -> float:
    """Return the time when a folder was created, filled or renamed; 0 if it is missing."""
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
