"""Text files and tables, read with errors that name file and line."""

import codecs
import csv
import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from transformer_mt.errors import DataError

if TYPE_CHECKING:
    from datasets import Dataset

TABLES = (".tsv", ".csv", ".jsonl", ".parquet")


def open_binary(path: Path) -> BinaryIO:
    """A file to read bytes from; .gz is unpacked."""
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def digest_of_files(paths: Iterable[Path]) -> str:
    """Equal for equal contents alone; .gz is not unpacked.

    Raises:
        OSError: one cannot be read, or is no plain file (what a pipe holds can be read only once).
    """
    digest = hashlib.blake2b(digest_size=16)
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(path)
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "blake2b").digest())
    return digest.hexdigest()


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


def read_text(path: Path) -> list[str]:
    """All lines of a text file that must exist and hold something."""
    try:
        lines = list(read_lines(path))
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({_cause(error)})") from None
    if not any(lines):
        raise DataError(f"{path}: the file is empty")
    return lines


def read_table(path: Path, suffix: str) -> "Dataset":
    """A table of one of the kinds in `TABLES`, as the `datasets` library represents it.

    Raises:
        DataError: naming the file, and the line if it is a kind of text.
    """
    import datasets

    silence()
    if suffix == ".parquet":
        return _load(path, "parquet")
    if suffix == ".jsonl":
        _check_json(path)
        return _load(path, "json")
    return datasets.Dataset.from_dict(_read_cells(path, suffix))


def silence() -> None:
    """Keep the libraries of Hugging Face from the terminal: we say in one line what is wrong."""
    import datasets
    import huggingface_hub

    huggingface_hub.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)


def _load(path: Path, kind: str) -> "Dataset":
    import datasets

    if not path.exists():
        raise DataError(f"{path}: there is no such file")
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty")
    try:
        return datasets.load_dataset(kind, data_files=str(path), split="train")
    except Exception as error:  # whatever the reader of that format raises
        cause = _cause(error.__cause__ or error)
        raise DataError(f"{path}: cannot be read as {kind} ({cause})") from None


def _check_json(path: Path) -> None:
    """Every line must be an object (the library's own reader names no lines)."""
    for number, line in enumerate(read_text(path), start=1):
        try:
            record = json.loads(line or "{}")
        except json.JSONDecodeError as error:
            bad = f"{error.msg} at column {error.colno}"
            raise DataError(f"{path}:{number}: not valid JSON ({bad})") from None
        if not isinstance(record, dict):
            raise DataError(f"{path}:{number}: must be a JSON object with a key for each language")


def _read_cells(path: Path, suffix: str) -> dict[str, list[str]]:
    """The columns of a .tsv or .csv file by name. Every cell is text, "NA" and "12" too."""
    rows = _tsv_rows(path) if suffix == ".tsv" else _csv_rows(path)
    _, header = next(rows)
    columns: dict[str, list[str]] = {name: [] for name in header}
    if len(columns) < len(header):
        raise DataError(f"{path}: two columns have the same name: {', '.join(header)}")
    for number, row in rows:
        if len(row) != len(header):
            raise DataError(
                f"{path}:{number}: the number of cells is {len(row)}, but the first line names"
                f" {len(header)} columns"
            )
        for name, cell in zip(header, row, strict=True):
            columns[name].append(cell)
    return columns


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


def _cause(error: BaseException) -> str:
    """The first line of what an error says."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return reason.strip().split("\n")[0]
