"""Where a corpus comes from: parallel files, one table, or a data set; each as blocks of lines."""

import csv
import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from transformer_mt.config import DataConfig
from transformer_mt.data.corpus import PHRASEBOOK, load_phrasebook, table_suffix
from transformer_mt.data.files import first_line_of
from transformer_mt.data.hub import SPLITS, open_splits, silence
from transformer_mt.doctor.reading import (
    Advance,
    Block,
    Complain,
    Row,
    Split,
    blocks_of_rows,
    read_texts,
)
from transformer_mt.doctor.report import Example, Finding
from transformer_mt.errors import ConfigError, DataError

if TYPE_CHECKING:
    from datasets import Dataset

_ROWS = 20_000
"""Of a table, read at a time."""

Cells = tuple[int, list[str]]
"""Line in the file, and what stands there."""


class ParallelFiles(Split):
    """Two text files whose lines correspond."""

    @property
    def size(self) -> int:
        return _bytes_of(self.files)

    def read(self, complain: Complain, advance: Advance) -> Iterator[Block]:
        for side, file in enumerate(self.files):
            for texts in read_texts(self, file, complain, advance):
                yield Block(side, texts)


class Table(Split):
    """One text file with both sides on each line; a .tsv, .csv or .jsonl file."""

    def __init__(self, name: str, file: str, suffix: str, columns: tuple[str, str]) -> None:
        super().__init__(name, (file,))
        self._columns = columns
        self._rows = {".tsv": self._cell_rows, ".csv": self._cell_rows, ".jsonl": self._json_rows}[
            suffix
        ]
        self._comma = suffix == ".csv"

    @property
    def size(self) -> int:
        return _bytes_of(self.files)

    def read(self, complain: Complain, advance: Advance) -> Iterator[Block]:
        blocks = read_texts(self, self.files[0], complain, advance)
        rows = self._rows(itertools.chain.from_iterable(blocks), complain)
        while chunk := list(itertools.islice(rows, _ROWS)):
            yield from blocks_of_rows(self, chunk, self._columns, complain)

    def _complain_of_line(self, complain: Complain, code: str, message: str, line: int) -> None:
        complain(self.error(code, message, Example(self.files[0], line)))

    def _cell_rows(self, lines: Iterator[str], complain: Complain) -> Iterator[Row]:
        numbered = self._csv_rows(lines, complain) if self._comma else _tsv_rows(lines)
        _, header = next(numbered, (0, []))
        if len(set(header)) < len(header):
            complain(self.error("columns", f"two columns have the same name: {', '.join(header)}"))
        places = _places(self, header, self._columns, complain) if header else None
        if places is None:
            return
        for number, cells in numbered:
            if len(cells) == len(header):
                yield number, cells[places[0]], cells[places[1]]
            else:
                message = f"lines without exactly {len(header)} cells, as the first line has"
                self._complain_of_line(complain, "cells", message, number)

    def _csv_rows(self, lines: Iterator[str], complain: Complain) -> Iterator[Cells]:
        reader = csv.reader((f"{line}\n" for line in lines), strict=True)
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                message = f"not valid CSV ({error})"
                self._complain_of_line(complain, "csv", message, reader.line_num)
                continue
            if row:
                yield reader.line_num, row

    def _json_rows(self, lines: Iterator[str], complain: Complain) -> Iterator[Row]:
        src, tgt = self._columns
        for number, line in enumerate(lines, start=1):
            if not line:
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):  # also of a number with thousands of digits
                self._complain_of_line(complain, "json", "lines that are not valid JSON", number)
                continue
            if not isinstance(record, dict):
                message = "lines that are no JSON object with a key for each language"
                self._complain_of_line(complain, "json", message, number)
                continue
            nested = record.get("translation")
            texts = nested if isinstance(nested, dict) and src not in record else record
            yield number, texts.get(src), texts.get(tgt)


class Rows(Split):
    """A table of the `datasets` library."""

    def __init__(self, name: str, origin: str, table: "Dataset", columns: tuple[str, str]) -> None:
        super().__init__(name, (origin,))
        self._table = table
        self._columns = columns

    unit = "row"

    @property
    def size(self) -> int:
        return len(self._table)

    def read(self, complain: Complain, advance: Advance) -> Iterator[Block]:
        names = self._table.column_names
        nested = "translation" in names and not {*self._columns} <= {*names}
        if nested:
            names = list(self._table.features["translation"])
        if _places(self, names, self._columns, complain) is None:
            return
        for first in range(0, len(self._table), _ROWS):
            last = min(first + _ROWS, len(self._table))
            rows = list(self._cells(first, last, complain, nested=nested))
            advance(last - first)
            yield from blocks_of_rows(self, rows, self._columns, complain)

    def _cells(self, first: int, last: int, complain: Complain, *, nested: bool) -> Iterator[Row]:
        """Some rows; where their text is no UTF-8, those of them that are."""
        try:
            batch = self._table[first:last]
        except UnicodeDecodeError:
            if last - first == 1:
                message = "lines that are not valid UTF-8"
                complain(self.error("utf8", message, Example(self.files[0], last)))
                return
            middle = (first + last) // 2
            yield from self._cells(first, middle, complain, nested=nested)
            yield from self._cells(middle, last, complain, nested=nested)
            return
        if nested:
            cells = batch["translation"]
            sides = [[(cell or {}).get(name) for cell in cells] for name in self._columns]
        else:
            sides = [batch[name] for name in self._columns]
        yield from zip(range(first + 1, last + 1), *sides, strict=True)


def open_corpus(config: DataConfig, complain: Complain) -> list[Split]:
    """The splits that a configuration names.

    Raises:
        ConfigError: it names none to train on, or something that cannot be.
    """
    columns = (config.src_column or config.src_lang, config.tgt_column or config.tgt_lang)
    if config.dataset == PHRASEBOOK:
        return _phrasebook(config)
    if config.dataset is not None:
        try:
            tables = open_splits(config)
        except DataError as error:
            complain(Finding("error", "unreadable", "train", str(error)))
            return []
        return [
            Rows(split, f"{config.dataset} ({getattr(config, split) or split})", table, columns)
            for split, table in tables.items()
        ]
    if config.train is None:
        raise ConfigError(
            "'data.train' is missing: give two parallel files, one table, or a 'data.dataset'"
        )
    named = [(split, files) for split in SPLITS if (files := getattr(config, split))]
    opened = (_open_files(split, files, columns, complain) for split, files in named)
    return [split for split in opened if split is not None]


def _phrasebook(config: DataConfig) -> list[Split]:
    import datasets

    pairs = load_phrasebook(config)
    names = (config.src_lang, config.tgt_lang)
    return [
        Rows(
            split,
            f"{PHRASEBOOK} ({split})",
            datasets.Dataset.from_dict(dict(zip(names, zip(*rows, strict=True), strict=True))),
            names,
        )
        for split, rows in pairs.items()
    ]


def _open_files(
    split: str, files: str | tuple[str, str], columns: tuple[str, str], complain: Complain
) -> Split | None:
    if isinstance(files, tuple):
        return ParallelFiles(split, files)
    path = Path(files)
    suffix = table_suffix(path)
    if suffix != ".parquet":
        return Table(split, files, suffix, columns)
    try:
        return Rows(split, files, _parquet(path), columns)
    except DataError as error:
        complain(Finding("error", "unreadable", split, str(error)))
        return None


def _parquet(path: Path) -> "Dataset":
    import datasets

    if not path.exists():
        raise DataError(f"{path}: there is no such file")
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty")
    silence()
    try:
        return datasets.load_dataset("parquet", data_files=str(path), split="train")
    except Exception as error:  # whatever the reader of that format raises
        cause = first_line_of(error.__cause__ or error)
        raise DataError(f"{path}: cannot be read as parquet ({cause})") from None


def _tsv_rows(lines: Iterator[str]) -> Iterator[Cells]:
    return ((number, line.split("\t")) for number, line in enumerate(lines, start=1) if line)


def _places(
    split: Split, names: Sequence[str], columns: tuple[str, str], complain: Complain
) -> list[int] | None:
    """Where the two columns are; None, with a complaint, where one is missing."""
    for column, key in zip(columns, ("src_column", "tgt_column"), strict=True):
        if column not in names:
            message = f"there is no column '{column}', only {', '.join(names)}; set data.{key}"
            complain(split.error("columns", f"{split.files[0]}: {message}"))
            return None
    return [names.index(column) for column in columns]


def _bytes_of(files: Sequence[str]) -> int:
    paths = [Path(file) for file in files]
    return sum(path.stat().st_size for path in paths if path.is_file())
