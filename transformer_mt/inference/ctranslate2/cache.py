"""Cached exports for `--engine ctranslate2`: one for each version of the weights.

They are in the user's cache, not in the run directory: CTranslate2 trusts its files, and a run
directory may come from an untrusted source. Torch is imported only to export.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from transformer_mt._version import __version__
from transformer_mt.config.tasks import TranslationConfig
from transformer_mt.errors import DataError
from transformer_mt.files.atomic import (
    UnwritableError,
    cannot_be_written,
    filled_folder,
    is_whole,
    write_sums,
)
from transformer_mt.files.cache import cache_folder, mark_used, remove_unused
from transformer_mt.files.lines import digest_of_files
from transformer_mt.runs.run_dir import RunDir
from transformer_mt.text.tokenizer import Tokenizers

log = logging.getLogger(__name__)


@contextmanager
def exported_model(run: RunDir, config: TranslationConfig, quantization: str) -> Iterator[Path]:
    """Yield the folder of the exported best model; export the model if necessary.

    The folder is in the cache or, if the cache cannot be written, a temporary one.

    Raises:
        ConfigError: ctranslate2 is not installed.
        DataError: the run has no model, or neither cache nor temporary folder can be written.
    """
    try:
        folder = _cached_export(run, config, quantization)
    except UnwritableError as error:
        log.warning("%s; the model is exported to a temporary folder, for this time alone", error)
        with _temporary_folder() as place:
            folder = place / "model"
            _export(run, folder, quantization)
            yield folder
    else:
        yield folder


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    try:
        folder = tempfile.TemporaryDirectory(prefix="transformer_mt-")
    except OSError as error:
        raise cannot_be_written(Path("a temporary folder"), error) from None
    with folder as name:
        yield Path(name)


def _cached_export(run: RunDir, config: TranslationConfig, quantization: str) -> Path:
    folder = export_place(run, config, quantization)
    while not is_whole(folder):
        _export(run, folder, quantization)
        remove_unused()
        place = export_place(run, config, quantization)
        if place != folder:  # a training replaced the weights before they were read
            shutil.rmtree(folder, ignore_errors=True)
            folder = place
    mark_used(folder)
    return folder


def export_place(run: RunDir, config: TranslationConfig, quantization: str) -> Path:
    """Return the cache folder for an export; its name is a hash of weights and configuration."""
    longest = config.data.max_length
    lengths = (longest, config.decoding.length_limit(longest))
    made_for = repr((__version__, quantization, lengths, config.model)).encode()
    try:
        files = digest_of_files([run.weights, *run.vocabulary(Tokenizers)])
    except OSError:
        files = ""  # `load_run` raises the error later
    key = hashlib.blake2b(made_for + files.encode(), digest_size=16).hexdigest()
    return cache_folder() / f"ctranslate2-{quantization}-{key}"


def _export(run: RunDir, folder: Path, quantization: str) -> None:
    import torch

    from transformer_mt.inference.ctranslate2.convert import write_ctranslate2
    from transformer_mt.runs.checkpoint import load_run
    from transformer_mt.runs.kinds import TRANSLATION

    loaded = load_run(run.path, torch.device("cpu"), TRANSLATION)
    log.info("exporting the model to %s, once", folder)
    try:
        with filled_folder(folder, replace=True) as new:
            write_ctranslate2(loaded, new, quantization)
            write_sums(new, sorted(new.iterdir()))
    except DataError:
        if not is_whole(folder):  # else another process made the same export
            raise
