"""Corpus loading: rows of all splits, with missing splits cut from train."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import Any, Generic

from transformer_mt.config.sections import DataConfig, Files
from transformer_mt.corpus.heldout import cut_missing_splits
from transformer_mt.corpus.hub import (
    SPLITS,
    Tables,
    dataset_rows,
    files_of,
    open_splits,
)
from transformer_mt.corpus.readers import Reading, parallel_pairs, reading_of
from transformer_mt.corpus.rows import LabelledText as LabelledText  # re-exported
from transformer_mt.corpus.rows import Row, Rows, StoredRows
from transformer_mt.corpus.rows import SentencePair as SentencePair
from transformer_mt.corpus.rows import Text as Text
from transformer_mt.errors import DataError
from transformer_mt.files.lines import digest_of_files
from transformer_mt.files.problems import Problem

PHRASEBOOK = "phrasebook"
_Reader = tuple[str, Iterator[Row]]
"""Origin of a split for error messages, and an unread iterator over the rows."""


@dataclass(frozen=True, slots=True)
class Corpus(Generic[Row]):
    """Rows of the three splits, with notes on the preparation."""

    train: Rows[Row]
    """Training rows, which may be larger than memory."""
    validation: list[Row]
    test: list[Row]
    notes: list[str] = field(default_factory=list)
    """Notes for the data report, such as splits cut from train."""

    @property
    def fingerprint(self) -> str:
        """Return a hash of all text and notes."""
        digest = hashlib.blake2b(repr(self.notes).encode(), digest_size=16)
        for split in (self.train, self.validation, self.test):
            digest.update(f"{len(split)}\n".encode())
            for row in split:
                digest.update(f"{' '.join(map(str, map(len, row)))} {''.join(row)}".encode())
        return digest.hexdigest()


class Source:
    """Corpus of a run, loaded on first access."""

    def __init__(self, config: DataConfig) -> None:
        self._config = config
        self.fingerprint = self.current_fingerprint()
        """Hash of the files or the text; equal fingerprints and settings imply equal text."""

    @cached_property
    def corpus(self) -> Corpus[Any]:
        """Return the corpus, with the errors of `load_corpus`."""
        return load_corpus(self._config, self._tables)

    def current_fingerprint(self) -> str:
        """Compute the fingerprint again, to detect files that changed.

        The fingerprint is a hash of the file bytes, or of the text if there are no files.
        """
        if self._config.dataset != PHRASEBOOK:
            try:
                return " ".join(digest_of_files(files) for files in self._files())
            except OSError:
                pass  # loading the corpus reports the file and the error
        return self.corpus.fingerprint

    @cached_property
    def _tables(self) -> "Tables | None":
        is_data_set = self._config.dataset not in (None, PHRASEBOOK)
        return open_splits(self._config) if is_data_set else None

    def _files(self) -> list[list[Path]]:
        """Return the files of each split."""
        if self._tables is not None:
            return [files_of(table) for table in self._tables.values()]
        return [[Path(f) for f in _listed(getattr(self._config, name))] for name in SPLITS]


def load_corpus(config: DataConfig, tables: "Tables | None" = None) -> Corpus[Any]:
    """Read all splits; missing splits are cut from train.

    Args:
        config: data settings, whose class decides the class of the rows.
        tables: splits of a data set that is already open.

    Raises:
        DataError: a file is missing, empty or not UTF-8, parallel files have different numbers of
            lines, or a data set cannot be loaded.
        ConfigError: no training text is configured, or a split or column does not exist.
    """
    reading = reading_of(config)
    reading.check_named()
    if config.dataset == PHRASEBOOK:
        splits = _phrasebook(reading)
    else:
        splits = _stored(reading, _readers(reading, tables))
    notes = cut_missing_splits(reading.kind, splits, config.heldout_size, reading.what, reading.cut)
    notes = reading.notes + notes
    return Corpus(splits["train"], list(splits["validation"]), list(splits["test"]), notes)


def load_split(config: DataConfig, name: str) -> list[Any]:
    """Read the validation or test split; train is read only if the split is cut from train.

    Raises:
        DataError, ConfigError: as for `load_corpus`.
    """
    reading = reading_of(config)
    readers = {} if config.dataset == PHRASEBOOK else _readers(reading)
    if name in readers:
        return list(_stored(reading, {name: readers[name]})[name])
    return getattr(load_corpus(config), name)


def read_parallel(src_path: Path, tgt_path: Path) -> list[SentencePair]:
    """Return the sentence pairs of two line-aligned text files.

    Raises:
        DataError: as for `load_corpus`.
    """
    return list(parallel_pairs(src_path, tgt_path))


def _readers(reading: Reading[Any, Row], tables: "Tables | None" = None) -> dict[str, _Reader[Row]]:
    config = reading.config
    if config.dataset is None:
        named = {name: getattr(config, name) for name in SPLITS}
        return {
            name: (_listed(files)[0], reading.files(files))
            for name, files in named.items()
            if files
        }
    readers: dict[str, _Reader[Row]] = {}
    for split, table in (tables or open_splits(config)).items():
        origin = origin_of(config, split)
        readers[split] = origin, map(itemgetter(1), dataset_rows(table, origin, reading.columns))
    return readers


def origin_of(config: DataConfig, split: str) -> str:
    """Return the name of a split of a data set, for messages."""
    return f"{config.dataset} ({getattr(config, split) or split})"


def no_rows(origin: str) -> Problem:
    """Return the problem of a split without rows."""
    return Problem("empty-file", f"{origin}: there are no rows", origin)


def _stored(reading: Reading[Any, Row], readers: dict[str, _Reader[Row]]) -> dict[str, Rows[Row]]:
    """Store the usable rows of each split in temporary files, as splits may exceed memory."""
    splits: dict[str, Rows[Row]] = {}
    for name, (origin, rows) in readers.items():
        splits[name] = StoredRows.of(reading.kind, reading.usable(name, rows))
        if not len(splits[name]):
            why = "".join(f" ({note})" for note in reading.notes if note.startswith(f"{name}:"))
            raise DataError(no_rows(origin).sentence + why)
    return splits


def _phrasebook(reading: Reading[Any, Row]) -> dict[str, Rows[Row]]:
    from transformer_mt.phrasebook import phrasebook_splits

    return {name: reading.phrases(pairs) for name, pairs in phrasebook_splits().items()}


def _listed(files: Files | None) -> tuple[str, ...]:
    return (files,) if isinstance(files, str) else files or ()
