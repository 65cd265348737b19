"""The lock of a run directory: one training at a time."""

import contextlib
import errno
import logging
import os
import platform
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from transformer_mt.config.sections import Config
from transformer_mt.errors import DataError
from transformer_mt.files.atomic import cannot_be_written
from transformer_mt.runs.ownership import check_place, claim, disclaim_unused
from transformer_mt.runs.run_dir import RunDir

log = logging.getLogger(__name__)

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # missing on Windows


@contextlib.contextmanager
def locked(run: RunDir, config: Config | None = None) -> Iterator[None]:
    """Lock a run directory against other trainings until the context or the process ends.

    Args:
        run: the directory, which is created if missing and marked as a run.
        config: the configuration that will be written, if one will.

    Raises:
        ConfigError: the directory holds files that are no run's; nothing is changed.
        DataError: another process trains there (named in the message), or the directory cannot be
            written to.
    """
    created = not run.path.exists()
    check_place(run, config)
    try:
        run.path.mkdir(parents=True, exist_ok=True)
        claim(run)  # first: without a marker, the lock would look like another program's file
        descriptor = _lock(run)
    except OSError as error:
        raise cannot_be_written(run.path, error) from None
    try:
        claim(run)  # again: another process that ended just now may have removed the marker
        _tell_whose(descriptor, run)
        yield
    finally:
        disclaim_unused(run)
        run.lock.unlink(missing_ok=True)
        os.close(descriptor)
        if created:
            with contextlib.suppress(OSError):  # not empty: a run was written
                run.path.rmdir()


def refuse_unavailable(run: RunDir, config: Config) -> None:
    """Raise the errors that `locked` would raise, and write nothing.

    Raises:
        ConfigError: the directory holds files that are no run's.
        DataError: another process trains there (named in the message), or the directory cannot be
            written to.
    """
    check_place(run, config)
    if run.lock.is_file():
        descriptor = os.open(run.lock, os.O_RDONLY)
        try:
            if not _try_lock(descriptor, run.lock):
                raise _is_trained(descriptor, run)
        finally:
            os.close(descriptor)
    place = next(path for path in (run.path, *run.path.absolute().parents) if path.exists())
    if not place.is_dir():
        number = errno.EEXIST if place == run.path else errno.ENOTDIR
    elif hasattr(os, "statvfs") and os.statvfs(place).f_flag & os.ST_RDONLY:
        number = errno.EROFS
    elif not os.access(place, os.W_OK | os.X_OK):
        number = errno.EACCES
    else:
        return
    raise cannot_be_written(run.path, OSError(number, os.strerror(number)))


def _is_trained(descriptor: int, run: RunDir) -> DataError:
    holder = os.read(descriptor, 1000).decode("utf-8", "replace").strip()
    return DataError(
        f"{run.path}: is being trained by {holder or 'another process'}; wait for its end,"
        " or use another run_dir"
    )


def _lock(run: RunDir) -> int:
    """Open and lock the lock file; return the file descriptor."""
    while True:
        descriptor = os.open(run.lock, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o644)
        if not _try_lock(descriptor, run.lock):
            error = _is_trained(descriptor, run)
            os.close(descriptor)
            raise error
        if _is_the_same(descriptor, run.lock):  # else the process that ended removed it
            return descriptor
        os.close(descriptor)


def _tell_whose(descriptor: int, run: RunDir) -> None:
    now = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    text = f"process {os.getpid()} on {platform.node()}, since {now}\n"
    try:
        os.truncate(descriptor, 0)
        os.write(descriptor, text.encode())
    except OSError as error:
        raise cannot_be_written(run.lock, error) from None


def _try_lock(descriptor: int, path: Path) -> bool:
    """Lock a file; False if another process holds it. The system unlocks it at process end."""
    try:
        import fcntl
    except ImportError:  # not a POSIX system
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:  # some network file systems
        log.warning("%s: cannot be locked (%s); train here with one process alone", path, error)
    return True


def _is_the_same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
