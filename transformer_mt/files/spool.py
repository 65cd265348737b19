"""Temporary Arrow files for record batches that may not fit in memory."""

import io
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import SpooledTemporaryFile, gettempdir
from typing import TYPE_CHECKING

from transformer_mt.errors import DataError
from transformer_mt.files.cache import cache_folder

if TYPE_CHECKING:
    import pyarrow as pa

IN_MEMORY = 32 * 2**20
"""Bytes up to which a spool stays in memory, without a file."""


class SpoolFile(SpooledTemporaryFile[bytes]):
    """Temporary file without a name; closed with its last reader."""

    def __del__(self) -> None:
        with suppress(OSError):  # a full disk: `Spool` has reported it
            self.close()


class SpoolReader(io.RawIOBase):
    """Reader of a spool with a position of its own, beside other readers."""

    def __init__(self, file: SpoolFile, start: int) -> None:
        self._file = file
        self._position = start

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        self._file.seek(self._position)
        content = self._file.read(size)
        self._position += len(content)
        return content


class Spool:
    """Arrow record batches, written once and read many times.

    Up to `IN_MEMORY` bytes stay in memory, more go to a file without a name, whose space the system
    frees however the process ends. The file lies in the cache folder, as /tmp may be in memory.
    """

    def __init__(self, schema: "pa.Schema", what: str) -> None:
        import pyarrow as pa

        self._schema = schema
        self._what = what
        self._folder = _writable_folder()
        self._file = SpoolFile(max_size=IN_MEMORY, dir=str(self._folder))
        self._writer = pa.ipc.new_file(self._file, schema)

    def write(self, columns: "Sequence[pa.Array]") -> None:
        """Write one record batch.

        Raises:
            DataError: the disk is full.
        """
        import pyarrow as pa

        try:
            self._writer.write_batch(pa.record_batch(list(columns), schema=self._schema))
        except OSError as error:
            raise self._no_room(error) from None

    def finish(self) -> SpoolFile:
        """Complete the Arrow file and return it.

        Raises:
            DataError: the disk is full.
        """
        try:
            self._writer.close()
            self._file.flush()
        except OSError as error:
            raise self._no_room(error) from None
        return self._file

    def _no_room(self, error: OSError) -> DataError:
        return DataError(
            f"{self._folder}: the {self._what} cannot be kept there while it is prepared"
            f" ({error.strerror or error}); XDG_CACHE_HOME may name another folder"
        )


def _writable_folder() -> Path:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(gettempdir())
    return folder if os.access(folder, os.W_OK) else Path(gettempdir())
