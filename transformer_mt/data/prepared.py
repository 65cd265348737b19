"""What training and validation read, and the file that it is cached in."""

import hashlib
import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from transformer_mt.data.batching import BilingualDataset, Sequences
from transformer_mt.data.corpus import SentencePair

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DataReport:
    """What a person should know of the data before training; counts of pairs."""

    read: int
    empty: int
    too_long: int
    ratio: int
    kept: int
    duplicates: int
    """Kept pairs that occurred before (they stay)."""
    validation: int
    test: int
    validation_overlap: int
    """Validation pairs with a source or target sentence that also stands in train."""
    test_overlap: int
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """The report as sentences."""
        dropped = f"{self.empty:,} empty, {self.too_long:,} too long, {self.ratio:,} odd ratio"
        return [
            *self.notes,
            f"train: {self.read:,} pairs read, {self.kept:,} kept; dropped {dropped};"
            f" {self.duplicates:,} duplicates",
            f"validation: {self.validation:,} pairs, {self.validation_overlap:,} with a sentence of"
            f" train; test: {self.test:,} pairs, {self.test_overlap:,} with one",
        ]


@dataclass(frozen=True, slots=True)
class PreparedData:
    """Everything that training and validation read."""

    train: BilingualDataset
    validation: BilingualDataset
    validation_pairs: list[SentencePair]
    report: DataReport


def cache_path(key: str) -> Path:
    """Where prepared data are kept that only this key stands for."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "transformer_mt" / f"{key}.safetensors"


def load_cached(path: Path) -> PreparedData | None:
    """What `save_cached` wrote; None where nothing is or (with a warning) it is damaged."""
    if not path.is_file():
        return None
    try:
        return _load(path)
    except Exception as error:  # a damaged cache is only a slow start
        log.warning("%s: the cache cannot be read (%s); preparing the data anew", path, error)
        return None


def save_cached(path: Path, data: PreparedData) -> None:
    """All at once or, with a warning, not at all."""
    written = {"report": asdict(data.report), "validation_pairs": data.validation_pairs}
    text = np.frombuffer(json.dumps(written).encode(), dtype=np.uint8)
    digest = np.frombuffer(_digest(data.train, data.validation, text), dtype=np.uint8)
    arrays = {
        f"{split}.{side}.{part}": getattr(getattr(getattr(data, split), side), part)
        for split in ("train", "validation")
        for side in ("src", "tgt")
        for part in ("ids", "offsets")
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent) as folder:  # of its own for each process
            partial = Path(folder, path.name)
            save_file({**arrays, "text": text, "digest": digest}, partial)
            partial.replace(path)
    except (OSError, SafetensorError) as error:  # the latter where the disk is full
        log.warning("%s: the prepared data cannot be cached (%s)", path, error)


def _load(path: Path) -> PreparedData:
    arrays = load_file(path)
    train, validation = (
        BilingualDataset(
            *(
                Sequences(arrays[f"{split}.{side}.ids"], arrays[f"{split}.{side}.offsets"])
                for side in ("src", "tgt")
            )
        )
        for split in ("train", "validation")
    )
    if arrays["digest"].tobytes() != _digest(train, validation, arrays["text"]):
        raise ValueError("its content is not what was written")
    text = json.loads(arrays["text"].tobytes())
    pairs = [SentencePair(*pair) for pair in text["validation_pairs"]]
    report = DataReport(**{**text["report"], "notes": tuple(text["report"]["notes"])})
    return PreparedData(train, validation, pairs, report)


def _digest(
    train: BilingualDataset, validation: BilingualDataset, text: NDArray[np.uint8]
) -> bytes:
    digest = hashlib.blake2b(text.data, digest_size=16)
    digest.update((train.fingerprint + validation.fingerprint).encode())
    return digest.digest()
