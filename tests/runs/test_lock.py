"""One training at a time in a run directory."""

import errno
import fcntl
import os
import re
import signal
import time
from pathlib import Path

import pytest
from tiny_runs import logged, start_tmt, tmt, write_config

from transformer_mt.errors import DataError
from transformer_mt.runs.lock import locked
from transformer_mt.runs.run_dir import RunDir

pytestmark = pytest.mark.usefixtures("own_cache")


def test_the_lock_leaves_nothing_behind(tmp_path: Path) -> None:
    run = RunDir(tmp_path / "runs" / "a")
    with locked(run):
        assert run.lock.is_file()
    assert not run.path.exists()
    run.path.mkdir()
    with locked(run):
        (run.path / "file").touch()
    assert [path.name for path in run.path.iterdir()] == ["file"]


def test_two_in_one_process_exclude_each_other(tmp_path: Path) -> None:
    run = RunDir(tmp_path / "run")
    with locked(run):
        said = rf"is being trained by process {os.getpid()} on "
        with pytest.raises(DataError, match=said), locked(run):
            pass
        assert run.lock.is_file()
        with locked(RunDir(tmp_path / "other")):
            pass
    with locked(run):
        pass


def test_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    below_a_file = RunDir(tmp_path / "file" / "run")
    with pytest.raises(DataError, match=r"file.*cannot be written"), locked(below_a_file):
        pass


def test_full_disk_leaves_no_lock(tmp_path: Path) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    run = RunDir(tmp_path / "run")
    said = r"run/\.lock: cannot be written .*make room"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(DataError, match=said), locked(run):
            pass
    assert not run.path.exists()
    with locked(run):  # there is room again
        pass


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK])
def test_a_file_system_without_locks_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def none(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", none)
    run = RunDir(tmp_path / "run")
    with logged() as said, locked(run):
        assert run.lock.is_file()
    assert len(said) == 1
    assert said[0].startswith(f"{run.lock}: cannot be locked (")
    assert not run.path.exists()


def test_second_training_is_refused_until_the_first_is_dead(tmp_path: Path) -> None:
    arguments = ("train", "--config", str(write_config(tmp_path)), "--device", "cpu")
    first = start_tmt(*arguments, "--set=training.max_steps=1000000")
    lock, deadline = RunDir(tmp_path / "run").lock, time.monotonic() + 120
    while not (lock.is_file() and lock.read_bytes().endswith(b"\n")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    refused = tmt(*arguments)
    overwriting = tmt(*arguments, "--overwrite")
    first.send_signal(signal.SIGKILL)
    first.communicate()
    for result in (refused, overwriting):
        assert result.exit_code == 1
        said = (
            rf"error: {tmp_path}/run: is being trained by process {first.pid} on .*, since 2\d.*;"
        )
        assert re.match(said, result.stderr)
        assert len(result.stderr.splitlines()) == 1
    assert lock.is_file()  # left by the dead
    assert tmt(*arguments).exit_code == 0
    assert not lock.exists()
