"""Row readers of each task, for text files, tables, data sets and the phrasebook."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from itertools import chain, zip_longest
from operator import itemgetter
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from transformer_mt.config.sections import DataConfig, Files
from transformer_mt.config.tasks import LabelledConfig, PairsConfig, TextConfig
from transformer_mt.corpus.heldout import Cut, cut_by_rank, cut_the_end
from transformer_mt.corpus.rows import (
    LabelledText,
    Row,
    Rows,
    SentencePair,
    Text,
)
from transformer_mt.corpus.tables import (
    TABLES,
    Columns,
    read_table,
    table_suffix,
)
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.files.lines import read_text

D = TypeVar("D", bound=DataConfig)

LANGUAGES = ("en", "fr")
"""Languages of the phrasebook, in the order of the pairs."""
Phrases = Rows[tuple[str, str]]


_READINGS: "dict[type[DataConfig], type[Reading[Any, Any]]]" = {}
"""Row readers by the class of the data configuration."""


class Reading(ABC, Generic[D, Row]):
    """Base class of row readers, which are found by the class of the data configuration.

    Args of a subclass:
        config: class of the data configurations whose rows it reads.
    """

    kind: type[Row]
    """Class of the rows."""
    what: ClassVar[str]
    """Plural noun for the rows in messages."""
    choices: ClassVar[str]
    """Allowed values of `data.train`, for error messages."""
    several: ClassVar[str]
    """Advice on giving several files, for error messages."""

    def __init_subclass__(cls, config: type[DataConfig], **others: Any) -> None:
        super().__init_subclass__(**others)
        _READINGS[config] = cls

    def __init__(self, config: D) -> None:
        self.config = config
        self.notes: list[str] = []
        """Notes for the data report, such as skipped rows."""

    @property
    @abstractmethod
    def columns(self) -> Columns[Row]:
        """Return the columns to read from a table."""

    @property
    def cut(self) -> "Cut[Row]":
        """Return the function that cuts missing splits from train."""
        return cut_by_rank

    def check_named(self) -> None:
        """Raise ConfigError if the configuration names no training text."""
        if self.config.dataset is None and self.config.train is None:
            raise ConfigError(f"'data.train' is missing: give {self.choices}, or a 'data.dataset'")

    def files(self, files: Files) -> Iterator[Row]:
        """Yield the rows of the files of a split.

        Raises:
            DataError: a file cannot be read (raised during iteration).
            ConfigError: a single file is not a table.
        """
        return self.one_file(files) if isinstance(files, str) else self.several_files(files)

    def one_file(self, file: str) -> Iterator[Row]:
        return map(itemgetter(1), read_table(Path(file), self.suffix_of(file), self.columns))

    def suffix_of(self, file: str) -> str:
        """Return the table suffix of a file, one of `TABLES`.

        Raises:
            ConfigError: the file is not a table.
        """
        suffix = table_suffix(Path(file))
        if suffix is None:
            raise ConfigError(
                f"{file}: a single file must be one of {', '.join(TABLES)}; {self.several}"
            )
        return suffix

    @abstractmethod
    def several_files(self, files: tuple[str, ...]) -> Iterator[Row]:
        """Yield the rows of several files of one split."""

    @abstractmethod
    def phrases(self, pairs: Phrases) -> Rows[Row]:
        """Return the rows of a phrasebook split.

        Raises:
            ConfigError: the phrasebook lacks a configured language.
        """

    def usable(self, split: str, rows: Iterable[Row]) -> Iterable[Row]:
        """Yield the usable rows of a split; skipped rows are reported in `notes`."""
        del split
        return rows


class PairsReading(Reading[PairsConfig, SentencePair], config=PairsConfig):
    """Reader of sentence pairs."""

    kind = SentencePair
    what = "pairs"
    choices = "two parallel files, one table"
    several = "give parallel text as a list of two files, [source, target]"

    @property
    def columns(self) -> Columns[SentencePair]:
        config = self.config
        names = config.src_column or config.src_lang, config.tgt_column or config.tgt_lang
        if not config.header:
            names = config.src_column or "1", config.tgt_column or "2"
        return Columns(SentencePair, names, config.header)

    def several_files(self, files: tuple[str, ...]) -> Iterator[SentencePair]:
        src, tgt = map(Path, files)
        return parallel_pairs(src, tgt)

    def phrases(self, pairs: Phrases) -> list[SentencePair]:
        languages = (self.config.src_lang, self.config.tgt_lang)
        if languages not in (LANGUAGES, LANGUAGES[::-1]):
            raise ConfigError(
                "the phrasebook is English and French: set data.src_lang and data.tgt_lang to en"
                " and fr"
            )
        order = 1 if languages == LANGUAGES else -1
        return [SentencePair(*pair[::order]) for pair in pairs]


class TextReading(Reading[TextConfig, Text], config=TextConfig):
    """Reader of lines of text."""

    kind = Text
    what = "lines"
    choices = "text files, one table"

    @property
    def columns(self) -> Columns[Text]:
        config = self.config
        return Columns(Text, _named(config, config.text_column), config.header)

    @property
    def cut(self) -> "Cut[Text]":
        return cut_the_end if self.config.examples == "blocks" else cut_by_rank

    def one_file(self, file: str) -> Iterator[Text]:
        is_table = table_suffix(Path(file)) is not None
        return super().one_file(file) if is_table else self.several_files((file,))

    def several_files(self, files: tuple[str, ...]) -> Iterator[Text]:
        for file in files:
            if len(files) > 1 and table_suffix(Path(file)) is not None:
                raise ConfigError(f"{file}: is a table: give it alone, or several files of text")
        return map(Text, chain.from_iterable(read_text(Path(file)) for file in files))

    def phrases(self, pairs: Phrases) -> list[Text]:
        if self.config.text_column not in LANGUAGES:
            raise ConfigError(
                "the phrasebook is English and French: set data.text_column to en or fr, not"
                f" '{self.config.text_column}'"
            )
        side = LANGUAGES.index(self.config.text_column)
        return [Text(pair[side]) for pair in pairs]


class LabelledReading(Reading[LabelledConfig, LabelledText], config=LabelledConfig):
    """Reader of labelled texts."""

    kind = LabelledText
    what = "texts"
    choices = "one table, or text files with a label for each in data.labels"
    several = "give text files as a list, with a label for each in data.labels"

    @property
    def columns(self) -> Columns[LabelledText]:
        config = self.config
        names = _named(config, config.text_column, config.label_column)
        return Columns(LabelledText, names, config.header)

    def several_files(self, files: tuple[str, ...]) -> Iterator[LabelledText]:
        for file, label in zip(files, self.config.labels or (), strict=True):
            for line in read_text(Path(file)):
                yield LabelledText(line, label)

    def phrases(self, pairs: Phrases) -> list[LabelledText]:
        """Return all sentences, labelled by language."""
        labelled = (zip(pair, LANGUAGES, strict=True) for pair in pairs)
        return [LabelledText(*each) for each in chain.from_iterable(labelled)]

    def usable(self, split: str, rows: Iterable[LabelledText]) -> Iterator[LabelledText]:
        """Yield the rows with text and a label; unlabelled rows of hub data sets have label -1."""
        without_text = without_label = 0
        for row in rows:
            blank = not row.text or row.text.isspace()
            without_text += blank
            without_label += not blank and not row.label
            if not blank and row.label:
                yield row
        if without_text or without_label:
            self.notes.append(
                f"{split}: left out of the rows: {without_text:,} without text,"
                f" {without_label:,} without a label"
            )


def _named(config: TextConfig | LabelledConfig, *names: str) -> tuple[str, ...]:
    """Return column names; without a header, "text" is column 1 and "label" column 2."""
    numbers = {} if config.header else {"text": "1", "label": "2"}
    return tuple(numbers.get(name, name) for name in names)


def parallel_pairs(src_path: Path, tgt_path: Path) -> Iterator[SentencePair]:
    """Yield the sentence pairs of two line-aligned text files.

    Raises:
        DataError: a file cannot be read, or the numbers of lines differ.
    """
    src_count = tgt_count = 0
    for src, tgt in zip_longest(read_text(src_path), read_text(tgt_path)):
        src_count += src is not None
        tgt_count += tgt is not None
        if src_count == tgt_count:
            yield SentencePair(src, tgt)
    if src_count != tgt_count:
        raise DataError(unequal_counts(src_path, tgt_path, src_count, tgt_count))


def unequal_counts(src: str | Path, tgt: str | Path, src_count: int, tgt_count: int) -> str:
    """Return the sentence with which training refuses files of different numbers of lines."""
    return (
        f"{src} has {src_count} lines but {tgt} has {tgt_count}: parallel files must align line by"
        f" line (the shorter one ends after line {min(src_count, tgt_count)})"
    )


def reading_of(config: DataConfig) -> Reading[Any, Any]:
    """Return the row reader of a data configuration."""
    return _READINGS[type(config)](config)
