"""Tables, some columns of which are read a piece at a time."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

from transformer_mt.data.files import first_line_of, open_binary, read_text
from transformer_mt.data.rows import Row
from transformer_mt.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

TABLES = (".tsv", ".csv", ".jsonl", ".parquet")

NESTED = "translation"
"""A column that holds a dictionary of languages, as many data sets of the hub have it."""


def _text(cell: object) -> str | None:
    return cell if isinstance(cell, str) else None


def _label(cell: object) -> str | None:
    return str(cell) if isinstance(cell, str | int) else None


_CELLS: dict[str, tuple[str, Callable[[object], str | None]]] = {
    "label": ("text or whole number", _label)
}
"""What the cells of some columns may hold, and how that is read; text is that of all others."""
_TEXT = ("text", _text)


@dataclass(frozen=True, slots=True)
class Columns(Generic[Row]):
    """The columns of a table that make up a row."""

    kind: type[Row]
    """Of the rows."""
    names: tuple[str, ...]
    """Of the columns, in the order of the row's fields."""

    def check(self, found: Iterable[str], origin: str | Path) -> None:
        """Refuse a table without them."""
        there = list(found)
        for name, key in zip(self.names, self.keys, strict=True):
            if name not in there:
                raise DataError(
                    f"{origin}: there is no column '{name}', only {', '.join(there)};"
                    f" set data.{key}"
                )

    @property
    def keys(self) -> tuple[str, ...]:
        """Of the configuration, which name the columns."""
        return tuple(f"{field}_column" for field in self.kind._fields)

    def read_column(self, place: int, cells: Iterable[object]) -> list[str | None]:
        """What stands in some cells of a column; None where one holds what it cannot."""
        return list(map(self._readers[place][1], cells))

    def wrong(self, place: int) -> str:
        """What to say where the cell of a column was None."""
        return f"no {self._readers[place][0]} in column '{self.names[place]}'"

    @property
    def _readers(self) -> list[tuple[str, Callable[[object], str | None]]]:
        return [_CELLS.get(field, _TEXT) for field in self.kind._fields]

    def are_nested(self, found: Iterable[str]) -> bool:
        """Whether they must be looked for in the column `translation`."""
        names = set(found)
        return NESTED in names and not set(self.names) <= names

    def unfold(self, table: "pa.Table") -> "pa.Table":
        """The table that the columns must be looked for in: this, or the one that it holds."""
        import pyarrow as pa

        if not self.are_nested(table.column_names):
            return table
        table, kind = table.select([NESTED]), table.schema.field(NESTED).type
        if not isinstance(kind, pa.StructType):
            return table
        return table.flatten().rename_columns(kind.names)


def table_suffix(path: Path) -> str | None:
    """Which of `TABLES` a file is; it may be packed (.gz). None: it is none of them."""
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    return suffix if suffix in TABLES else None


def read_table(path: Path, suffix: str, columns: Columns[Row]) -> Iterator[Row]:
    """The rows of a table of one of the kinds in `TABLES`.

    Raises:
        DataError: naming the file, and the line if it is a kind of text.
    """
    if suffix == ".parquet":
        return _parquet_rows(path, columns)
    if suffix == ".jsonl":
        return _json_rows(path, columns)
    return _cell_rows(path, _tsv_rows(path) if suffix == ".tsv" else _csv_rows(path), columns)


def arrow_rows(
    schema: "pa.Schema", parts: Iterable["pa.Table"], origin: str | Path, columns: Columns[Row]
) -> Iterator[Row]:
    """The rows of an Arrow table that comes in parts.

    Raises:
        DataError: a column is missing, or holds something other than text.
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
    """A Parquet file; one that is packed (.gz) is unpacked in memory.

    Arrow never gets a file of Python's: its threads would give parts of it back, and one that does
    so while Python ends would end the process with an abort.

    Raises:
        OSError, EOFError, pa.ArrowException: it cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix != ".gz":
        return pq.ParquetFile(path)
    with open_binary(path) as file:
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
    except (OSError, EOFError, pa.ArrowException) as error:
        raise DataError(f"{path}: cannot be read as parquet ({first_line_of(error)})") from None


def _json_rows(path: Path, columns: Columns[Row]) -> Iterator[Row]:
    """Every line must be an object; what columns there are is known at the end."""
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
        if "\\u" in line:  # half of a pair of surrogates is no text
            json.dumps(record, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        bad = f"{error.msg} at column {error.colno}"
        raise DataError(f"{path}:{number}: not valid JSON ({bad})") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}:{number}: not valid JSON ({error})") from None
    if not isinstance(record, dict):
        raise DataError(f"{path}:{number}: must be a JSON object with a key for each column")
    return record


def _cell_rows(
    path: Path, rows: Iterator[tuple[int, list[str]]], columns: Columns[Row]
) -> Iterator[Row]:
    """Some columns of a .tsv or .csv file. Every cell is text, "NA" and "12" too."""
    _, header = next(rows)
    if len(set(header)) < len(header):
        raise DataError(f"{path}: two columns have the same name: {', '.join(header)}")
    columns.check(header, path)
    places = [header.index(name) for name in columns.names]
    for number, row in rows:
        if len(row) != len(header):
            raise DataError(
                f"{path}:{number}: the number of cells is {len(row)}, but the first line names"
                f" {len(header)} columns"
            )
        yield columns.kind._make([row[place] for place in places])


def _tsv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Cells between tabs; a quotation mark is text. Blank lines are left out."""
    for number, line in enumerate(read_text(path), start=1):
        if line:
            yield number, line.split("\t")


def _csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Cells between commas, those with a comma or line end in them quoted ("" is a mark)."""
    reader = csv.reader((f"{line}\n" for line in read_text(path)), strict=True)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: not valid CSV ({error})") from None
