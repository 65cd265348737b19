"""What a model reads and writes text with: all that a run directory keeps beside its weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Protocol, Self

VOCABULARY_FILES = ("tokenizer.src.json", "tokenizer.tgt.json", "tokenizer.json", "labels.json")


class Vocabulary(Protocol):
    """Tokenizers, and labels."""

    names: ClassVar[tuple[str, ...]]

    @property
    def sizes(self) -> tuple[int, ...]: ...

    def texts(self) -> dict[str, str]: ...

    @classmethod
    def of_texts(cls, texts: Mapping[str, str], folder: Path) -> Self: ...

    @classmethod
    def load(cls, folder: Path) -> Self: ...
