"""Prepared training data, and the Arrow cache file."""

import hashlib
import io
import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Generic, cast

import pyarrow as pa

from transformer_mt.corpus.rows import Row
from transformer_mt.data.arrow import (
    ArrowMap,
    D,
    columns_of,
    schema_of,
)
from transformer_mt.data.reports import R
from transformer_mt.files.cache import cache_folder, mark_used, remove_unused

log = logging.getLogger(__name__)

_ABOUT = b"transformer_mt"
"""Key of the Arrow schema metadata with the report and validation rows as JSON."""


@dataclass(frozen=True, slots=True)
class PreparedData(Generic[D, Row, R]):
    """Encoded training and validation data with the data report."""

    train: D
    validation: D
    validation_rows: list[Row]
    report: R


@dataclass(frozen=True, slots=True)
class Kinds(Generic[D, Row, R]):
    """Classes of the parts of prepared data."""

    dataset: type[D]
    row: type[Row]
    report: type[R]


def cache_path(key: str) -> Path:
    """Return the path prefix of the cache files of a key."""
    return cache_folder() / key


def load_cached(path: Path, kinds: Kinds[D, Row, R]) -> PreparedData[D, Row, R] | None:
    """Load cached data; return None if there is no file or, with a warning, a damaged one.

    The file name ends with a digest of the file bytes, which is verified with plain reads (about
    1 GB/s, constant memory) before the file is mapped: later, corrupt data would not be noticed.
    """
    for file in sorted(path.parent.glob(f"{path.name}-*.arrow")):
        try:
            return _load(file, kinds)
        except Exception as error:  # without the cache, data are prepared again
            log.warning("%s: the cache cannot be read (%s); preparing the data anew", file, error)
    return None


def save_cached(path: Path, data: PreparedData[D, Row, R]) -> None:
    """Write data to the cache atomically; on failure log a warning."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent) as folder:  # one per process
            partial = Path(folder, path.name)
            _write(partial, data)
            with partial.open("rb") as file:
                digest = _digest(file)
            partial.replace(path.with_name(f"{path.name}-{digest}.arrow"))
        remove_unused()
    except OSError as error:
        log.warning("%s: the prepared data cannot be cached (%s)", path, error)


def _write(path: Path, data: PreparedData[D, Row, R]) -> None:
    about = {
        "report": asdict(cast(Any, data.report)),
        "validation_rows": data.validation_rows,
        "fingerprints": [data.train.fingerprint, data.validation.fingerprint],
        "train_batches": sum(1 for _ in data.train.pieces()),
    }
    schema = schema_of(type(data.train)).with_metadata({_ABOUT: json.dumps(about).encode()})
    with path.open("wb") as file:
        with pa.ipc.new_file(file, schema) as writer:
            for dataset in (data.train, data.validation):
                for piece in dataset.pieces():
                    writer.write_batch(pa.record_batch(columns_of(piece), schema=schema))
        file.flush()
        os.fsync(file.fileno())


def _load(path: Path, kinds: Kinds[D, Row, R]) -> PreparedData[D, Row, R]:
    with path.open("rb") as file:
        if not path.stem.endswith(f"-{_digest(file)}"):
            raise ValueError("its content is not what was written")
        found = ArrowMap.of_file(file)
    mark_used(path)
    about = json.loads(found.metadata[_ABOUT])
    cut = about["train_batches"]
    train, validation = (
        found.dataset(kinds.dataset, batches, fingerprint)
        for batches, fingerprint in zip(
            (slice(cut), slice(cut, None)), about["fingerprints"], strict=True
        )
    )
    rows = [kinds.row._make(row) for row in about["validation_rows"]]
    return PreparedData(train, validation, rows, kinds.report.of(about["report"]))


def _digest(file: io.BufferedReader) -> str:
    return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
