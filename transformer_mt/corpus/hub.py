"""Data sets from the Hugging Face hub or a folder, loaded with `datasets`."""

import logging
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from transformer_mt.config.sections import DataConfig
from transformer_mt.corpus.rows import Row
from transformer_mt.corpus.tables import NESTED, Columns, Numbered, arrow_errors, arrow_rows
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.files.problems import TRAINING, Listener

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset

log = logging.getLogger(__name__)

SPLITS = ("train", "validation", "test")

Tables: TypeAlias = "dict[str, Dataset]"
"""Tables of a data set, keyed by train, validation and test."""
_PIECE = 20_000
"""Number of rows in memory at a time."""


def open_splits(config: DataConfig) -> Tables:
    """Open the splits of a data set from the hub or a folder, memory-mapped by `datasets`.

    A folder was saved by `save_to_disk`, or has the layout of a hub repository.

    Raises:
        DataError: the data set cannot be loaded.
        ConfigError: a configured split does not exist, or a subset must be named.
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
    """Return the Arrow files of a split.

    Raises:
        FileNotFoundError: the split has no file, but is in memory.
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
        if "config" in cause.lower():  # `datasets` calls a subset a config
            raise ConfigError(f"data set {name}: set data.subset ({cause})") from None
        raise DataError(f"data set {name}: cannot be loaded ({cause})") from None
    if isinstance(loaded, datasets.Dataset):
        return {"train": loaded}
    return {str(split): table for split, table in loaded.items()}


def _go_offline_if_unreachable(name: str) -> None:
    """Switch to offline mode if the hub does not respond, to avoid half a minute of retries.

    In offline mode a data set is loaded from the local cache of the hub.
    """
    import datasets
    import huggingface_hub

    try:
        huggingface_hub.HfApi().dataset_info(name, timeout=5)
    except (huggingface_hub.errors.HfHubHTTPError, huggingface_hub.errors.HFValidationError):
        return  # reachable, or an invalid name: `load_dataset` reports the error
    except Exception:  # the classes of network errors depend on the version of the library
        huggingface_hub.constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True


def dataset_rows(
    table: "Dataset", origin: str, columns: Columns[Row], listener: Listener = TRAINING
) -> Iterator[Numbered[Row]]:
    """Return the rows of a data set, from columns or the nested column `translation`, numbered.

    Raises:
        DataError: a problem that the listener refuses: a missing column, a cell of a wrong type.
    """
    return chain.from_iterable(_rows(table, origin, columns, listener))


def _rows(
    table: "Dataset", origin: str, columns: Columns[Row], listener: Listener
) -> Iterator[Iterable[Numbered[Row]]]:
    nested = columns.are_nested(table.column_names)
    if nested or set(columns.names) <= set(table.column_names):
        table = table.select_columns([NESTED] if nested else list(columns.names))
    with arrow_errors(origin, listener):
        parts = table.with_format("arrow").iter(batch_size=_PIECE)
        named = (_with_names(part, table) for part in parts)
        yield from arrow_rows(table.features.arrow_schema, named, origin, columns, listener)


def _with_names(part: "pa.Table", table: "Dataset") -> "pa.Table":
    """Replace class numbers by class names, and -1 (unlabelled) by an empty name."""
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
    """Turn off log messages and progress bars of Hugging Face libraries; errors are DataErrors."""
    import datasets
    import huggingface_hub

    huggingface_hub.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)
