"""Vocabularies of language models and classifiers: tokenizers and labels."""

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from transformer_mt.errors import DataError
from transformer_mt.files.untrusted import MOST_TEXT
from transformer_mt.text.tokenizer import (
    Tokenizer,
    Tokenizers,
    Vocabulary,
    parse_tokenizer,
)

__all__ = ["LabelledVocabulary", "TextVocabulary", "Vocabulary"]

_TOKENIZER, _LABELS = "tokenizer.json", "labels.json"
_LONGEST_LABEL = 200
"""Maximum characters of a label; longer cells are texts, not labels."""
_MOST_LABELS = 1000
"""Maximum number of labels; the confusion matrix is kept in memory."""


@dataclass(frozen=True, slots=True)
class TextVocabulary(Vocabulary):
    """Vocabulary of a language model."""

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
    """Vocabulary of a classifier: tokenizer and labels."""

    names: ClassVar = (_TOKENIZER, _LABELS)

    tokenizer: Tokenizer
    labels: tuple[str, ...]
    """Names of the classes, in the order of the class numbers."""

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
            return cls(tokenizer, parse_labels(texts[_LABELS]))
        except KeyError:
            raise DataError(f"{folder}: lacks {_LABELS}") from None
        except (ValueError, RecursionError) as error:
            reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
            raise DataError(f"{folder / _LABELS}: is no list of labels ({reason})") from None


def parse_labels(text: str) -> tuple[str, ...]:
    """Parse and validate labels.json, which may come from an untrusted source.

    Raises:
        ValueError: the text is not a valid list of labels.
    """
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
"""Names of the vocabulary files of all tasks."""
