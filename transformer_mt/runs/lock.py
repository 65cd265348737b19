"""The lock of a run directory: one training at a time."""

import contextlib
import errno
import logging
import os
import platform
from collections.abc import Iterator
from datetime import datetime

from filelock import FileLock, Timeout, lock_descriptor

from transformer_mt.config.sections import Config
from transformer_mt.errors import DataError
from transformer_mt.files.atomic import cannot_be_written
from transformer_mt.runs.ownership import check_place, claim, disclaim_unused
from transformer_mt.runs.run_dir import RunDir

log = logging.getLogger(__name__)

_WAIT = 0.1
"""Seconds to try: another process that ends may remove the file while it is being locked."""
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL, errno.EIO)
"""Errors of file systems, mostly of the network, that cannot lock."""


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
        lock = _acquire(run)
    except OSError as error:
        raise cannot_be_written(run.path, error) from None
    try:
        claim(run)  # again: another process that ended just now may have removed the marker
        _tell_whose(run)
        yield
    finally:
        disclaim_unused(run)
        run.lock.unlink(missing_ok=True)
        lock.release()
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
            if not lock_descriptor(descriptor, blocking=False):
                raise _is_trained(run)
        except OSError as error:
            _warn_of_no_locks(run, error)
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


def _acquire(run: RunDir) -> FileLock:
    """Lock the lock file; the system unlocks it when the process ends."""
    lock = FileLock(run.lock, timeout=_WAIT, poll_interval=_WAIT / 10, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise _is_trained(run) from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        _warn_of_no_locks(run, error)
    return lock


def _warn_of_no_locks(run: RunDir, error: OSError) -> None:
    log.warning("%s: cannot be locked (%s); train here with one process alone", run.lock, error)


def _is_trained(run: RunDir) -> DataError:
    holder = ""
    with contextlib.suppress(OSError):
        holder = run.lock.read_text("utf-8", "replace").strip()
    return DataError(
        f"{run.path}: is being trained by {holder or 'another process'}; wait for its end,"
        " or use another run_dir"
    )


def _tell_whose(run: RunDir) -> None:
    now = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    text = f"process {os.getpid()} on {platform.node()}, since {now}\n"
    try:
        run.lock.write_text(text, encoding="utf-8")
    except OSError as error:
        raise cannot_be_written(run.lock, error) from None
