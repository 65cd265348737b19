"""The user's own cache: what was made once, and is made again if it is gone."""

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from transformer_mt.errors import ConfigError
from transformer_mt.paths import user_path

_KEPT = 90 * 24 * 3600
"""Seconds that something may lie unused."""
_OURS = ("*.arrow", "ctranslate2-*", "*.safetensors")
"""Prepared data, exported models, and prepared data as they once were."""


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
    for path in [path for pattern in _OURS for path in folder.glob(pattern)]:
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _KEPT:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
