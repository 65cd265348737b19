"""User's cache folder: prepared data and exported models, rebuilt if they are missing."""

import os
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path

from transformer_mt.errors import ConfigError
from transformer_mt.files.atomic import sealed_names
from transformer_mt.files.paths import user_path

_KEPT = 90 * 24 * 3600
"""Seconds after which an unused entry of the cache is removed."""
_DIGEST = "[0-9a-f]{32}"
_DATA = re.compile(rf"{_DIGEST}-{_DIGEST}\.arrow")
"""File names of prepared data."""
_EXPORT = re.compile(rf"ctranslate2-[a-z0-9_]+-{_DIGEST}")
"""Folder names of exported CTranslate2 models."""


def cache_folder() -> Path:
    """Return the path of the cache folder: $XDG_CACHE_HOME or ~/.cache, then transformer_mt.

    Raises:
        ConfigError: the user has no home folder, or the variable names an unknown user.
    """
    try:
        given = os.environ.get("XDG_CACHE_HOME")
        root = user_path(given, "XDG_CACHE_HOME") if given else Path.home() / ".cache"
    except RuntimeError:
        raise ConfigError(
            "this user has no home directory: set XDG_CACHE_HOME to a folder for the cache"
        ) from None
    return root / "transformer_mt"


def mark_used(path: Path) -> None:
    """Set a file's modification time to now, so that `remove_unused` keeps it."""
    with suppress(OSError):  # the file may belong to another user
        os.utime(path)


def remove_unused() -> None:
    """Remove entries of the cache that were not used for `_KEPT` seconds.

    A removed file stays readable for a process that has mapped it.
    """
    folder = cache_folder()
    for path in [*folder.iterdir()] if folder.is_dir() else ():
        with suppress(OSError):
            if time.time() - path.lstat().st_mtime <= _KEPT or path.is_symlink():
                continue
            if _DATA.fullmatch(path.name) and path.is_file():
                path.unlink()
            elif _EXPORT.fullmatch(path.name) and _is_sealed_alone(path):
                shutil.rmtree(path)


def _is_sealed_alone(folder: Path) -> bool:
    """Return True if a folder holds only the files listed in its checksums."""
    return {path.name for path in folder.iterdir()} <= sealed_names(folder)
