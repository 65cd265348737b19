"""What a training is doing, told from the files of its run directory."""

from pathlib import Path

from crash.trainings import MAX_STEPS, VALIDATE_EVERY, Process, last_point, read_json

STAGES = (
    "loading",
    "update",
    "validation",
    "between checkpoints",
    "writing files",
    "between renames",
    "removing the old",
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
    folders = [path for path in hidden if path.is_dir() and _changed(path) >= process.began]
    for path in folders:
        if path.suffix == ".old":
            is_there = path.with_name(path.name[1:-4]).is_dir()
            return "removing the old" if is_there else "between renames"
    return "writing files" if any(path.suffix == ".new" for path in folders) else None


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
        return "update"
    is_kept = (run / "checkpoints" / f"step-{step:08d}").is_dir()
    return "between checkpoints" if is_kept else "validation"
