"""Reading of untrusted files: links are checked and sizes limited."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from transformer_mt.errors import DataError

MOST_TEXT = 1 << 20
"""Most bytes of a JSON or settings file."""


def check_names(root: Path, paths: Iterable[Path], also: Path | None = None) -> None:
    """Check that paths in a folder do not lead out of it, and are files or folders.

    Args:
        root: the folder; it may itself be a link.
        paths: paths in the folder; missing ones are skipped.
        also: another folder, itself no link, that links may lead to.

    Raises:
        DataError: a path is refused; the message names the first one.
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
    """Return the text of a UTF-8 file of at most `most` bytes, with Unix line ends.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is larger, or not UTF-8.
    """
    with path.open("rb") as file:
        raw = file.read(most + 1)
    if len(raw) > most:
        raise ValueError(f"it has more than {most:,} bytes")
    return raw.decode("utf-8").replace("\r\n", "\n")


def read_json(path: Path, most: int = MOST_TEXT) -> Any:
    """Return the value in a JSON file of at most `most` bytes.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is too large, nested too deeply, or not JSON.
    """
    try:
        return json.loads(read_text(path, most))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
