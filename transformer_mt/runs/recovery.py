"""Recovery at the start of training: remains of a crash, and damaged checkpoints."""

import filecmp
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

from transformer_mt.files.atomic import (
    SUMS_FILE,
    DamagedError,
    is_whole,
    remove_folder,
    remove_partial,
    sealed_folder,
    settle,
    verify,
    would_settle,
)
from transformer_mt.runs.checkpoint import kept_checkpoints
from transformer_mt.runs.run_dir import RunDir, damaged
from transformer_mt.runs.train_state import load_state

log = logging.getLogger(__name__)


def recover(run: RunDir) -> None:
    """Restore a run directory to its newest whole checkpoint and remove remains of a crash.

    A damaged checkpoint is renamed (see `damaged`), with a warning. If `best` is damaged and no
    kept checkpoint is a copy, the run has no `best` until the next validation.

    Raises:
        DamagedError: neither `last` nor `previous` is whole.
    """
    settle(run.last, run.previous)
    settle(run.best)
    for cut_off in run.steps():
        if cut_off.name.startswith("."):
            settle(cut_off.with_name(cut_off.name.split(".")[1]))
    for file in run.files:
        remove_partial(file)
    if run.last.is_dir():
        _replace_damaged_last(run)
        _forget_later_checkpoints(run)
        _replace_damaged_best(run)


@dataclass(frozen=True, slots=True)
class _Recovered(RunDir):
    """A run directory whose last checkpoint is read from another folder."""

    found: Path

    @property
    def last(self) -> Path:
        return self.found


def as_recovered(run: RunDir) -> RunDir:
    """Return the run directory with the `last` that `recover` would leave; change nothing.

    Raises:
        DamagedError: as for `recover`.
    """
    last = would_settle(run.last, run.previous)
    if last.is_dir():
        try:
            verify(last)
        except DamagedError as damage:
            _refuse_without_previous(run, damage)
            last = run.previous
    return _Recovered(run.path, last)


def _refuse_without_previous(run: RunDir, damage: DamagedError) -> None:
    if not is_whole(run.previous):
        raise DamagedError(
            f"{damage}, and {run.previous} is not whole: there is nothing to go on from;"
            " copies of the run elsewhere may be, else --overwrite starts anew"
        ) from None


def _replace_damaged_last(run: RunDir) -> None:
    try:
        verify(run.last)
    except DamagedError as damage:
        _refuse_without_previous(run, damage)
        step = load_state(run.previous).step
        log.warning("%s; going on from %s, after update %d", damage, run.previous, step)
        _put_aside(run.last)
        run.previous.rename(run.last)


def _forget_later_checkpoints(run: RunDir) -> None:
    """Remove kept checkpoints that are newer than `last`: their updates will be repeated."""
    step = load_state(run.last).step
    for folder in kept_checkpoints(run):
        if folder.name > f"step-{step:08d}":
            remove_folder(folder)


def _replace_damaged_best(run: RunDir) -> None:
    try:
        verify(run.best)
    except DamagedError as damage:
        for copy in kept_checkpoints(run):
            if is_whole(copy) and _is_copy(run.best, copy):
                log.warning("%s; its copy %s takes its place", damage, copy)
                with sealed_folder(run.best, previous=damaged(run.best)) as new:
                    sums = shutil.ignore_patterns(SUMS_FILE)  # rebuilt by `sealed_folder`
                    shutil.copytree(copy, new, ignore=sums, dirs_exist_ok=True)
                return
        log.warning("%s; the next validation chooses a new best checkpoint", damage)
        _put_aside(run.best)


def _put_aside(folder: Path) -> None:
    remove_folder(damaged(folder))
    folder.rename(damaged(folder))


def _is_copy(folder: Path, whole: Path) -> bool:
    """Return whether at most one file, the damaged one, differs."""
    names = [file.name for file in whole.iterdir()]
    _, wrong, missing = filecmp.cmpfiles(folder, whole, names, shallow=False)
    return len(wrong) + len(missing) <= 1
