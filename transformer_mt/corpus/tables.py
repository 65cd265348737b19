"""Readers of TSV, CSV, JSON Lines and Parquet tables, in pieces."""

import csv
import json
import logging
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

from transformer_mt.corpus.rows import Row
from transformer_mt.errors import DataError
from transformer_mt.files.lines import first_line_of, open_binary, read_text
from transformer_mt.files.packed import READ_ERRORS, packer_of

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

log = logging.getLogger(__name__)

TABLES = (".tsv", ".csv", ".jsonl", ".parquet")

_ENDS = (".", "!", "?", "\u3002", "\uff01", "\uff1f", "\u0964", "\u061f")
"""Sentence-final marks, including Chinese, Hindi and Arabic ones."""
Cells = tuple[int, list[str]]
"""Line number and cells of a row."""
_ARRAY = "is one JSON array, not an object on each line; write each object on a line of its own"

NESTED = "translation"
"""Name of the nested column {language: text} of many hub data sets."""


PACKED = (".gz", ".bz2", ".xz", ".zst")
"""Suffixes of compressed files, which may follow a suffix of `TABLES`."""
QUOTED = (
    "cells quoted as in CSV, whose quotation marks are read as text: name the file .csv and write"
    " it with commas, or without quoting (pandas: quoting=csv.QUOTE_NONE)"
)
"""Message about a .tsv file with quoted cells."""


def text_of(cell: object) -> str | None:
    """Convert a cell of any table to text.

    Returns:
        The text, "" for a missing cell; None for a list, a dictionary or a boolean.
    """
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, str):
        return cell
    return str(cell) if isinstance(cell, int | float) and not isinstance(cell, bool) else None


def _label(cell: object) -> str | None:
    is_share = isinstance(cell, float) and not math.isnan(cell)
    return str(cell) if isinstance(cell, bool) else None if is_share else text_of(cell)


_CELLS: dict[str, tuple[str, Callable[[object], str | None]]] = {
    "label": ("text or whole number", _label)
}
"""Cell type and conversion of fields other than text."""
_TEXT = ("text", text_of)


@dataclass(frozen=True, slots=True)
class Columns(Generic[Row]):
    """Columns of a table that form a row."""

    kind: type[Row]
    """Class of the rows."""
    names: tuple[str, ...]
    """Names of the columns, in the order of the row fields."""
    header: bool = True
    """True if the first row of a .tsv or .csv file is a header; else columns are named 1, 2 ..."""

    def check(self, found: Iterable[str], origin: str | Path, hint: str = "") -> None:
        """Raise DataError if the table lacks one of the columns."""
        there = list(found)
        for name, key in zip(self.names, self.keys, strict=True):
            if name not in there:
                raise DataError(
                    f"{origin}: there is no column '{name}', only {', '.join(there)};"
                    f" set data.{key}{hint}"
                )

    def with_header(self, first: Cells, rest: Iterator[Cells]) -> tuple[Iterator[Cells], list[str]]:
        """Return the rows and the column names of a .tsv or .csv file."""
        if self.header:
            return rest, first[1]
        return chain([first], rest), [str(number + 1) for number in range(len(first[1]))]

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the configuration keys of the columns, such as src_column."""
        return tuple(f"{field}_column" for field in self.kind._fields)

    def read_column(self, place: int, cells: Iterable[object]) -> list[str | None]:
        """Convert cells of the column `place` to text; None for a cell of a wrong type."""
        return list(map(self._readers[place][1], cells))

    def wrong(self, place: int) -> str:
        """Return the error message for a cell of a wrong type."""
        return f"no {self._readers[place][0]} in column '{self.names[place]}'"

    @property
    def _readers(self) -> list[tuple[str, Callable[[object], str | None]]]:
        return [_CELLS.get(field, _TEXT) for field in self.kind._fields]

    def are_nested(self, found: Iterable[str]) -> bool:
        """Check that the columns are nested in the column `translation`."""
        names = set(found)
        return NESTED in names and not set(self.names) <= names

    def unfold(self, table: "pa.Table") -> "pa.Table":
        """Return the table with a nested column `translation` flattened."""
        import pyarrow as pa

        if not self.are_nested(table.column_names):
            return table
        table, kind = table.select([NESTED]), table.schema.field(NESTED).type
        if not isinstance(kind, pa.StructType):
            return table
        return table.flatten().rename_columns(kind.names)


def table_suffix(path: Path) -> str | None:
    """Return the suffix of `TABLES`, ignoring one of `PACKED`; None if the file is not a table."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else None
    return suffix if suffix in TABLES else None


def read_table(path: Path, suffix: str, columns: Columns[Row]) -> Iterator[Row]:
    """Yield the rows of a table file with a suffix of `TABLES`.

    Raises:
        DataError: the table is invalid; the message names the file, and the line of a text file.
    """
    if suffix == ".parquet":
        return _parquet_rows(path, columns)
    if suffix == ".jsonl":
        return _json_rows(path, columns)
    rows = _tsv_rows(path) if suffix == ".tsv" else _csv_rows(path)
    return _cell_rows(path, suffix, rows, columns)


def arrow_rows(
    schema: "pa.Schema", parts: Iterable["pa.Table"], origin: str | Path, columns: Columns[Row]
) -> Iterator[Row]:
    """Yield the rows of an Arrow table, given in parts.

    Raises:
        DataError: a column is missing, or has a cell of a wrong type.
    """
    columns.check(columns.unfold(schema.empty_table()).column_names, origin)
    first = 1
    for part in map(columns.unfold, parts):
        try:
            sides = [part.column(name).to_pylist() for name in columns.names]
        except UnicodeDecodeError:
            rows = f"rows {first} to {first + len(part) - 1}"
            raise DataError(
                f"{origin}: not valid UTF-8 in {rows} (tmt doctor names the rows)"
            ) from None
        texts = [columns.read_column(place, cells) for place, cells in enumerate(sides)]
        for place, column in enumerate(texts):
            if None in column:
                row = first + column.index(None)
                raise DataError(f"{origin}: row {row} has {columns.wrong(place)}")
        yield from map(columns.kind._make, zip(*texts, strict=True))
        first += len(part)


def open_parquet(path: Path) -> "pq.ParquetFile":
    """Open a Parquet file; a compressed one is decompressed in memory.

    Arrow never reads from a Python file object: an Arrow thread that releases a Python buffer
    while Python exits aborts the process.

    Raises:
        OSError, EOFError, pa.ArrowException: the file cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with path.open("rb") as raw:
        is_packed = packer_of(raw.read(16)) is not None
    if not is_packed:
        return pq.ParquetFile(path)
    with open_binary(path, is_text=False) as file:
        return pq.ParquetFile(pa.BufferReader(file.read()))


def _parquet_rows(path: Path, columns: Columns[Row]) -> Iterator[Row]:
    import pyarrow as pa

    if not path.exists():
        raise DataError(f"{path}: there is no such file")
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty")
    try:
        with open_parquet(path) as table:
            wanted = (
                [NESTED] if columns.are_nested(table.schema_arrow.names) else list(columns.names)
            )
            batches = table.iter_batches(columns=wanted)
            parts = (pa.Table.from_batches([batch]) for batch in batches)
            yield from arrow_rows(table.schema_arrow, parts, path, columns)
    except (*READ_ERRORS, pa.ArrowException) as error:
        raise DataError(f"{path}: cannot be read as parquet ({first_line_of(error)})") from None


def _json_rows(path: Path, columns: Columns[Row]) -> Iterator[Row]:
    """Yield the rows of a JSON Lines file; missing columns and wrong cells are reported last."""
    found: dict[str, None] = {}
    lacking: dict[int, int] = {}
    row = 0
    for number, line in enumerate(read_text(path), start=1):
        if not line:
            continue
        row += 1
        record = _json_object(path, number, line)
        if columns.are_nested(record) and isinstance(record[NESTED], dict):
            record = record[NESTED]
        found.update(dict.fromkeys(record))
        cells = [record.get(name) for name in columns.names]
        texts = [columns.read_column(place, [cell])[0] for place, cell in enumerate(cells)]
        if None not in texts:
            yield columns.kind._make(texts)
            continue
        for place, text in enumerate(texts):
            if text is None:
                lacking.setdefault(place, row)
    columns.check(found, path)
    for place, row in sorted(lacking.items()):
        raise DataError(f"{path}: row {row} has {columns.wrong(place)}")


def _json_object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
        if "\\u" in line:  # raises on a lone surrogate
            json.dumps(record, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        if number == 1 and line.strip() in ("[", "[{"):
            raise DataError(f"{path}: {_ARRAY}") from None
        bad = f"{error.msg} at column {error.colno}"
        raise DataError(f"{path}:{number}: not valid JSON ({bad})") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}:{number}: not valid JSON ({error})") from None
    if number == 1 and isinstance(record, list) and record and isinstance(record[0], dict):
        raise DataError(f"{path}: {_ARRAY}")
    if not isinstance(record, dict):
        raise DataError(f"{path}:{number}: must be a JSON object with a key for each column")
    return record


def _cell_rows(
    path: Path, path_kind: str, rows: Iterator[Cells], columns: Columns[Row]
) -> Iterator[Row]:
    """Yield the rows of a .tsv or .csv file. Every cell is text, including "NA" and "12"."""
    rows, header = columns.with_header(next(rows), rows)
    if len(set(header)) < len(header):
        raise DataError(f"{path}: two columns have the same name: {', '.join(header)}")
    columns.check(header, path, header_hint(header, columns))
    told = path_kind == ".csv"
    places = [header.index(name) for name in columns.names]
    for number, row in rows:
        if not told and quoted_cell(row):
            log.warning("%s:%d: %s", path, number, QUOTED)
            told = True
        if len(row) != len(header):
            verb = "names" if columns.header else "has"
            is_cut = path_kind == ".tsv" and is_part_of_quoted(row)
            hint = f" (are these {QUOTED}?)" if is_cut else ""
            raise DataError(
                f"{path}:{number}: the number of cells is {len(row)}, but the first line {verb}"
                f" {len(header)} columns{hint}"
            )
        yield columns.kind._make([row[place] for place in places])


def header_hint(header: Iterable[str], columns: Columns[Row]) -> str:
    """Return a hint for a missing column if the first row looks like text, not a header."""
    is_text = any(" " in cell.strip() or cell.strip()[-1:] in _ENDS for cell in header)
    if not (columns.header and is_text):
        return ""
    return ", or data.header to false if the first line is a row, not the names of the columns"


def quoted_cell(cells: Iterable[str]) -> int:
    """Return the number (from 1) of a .tsv cell quoted as in CSV; 0 if there is none.

    A sentence may begin and end with quotation marks, so that only a cell with doubled marks
    inside counts as quoted.
    """
    for place, cell in enumerate(cells, start=1):
        inner = cell[1:-1].replace('""', "")
        whole = len(cell) > 2 and cell[0] == cell[-1] == '"'
        if whole and '"' not in inner and len(inner) < len(cell) - 2:
            return place
    return 0


def is_part_of_quoted(cells: Iterable[str]) -> bool:
    """Check for an unpaired quotation mark at an end of a cell: CSV quoting around a tab."""
    return any(cell.count('"') % 2 and '"' in (cell[0], cell[-1]) for cell in cells if cell)


def _tsv_rows(path: Path) -> Iterator[Cells]:
    """Yield the cells between tabs; quotation marks are text, blank lines are skipped."""
    for number, line in enumerate(read_text(path), start=1):
        if line:
            yield number, line.split("\t")


def _csv_rows(path: Path) -> Iterator[Cells]:
    """Yield the cells of a CSV file; "" in a quoted cell is a quotation mark."""
    reader = csv.reader((f"{line}\n" for line in read_text(path)), strict=True)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: not valid CSV ({error})") from None
