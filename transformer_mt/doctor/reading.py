"""The texts of a corpus as they are, in blocks; what is unreadable is told, and reading goes on."""

import csv
import itertools
import json
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from transformer_mt.config import DataConfig
from transformer_mt.data.corpus import (
    PHRASEBOOK,
    SPLITS,
    load_phrasebook,
    open_splits,
    table_suffix,
)
from transformer_mt.data.files import open_binary, read_table
from transformer_mt.doctor.report import Example, Finding
from transformer_mt.errors import ConfigError, DataError

if TYPE_CHECKING:
    from datasets import Dataset

_BLOCK_BYTES = 1 << 22
_BLOCK_ROWS = 20_000
BOM = "\ufeff"

Complain = Callable[[Finding], None]
Advance = Callable[[int], object]
Row = tuple[int, object, object]
"""Line in the file, source, target (which should be text)."""
_Cells = tuple[int, list[str]]
"""Line in the file, and what stands there."""


class Block(NamedTuple):
    """Some lines of one side. Bytes that are no UTF-8 are lone surrogates (PEP 383)."""

    side: int
    """0 the source, 1 the target."""
    texts: list[str]
    lines: Sequence[int] | None = None
    """Where each stands in the file (from 1); None where that is its row."""


class Split(ABC):
    """The sentence pairs of one split, which can be read again and again."""

    def __init__(self, name: str, files: tuple[str, ...]) -> None:
        self.name = name
        self.files = files
        """For a person: two, or one that has both sides."""

    @property
    @abstractmethod
    def size(self) -> int:
        """What the amounts told to `advance` add up to."""

    @abstractmethod
    def read(self, complain: Complain, advance: Advance) -> Iterator[Block]:
        """All blocks; of each side in order."""

    def file_of(self, side: int) -> str:
        return self.files[side % len(self.files)]

    def error(self, code: str, message: str, place: Example | None = None) -> Finding:
        """What training would refuse; of a line, if it has a place."""
        places = [place] if place else []
        return Finding("error", code, self.name, message, len(places) or None, examples=places)


class ParallelFiles(Split):
    """Two text files whose lines correspond."""

    @property
    def size(self) -> int:
        return _bytes_of(self.files)

    def read(self, complain: Complain, advance: Advance) -> Iterator[Block]:
        for side, file in enumerate(self.files):
            for texts in _read_blocks(self, file, complain, advance):
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
        blocks = _read_blocks(self, self.files[0], complain, advance)
        rows = self._rows(itertools.chain.from_iterable(blocks), complain)
        while chunk := list(itertools.islice(rows, _BLOCK_ROWS)):
            yield from _blocks_of(self, chunk, self._columns, complain)

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

    def _csv_rows(
        self, lines: Iterator[str], complain: Complain
    ) -> Iterator[tuple[int, list[str]]]:
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
            except (json.JSONDecodeError, RecursionError):
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
        first = 1
        for batch in self._table.iter(batch_size=_BLOCK_ROWS):
            if nested:
                cells = batch["translation"]
                sides = [[(cell or {}).get(name) for cell in cells] for name in self._columns]
            else:
                sides = [batch[name] for name in self._columns]
            rows = list(zip(itertools.count(first), *sides, strict=False))
            first += len(rows)
            advance(len(rows))
            yield from _blocks_of(self, rows, self._columns, complain)


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
        return [Rows(split, origin, table, columns) for split, (origin, table) in tables.items()]
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
        return Rows(split, files, read_table(path, suffix), columns)
    except DataError as error:
        complain(Finding("error", "unreadable", split, str(error)))
        return None


def _read_blocks(
    split: Split, file: str, complain: Complain, advance: Advance
) -> Iterator[list[str]]:
    """Lines of a text file as training reads them, some thousands at a time."""
    rows = 0
    try:
        with open_binary(Path(file)) as opened:
            raw = getattr(opened, "fileobj", opened)  # what a .gz file is unpacked from
            place = 0
            for block in _blocks_of_lines(opened):
                text = b"".join(block).decode("utf-8", "surrogateescape")
                if rows == 0 and text.startswith(BOM):
                    text = text.removeprefix(BOM)
                    message = "begins with a byte order mark, which is left out"
                    complain(
                        Finding("note", "bom", split.name, message, examples=[Example(file, 1)])
                    )
                lines = text.removesuffix("\n").split("\n")
                yield [line.removesuffix("\r") for line in lines] if "\r" in text else lines
                rows += len(lines)
                advance(raw.tell() - place)
                place = raw.tell()
    except FileNotFoundError:
        complain(split.error("missing", f"{file}: there is no such file"))
    except (OSError, EOFError, zlib.error) as error:
        cause = error.strerror if isinstance(error, OSError) and error.strerror else error
        message = f"{file}: cannot be read on after line {rows:,} ({cause})"
        complain(split.error("unreadable", message))


def _blocks_of_lines(file: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Lines with their ends; where the file breaks off, first those before that."""
    block: list[bytes] = []
    size = 0
    try:
        for line in file:
            block.append(line)
            size += len(line)
            if size >= _BLOCK_BYTES:
                yield block
                block, size = [], 0
    except (OSError, EOFError, zlib.error):
        yield block
        raise
    if block:
        yield block


def _tsv_rows(lines: Iterator[str]) -> Iterator[_Cells]:
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


def _blocks_of(
    split: Split, rows: Sequence[Row], columns: tuple[str, str], complain: Complain
) -> Iterator[Block]:
    """The rows that have text on both sides; of others the place is told."""
    kept = []
    for row in rows:
        missing = [
            name for name, cell in zip(columns, row[1:], strict=True) if type(cell) is not str
        ]
        if missing:
            message = f"rows without text in column '{missing[0]}'"
            complain(split.error("no-text", message, Example(split.files[0], row[0])))
        else:
            kept.append(row)
    lines = [row[0] for row in kept]
    for side in (0, 1):
        yield Block(side, [_one_line(str(row[1 + side])) for row in kept], lines)


def _one_line(text: str) -> str:
    """A cell may hold line ends: each becomes another mark of one, which the scan will tell."""
    return text.replace("\n", "\v") if "\n" in text else text


def _bytes_of(files: Sequence[str]) -> int:
    paths = [Path(file) for file in files]
    return sum(path.stat().st_size for path in paths if path.is_file())
