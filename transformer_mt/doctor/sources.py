"""Sources of a corpus: parallel files, a table, or a data set; each read as blocks of lines."""

import csv
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from transformer_mt.config.tasks import PairsConfig
from transformer_mt.corpus.hub import SPLITS, open_splits
from transformer_mt.corpus.readers import PairsReading
from transformer_mt.corpus.rows import SentencePair
from transformer_mt.corpus.source import PHRASEBOOK
from transformer_mt.corpus.tables import (
    NESTED,
    QUOTED,
    Columns,
    header_hint,
    is_part_of_quoted,
    open_parquet,
    quoted_cell,
)
from transformer_mt.doctor.reading import (
    Advance,
    Block,
    Complain,
    Row,
    Split,
    blocks_of_rows,
    read_texts,
)
from transformer_mt.doctor.report import Example, Finding, excerpt
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.files.lines import first_line_of

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset

_ROWS = 20_000
"""Rows of a table in one block."""

Cells = tuple[int, list[str]]
"""Line number in the file, and the cells of the line."""


class ParallelFiles(Split):
    """A split of two parallel text files."""

    @property
    def size(self) -> int:
        return _bytes_of(self.files)

    def read(self, complain: Complain, advance: Advance) -> Iterator[Block]:
        for side, file in enumerate(self.files):
            for texts in read_texts(self, file, complain, advance):
                yield Block(side, texts)


class Table(Split):
    """A split in one text file with both sides on each line: .tsv, .csv or .jsonl."""

    def __init__(self, name: str, file: str, suffix: str, columns: Columns[SentencePair]) -> None:
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
            yield from blocks_of_rows(self, chunk, self._columns.names, complain)

    def _complain_of_line(self, complain: Complain, code: str, message: str, line: int) -> None:
        complain(self.error(code, message, Example(self.files[0], line)))

    def _cell_rows(self, lines: Iterator[str], complain: Complain) -> Iterator[Row]:
        numbered = self._csv_rows(lines, complain) if self._comma else _tsv_rows(lines)
        first = next(numbered, (0, list[str]()))
        numbered, header = self._columns.with_header(first, numbered)
        if len(set(header)) < len(header):
            complain(self.error("columns", f"two columns have the same name: {', '.join(header)}"))
        places = _places(self, header, self._columns, complain) if header else None
        if places is None:
            return
        for number, cells in numbered:
            if not self._comma and (place := quoted_cell(cells)):
                self._complain_of_quotes(complain, number, cells[place - 1])
            elif not self._comma and len(cells) != len(header) and is_part_of_quoted(cells):
                self._complain_of_quotes(complain, number, "\t".join(cells))
            if len(cells) == len(header):
                yield number, cells[places[0]], cells[places[1]]
            else:
                message = f"lines without exactly {len(header)} cells, as the first line has"
                self._complain_of_line(complain, "cells", message, number)

    def _complain_of_quotes(self, complain: Complain, line: int, cell: str) -> None:
        place = Example(self.files[0], line, excerpt(cell))
        complain(Finding("warning", "quoted", self.name, QUOTED, 1, examples=[place]))

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
        src, tgt = self._columns.names
        for number, line in enumerate(lines, start=1):
            if not line:
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):  # ValueError: also of a huge number
                self._complain_of_line(complain, "json", "lines that are not valid JSON", number)
                continue
            if not isinstance(record, dict):
                message = "lines that are no JSON object with a key for each language"
                self._complain_of_line(complain, "json", message, number)
                continue
            nested = record.get(NESTED) if self._columns.are_nested(record) else None
            texts = nested if isinstance(nested, dict) else record
            yield number, texts.get(src), texts.get(tgt)


class Rows(Split):
    """A split in an Arrow table, which is read in parts."""

    unit = "row"

    def __init__(
        self,
        name: str,
        origin: str,
        columns: Columns[SentencePair],
        schema: "pa.Schema",
        parts: "Callable[[], Iterator[pa.Table]]",
        count: int,
    ) -> None:
        super().__init__(name, (origin,))
        self._columns = columns
        self._schema = schema
        self._parts = parts
        self._count = count

    @property
    def size(self) -> int:
        return self._count

    def read(self, complain: Complain, advance: Advance) -> Iterator[Block]:
        import pyarrow as pa

        names = self._columns.unfold(self._schema.empty_table()).column_names
        if _places(self, names, self._columns, complain) is None:
            return
        first = 1
        try:
            for part in self._parts():
                rows = list(self._cells(self._columns.unfold(part), first, complain))
                first += len(part)
                advance(len(part))
                yield from blocks_of_rows(self, rows, self._columns.names, complain)
        except (OSError, EOFError, pa.ArrowException) as error:
            message = f"{self.files[0]}: cannot be read on after row {first - 1:,}"
            complain(self.error("unreadable", f"{message} ({first_line_of(error)})"))

    def _cells(self, part: "pa.Table", first: int, complain: Complain) -> Iterator[Row]:
        """Yield the rows of a part; report the rows with text that is not UTF-8."""
        try:
            sides = [part.column(name).to_pylist() for name in self._columns.names]
        except UnicodeDecodeError:
            if len(part) == 1:
                message = "lines that are not valid UTF-8"
                complain(self.error("utf8", message, Example(self.files[0], first)))
                return
            middle = len(part) // 2
            yield from self._cells(part.slice(0, middle), first, complain)
            yield from self._cells(part.slice(middle), first + middle, complain)
            return
        yield from zip(itertools.count(first), *sides, strict=False)


def open_corpus(config: PairsConfig, complain: Complain) -> list[Split]:
    """Open the splits that a configuration names.

    Raises:
        ConfigError: there is no training split, or a setting is wrong.
    """
    reading = PairsReading(config)
    if config.dataset == PHRASEBOOK:
        return _phrasebook(reading)
    if config.dataset is not None:
        try:
            tables = open_splits(config)
        except DataError as error:
            complain(Finding("error", "unreadable", "train", str(error)))
            return []
        return [_data_set(split, table, reading) for split, table in tables.items()]
    if config.train is None:
        raise ConfigError(f"'data.train' is missing: give {reading.choices}, or a 'data.dataset'")
    named = [(split, files) for split in SPLITS if (files := getattr(config, split))]
    opened = (_open_files(split, files, reading, complain) for split, files in named)
    return [split for split in opened if split is not None]


def _phrasebook(reading: PairsReading) -> list[Split]:
    import pyarrow as pa

    from transformer_mt.phrasebook import phrasebook_splits

    columns = Columns(SentencePair, (reading.config.src_lang, reading.config.tgt_lang))
    splits: list[Split] = []
    for split, pairs in phrasebook_splits().items():
        sides = zip(*reading.phrases(pairs), strict=True)
        table = pa.table(dict(zip(columns.names, sides, strict=True)))
        origin, parts = f"{PHRASEBOOK} ({split})", partial(iter, [table])
        splits.append(Rows(split, origin, columns, table.schema, parts, len(table)))
    return splits


def _data_set(split: str, table: "Dataset", reading: PairsReading) -> Split:
    config, schema = reading.config, table.features.arrow_schema
    origin = f"{config.dataset} ({getattr(config, split) or split})"
    parts = partial(table.with_format("arrow").iter, batch_size=_ROWS)
    return Rows(split, origin, reading.columns, schema, parts, len(table))


def _open_files(
    split: str, files: str | tuple[str, str], reading: PairsReading, complain: Complain
) -> Split | None:
    if isinstance(files, tuple):
        return ParallelFiles(split, files)
    suffix = reading.suffix_of(files)
    if suffix != ".parquet":
        return Table(split, files, suffix, reading.columns)
    return _parquet(split, files, reading.columns, complain)


def _parquet(
    split: str, file: str, columns: Columns[SentencePair], complain: Complain
) -> Split | None:
    import pyarrow as pa

    def parts() -> Iterator[pa.Table]:
        with open_parquet(Path(file)) as table:
            for batch in table.iter_batches(_ROWS):
                yield pa.Table.from_batches([batch])

    try:
        with open_parquet(Path(file)) as table:
            return Rows(split, file, columns, table.schema_arrow, parts, table.metadata.num_rows)
    except FileNotFoundError:
        complain(Finding("error", "missing", split, f"{file}: there is no such file"))
    except (OSError, EOFError, pa.ArrowException) as error:
        message = f"{file}: cannot be read as parquet ({first_line_of(error)})"
        complain(Finding("error", "unreadable", split, message))
    return None


def _tsv_rows(lines: Iterator[str]) -> Iterator[Cells]:
    return ((number, line.split("\t")) for number, line in enumerate(lines, start=1) if line)


def _places(
    split: Split, names: Sequence[str], columns: Columns[SentencePair], complain: Complain
) -> list[int] | None:
    """Return the indices of the two columns; None, with a finding, if one is missing."""
    for column, key in zip(columns.names, columns.keys, strict=True):
        if column not in names:
            message = f"there is no column '{column}', only {', '.join(names)}; set data.{key}"
            message += header_hint(names, columns) if isinstance(split, Table) else ""
            complain(split.error("columns", f"{split.files[0]}: {message}"))
            return None
    return [names.index(column) for column in columns.names]


def _bytes_of(files: Sequence[str]) -> int:
    paths = [Path(file) for file in files]
    return sum(path.stat().st_size for path in paths if path.is_file())
