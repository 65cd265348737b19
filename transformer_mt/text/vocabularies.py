"""What a run of each task keeps beside its weights: tokenizers, and the labels of a classifier."""

import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from transformer_mt.config.sections import Config, TokenizerConfig
from transformer_mt.config.tasks import (
    ClassificationConfig,
    LanguageModelConfig,
    TextTokenizerConfig,
    TranslationConfig,
)
from transformer_mt.corpus.rows import LabelledText, SentencePair, Text
from transformer_mt.corpus.source import Corpus
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.files.untrusted import MOST_TEXT
from transformer_mt.text.long_texts import parts_of
from transformer_mt.text.tokenizer import (
    SPECIAL_TOKENS,
    Tokenizer,
    Tokenizers,
    Vocabulary,
    parse_tokenizer,
)

__all__ = ["LabelledVocabulary", "TextVocabulary", "Vocabulary", "build_vocabulary"]

_TOKENIZER, _LABELS = "tokenizer.json", "labels.json"
_LONGEST_LABEL = 200
"""Characters: what is longer is no label but a text."""
_MOST_LABELS = 1000
"""How often each is taken for each is counted, in memory."""


@dataclass(frozen=True, slots=True)
class TextVocabulary(Vocabulary):
    """That of a language model."""

    names: ClassVar = (_TOKENIZER,)

    tokenizer: Tokenizer

    def tokenizers(self) -> dict[str, Tokenizer]:
        return {_TOKENIZER: self.tokenizer}

    @property
    def sizes(self) -> tuple[int, ...]:
        return (self.tokenizer.vocab_size,)

    def describe(self) -> str:
        return f"{self.tokenizer.vocab_size:,} tokens"

    def texts(self) -> dict[str, str]:
        return {_TOKENIZER: self.tokenizer.to_json()}

    @classmethod
    def of_texts(cls, texts: Mapping[str, str], folder: Path) -> Self:
        return cls(parse_tokenizer(texts, _TOKENIZER, folder))


@dataclass(frozen=True, slots=True)
class LabelledVocabulary(Vocabulary):
    """That of a classifier."""

    names: ClassVar = (_TOKENIZER, _LABELS)

    tokenizer: Tokenizer
    labels: tuple[str, ...]
    """Of the classes, by their numbers."""

    def tokenizers(self) -> dict[str, Tokenizer]:
        return {_TOKENIZER: self.tokenizer}

    @property
    def sizes(self) -> tuple[int, ...]:
        return self.tokenizer.vocab_size, len(self.labels)

    def describe(self) -> str:
        return f"{self.tokenizer.vocab_size:,} tokens, {len(self.labels):,} labels"

    def texts(self) -> dict[str, str]:
        labels = json.dumps(self.labels, ensure_ascii=False, indent=0)
        return {_TOKENIZER: self.tokenizer.to_json(), _LABELS: labels + "\n"}

    @classmethod
    def of_texts(cls, texts: Mapping[str, str], folder: Path) -> Self:
        tokenizer = parse_tokenizer(texts, _TOKENIZER, folder)
        try:
            return cls(tokenizer, _parse_labels(texts[_LABELS]))
        except KeyError:
            raise DataError(f"{folder}: lacks {_LABELS}") from None
        except (ValueError, RecursionError) as error:
            reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
            raise DataError(f"{folder / _LABELS}: is no list of labels ({reason})") from None


def build_vocabulary(config: Config, corpus: Corpus[Any]) -> Vocabulary:
    """Learn the vocabulary of a run from its training text, or take over what it names.

    Raises:
        DataError: the text cannot be used, or a file cannot be read.
        ConfigError: as for `Tokenizer.build`.
    """
    return _BUILDERS[type(config)](config, corpus)


def build_tokenizers(config: TranslationConfig, corpus: Corpus[SentencePair]) -> Tokenizers:
    """Learn the vocabularies of both sides from the training pairs.

    Raises:
        ConfigError: as for `Tokenizers.build`; or one is empty.
    """
    src = (pair.src for pair in corpus.train)
    tgt = (pair.tgt for pair in corpus.train)
    languages = config.data.src_lang, config.data.tgt_lang
    built = Tokenizers.build(src, tgt, config.tokenizer, languages)
    for tokenizer, language in zip((built.src, built.tgt), languages, strict=True):
        _refuse_empty(tokenizer, config.tokenizer, language)
    return built


def _build_text(config: LanguageModelConfig, corpus: Corpus[Text]) -> TextVocabulary:
    texts = (row.text for row in corpus.train)
    return TextVocabulary(_tokenizer(config.tokenizer, texts, is_read=False))


def _build_labelled(
    config: ClassificationConfig, corpus: Corpus[LabelledText]
) -> LabelledVocabulary:
    labels = _check_labels(sorted({row.label for row in corpus.train}, key=_order))
    texts = (row.text for row in corpus.train)
    tokenizer = _tokenizer(config.tokenizer, texts, is_read=True)
    return LabelledVocabulary(tokenizer, labels)


_BUILDERS: dict[type[Config], Callable[[Any, Corpus[Any]], Vocabulary]] = {
    TranslationConfig: build_tokenizers,
    LanguageModelConfig: _build_text,
    ClassificationConfig: _build_labelled,
}


def _tokenizer(config: TextTokenizerConfig, texts: Iterable[str], *, is_read: bool) -> Tokenizer:
    if config.file is None:
        parts = (part for text in texts for part, _ in parts_of(text))
        built = Tokenizer.build(parts, config, is_read=is_read)
        _refuse_empty(built, config, "the text")
        return built
    path = Path(config.file)
    if not path.exists():
        raise DataError(f"tokenizer.file: {path}: there is no such file")
    try:
        return Tokenizer.load(path)
    except DataError as error:
        raise DataError(f"tokenizer.file: {error}") from None


def _refuse_empty(tokenizer: Tokenizer, config: TokenizerConfig, name: str) -> None:
    """Refuse a vocabulary that knows nothing of the text it was learned from.

    Args:
        tokenizer: that was built.
        config: by which it was built.
        name: what to call the text.

    Raises:
        ConfigError: it has no tokens but the special ones.
    """
    if tokenizer.vocab_size <= len(SPECIAL_TOKENS):
        unit = "character" if config.type == "character" else "word"
        raise ConfigError(
            f"the vocabulary of {name} is empty: no {unit} of the training text occurs"
            f" {config.min_frequency} times; lower tokenizer.min_frequency or train on more text"
        )


def _order(label: str) -> tuple[bool, int, str]:
    """Numbers first, by their size."""
    number = int(label) if label.isdecimal() and len(label) < 10 else None
    return number is None, number or 0, label


def _check_labels(labels: list[str]) -> tuple[str, ...]:
    """Those of the training text.

    Raises:
        DataError: they can be no labels.
    """
    if len(labels) < 2:
        raise DataError(
            f"all training texts have the label '{labels[0]}': there is nothing to tell apart"
        )
    text = json.dumps(labels, ensure_ascii=False, indent=0)
    try:
        return _parse_labels(text)
    except ValueError as error:
        raise DataError(
            f"the labels of the training text cannot be used ({error}); does data.label_column name"
            " the column of the labels?"
        ) from None


def _parse_labels(text: str) -> tuple[str, ...]:
    """The labels in a file that a stranger may have made."""
    if len(text) > MOST_TEXT:
        raise ValueError(f"they have more than {MOST_TEXT:,} characters")
    labels = json.loads(text)
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ValueError("not all of them are text")
    if len(labels) < 2 or len(set(labels)) < len(labels):
        raise ValueError("they are not two or more different ones")
    if len(labels) > _MOST_LABELS:
        raise ValueError(f"they are more than {_MOST_LABELS:,}")
    for label in labels:
        if not label or len(label) > _LONGEST_LABEL:
            raise ValueError(f"one does not have 1 to {_LONGEST_LABEL} characters: '{label[:40]}'")
        if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in label):
            raise ValueError(f"one is not a line of text: {label!a}")
    return tuple(labels)


VOCABULARY_FILES = tuple(
    dict.fromkeys(Tokenizers.names + TextVocabulary.names + LabelledVocabulary.names)
)
"""All names that may be theirs."""
