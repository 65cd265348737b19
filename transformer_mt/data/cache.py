"""What training and validation read, and the Arrow file that it is cached in."""

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
"""The key of the Arrow file's own metadata under which all that is no ids stands, as JSON."""


@dataclass(frozen=True, slots=True)
class PreparedData(Generic[D, Row, R]):
    """Everything that training and validation read."""

    train: D
    validation: D
    validation_rows: list[Row]
    report: R


@dataclass(frozen=True, slots=True)
class Kinds(Generic[D, Row, R]):
    """Of what kinds the parts of prepared data are."""

    dataset: type[D]
    row: type[Row]
    report: type[R]


def cache_path(key: str) -> Path:
    """Where prepared data are kept that only this key stands for, less the end of the name."""
    return cache_folder() / key


def load_cached(path: Path, kinds: Kinds[D, Row, R]) -> PreparedData[D, Row, R] | None:
    """What `save_cached` wrote; None where nothing is or (with a warning) it is damaged.

    The name of a file ends with a digest of its bytes. They are read once to compare it, by plain
    reads, at a GB a second or so and in no memory, before the file is mapped: a bit that changed on
    the disk must not be trained on, and would later not be noticed.
    """
    for file in sorted(path.parent.glob(f"{path.name}-*.arrow")):
        try:
            return _load(file, kinds)
        except Exception as error:  # a damaged cache is only a slow start
            log.warning("%s: the cache cannot be read (%s); preparing the data anew", file, error)
    return None


def save_cached(path: Path, data: PreparedData[D, Row, R]) -> None:
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
