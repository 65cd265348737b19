"""The user's own cache: what was made once, and is made again if it is gone."""

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
"""Seconds that something may lie unused."""
_DIGEST = "[0-9a-f]{32}"
_DATA = re.compile(rf"{_DIGEST}(-{_DIGEST}\.arrow|\.safetensors)")
"""Prepared data, and prepared data as they once were."""
_EXPORT = re.compile(rf"ctranslate2-[a-z0-9_]+-{_DIGEST}")
"""Exported models."""


def cache_folder() -> Path:
    """Where all of it stands.

    Raises:
        ConfigError: the user has no home, or there is no such user.
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
    """Keep it for longer."""
    with suppress(OSError):  # of another user, perhaps
        os.utime(path)


def remove_unused() -> None:
    """Keep the cache from growing forever. What is mapped stays readable without its name."""
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
    """Whether a folder holds the files that were sealed there, and no other."""
    return {path.name for path in folder.iterdir()} <= sealed_names(folder)
