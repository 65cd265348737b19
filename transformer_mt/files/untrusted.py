"""Files that a stranger may have made: looked at before they are read, and read within limits."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from transformer_mt.errors import DataError

MOST_TEXT = 1 << 20
"""Bytes of a file of numbers or settings."""


def check_names(root: Path, paths: Iterable[Path], also: Path | None = None) -> None:
    """Refuse names in a folder that lead out of it, or to what is neither file nor folder.

    Args:
        root: the folder; it may itself be a link.
        paths: in it; those that do not exist are passed over.
        also: another folder, itself no link, that names may lead to.

    Raises:
        DataError: naming the first such file.
    """
    homes = [Path(os.path.realpath(root)), *([also] if also else [])]
    for path in paths:
        target = Path(os.path.realpath(path))
        if os.path.lexists(path) and not any(map(target.is_relative_to, homes)):
            raise DataError(
                f"{path}: is a link out of the folder, to {target}, which is not followed;"
                " put a copy there if you trust it"
            )
        if target.exists() and not (target.is_file() or target.is_dir()):
            raise DataError(f"{path}: is no plain file")


def read_text(path: Path, most: int = MOST_TEXT) -> str:
    """The text of a file of at most `most` bytes, without the line ends of Windows.

    Raises:
        OSError: it cannot be read.
        ValueError: it is larger, or not UTF-8.
    """
    with path.open("rb") as file:
        raw = file.read(most + 1)
    if len(raw) > most:
        raise ValueError(f"it has more than {most:,} bytes")
    return raw.decode("utf-8").replace("\r\n", "\n")


def read_json(path: Path, most: int = MOST_TEXT) -> Any:
    """What a small JSON file holds.

    Raises:
        OSError: it cannot be read.
        ValueError: it is too large, too deep, or no JSON.
    """
    try:
        return json.loads(read_text(path, most))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
