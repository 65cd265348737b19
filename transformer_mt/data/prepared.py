"""What training and validation read, and the Arrow file that it is cached in."""

import hashlib
import io
import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from transformer_mt.data.batching import BilingualDataset
from transformer_mt.data.mapped import SCHEMA, ArrowMap, columns_of
from transformer_mt.data.pairs import SentencePair
from transformer_mt.user_cache import cache_folder, mark_used, remove_unused

log = logging.getLogger(__name__)

_ABOUT = b"transformer_mt"
"""The key of the Arrow file's own metadata under which all that is no ids stands, as JSON."""


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
    """Where prepared data are kept that only this key stands for, less the end of the name."""
    return cache_folder() / key


def load_cached(path: Path) -> PreparedData | None:
    """What `save_cached` wrote; None where nothing is or (with a warning) it is damaged.

    The name of a file ends with a digest of its bytes. They are read once to compare it, by plain
    reads, at a GB a second or so and in no memory, before the file is mapped: a bit that changed on
    the disk must not be trained on, and would later not be noticed.
    """
    for file in sorted(path.parent.glob(f"{path.name}-*.arrow")):
        try:
            return _load(file)
        except Exception as error:  # a damaged cache is only a slow start
            log.warning("%s: the cache cannot be read (%s); preparing the data anew", file, error)
    return None


def save_cached(path: Path, data: PreparedData) -> None:
    """All at once or, with a warning, not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent) as folder:  # of its own for each process
            partial = Path(folder, path.name)
            _write(partial, data)
            with partial.open("rb") as file:
                digest = _digest(file)
            partial.replace(path.with_name(f"{path.name}-{digest}.arrow"))
        remove_unused()
    except OSError as error:
        log.warning("%s: the prepared data cannot be cached (%s)", path, error)


def _write(path: Path, data: PreparedData) -> None:
    about = {
        "report": asdict(data.report),
        "validation_pairs": data.validation_pairs,
        "fingerprints": [data.train.fingerprint, data.validation.fingerprint],
        "train_batches": sum(1 for _ in data.train.src.pieces()),
    }
    schema = SCHEMA.with_metadata({_ABOUT: json.dumps(about).encode()})
    with path.open("wb") as file:
        with pa.ipc.new_file(file, schema) as writer:
            for dataset in (data.train, data.validation):
                for piece in zip(dataset.src.pieces(), dataset.tgt.pieces(), strict=True):
                    writer.write_batch(pa.record_batch(columns_of(*piece), schema=schema))
        file.flush()
        os.fsync(file.fileno())


def _load(path: Path) -> PreparedData:
    with path.open("rb") as file:
        if not path.stem.endswith(f"-{_digest(file)}"):
            raise ValueError("its content is not what was written")
        found = ArrowMap.of_file(file)
    mark_used(path)
    about = json.loads(found.metadata[_ABOUT])
    cut = about["train_batches"]
    train, validation = (
        found.dataset(batches, fingerprint)
        for batches, fingerprint in zip(
            (slice(cut), slice(cut, None)), about["fingerprints"], strict=True
        )
    )
    pairs = [SentencePair(*pair) for pair in about["validation_pairs"]]
    report = DataReport(**{**about["report"], "notes": tuple(about["report"]["notes"])})
    return PreparedData(train, validation, pairs, report)


def _digest(file: io.BufferedReader) -> str:
    return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
