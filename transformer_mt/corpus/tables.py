"""Readers of TSV, CSV, JSON Lines and Parquet tables, in pieces."""

import csv
import json
import math
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

from transformer_mt.corpus.rows import Row
from transformer_mt.files.lines import first_line_of, read_text
from transformer_mt.files.packed import READ_ERRORS, packer_of, unpacked
from transformer_mt.files.problems import TRAINING, Listener, Problem

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

TABLES = (".tsv", ".csv", ".jsonl", ".parquet")

_ENDS = (".", "!", "?", "\u3002", "\uff01", "\uff1f", "\u0964", "\u061f")
"""Sentence-final marks, including Chinese, Hindi and Arabic ones."""
Cells = tuple[int, list[str]]
"""Line number and cells of a row."""
Numbered = tuple[int, Row]
"""Line number (in a table that is no text file, row number) and row."""
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""Escaped half of a surrogate pair in JSON."""
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

    def are_in(
        self, found: Iterable[str], origin: str | Path, listener: Listener, hint: str = ""
    ) -> bool:
        """Return whether a table has all the columns; tell the listener of the first missing."""
        there = list(found)
        for name, key in zip(self.names, self.keys, strict=True):
            if name not in there:
                lacks = (
                    f"there is no column '{name}', only {', '.join(there)}; set data.{key}{hint}"
                )
                listener.tell(Problem("columns", f"{origin}: {lacks}", str(origin)))
                return False
        return True

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
        return list(map(self.readers[place][1], cells))

    def wrong(self, place: int, origin: str | Path, row: int, line: int) -> Problem:
        """Return the problem of a cell of a wrong type."""
        lacks = f"{self.readers[place][0]} in column '{self.names[place]}'"
        sentence = f"{origin}: row {row} has no {lacks}"
        return Problem("no-text", sentence, str(origin), line, f"rows without {lacks}")

    @property
    def readers(self) -> list[tuple[str, Callable[[object], str | None]]]:
        """Return the cell type and conversion of each column."""
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


def read_table(
    path: Path, suffix: str, columns: Columns[Row], listener: Listener = TRAINING
) -> Iterator[Numbered[Row]]:
    """Yield the rows of a table file with a suffix of `TABLES`, each with its line number.

    Raises:
        DataError: a problem that the listener refuses: the table is invalid.
    """
    if suffix == ".parquet":
        return chain.from_iterable(_parquet_rows(path, columns, listener))
    if suffix == ".jsonl":
        return _json_rows(path, columns, listener)
    rows = _tsv_rows(path, listener) if suffix == ".tsv" else _csv_rows(path, listener)
    return _cell_rows(path, rows, columns, listener, is_tsv=suffix == ".tsv")


def arrow_rows(
    schema: "pa.Schema",
    parts: Iterable["pa.Table"],
    origin: str | Path,
    columns: Columns[Row],
    listener: Listener,
) -> Iterator[Iterable[Numbered[Row]]]:
    """Yield the rows of each part of an Arrow table, each row with its number.

    The listener is told of a missing column, and of a cell that is no UTF-8 or of a wrong type.
    """
    if not columns.are_in(columns.unfold(schema.empty_table()).column_names, origin, listener):
        return
    first = 1
    for part in map(columns.unfold, parts):
        rows = f"rows {first} to {first + len(part) - 1}"
        sentence = f"{origin}: not valid UTF-8 in {rows} (tmt doctor names the rows)"
        for start, sides in _columns_of(part, first, columns.names):
            if sides is None:
                heading = "lines that are not valid UTF-8"
                listener.tell(Problem("utf8", sentence, str(origin), start, heading))
            else:
                yield _texts_of(sides, start, origin, columns, listener)
        first += len(part)
        listener.advance(len(part))


def _columns_of(
    part: "pa.Table", first: int, names: Sequence[str]
) -> Iterator[tuple[int, list[list[object]] | None]]:
    """Yield the columns of a part in pieces without invalid UTF-8; None for an invalid row."""
    try:
        yield first, [part.column(name).to_pylist() for name in names]
    except UnicodeDecodeError:
        middle = len(part) // 2
        if middle == 0:
            yield first, None
        else:
            yield from _columns_of(part.slice(0, middle), first, names)
            yield from _columns_of(part.slice(middle), first + middle, names)


def _texts_of(
    sides: list[list[object]],
    first: int,
    origin: str | Path,
    columns: Columns[Row],
    listener: Listener,
) -> Iterable[Numbered[Row]]:
    texts = [columns.read_column(place, cells) for place, cells in enumerate(sides)]
    rows = zip(count(first), map(columns.kind._make, zip(*texts, strict=True)), strict=False)
    if not any(None in column for column in texts):
        return rows
    for place, column in enumerate(texts):
        for row, text in enumerate(column):
            if text is None and None not in [other[row] for other in texts[:place]]:
                listener.tell(columns.wrong(place, origin, first + row, first + row))
    return [row for row in rows if None not in row[1]]


def _open_parquet(path: Path) -> "pq.ParquetFile":
    """Open a Parquet file; a compressed one is decompressed in memory.

    Arrow never reads from a Python file object: an Arrow thread that releases a Python buffer
    while Python exits aborts the process.

    Raises:
        OSError, EOFError, pa.ArrowException: the file cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with path.open("rb") as raw:
        if packer_of(raw.read(16)) is None:
            return pq.ParquetFile(path)
        raw.seek(0)
        return pq.ParquetFile(pa.BufferReader(unpacked(raw, str(path), is_text=False).read()))


def count_rows(path: Path) -> int | None:
    """Return the number of rows of a Parquet file; None if it cannot be opened."""
    import pyarrow as pa

    try:
        with _open_parquet(path) as table:
            return int(table.metadata.num_rows)
    except (*READ_ERRORS, pa.ArrowException):
        return None


@contextmanager
def arrow_errors(origin: str | Path, listener: Listener, form: str = "") -> Iterator[None]:
    """Tell the listener of errors of reading an Arrow or Parquet file."""
    import pyarrow as pa

    try:
        yield
    except (*READ_ERRORS, pa.ArrowException) as error:
        sentence = f"{origin}: cannot be read{form} ({first_line_of(error)})"
        listener.tell(Problem("unreadable", sentence, str(origin)))


def _parquet_rows(
    path: Path, columns: Columns[Row], listener: Listener
) -> Iterator[Iterable[Numbered[Row]]]:
    import pyarrow as pa

    if not path.exists():
        listener.tell(Problem("missing", f"{path}: there is no such file", str(path)))
    elif path.is_file() and path.stat().st_size == 0:
        listener.tell(Problem("empty-file", f"{path}: the file is empty", str(path)))
    else:
        with arrow_errors(path, listener, " as parquet"), _open_parquet(path) as table:
            schema = table.schema_arrow
            wanted = [NESTED] if columns.are_nested(schema.names) else list(columns.names)
            batches = table.iter_batches(columns=wanted)
            parts = (pa.Table.from_batches([batch]) for batch in batches)
            yield from arrow_rows(schema, parts, path, columns, listener)


def _json_rows(path: Path, columns: Columns[Row], listener: Listener) -> Iterator[Numbered[Row]]:
    """Yield the rows of a JSON Lines file; missing columns and wrong cells are told last."""
    found: dict[str, None] = {}
    lacking: dict[int, array[int]] = {}  # column -> row and line of each row that lacks a text
    readers = list(zip(columns.names, columns.readers, strict=True))
    row = 0
    for number, line in enumerate(read_text(path, listener), start=1):
        record = _json_object(path, number, line, listener) if line else None
        if record is None:
            continue
        row += 1
        nested = record.get(NESTED)
        if isinstance(nested, dict) and columns.are_nested(record):
            record = nested
        if not found.keys() >= record.keys():
            found.update(dict.fromkeys(record))
        texts = [read(record.get(name)) for name, (_, read) in readers]
        if None in texts:
            lacking.setdefault(texts.index(None), array("q")).extend((row, number))
        else:
            yield number, columns.kind._make(texts)
    if row and columns.are_in(found, path, listener):
        for place, rows in sorted(lacking.items()):
            for row, number in zip(rows[::2], rows[1::2], strict=True):
                listener.tell(columns.wrong(place, path, row, number))


def _json_object(path: Path, number: int, line: str, listener: Listener) -> dict[str, Any] | None:
    """Return the object on a line; None, told to the listener, if the line is no object."""
    is_array, heading = False, "lines that are not valid JSON"
    try:
        record = json.loads(line)
        if _SURROGATE.search(line):  # raises on half of a pair
            json.dumps(record, ensure_ascii=False).encode()
        if isinstance(record, dict):
            return record
        bad = "must be a JSON object with a key for each column"
        heading = "lines that are no JSON object with a key for each language"
        is_array = isinstance(record, list) and bool(record) and isinstance(record[0], dict)
    except json.JSONDecodeError as error:
        bad = f"not valid JSON ({error.msg} at column {error.colno})"
        is_array = line.strip() in ("[", "[{")
    except (ValueError, RecursionError) as error:
        bad = f"not valid JSON ({error})"
    if number == 1 and is_array:
        listener.tell(Problem("json", f"{path}: {_ARRAY}", str(path)))
    else:
        listener.tell(Problem("json", f"{path}:{number}: {bad}", str(path), number, heading))
    return None


def _cell_rows(
    path: Path, rows: Iterator[Cells], columns: Columns[Row], listener: Listener, *, is_tsv: bool
) -> Iterator[Numbered[Row]]:
    """Yield the rows of a .tsv or .csv file. Every cell is text, including "NA" and "12"."""
    rows, header = columns.with_header(next(rows, (0, [])), rows)
    if len(set(header)) < len(header):
        same = f"{path}: two columns have the same name: {', '.join(header)}"
        listener.tell(Problem("columns", same, str(path)))
    if not header or not columns.are_in(header, path, listener, header_hint(header, columns)):
        return
    is_told = not is_tsv
    places = [header.index(name) for name in columns.names]
    for number, row in rows:
        quoted = "" if is_told else quoted_cell(row)
        if quoted:
            is_told = listener.tell(_quoted(path, number, quoted))
        if len(row) == len(header):
            yield number, columns.kind._make([row[place] for place in places])
            continue
        verb = "names" if columns.header else "has"
        is_cut = is_tsv and is_part_of_quoted(row)
        hint = f" (are these {QUOTED}?)" if is_cut else ""
        sentence = (
            f"{path}:{number}: the number of cells is {len(row)}, but the first line {verb}"
            f" {len(header)} columns{hint}"
        )
        heading = f"lines without exactly {len(header)} cells, as the first line has"
        listener.tell(Problem("cells", sentence, str(path), number, heading))
        if is_cut and not quoted:
            listener.tell(_quoted(path, number, "\t".join(row)))


def _quoted(path: Path, number: int, text: str) -> Problem:
    sentence = f"{path}:{number}: {QUOTED}"
    return Problem("quoted", sentence, str(path), number, QUOTED, text, severity="warning")


def header_hint(header: Iterable[str], columns: Columns[Row]) -> str:
    """Return a hint for a missing column if the first row looks like text, not a header."""
    is_text = any(" " in cell.strip() or cell.strip()[-1:] in _ENDS for cell in header)
    if not (columns.header and is_text):
        return ""
    return ", or data.header to false if the first line is a row, not the names of the columns"


def quoted_cell(cells: Iterable[str]) -> str:
    """Return the first .tsv cell quoted as in CSV; "" if there is none.

    A sentence may begin and end with quotation marks, so that only a cell with doubled marks
    inside counts as quoted.
    """
    for cell in cells:
        inner = cell[1:-1].replace('""', "")
        whole = len(cell) > 2 and cell[0] == cell[-1] == '"'
        if whole and '"' not in inner and len(inner) < len(cell) - 2:
            return cell
    return ""


def is_part_of_quoted(cells: Iterable[str]) -> bool:
    """Check for an unpaired quotation mark at an end of a cell: CSV quoting around a tab."""
    return any(cell.count('"') % 2 and '"' in (cell[0], cell[-1]) for cell in cells if cell)


def _tsv_rows(path: Path, listener: Listener) -> Iterator[Cells]:
    """Yield the cells between tabs; quotation marks are text, blank lines are skipped."""
    for number, line in enumerate(read_text(path, listener), start=1):
        if line:
            yield number, line.split("\t")


def _csv_rows(path: Path, listener: Listener) -> Iterator[Cells]:
    """Yield the cells of a CSV file; "" in a quoted cell is a quotation mark."""
    reader = csv.reader((f"{line}\n" for line in read_text(path, listener)), strict=True)
    while True:
        try:
            for row in reader:
                if row:
                    yield reader.line_num, row
        except csv.Error as error:
            line, bad = reader.line_num, f"not valid CSV ({error})"
            listener.tell(Problem("csv", f"{path}:{line}: {bad}", str(path), line, bad))
        else:
            return
