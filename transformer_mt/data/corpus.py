"""Where sentence pairs come from, and how missing splits are cut."""

import hashlib
import logging
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from transformer_mt.config import DataConfig, SourceFiles
from transformer_mt.data.files import TABLES, digest_of_files, read_table, read_text, silence
from transformer_mt.errors import ConfigError, DataError

if TYPE_CHECKING:
    from datasets import Dataset

log = logging.getLogger(__name__)

PHRASEBOOK = "phrasebook"
SPLITS = ("train", "validation", "test")


class SentencePair(NamedTuple):
    """A sentence and its translation."""

    src: str
    tgt: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """The three splits, and what was done to get them."""

    train: list[SentencePair]
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

    def __init__(self, config: DataConfig) -> None:
        self._config = config
        self.fingerprint = self.current_fingerprint()
        """Equal fingerprints of equal settings promise equal text."""

    @cached_property
    def corpus(self) -> Corpus:
        """The text, as `load_corpus` reads it, with its errors."""
        return load_corpus(self._config)

    def current_fingerprint(self) -> str:
        """What `fingerprint` would be now, had the files been changed since.

        It is that of the bytes of the files; where there are none, that of the text.
        """
        if self._config.dataset is None:
            named = [getattr(self._config, name) for name in SPLITS]
            try:
                return digest_of_files([Path(f) for files in named for f in _listed(files)])
            except OSError:
                pass  # reading the text says what is wrong with which file
        return self.corpus.fingerprint


def load_corpus(config: DataConfig) -> Corpus:
    """Read all splits; one that is missing is cut from train.

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
    elif config.dataset is not None:
        splits = _load_dataset(config)
    else:
        sources = {name: getattr(config, name) for name in SPLITS}
        splits = {name: _load_files(files, config) for name, files in sources.items() if files}
    notes = _cut_missing_splits(splits, config.heldout_size)
    return Corpus(**splits, notes=notes)


def read_parallel(src_path: Path, tgt_path: Path) -> list[SentencePair]:
    """Two text files whose lines correspond."""
    src, tgt = read_text(src_path), read_text(tgt_path)
    if len(src) != len(tgt):
        raise DataError(
            f"{src_path} has {len(src)} lines but {tgt_path} has {len(tgt)}: parallel files must"
            f" align line by line (the shorter one ends after line {min(len(src), len(tgt))})"
        )
    return [SentencePair(*pair) for pair in zip(src, tgt, strict=True)]


def load_phrasebook(config: DataConfig) -> dict[str, list[SentencePair]]:
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


def _load_files(files: SourceFiles, config: DataConfig) -> list[SentencePair]:
    if isinstance(files, tuple):
        return read_parallel(Path(files[0]), Path(files[1]))
    path = Path(files)
    return _columns(read_table(path, table_suffix(path)), str(path), config)


def table_suffix(path: Path) -> str:
    """Which of `TABLES` a file is; it may be packed (.gz).

    Raises:
        ConfigError: it is none.
    """
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if suffix not in TABLES:
        raise ConfigError(
            f"{path}: a single file must be one of {', '.join(TABLES)};"
            " give parallel text as a list of two files, [source, target]"
        )
    return suffix


def _load_dataset(config: DataConfig) -> dict[str, list[SentencePair]]:
    return {
        split: _columns(table, origin, config)
        for split, (origin, table) in open_splits(config).items()
    }


def open_splits(config: DataConfig) -> "dict[str, tuple[str, Dataset]]":
    """The splits of a hub data set, or of a folder (saved by `save_to_disk`, or as on the hub).

    Each comes with its name for a person.

    Raises:
        DataError: it cannot be loaded.
        ConfigError: a split is named that does not exist, or there is none to train on.
    """
    available = _open_dataset(str(config.dataset), config.subset)
    splits = {}
    for split in SPLITS:
        name = getattr(config, split)
        if name is not None and name not in available:
            raise ConfigError(
                f"data.{split}: {config.dataset} has no split '{name}', it has"
                f" {', '.join(available)}"
            )
        if (name or split) in available:
            origin = f"{config.dataset} ({name or split})"
            splits[split] = (origin, available[name or split])
    if "train" not in splits:
        raise ConfigError(
            f"{config.dataset} has no split 'train': set data.train to one of"
            f" {', '.join(available)}"
        )
    return splits


def _open_dataset(name: str, subset: str | None) -> "dict[str, Dataset]":
    import datasets

    silence()
    folder = Path(name)
    saved = any((folder / f).is_file() for f in ("dataset_dict.json", "state.json"))
    if not folder.exists():
        log.info("loading the data set %s from the Hugging Face hub or its cache", name)
        _go_offline_if_unreachable(name)
    try:
        loaded = datasets.load_from_disk(name) if saved else datasets.load_dataset(name, subset)
    except ConnectionError:
        raise DataError(
            f"data set {name}: there is no such folder, and the Hugging Face hub cannot be reached"
        ) from None
    except Exception as error:  # network, hub and file errors have no common class
        cause = " ".join(str(error).strip().split("\n")[:2])
        if "config" in cause.lower():  # the library's word for a subset
            raise ConfigError(f"data set {name}: set data.subset ({cause})") from None
        raise DataError(f"data set {name}: cannot be loaded ({cause})") from None
    if isinstance(loaded, datasets.Dataset):
        return {"train": loaded}
    return {str(split): table for split, table in loaded.items()}


def _go_offline_if_unreachable(name: str) -> None:
    """Ask the hub once; if it does not answer, spare the half minute of retries that follows.

    A data set that was loaded before is then taken from the hub's cache.
    """
    import datasets
    import huggingface_hub

    try:
        huggingface_hub.HfApi().dataset_info(name, timeout=5)
    except (huggingface_hub.errors.HfHubHTTPError, huggingface_hub.errors.HFValidationError):
        return  # an answer, or no name: `load_dataset` says what is wrong
    except Exception:  # the classes of network errors depend on the version of the library
        huggingface_hub.constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True


def _columns(table: "Dataset", origin: str, config: DataConfig) -> list[SentencePair]:
    """The two languages of a table: a `translation` dictionary, or a column each."""
    src_name = config.src_column or config.src_lang
    tgt_name = config.tgt_column or config.tgt_lang
    columns = table.column_names
    if "translation" in columns and not {src_name, tgt_name} <= set(columns):
        table = table.select_columns("translation").flatten()
        columns = [name.removeprefix("translation.") for name in table.column_names]
        table = table.rename_columns(dict(zip(table.column_names, columns, strict=True)))
    for name, key in ((src_name, "src_column"), (tgt_name, "tgt_column")):
        if name not in columns:
            raise DataError(
                f"{origin}: there is no column '{name}', only {', '.join(columns)}; set data.{key}"
            )
    sides = [table[name][:] for name in (src_name, tgt_name)]
    for name, cells in zip((src_name, tgt_name), sides, strict=True):
        for row, cell in enumerate(cells, start=1):
            if not isinstance(cell, str):
                raise DataError(f"{origin}: row {row} has no text in column '{name}'")
    pairs = [SentencePair(*pair) for pair in zip(*sides, strict=True)]
    if not pairs:
        raise DataError(f"{origin}: there are no rows")
    return pairs


def _cut_missing_splits(splits: dict[str, list[SentencePair]], size: int) -> list[str]:
    """Move a fixed choice of training pairs to each missing split; returns what to say of it."""
    notes = []
    for name in ("test", "validation"):
        if name in splits:
            continue
        train = splits["train"]
        held_out = set(sorted(set(filter(all, train)), key=_rank)[: min(size, len(train) // 10)])
        if not held_out:
            raise DataError(
                f"{len(train)} training pairs are too few to cut a {name} split from:"
                f" give data.{name}"
            )
        src, tgt = {pair.src for pair in held_out}, {pair.tgt for pair in held_out}
        splits[name] = sorted(held_out, key=_rank)
        splits["train"] = [p for p in train if p.src not in src and p.tgt not in tgt]
        dropped = len(train) - len(splits["train"]) - len(held_out)
        notes.append(
            f"no {name} split given: {len(held_out)} pairs were cut from train"
            f" (and {dropped} more that share a sentence with them dropped)"
        )
        if not splits["train"]:
            raise DataError(f"nothing is left to train on after cutting a {name} split")
    return notes


def _rank(pair: SentencePair) -> bytes:
    """A fixed pseudo-random order that depends on the text alone."""
    return hashlib.blake2b("\n".join(pair).encode(), digest_size=8).digest()
