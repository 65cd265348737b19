"""Tables of sentence pairs, two columns of which are read a piece at a time."""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from transformer_mt.data.files import first_line_of, open_binary, read_text
from transformer_mt.data.pairs import SentencePair
from transformer_mt.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

TABLES = (".tsv", ".csv", ".jsonl", ".parquet")

NESTED = "translation"
"""A column that holds a dictionary of languages, as many data sets of the hub have it."""


class Columns(NamedTuple):
    """The names of the two columns that are wanted."""

    src: str
    tgt: str

    def check(self, found: Iterable[str], origin: str | Path) -> None:
        """Refuse a table without them."""
        names = list(found)
        for name, key in zip(self, ("src_column", "tgt_column"), strict=True):
            if name not in names:
                there = ", ".join(names)
                raise DataError(
                    f"{origin}: there is no column '{name}', only {there}; set data.{key}"
                )

    def are_nested(self, found: Iterable[str]) -> bool:
        """Whether they must be looked for in the column `translation`."""
        names = set(found)
        return NESTED in names and not set(self) <= names

    def unfold(self, table: "pa.Table") -> "pa.Table":
        """The table that the columns must be looked for in: this, or the one that it holds."""
        import pyarrow as pa

        if not self.are_nested(table.column_names):
            return table
        table, kind = table.select([NESTED]), table.schema.field(NESTED).type
        if not isinstance(kind, pa.StructType):
            return table
        return table.flatten().rename_columns(kind.names)


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


def read_table(path: Path, suffix: str, columns: Columns) -> Iterator[SentencePair]:
    """The pairs of a table of one of the kinds in `TABLES`.

    Raises:
        DataError: naming the file, and the line if it is a kind of text.
    """
    if suffix == ".parquet":
        return _parquet_pairs(path, columns)
    if suffix == ".jsonl":
        return _json_pairs(path, columns)
    return _cell_pairs(path, _tsv_rows(path) if suffix == ".tsv" else _csv_rows(path), columns)


def arrow_pairs(
    schema: "pa.Schema", parts: Iterable["pa.Table"], origin: str | Path, columns: Columns
) -> Iterator[SentencePair]:
    """The pairs of an Arrow table that comes in parts.

    Raises:
        DataError: a column is missing, or holds something other than text.
    """
    columns.check(columns.unfold(schema.empty_table()).column_names, origin)
    first = 1
    for part in map(columns.unfold, parts):
        try:
            sides = [part.column(name).to_pylist() for name in columns]
        except UnicodeDecodeError:
            rows = f"rows {first} to {first + len(part) - 1}"
            raise DataError(
                f"{origin}: not valid UTF-8 in {rows} (tmt doctor names the rows)"
            ) from None
        for name, cells in zip(columns, sides, strict=True):
            for row, cell in enumerate(cells, start=first):
                if not isinstance(cell, str):
                    raise DataError(f"{origin}: row {row} has no text in column '{name}'")
        yield from map(SentencePair, *sides)
        first += len(sides[0])


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


def _parquet_pairs(path: Path, columns: Columns) -> Iterator[SentencePair]:
    import pyarrow as pa

    if not path.exists():
        raise DataError(f"{path}: there is no such file")
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty")
    try:
        with open_parquet(path) as table:
            wanted = [NESTED] if columns.are_nested(table.schema_arrow.names) else list(columns)
            batches = table.iter_batches(columns=wanted)
            parts = (pa.Table.from_batches([batch]) for batch in batches)
            yield from arrow_pairs(table.schema_arrow, parts, path, columns)
    except (OSError, EOFError, pa.ArrowException) as error:
        raise DataError(f"{path}: cannot be read as parquet ({first_line_of(error)})") from None


def _json_pairs(path: Path, columns: Columns) -> Iterator[SentencePair]:
    """Every line must be an object; what columns there are is known at the end."""
    found: dict[str, None] = {}
    lacking: dict[str, int] = {}
    row = 0
    for number, line in enumerate(read_text(path), start=1):
        if not line:
            continue
        row += 1
        record = _json_object(path, number, line)
        if columns.are_nested(record) and isinstance(record[NESTED], dict):
            record = record[NESTED]
        found.update(dict.fromkeys(record))
        src, tgt = (record.get(name) for name in columns)
        if isinstance(src, str) and isinstance(tgt, str):
            yield SentencePair(src, tgt)
            continue
        for name, cell in zip(columns, (src, tgt), strict=True):
            if not isinstance(cell, str):
                lacking.setdefault(name, row)
    columns.check(found, path)
    for name in columns:
        if name in lacking:
            raise DataError(f"{path}: row {lacking[name]} has no text in column '{name}'")


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
        raise DataError(f"{path}:{number}: must be a JSON object with a key for each language")
    return record


def _cell_pairs(
    path: Path, rows: Iterator[tuple[int, list[str]]], columns: Columns
) -> Iterator[SentencePair]:
    """Two columns of a .tsv or .csv file. Every cell is text, "NA" and "12" too."""
    _, header = next(rows)
    if len(set(header)) < len(header):
        raise DataError(f"{path}: two columns have the same name: {', '.join(header)}")
    columns.check(header, path)
    src, tgt = (header.index(name) for name in columns)
    for number, row in rows:
        if len(row) != len(header):
            raise DataError(
                f"{path}:{number}: the number of cells is {len(row)}, but the first line names"
                f" {len(header)} columns"
            )
        yield SentencePair(row[src], row[tgt])


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
