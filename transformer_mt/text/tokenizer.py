"""Tokenizer based on the Hugging Face `tokenizers` library.

A tokenizer is one self-contained JSON file with all rules, which any program can load with
`tokenizers`.
"""

import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import ClassVar, Protocol, Self

import tokenizers
from tokenizers import models, normalizers

from transformer_mt.config.sections import TokenizerConfig
from transformer_mt.config.tasks import PairTokenizerConfig
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.files.untrusted import read_text
from transformer_mt.text.file_check import MOST_BYTES, check_tokenizer
from transformer_mt.text.rules import EOS_ID as EOS_ID  # re-exported
from transformer_mt.text.rules import JOINER as JOINER
from transformer_mt.text.rules import PAD_ID as PAD_ID
from transformer_mt.text.rules import SOS_ID as SOS_ID
from transformer_mt.text.rules import SPECIAL_TOKENS as SPECIAL_TOKENS
from transformer_mt.text.rules import UNK_ID as UNK_ID
from transformer_mt.text.rules import Steps as Steps
from transformer_mt.text.rules import (
    normalization_of,
    rules_of,
    settle,
    trainer_of,
)


class Tokenizer:
    """Vocabulary with the rules to split text into tokens and to join tokens to text.

    [PAD] [UNK] [SOS] [EOS] are ids 0 to 3. No text can spell a special token: brackets are always
    split off, so "[EOS]" in a sentence becomes three or more ordinary tokens.
    """

    def __init__(self, rules: tokenizers.Tokenizer) -> None:
        self._rules = rules
        self._is_word_level = isinstance(rules.model, models.WordLevel)

    @classmethod
    def build(
        cls,
        texts: Iterable[str],
        config: TokenizerConfig,
        language: str = "",
        *,
        is_read: bool = False,
    ) -> "Tokenizer":
        """Train a tokenizer. The same texts and settings give the same bytes in `to_json`.

        Args:
            texts: training texts.
            config: tokenizer settings.
            language: language code, or "" if unknown; used for lower-casing.
            is_read: the model only reads this text; see `normalization_of`.

        Raises:
            ConfigError: `vocab_size` is smaller than the number of different characters.
        """
        normalization = normalization_of(config, language, is_read=is_read)
        rules = rules_of(config, normalization)
        if config.type == "byte":  # the byte vocabulary is complete
            return cls(rules)
        try:
            rules.train_from_iterator(texts, trainer_of(config))
            too_small = rules.get_vocab_size() > config.vocab_size
        except Exception:  # the unigram trainer raises plain Exception
            too_small = True
        if too_small:
            raise ConfigError(
                f"tokenizer.vocab_size is {config.vocab_size}, but the training text has more"
                " different characters: raise it, or set tokenizer.type to word"
            )
        learned = rules_of(config, normalization, rules.get_vocab())
        learned.model = rules.model
        saved = json.loads(learned.to_str())
        if config.type == "unigram":
            saved["model"]["vocab"] = settle(saved["model"]["vocab"])
        saved["added_tokens"] = []  # added tokens would match "[EOS]" in text
        return cls(tokenizers.Tokenizer.from_str(json.dumps(saved)))

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        """Load a tokenizer file written from `to_json`.

        Raises:
            DataError: the file is missing or is not a valid tokenizer.
        """
        return cls.parse(read_tokenizer(path), path)

    @classmethod
    def parse(cls, text: str, path: Path) -> "Tokenizer":
        """Build a tokenizer from the text of a file; `path` is only used in errors.

        Raises:
            DataError: the text is not a valid tokenizer.
        """
        try:
            check_tokenizer(text, SPECIAL_TOKENS[UNK_ID])
            with _panics_are_errors():
                rules = tokenizers.Tokenizer.from_str(text)
        except Exception as error:  # the library raises plain Exception
            raise DataError(f"{path}: is not a tokenizer ({error})") from None
        found = [rules.id_to_token(number) for number in range(len(SPECIAL_TOKENS))]
        if found != list(SPECIAL_TOKENS):
            raise DataError(f"{path}: ids 0 to 3 must be {' '.join(SPECIAL_TOKENS)}, not {found}")
        return cls(rules)

    def to_json(self) -> str:
        """Return the content of the tokenizer file."""
        return self._rules.to_str(pretty=True) + "\n"

    @property
    def vocab_size(self) -> int:
        """Return the number of tokens, including special tokens."""
        return self._rules.get_vocab_size()

    def encode(self, text: str) -> list[int]:
        """Return the token ids of a sentence, without [SOS] and [EOS]."""
        with _failures_are_told():
            return self._rules.encode(text).ids

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each sentence; runs on all cores."""
        with _failures_are_told():
            return [encoding.ids for encoding in self._rules.encode_batch_fast(list(texts))]

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Return the vocabulary entries of token ids, including joiner marks."""
        return [self._rules.id_to_token(number) or SPECIAL_TOKENS[UNK_ID] for number in ids]

    def pieces(self, text: str) -> list[str]:
        """Return the tokens of a text, with unknown tokens spelled as in the text."""
        with _failures_are_told():
            if self._is_word_level:
                return self._split_words(text)
            encoding = self._rules.encode(text)
        return [
            text[start:end] if number == UNK_ID else token
            for number, token, (start, end) in zip(
                encoding.ids, encoding.tokens, encoding.offsets, strict=True
            )
        ]

    def join(self, tokens: Sequence[str]) -> str:
        """Join tokens with joiner marks to text: "l" "￭'￭" "homme" gives "l'homme"."""
        with _failures_are_told():
            text: str = self._rules.decoder.decode(list(tokens))
        return text

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of token ids; special tokens are omitted."""
        return self.join(self.tokens(number for number in ids if number > EOS_ID))

    def unknown_pieces(self, texts: Iterable[str]) -> Counter[str]:
        """Count the occurrences of each piece of text that is not in the vocabulary."""
        unknown: Counter[str] = Counter()
        for text in texts:
            ids = self.encode(text)
            if UNK_ID in ids:
                pairs = zip(ids, self.pieces(text), strict=True)
                unknown.update(
                    piece.strip(JOINER) or piece for number, piece in pairs if number == UNK_ID
                )
        return unknown

    def after(self, normalization: Steps, config: TokenizerConfig) -> "Tokenizer":
        """Return a tokenizer with the same vocabulary and other normalisation steps."""
        rules = tokenizers.Tokenizer.from_str(self.to_json())
        rules.normalizer = rules_of(config, normalization, rules.get_vocab()).normalizer
        return Tokenizer(rules)

    def _split_words(self, text: str) -> list[str]:
        normalized = self._rules.normalizer.normalize_str(text)
        return [word for word, _ in self._rules.pre_tokenizer.pre_tokenize_str(normalized)]


class Vocabulary(Protocol):
    """Vocabulary files of a run directory: tokenizers and labels."""

    names: ClassVar[tuple[str, ...]]
    """Names of the vocabulary files."""

    def texts(self) -> dict[str, str]:
        """Return the content of each file, by file name."""

    def tokenizers(self) -> dict[str, Tokenizer]:
        """Return the tokenizers by file name, in the order of the text columns."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return the number of tokens of each tokenizer, and the number of labels if any."""

    def describe(self) -> str:
        """Return the sizes as a phrase for log messages."""

    @classmethod
    def of_texts(cls, texts: Mapping[str, str], folder: Path) -> Self:
        """Build a vocabulary from file contents; `folder` is only used in errors.

        Raises:
            DataError: a file is missing or invalid.
        """

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Load the vocabulary files of a folder.

        Raises:
            DataError: as for `of_texts`.
        """
        texts = {name: read_tokenizer(folder / name) for name in cls.names}
        return cls.of_texts(texts, folder)


@dataclass(frozen=True, slots=True)
class Tokenizers(Vocabulary):
    """Source and target tokenizers, with equal vocabularies if joint."""

    names: ClassVar = ("tokenizer.src.json", "tokenizer.tgt.json")

    src: Tokenizer
    tgt: Tokenizer

    @classmethod
    def build(
        cls,
        src: Iterable[str],
        tgt: Iterable[str],
        config: PairTokenizerConfig,
        languages: tuple[str, str],
    ) -> "Tokenizers":
        """Train the vocabularies of both sides, or a joint vocabulary.

        A joint vocabulary is trained on the normalised texts of both sides. The normalisation
        may differ between the sides: it depends on the language, and on `is_read`.

        Raises:
            ConfigError: as for `Tokenizer.build`.
        """
        if not config.joint:
            source = Tokenizer.build(src, config, languages[0], is_read=True)
            return cls(source, Tokenizer.build(tgt, config, languages[1]))
        steps = [
            normalization_of(config, language, is_read=is_source)
            for language, is_source in zip(languages, (True, False), strict=True)
        ]
        src, tgt = (
            map(normalizers.Sequence(each).normalize_str, texts)
            for each, texts in zip(steps, (src, tgt), strict=True)
        )
        plain = replace(config, normalization="none", lowercase=False)
        joint = Tokenizer.build(chain(src, tgt), plain)
        return cls(*(joint.after(each, config) for each in steps))

    def tokenizers(self) -> dict[str, Tokenizer]:
        return dict(zip(self.names, (self.src, self.tgt), strict=True))

    @property
    def sizes(self) -> tuple[int, ...]:
        return self.src.vocab_size, self.tgt.vocab_size

    def describe(self) -> str:
        return f"{self.src.vocab_size:,} source, {self.tgt.vocab_size:,} target tokens"

    def texts(self) -> dict[str, str]:
        sides = self.src.to_json(), self.tgt.to_json()
        return dict(zip(self.names, sides, strict=True))

    @classmethod
    def of_texts(cls, texts: Mapping[str, str], folder: Path) -> Self:
        return cls(*(parse_tokenizer(texts, name, folder) for name in cls.names))


def read_tokenizer(path: Path) -> str:
    """Return the content of a vocabulary file.

    Raises:
        DataError: the file is missing, too large, or not text.
    """
    try:
        return read_text(path, MOST_BYTES)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; tmt build-tokenizer makes it") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: is not a tokenizer ({error})") from None


def parse_tokenizer(texts: Mapping[str, str], name: str, folder: Path) -> Tokenizer:
    """Return the tokenizer of the file `name`.

    Raises:
        DataError: the file is missing or is not a valid tokenizer.
    """
    if name not in texts:
        raise DataError(f"{folder}: lacks {name}")
    return Tokenizer.parse(texts[name], folder / name)


@contextlib.contextmanager
def _panics_are_errors() -> Iterator[None]:
    """Convert Rust panics of `tokenizers` to ValueError; they do not subclass Exception."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise ValueError(str(error)) from None
        raise


@contextlib.contextmanager
def _failures_are_told() -> Iterator[None]:
    """Convert errors of a loaded tokenizer on some text to DataError."""
    try:
        with _panics_are_errors():
            yield
    except TypeError:  # the text is not a str: an error of the caller
        raise
    except Exception as error:
        raise DataError(f"the tokenizer cannot process this text ({error})") from None
