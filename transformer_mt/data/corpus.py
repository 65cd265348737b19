"""Where sentence pairs come from, and how missing splits are cut."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import zip_longest
from pathlib import Path

from transformer_mt.data.files import digest_of_files, read_text
from transformer_mt.data.heldout import cut_missing_splits
from transformer_mt.data.hub import SPLITS, Tables, dataset_pairs, files_of, open_splits
from transformer_mt.data.pairs import Pairs, StoredPairs
from transformer_mt.data.pairs import SentencePair as SentencePair  # for all who import it here
from transformer_mt.data.tables import Columns, read_table, table_suffix
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.task_config import PairsConfig, SourceFiles

PHRASEBOOK = "phrasebook"
_Reader = tuple[str, Iterator[SentencePair]]
"""What a split is called in errors, and its pairs, not read yet."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """The three splits, and what was done to get them."""

    train: Pairs
    """Any number: only to be counted, and gone through as often as one likes."""
    validation: list[SentencePair]
    test: list[SentencePair]
    notes: list[str] = field(default_factory=list)
    """What a person should be told: splits cut from train, and the like."""

    @property
    def fingerprint(self) -> str:
        """Equal for equal text alone."""
        digest = hashlib.blake2b(repr(self.notes).encode(), digest_size=16)
        for split in (self.train, self.validation, self.test):
            digest.update(f"{len(split)}\n".encode())
            for src, tgt in split:
                digest.update(f"{len(src)} {len(tgt)} {src}{tgt}".encode())
        return digest.hexdigest()


class Source:
    """Where the corpus of a run comes from; files are read as text when it is first asked for."""

    def __init__(self, config: PairsConfig) -> None:
        self._config = config
        self.fingerprint = self.current_fingerprint()
        """Equal fingerprints of equal settings promise equal text."""

    @cached_property
    def corpus(self) -> Corpus:
        """The text, as `load_corpus` reads it, with its errors."""
        return load_corpus(self._config, self._tables)

    def current_fingerprint(self) -> str:
        """What `fingerprint` would be now, had the files been changed since.

        It is that of the bytes of the files; where there are none, that of the text.
        """
        if self._config.dataset != PHRASEBOOK:
            try:
                return " ".join(digest_of_files(files) for files in self._files())
            except OSError:
                pass  # reading the text says what is wrong with which file
        return self.corpus.fingerprint

    @cached_property
    def _tables(self) -> "Tables | None":
        is_data_set = self._config.dataset not in (None, PHRASEBOOK)
        return open_splits(self._config) if is_data_set else None

    def _files(self) -> list[list[Path]]:
        """Those that the text of each split stands in."""
        if self._tables is not None:
            return [files_of(table) for table in self._tables.values()]
        return [[Path(f) for f in _listed(getattr(self._config, name))] for name in SPLITS]


def load_corpus(config: PairsConfig, tables: "Tables | None" = None) -> Corpus:
    """Read all splits; one that is missing is cut from train.

    Args:
        config: where they are.
        tables: the splits of a data set, where it was opened before.

    Raises:
        DataError: a file is missing, empty, not UTF-8, or its sides do not align; a data set
            cannot be loaded.
        ConfigError: no training text, or a split or column that does not exist is named.
    """
    if config.dataset is None and config.train is None:
        raise ConfigError(
            "'data.train' is missing: give two parallel files, one table, or a 'data.dataset'"
        )
    if config.dataset == PHRASEBOOK:
        splits = load_phrasebook(config)
    else:
        splits = _stored(_readers(config, tables))
    notes = cut_missing_splits(splits, config.heldout_size)
    return Corpus(splits["train"], list(splits["validation"]), list(splits["test"]), notes)


def load_split(config: PairsConfig, name: str) -> list[SentencePair]:
    """Validation or test alone: train is read only where they are to be cut from it.

    Raises:
        DataError, ConfigError: as for `load_corpus`.
    """
    readers = {} if config.dataset == PHRASEBOOK else _readers(config)
    if name in readers:
        return list(_stored({name: readers[name]})[name])
    split: list[SentencePair] = getattr(load_corpus(config), name)
    return split


def _readers(config: PairsConfig, tables: "Tables | None" = None) -> dict[str, _Reader]:
    if config.dataset is None:
        return _of_files(config)
    return _of_tables(config, tables or open_splits(config))


def _stored(readers: dict[str, _Reader]) -> dict[str, Pairs]:
    """Read the splits, which may be larger than memory and may be readable only once."""
    splits: dict[str, Pairs] = {}
    for name, (origin, pairs) in readers.items():
        splits[name] = StoredPairs.of(pairs)
        if not len(splits[name]):
            raise DataError(f"{origin}: there are no rows")
    return splits


def read_parallel(src_path: Path, tgt_path: Path) -> list[SentencePair]:
    """All pairs of two text files whose lines correspond.

    Raises:
        DataError: as for `load_corpus`.
    """
    return list(_parallel_pairs(src_path, tgt_path))


def _parallel_pairs(src_path: Path, tgt_path: Path) -> Iterator[SentencePair]:
    src_count = tgt_count = 0
    for src, tgt in zip_longest(read_text(src_path), read_text(tgt_path)):
        src_count += src is not None
        tgt_count += tgt is not None
        if src_count == tgt_count:
            yield SentencePair(src, tgt)
    if src_count != tgt_count:
        raise DataError(
            f"{src_path} has {src_count} lines but {tgt_path} has {tgt_count}: parallel files must"
            " align line by line (the shorter one ends after line"
            f" {min(src_count, tgt_count)})"
        )


def load_phrasebook(config: PairsConfig) -> dict[str, Pairs]:
    """The splits of the built-in corpus, in the direction of the languages."""
    from transformer_mt.phrasebook import phrasebook_splits

    languages = (config.src_lang, config.tgt_lang)
    if languages not in (("en", "fr"), ("fr", "en")):
        raise ConfigError(
            "the phrasebook is English and French: set data.src_lang and data.tgt_lang to en and fr"
        )
    order = 1 if languages == ("en", "fr") else -1
    return {
        name: [SentencePair(*pair[::order]) for pair in pairs]
        for name, pairs in phrasebook_splits().items()
    }


def _listed(files: SourceFiles | None) -> tuple[str, ...]:
    return (files,) if isinstance(files, str) else files or ()


def _of_files(config: PairsConfig) -> dict[str, _Reader]:
    named = {name: getattr(config, name) for name in SPLITS}
    return {name: _file_reader(files, config) for name, files in named.items() if files}


def _file_reader(files: SourceFiles, config: PairsConfig) -> _Reader:
    if isinstance(files, tuple):
        return files[0], _parallel_pairs(Path(files[0]), Path(files[1]))
    path = Path(files)
    return files, read_table(path, table_suffix(path), columns_of(config))


def _of_tables(config: PairsConfig, tables: Tables) -> dict[str, _Reader]:
    readers: dict[str, _Reader] = {}
    for split, table in tables.items():
        origin = f"{config.dataset} ({getattr(config, split) or split})"
        readers[split] = origin, dataset_pairs(table, origin, columns_of(config))
    return readers


def columns_of(config: PairsConfig) -> Columns:
    """What the two sides are called in a table."""
    return Columns(config.src_column or config.src_lang, config.tgt_column or config.tgt_lang)
