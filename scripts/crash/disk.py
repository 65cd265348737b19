"""Full disk and file size limit: a clear error, no damage, and resuming when there is space."""

import os
import subprocess
import sys
from pathlib import Path
from random import Random

from tqdm import tqdm

from crash.compare import damaged, differences, newest_step
from crash.interference import wait_for_update
from crash.plan import Case, Plan, Row, complaint
from crash.trainings import MAX_STEPS, PROGRAM, Failed, Process, Training

_SIZE = 1 << 22
"""Size of the disk in bytes: several times the size of a run."""

_PRIVATE_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount")

_CHECKED = "one clear error, exit 1, checkpoints whole; with space again, the same end"


def run(plan: Plan) -> list[Row]:
    """Test disks that are full at the start or fill up later, and a file size limit."""
    count, trial = 2 if plan.quick else 6, _Trial(plan)
    cases = [Case("file size limited (ulimit -f)", _CHECKED, [trial.limited] * count)]
    if _can_mount(plan.folder):
        cases += [
            Case("disk full from the start (tmpfs)", _CHECKED, [trial.scarce] * count),
            Case("disk filled while training (tmpfs)", _CHECKED, [trial.filled] * count),
        ]
    else:
        tqdm.write("no tmpfs can be mounted here: a limit of file sizes has to do", sys.stderr)
    return plan.rows("no space", cases)


class _Trial:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def scarce(self, folder: Path, dice: Random) -> list[str]:
        """Train with so little space that training must fail."""
        reference = self._plan.reference("fp32")
        training = Training(folder)
        with _Disk(folder) as disk:
            training.run.symlink_to(disk.root, target_is_directory=True)
            disk.fill(leaving=dice.randrange(_used(reference.training.run)))
            with training.start() as process:
                process.wait()  # before there is space again
            problems = _complaints(process, training)
            disk.free()
            training.finish()
            return problems + differences(training.run, reference.training.run)

    def filled(self, folder: Path, dice: Random) -> list[str]:
        """Fill the disk with other files at a random update."""
        reference = self._plan.reference("fp32")
        training = Training(folder)
        with _Disk(folder) as disk:
            training.run.symlink_to(disk.root, target_is_directory=True)
            with training.start() as process:
                wait_for_update(process, dice.randint(1, MAX_STEPS - 15))
                before = newest_step(training.run)
                while process.lives:  # also fill the space that training frees
                    disk.fill(leaving=0)
                    process.sleep(0.01)
            problems = _complaints(process, training)
            if (after := newest_step(training.run)) < before:
                problems.append(f"update {before} was saved, now only {after} is")
            disk.free()
            training.finish()
            return problems + differences(training.run, reference.training.run)

    def limited(self, folder: Path, dice: Random) -> list[str]:
        """Train with a limit of the file size below the largest file, as under a quota."""
        reference = self._plan.reference("fp32")
        training = Training(folder)
        sizes = [file.stat().st_size for file in reference.training.run.rglob("*.safetensors")]
        blocks = dice.randrange(max(sizes) // 512)
        limit = ["sh", "-c", f'ulimit -f {blocks} && exec "$@"', "sh"]
        with training.start(by=[*limit, *PROGRAM]) as process:
            process.wait()
        problems = _complaints(process, training)
        training.finish()
        return problems + differences(training.run, reference.training.run)


def _complaints(process: Process, training: Training) -> list[str]:
    """Return the problems of a training that ran out of space."""
    found = complaint(process, 1, "No space left", "File too large", "cannot be written")
    return [*found, *damaged(training.run)]


def _used(folder: Path) -> int:
    """Return the bytes of a folder, in blocks of a tmpfs."""
    sizes = (path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return sum(-(-size // 4096) * 4096 for size in sizes)


class _Disk:
    """A small tmpfs in a private mount namespace, which needs no root rights.

    It is reached through /proc of the process that holds it, and ends with that process.
    """

    def __init__(self, folder: Path) -> None:
        place = folder.resolve() / "disk"
        place.mkdir(parents=True, exist_ok=True)
        script = 'mount -t tmpfs -o size="$1" tmpfs "$2" && echo mounted && exec cat'
        self._holder = subprocess.Popen(
            [*_PRIVATE_MOUNTS, "sh", "-c", script, "sh", str(_SIZE), str(place)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._holder.stdout
        if self._holder.stdout.readline() != b"mounted\n":
            self.__exit__()
            raise Failed("a tmpfs cannot be mounted here")
        self._root = Path(f"/proc/{self._holder.pid}/root{place}")
        self.root = self._root / "run"
        self.root.mkdir()

    def fill(self, *, leaving: int) -> None:
        """Fill all space except `leaving` bytes."""
        state = os.statvfs(self._root)
        wanted = state.f_bavail * state.f_frsize - leaving
        try:
            with (self._root / "filler").open("ab", buffering=0) as file:
                file.write(bytes(max(wanted, 0)))
        except OSError:  # training has taken the space first
            return

    def free(self) -> None:
        """Free the filled space."""
        (self._root / "filler").unlink()

    def __enter__(self) -> "_Disk":
        return self

    def __exit__(self, *_: object) -> None:
        self._holder.communicate()  # closes the input, which ends `cat`


def _can_mount(folder: Path) -> bool:
    try:
        with _Disk(folder / "mount"):
            return True
    except (Failed, FileNotFoundError):  # no rights, or no such program
        return False
