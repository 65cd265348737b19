"""The export that `--engine ctranslate2` makes once beside a run, until the weights change.

Needs no torch where there is nothing to do.
"""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

from transformer_mt import __version__
from transformer_mt.config import Config
from transformer_mt.durable import filled_folder
from transformer_mt.errors import DataError
from transformer_mt.run_dir import RunDir

log = logging.getLogger(__name__)

_STAMP = "exported_from.json"


def cached_export(run: RunDir, config: Config, quantization: str) -> Path:
    """The folder of the exported best model, made or renewed if need be.

    Raises:
        ConfigError: ctranslate2 is not installed.
        DataError: the run has no model, or the folder cannot be written.
    """
    folder = run.engines / f"ctranslate2-{quantization}"
    if not _is_fresh(folder, run.weights, config):
        log.info("exporting the model to %s, once", folder)
        _export(run, config, folder, quantization)
    return folder


def _is_fresh(folder: Path, weights: Path, config: Config) -> bool:
    """Whether the export is whole, and was made of these weights, for sentences of this length.

    Weights are known by size and time, or by their contents.
    """
    try:
        stamp = json.loads((folder / _STAMP).read_text(encoding="utf-8"))
        if stamp["made_for"] != _made_for(config) or stamp["files"] != _sizes(folder):
            return False
        return stamp["file"] == _quick_stamp(weights) or stamp["digest"] == _digest(weights)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _made_for(config: Config) -> dict[str, Any]:
    """What an export depends on beside the weights: the longest source and translation."""
    source = config.data.max_length
    return {"version": __version__, "lengths": [source, config.decoding.length_limit(source)]}


def _sizes(folder: Path) -> dict[str, int]:
    """Of the files of an export, by name."""
    return {
        file.name: file.stat().st_size
        for file in folder.iterdir()
        if file.suffix in (".bin", ".json") and file.name != _STAMP
    }


def _quick_stamp(weights: Path) -> list[int]:
    status = weights.stat()
    return [status.st_size, status.st_mtime_ns]


def _digest(weights: Path) -> str:
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def _export(run: RunDir, config: Config, folder: Path, quantization: str) -> None:
    import torch

    from transformer_mt.checkpoint import load_run
    from transformer_mt.formats.to_ctranslate2 import write_ctranslate2

    stamp: dict[str, Any] = {"made_for": _made_for(config)}
    if run.weights.is_file():  # else `load_run` says what is wrong
        # Before they are read: a training that replaces them meanwhile makes the export stale.
        stamp |= {"file": _quick_stamp(run.weights), "digest": _digest(run.weights)}
    loaded = load_run(run.path, torch.device("cpu"))
    try:
        with filled_folder(folder, replace=True) as new:
            write_ctranslate2(loaded, new, quantization)
            stamp["files"] = _sizes(new)
            (new / _STAMP).write_text(json.dumps(stamp) + "\n", encoding="utf-8")
    except DataError:
        if not _is_fresh(folder, run.weights, config):  # no other process was quicker
            raise
