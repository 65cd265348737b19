"""Reading of a corpus in blocks by the readers of training; problems become findings."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

from transformer_mt.config.tasks import PairsConfig
from transformer_mt.corpus.hub import SPLITS, dataset_rows, open_splits
from transformer_mt.corpus.readers import PairsReading
from transformer_mt.corpus.rows import SentencePair, pieces
from transformer_mt.corpus.source import PHRASEBOOK, no_rows, origin_of
from transformer_mt.corpus.tables import Numbered, count_rows, read_table
from transformer_mt.doctor.report import Finding, finding_of
from transformer_mt.errors import DataError
from transformer_mt.files.lines import read_text
from transformer_mt.files.problems import Listener, Problem

_ROWS = 4096
"""Maximum rows of a block."""

Complain = Callable[[Finding], None]
Advance = Callable[[int], object]
Rows: TypeAlias = Iterator[Numbered[SentencePair]]


class Block(NamedTuple):
    """A block of lines of one side. Bytes that are not UTF-8 are lone surrogates (PEP 383)."""

    side: int
    """Number of the side: 0 source, 1 target."""
    texts: list[str]
    lines: Sequence[int] | None = None
    """Line number of each text in the file (from 1); None if it is the row number + 1."""


class _Collector(Listener):
    """A listener that makes findings of all problems of a split, with its names of the files."""

    def __init__(
        self, split: str, files: tuple[str, ...], complain: Complain, advance: Advance
    ) -> None:
        self._split, self._complain, self._advance = split, complain, advance
        self._names = {str(Path(file)): file for file in files}
        self.is_refused = False
        """True after an error."""

    def tell(self, problem: Problem) -> bool:
        self.is_refused |= problem.severity == "error"
        problem = replace(problem, file=self._names.get(problem.file, problem.file))
        self._complain(finding_of(problem, self._split))
        return False

    def advance(self, amount: int) -> None:
        self._advance(amount)


class Split:
    """The sentence pairs of one split, which can be read several times.

    Args:
        name: name of the split.
        files: file names for messages: two, or one with both sides.
        blocks: function that reads the split.
        size: amount that a reading advances in all.
        unit: unit of the size.
    """

    def __init__(
        self,
        name: str,
        files: tuple[str, ...],
        blocks: Callable[[_Collector], Iterator[Block]],
        size: int,
        unit: str = "row",
    ) -> None:
        self.name, self.files, self.size, self.unit = name, files, size, unit
        self._blocks = blocks

    def read(self, complain: Complain, advance: Advance) -> Iterator[Block]:
        """Yield all blocks; the blocks of each side are in order."""
        return self._blocks(_Collector(self.name, self.files, complain, advance))

    def file_of(self, side: int) -> str:
        return self.files[side % len(self.files)]


def parallel_split(name: str, files: tuple[str, str]) -> Split:
    """Return the split of two parallel text files."""

    def blocks(listener: _Collector) -> Iterator[Block]:
        for side, file in enumerate(files):
            lines = iter(()) if _is_pipe(file, listener) else read_text(Path(file), listener)
            yield from (Block(side, texts) for texts in pieces(lines, _ROWS))

    return Split(name, files, blocks, sum(map(_bytes_of, files)), "B")


def open_corpus(config: PairsConfig, complain: Complain) -> list[Split]:
    """Open the splits that a configuration names.

    Raises:
        ConfigError: there is no training split, or a setting is wrong.
    """
    reading = PairsReading(config)
    if config.dataset == PHRASEBOOK:
        return _phrasebook(reading)
    if config.dataset is None:
        reading.check_named()
        named = [(name, files) for name in SPLITS if (files := getattr(config, name))]
        opened = (_open_files(name, files, reading, complain) for name, files in named)
        return [split for split in opened if split is not None]
    try:
        tables = open_splits(config)
    except DataError as error:
        problem = Problem("unreadable", str(error), config.dataset)
        complain(finding_of(problem, "train"))
        return []
    splits = []
    for name, table in tables.items():
        origin = origin_of(config, name)
        rows = partial(dataset_rows, table, origin, reading.columns)
        splits.append(_numbered_split(name, origin, rows, len(table)))
    return splits


def _phrasebook(reading: PairsReading) -> list[Split]:
    from transformer_mt.phrasebook import phrasebook_splits

    def rows(pairs: Sequence[SentencePair], _: Listener) -> Rows:
        return enumerate(pairs, start=1)

    splits = []
    for name, phrases in phrasebook_splits().items():
        pairs = reading.phrases(phrases)
        origin = origin_of(reading.config, name)
        splits.append(_numbered_split(name, origin, partial(rows, pairs), len(pairs)))
    return splits


def _open_files(
    name: str, files: str | tuple[str, str], reading: PairsReading, complain: Complain
) -> Split | None:
    if isinstance(files, tuple):
        return parallel_split(name, files)
    suffix = reading.suffix_of(files)
    rows = partial(read_table, Path(files), suffix, reading.columns)
    if suffix != ".parquet":
        return _numbered_split(name, files, rows, _bytes_of(files), "B")
    count = count_rows(Path(files))
    if count is None:
        any(rows(_Collector(name, (files,), complain, lambda _: None)))  # tells why
        return None
    return _numbered_split(name, files, rows, count)


def _numbered_split(
    name: str, origin: str, rows: Callable[[Listener], Rows], size: int, unit: str = "row"
) -> Split:
    """Return the split of a table, whose rows have numbers."""

    def blocks(listener: _Collector) -> Iterator[Block]:
        if _is_pipe(origin, listener):
            return
        is_empty = True
        for piece in pieces(rows(listener), _ROWS):
            is_empty = False
            numbers, pairs = zip(*piece, strict=True)
            for side, texts in enumerate(zip(*pairs, strict=True)):
                yield Block(side, [_one_line(text) for text in texts], numbers)
        if is_empty and not listener.is_refused:
            listener.tell(no_rows(origin))

    return Split(name, (origin,), blocks, size, unit)


def _is_pipe(file: str, listener: Listener) -> bool:
    """Tell the listener if a file can be read only once; return whether this is so."""
    path = Path(file)
    if not path.exists() or path.is_file() or path.is_dir():
        return False
    sentence = f"{file}: is no plain file, to be read several times"
    listener.tell(Problem("unreadable", sentence, file))
    return True


def _one_line(text: str) -> str:
    """Replace newlines in a cell by vertical tabs, which the scan reports."""
    return text.replace("\n", "\v") if "\n" in text else text


def _bytes_of(file: str) -> int:
    return Path(file).stat().st_size if Path(file).is_file() else 0
