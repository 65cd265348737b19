"""Data sets of the Hugging Face hub, and folders in its formats."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from transformer_mt.config.sections import DataConfig
from transformer_mt.corpus.rows import Row
from transformer_mt.corpus.tables import NESTED, Columns, arrow_rows
from transformer_mt.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset

log = logging.getLogger(__name__)

SPLITS = ("train", "validation", "test")

Tables: TypeAlias = "dict[str, Dataset]"
"""By the names of our splits."""
_PIECE = 20_000
"""Rows that are in memory at a time."""


def open_splits(config: DataConfig) -> Tables:
    """Its splits, memory-mapped by the `datasets` library: one of the hub or in a folder.

    A folder is one saved by `save_to_disk`, or laid out as on the hub.

    Raises:
        DataError: it cannot be loaded.
        ConfigError: it has no such split; a subset must be named.
    """
    available = _open(str(config.dataset), config.subset)
    splits = {}
    for split in SPLITS:
        name = getattr(config, split)
        if name is not None and name not in available:
            raise ConfigError(
                f"data.{split}: {config.dataset} has no split '{name}', it has"
                f" {', '.join(available)}"
            )
        if (name or split) in available:
            splits[split] = available[name or split]
    if "train" not in splits:
        raise ConfigError(
            f"{config.dataset} has no split 'train': set data.train to one of"
            f" {', '.join(available)}"
        )
    return splits


def files_of(table: "Dataset") -> list[Path]:
    """The Arrow files that the library has mapped for a split.

    Raises:
        FileNotFoundError: it is held in memory.
    """
    files = [Path(each["filename"]) for each in table.cache_files]
    if not files:
        raise FileNotFoundError
    return files


def _open(name: str, subset: str | None) -> "dict[str, Dataset]":
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


def dataset_rows(table: "Dataset", origin: str, columns: Columns[Row]) -> Iterator[Row]:
    """Some columns of a data set, or of its `translation` dictionary.

    Raises:
        DataError: a column is missing, or holds what it cannot.
    """
    nested = columns.are_nested(table.column_names)
    if nested or set(columns.names) <= set(table.column_names):
        table = table.select_columns([NESTED] if nested else list(columns.names))
    parts = table.with_format("arrow").iter(batch_size=_PIECE)
    named = (_with_names(part, table) for part in parts)
    return arrow_rows(table.features.arrow_schema, named, origin, columns)


def _with_names(part: "pa.Table", table: "Dataset") -> "pa.Table":
    """Its numbered classes by their names; -1 stands for none, which has an empty one."""
    import datasets
    import pyarrow as pa

    for place, name in enumerate(part.column_names):
        feature = table.features[name]
        if isinstance(feature, datasets.ClassLabel):
            known = dict(enumerate(feature.names)) | {-1: ""}
            names = [known.get(number) for number in part.column(name).to_pylist()]
            part = part.set_column(place, name, pa.array(names, pa.string()))
    return part


def silence() -> None:
    """Keep the libraries of Hugging Face from the terminal: we say in one line what is wrong."""
    import datasets
    import huggingface_hub

    huggingface_hub.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)
