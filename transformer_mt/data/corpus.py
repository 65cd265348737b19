"""Where sentence pairs come from; errors name file and line."""

import codecs
import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

from transformer_mt.config import DataConfig, SourceFiles
from transformer_mt.errors import ConfigError, DataError

if TYPE_CHECKING:
    from datasets import Dataset

PHRASEBOOK = "phrasebook"
SPLITS = ("train", "validation", "test")
_TABLES = {".tsv": "csv", ".csv": "csv", ".jsonl": "json", ".json": "json", ".parquet": "parquet"}


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


def load_corpus(config: DataConfig) -> Corpus:
    """Read all splits; one that is missing is cut from train.

    Raises:
        DataError: a file is missing, empty, not UTF-8, or its sides do not align.
        ConfigError: a split or column that does not exist is named.
    """
    if config.dataset == PHRASEBOOK:
        splits = _load_phrasebook(config)
    elif config.dataset is not None:
        splits = _load_dataset(config)
    else:
        sources = {name: getattr(config, name) for name in SPLITS}
        splits = {name: _load_files(files, config) for name, files in sources.items() if files}
    notes = _cut_missing_splits(splits, config.heldout_size)
    return Corpus(**splits, notes=notes)


def read_lines(path: Path) -> Iterator[str]:
    r"""Lines of a UTF-8 text file, plain or .gz, without their ends, one at a time.

    Lines end at \n alone (U+2028 and the like are text); \r\n and a byte order mark are tolerated.

    Raises:
        DataError: naming file and line.
    """
    with open_binary(path) as file:
        for number, raw in enumerate(file, start=1):
            raw = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
            try:
                yield raw.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8")
            except UnicodeDecodeError as error:
                bad = f"byte 0x{error.object[error.start]:02x} at column {error.start + 1}"
                raise DataError(f"{path}:{number}: not valid UTF-8 ({bad})") from None


def open_binary(path: Path) -> BinaryIO:
    """A file to read bytes from; .gz is unpacked."""
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def read_text(path: Path) -> list[str]:
    """All lines of a text file that must exist and hold something."""
    try:
        lines = list(read_lines(path))
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    if not any(lines):
        raise DataError(f"{path}: the file is empty")
    return lines


def read_parallel(src_path: Path, tgt_path: Path) -> list[SentencePair]:
    """Two text files whose lines correspond."""
    src, tgt = read_text(src_path), read_text(tgt_path)
    if len(src) != len(tgt):
        raise DataError(
            f"{src_path} has {len(src)} lines but {tgt_path} has {len(tgt)}: parallel files must"
            f" align line by line (the shorter one ends after line {min(len(src), len(tgt))})"
        )
    return [SentencePair(*pair) for pair in zip(src, tgt, strict=True)]


def _load_phrasebook(config: DataConfig) -> dict[str, list[SentencePair]]:
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


def _load_files(files: SourceFiles, config: DataConfig) -> list[SentencePair]:
    if isinstance(files, tuple):
        return read_parallel(Path(files[0]), Path(files[1]))
    path = Path(files)
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if suffix not in _TABLES:
        raise ConfigError(
            f"{path}: a single file must be one of {', '.join(_TABLES)};"
            " give parallel text as a list of two files, [source, target]"
        )
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty")
    return _columns(_read_table(path, suffix), str(path), config)


def _read_table(path: Path, suffix: str) -> "Dataset":
    """A table through the `datasets` library, which keeps it memory-mapped on disk."""
    import datasets

    options: dict[str, Any] = {}
    if suffix == ".tsv":  # no quoting: a quotation mark is text
        options = {"delimiter": "\t", "quoting": 3}
    if suffix in (".tsv", ".csv"):
        options |= {"keep_default_na": False, "dtype": str}
    datasets.disable_progress_bars()
    try:
        return datasets.load_dataset(
            _TABLES[suffix], data_files=str(path), split="train", **options
        )
    except Exception as error:  # whatever the reader of that format raises
        if suffix in (".json", ".jsonl"):
            _check_json_lines(path)
        cause = str(error.__cause__ or error).strip().split("\n")[0]
        raise DataError(f"{path}: cannot be read as {suffix[1:]} ({cause})") from None


def _check_json_lines(path: Path) -> None:
    for number, line in enumerate(read_lines(path), start=1):
        try:
            json.loads(line or "{}")
        except ValueError as error:
            raise DataError(f"{path}:{number}: not valid JSON ({error})") from None


def _load_dataset(config: DataConfig) -> dict[str, list[SentencePair]]:
    """A hub data set, or a folder: one saved by `save_to_disk`, or laid out as on the hub."""
    available = _open_dataset(str(config.dataset), config.subset)
    splits = {}
    for split in SPLITS:
        name = getattr(config, split)
        if name is not None and (not isinstance(name, str) or name not in available):
            raise ConfigError(
                f"data.{split}: {config.dataset} has no split '{name}', it has"
                f" {', '.join(available)}"
            )
        if (name or split) in available:
            origin = f"{config.dataset} ({name or split})"
            splits[split] = _columns(available[name or split], origin, config)
    if "train" not in splits:
        raise ConfigError(
            f"{config.dataset} has no split 'train': set data.train to one of"
            f" {', '.join(available)}"
        )
    return splits


def _open_dataset(name: str, subset: str | None) -> "dict[str, Dataset]":
    import datasets

    datasets.disable_progress_bars()
    folder = Path(name)
    saved = any((folder / f).is_file() for f in ("dataset_dict.json", "state.json"))
    try:
        loaded = datasets.load_from_disk(name) if saved else datasets.load_dataset(name, subset)
    except Exception as error:  # network, hub and file errors have no common class
        cause = str(error).strip().split("\n")[0]
        raise DataError(f"data set {name}: cannot be loaded ({cause})") from None
    if isinstance(loaded, datasets.Dataset):
        return {"train": loaded}
    return {str(split): table for split, table in loaded.items()}


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
    pairs = [SentencePair(*pair) for pair in zip(*sides, strict=True)]
    for row, pair in enumerate(pairs, start=1):
        if not isinstance(pair.src, str) or not isinstance(pair.tgt, str):
            raise DataError(f"{origin}: row {row} has no text in '{src_name}' or '{tgt_name}'")
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
