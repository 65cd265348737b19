"""Files and folders that are whole or not there, whatever ends the process, and known to be whole.

What is written goes to a temporary name beside its place, is flushed to the disk, and is then
renamed. A folder is sealed with the checksums of its files, which `sha256sum --check` reads too.
"""

import contextlib
import errno
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from safetensors import SafetensorError

from transformer_mt.errors import ConfigError, DataError

SUMS_FILE = "SHA256SUMS"
"""The checksums in a folder of all its other files."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DamagedError(DataError):
    """A file is not what was written."""


class UnwritableError(DataError):
    """A place cannot be written to."""


def cannot_be_written(place: Path, error: Exception) -> UnwritableError:
    """The error for a place that cannot be written to; a full disk is no reason to start anew."""
    # safetensors tells the number of a system error in its text alone
    found = re.search(r"os error (\d+)", str(error))
    number = error.errno if isinstance(error, OSError) else int(found[1]) if found else None
    cause = os.strerror(number) if number else str(error)
    if number in _NO_ROOM:
        return UnwritableError(
            f"{place}: cannot be written ({cause}): make room there and run the same command"
            " again; what was saved before is whole"
        )
    return UnwritableError(f"{place}: cannot be written ({cause})")


def write_text(path: Path, text: str) -> None:
    """`write_bytes` of the text as UTF-8."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        DataError: the place cannot be written to.
    """
    partial, _ = beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_bytes(content)
            flush(partial)
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        flush(path.parent)
    except OSError as error:
        raise cannot_be_written(path, error) from None


def write_output(path: Path, content: bytes) -> None:
    """Write a file that a person has named, whole or not at all.

    No other name in its folder is touched, a link is followed, and a device or pipe is written to.

    Raises:
        DataError: the place cannot be written to.
    """
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_file():
            target.write_bytes(content)
            return
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as place:
            new = Path(place) / "new"
            new.write_bytes(content)
            flush(new)
            new.replace(target)
        flush(target.parent)
    except OSError as error:
        raise cannot_be_written(path, error) from None


def check_new_folder(folder: Path) -> None:
    """See that a folder is none yet, or empty.

    Raises:
        ConfigError: something is there.
    """
    is_empty = folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir())
    if os.path.lexists(folder) and not is_empty:
        raise ConfigError(f"{folder}: exists; name a new folder, or remove this one first")


@contextlib.contextmanager
def filled_folder(folder: Path, *, replace: bool = False) -> Iterator[Path]:
    """A folder to fill that then appears as `folder`, whole or not at all.

    Several processes may do so at once.

    Args:
        folder: its place.
        replace: take the place of what is there.

    Raises:
        ConfigError: something is there.
        DataError: the place cannot be written to.
    """
    if not replace:
        check_new_folder(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as place:
            new = Path(place) / "new"
            new.mkdir()
            yield new
            for each in (*new.rglob("*"), new):
                flush(each)
            if folder.exists():
                folder.rename(Path(place) / "old")
            new.rename(folder)
        flush(folder.parent)
    except OSError as error:
        raise cannot_be_written(folder, error) from None


@contextlib.contextmanager
def sealed_folder(folder: Path, previous: Path | None = None) -> Iterator[Path]:
    """A folder to fill that then takes the place of `folder`, sealed; until then that is whole.

    One process alone may do so.

    Args:
        folder: its place.
        previous: where the one before it is kept; None removes it.

    Raises:
        DataError: the place cannot be written to.
    """
    partial, old = beside(folder)
    kept = previous or old
    try:
        try:
            _remove(partial)
            partial.mkdir(parents=True)
            yield partial
            write_sums(partial, sorted(partial.iterdir()))
            for file in partial.iterdir():  # safetensors lets nobody else read its own
                shutil.copymode(partial / SUMS_FILE, file)
        except (OSError, SafetensorError, DataError):
            _remove(partial)  # it takes room
            raise
        if folder.exists():
            _remove(kept)
            folder.rename(kept)
        partial.rename(folder)
        flush(folder.parent)
        if previous is None:
            _remove(old)
    except (OSError, SafetensorError) as error:
        raise cannot_be_written(folder, error) from None


def settle(folder: Path, previous: Path | None = None) -> None:
    """End what `sealed_folder` began when a crash cut it off: then `folder` is there, and whole."""
    partial, old = beside(folder)
    kept = previous or old
    if not folder.exists() and is_whole(partial):
        partial.rename(folder)
    elif not folder.exists() and kept.is_dir():
        kept.rename(folder)
    _remove(partial)
    _remove(old)


def would_settle(folder: Path, previous: Path) -> Path:
    """Where that stands which `settle` would leave as `folder`; changes nothing."""
    partial, _ = beside(folder)
    if folder.exists():
        return folder
    return partial if is_whole(partial) else previous


def readable_folder(folder: Path) -> Path | None:
    """Where a sealed folder can be read, also while it is replaced; None where there is none."""
    if folder.is_dir():
        return folder
    return next((each for each in beside(folder) if (each / SUMS_FILE).is_file()), None)


def write_sums(folder: Path, files: Iterable[Path]) -> None:
    """Seal files of a folder: flush them and write down their checksums, and that of those."""
    lines = []
    for file in files:
        flush(file)
        lines.append(f"{_sum(file)}  {file.name}\n")
    text = "".join(lines)
    write_text(folder / SUMS_FILE, f"{_header(text)}\n{text}")


def verify(folder: Path) -> None:
    """See that the files of a folder are what they were when it was sealed.

    One that has no checksums, of an earlier version, is taken as it is.

    Raises:
        DamagedError: a file is missing or has changed, and which.
    """
    sums = _read_sums(folder)
    if sums is None:
        return
    try:
        _compare(folder, sums)
    except DamagedError:
        if _read_sums(folder) == sums:
            raise
        verify(folder)  # it was replaced meanwhile


def _read_sums(folder: Path) -> str | None:
    try:
        return (folder / SUMS_FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedError(f"{folder / SUMS_FILE}: is damaged ({error})") from None


def _compare(folder: Path, text: str) -> None:
    header, _, lines = text.partition("\n")
    # no name leads out of the folder
    sums = [re.fullmatch(r"([0-9a-f]{64})  ([\w.-]+)", line) for line in lines.splitlines()]
    if header != _header(lines) or not all(sums):
        raise DamagedError(f"{folder / SUMS_FILE}: is damaged (it is not as it was written)")
    for match in filter(None, sums):
        file = folder / match[2]
        try:
            changed = _sum(file) != match[1]
        except OSError as error:
            raise DamagedError(f"{file}: cannot be read ({error.strerror or error})") from None
        if changed:
            raise DamagedError(f"{file}: is damaged (its checksum is not that in {SUMS_FILE})")


def is_whole(folder: Path) -> bool:
    """True for a sealed folder whose files have not changed since."""
    with contextlib.suppress(DamagedError, OSError):
        if (folder / SUMS_FILE).is_file():
            verify(folder)
            return True
    return False


def sealed_names(folder: Path) -> set[str]:
    """The names of a sealed folder's files; none where the folder was not sealed by this module."""
    try:
        text = _read_sums(folder) or ""
    except DamagedError:
        return set()
    header, _, lines = text.partition("\n")
    return (
        {SUMS_FILE, *(line[66:] for line in lines.splitlines())}
        if header == _header(lines)
        else set()
    )


def flush(path: Path) -> None:
    """Have a file's content, or the names in a folder, written to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_partial(path: Path) -> None:
    """Remove what a crash has left of a file that `write_bytes` was to put there."""
    partial, _ = beside(path)
    partial.unlink(missing_ok=True)


def remove_folder(folder: Path) -> None:
    """Remove a sealed folder, at once, and what a crash has left of others in its place."""
    partial, old = beside(folder)
    _remove(partial)
    _remove(old)
    if folder.exists():
        folder.rename(old)
    _remove(old)


def beside(path: Path) -> tuple[Path, Path]:
    """Where the next one is written, and where the one before it waits to be removed."""
    return path.with_name(f".{path.name}.new"), path.with_name(f".{path.name}.old")


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _header(lines: str) -> str:
    """A comment for `sha256sum`."""
    return f"# the lines below: {hashlib.sha256(lines.encode()).hexdigest()}"


def _sum(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
