"""Atomic writes of files and folders, and checksums that show damage.

Content goes to a temporary name in the same folder, is flushed to the disk, and is then renamed. A
folder is sealed with a list of SHA-256 sums of its files, which `sha256sum --check` reads too.
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
"""File name of the checksums of all other files in a sealed folder."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DamagedError(DataError):
    """File content that differs from its checksum."""


class UnwritableError(DataError):
    """Path that cannot be written to."""


def cannot_be_written(place: Path, error: Exception) -> UnwritableError:
    """Return the error for a path that cannot be written to, with the cause and what to do."""
    # safetensors gives the number of a system error in its message only
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
    """Write a text file as UTF-8, like `write_bytes`."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically: the old or the new content is there, never a part.

    Raises:
        DataError: the path cannot be written to.
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
    """Write a file at a path that the user gave, atomically.

    No other name in the folder is changed, a link is followed, and a device or pipe is written to.

    Raises:
        DataError: the path cannot be written to.
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
    """Check that a folder does not exist or is empty.

    Raises:
        ConfigError: the folder has content, or the path is not a folder.
    """
    is_empty = folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir())
    if os.path.lexists(folder) and not is_empty:
        raise ConfigError(f"{folder}: exists; name a new folder, or remove this one first")


@contextlib.contextmanager
def filled_folder(folder: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary folder that is renamed to `folder` when the block ends.

    Several processes may do so at once; the folder appears whole or not at all.

    Args:
        folder: final path.
        replace: replace an existing folder.

    Raises:
        ConfigError: the folder exists and `replace` is false.
        DataError: the path cannot be written to.
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
    """Yield a temporary folder that is sealed and then replaces `folder`.

    Until then the old folder stays whole. Only one process at a time may do so.

    Args:
        folder: final path.
        previous: path that keeps the replaced folder; None removes it.

    Raises:
        DataError: the path cannot be written to.
    """
    partial, old = beside(folder)
    kept = previous or old
    try:
        try:
            _remove(partial)
            partial.mkdir(parents=True)
            yield partial
            write_sums(partial, sorted(partial.iterdir()))
            for file in partial.iterdir():  # safetensors writes files only their owner reads
                shutil.copymode(partial / SUMS_FILE, file)
        except (OSError, SafetensorError, DataError):
            _remove(partial)  # free the disk space
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
    """Complete or undo a `sealed_folder` that a crash interrupted: then `folder` is whole."""
    partial, old = beside(folder)
    kept = previous or old
    if not folder.exists() and is_whole(partial):
        partial.rename(folder)
    elif not folder.exists() and kept.is_dir():
        kept.rename(folder)
    _remove(partial)
    _remove(old)


def would_settle(folder: Path, previous: Path) -> Path:
    """Return the path whose content `settle` would leave as `folder`; changes nothing."""
    partial, _ = beside(folder)
    if folder.exists():
        return folder
    return partial if is_whole(partial) else previous


def readable_folder(folder: Path) -> Path | None:
    """Return the path to read a sealed folder from, also during a replacement, or None."""
    if folder.is_dir():
        return folder
    return next((each for each in beside(folder) if (each / SUMS_FILE).is_file()), None)


def write_sums(folder: Path, files: Iterable[Path]) -> None:
    """Flush files of a folder, and write their checksums to its `SUMS_FILE`."""
    lines = []
    for file in files:
        flush(file)
        lines.append(f"{_sum(file)}  {file.name}\n")
    text = "".join(lines)
    write_text(folder / SUMS_FILE, f"{_header(text)}\n{text}")


def verify(folder: Path) -> None:
    """Check the files of a folder against their checksums.

    A folder without checksums, of an earlier version, is accepted.

    Raises:
        DamagedError: a file is missing or has changed; the message names it.
    """
    sums = _read_sums(folder)
    if sums is None:
        return
    try:
        _compare(folder, sums)
    except DamagedError:
        if _read_sums(folder) == sums:
            raise
        verify(folder)  # another process replaced the folder during the check


def _read_sums(folder: Path) -> str | None:
    try:
        return (folder / SUMS_FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedError(f"{folder / SUMS_FILE}: is damaged ({error})") from None


def _compare(folder: Path, text: str) -> None:
    header, _, lines = text.partition("\n")
    # the pattern has no "/": a name cannot lead out of the folder
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
    """Return True for a sealed folder whose files match their checksums."""
    with contextlib.suppress(DamagedError, OSError):
        if (folder / SUMS_FILE).is_file():
            verify(folder)
            return True
    return False


def sealed_names(folder: Path) -> set[str]:
    """Return the file names that a sealed folder lists; empty if the list is damaged."""
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
    """Write a file's content, or a folder's list of names, from memory to the disk (fsync)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_partial(path: Path) -> None:
    """Remove the temporary file of a `write_bytes` that a crash interrupted."""
    partial, _ = beside(path)
    partial.unlink(missing_ok=True)


def remove_folder(folder: Path) -> None:
    """Remove a sealed folder and its temporary folders; a crash leaves it whole or absent."""
    partial, old = beside(folder)
    _remove(partial)
    _remove(old)
    if folder.exists():
        folder.rename(old)
    _remove(old)


def beside(path: Path) -> tuple[Path, Path]:
    """Return the temporary paths of a path: for new content, and for old content to be removed."""
    return path.with_name(f".{path.name}.new"), path.with_name(f".{path.name}.old")


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _header(lines: str) -> str:
    """Return the first line of `SUMS_FILE`: a comment with the checksum of the other lines."""
    return f"# the lines below: {hashlib.sha256(lines.encode()).hexdigest()}"


def _sum(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
