"""Translation by several processes (torchrun): each rank translates its share of the lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from transformer_mt.inference.results import Candidate
from transformer_mt.inference.translator import Translator

if TYPE_CHECKING:
    from transformer_mt.runtime.process_group import ProcessGroup


class DistributedTranslator(Translator):
    """A translator over all ranks: each gets the same lines and returns all translations.

    A single sentence is translated by the calling rank only.

    Args:
        group: the processes, each of which has loaded the same model.
        own: the translator of this process.
    """

    def __init__(self, group: ProcessGroup, own: Translator) -> None:
        super().__init__(own.engine, own.tokenizers, own.data, own.decoding, own.usual)
        self.group = group

    def translate(self, text: Any, *, first_line: int = 1, **options: Any) -> Any:
        """Translate as `Translator.translate`; only single sentences can have `attention`."""
        if isinstance(text, str) or self.group.world_size == 1:
            return super().translate(text, first_line=first_line, **options)
        own = self.group.own_slice(len(text))
        with self.group.fail_together():
            translated = super().translate(text[own], first_line=first_line + own.start, **options)
        return [each for part in self.group.gather(translated) for each in part]

    def score(
        self, sources: Sequence[str], references: Sequence[str], *, batch_tokens: int = 4096
    ) -> list[Candidate]:
        """Score as `Translator.score` does."""
        if self.group.world_size == 1:
            return super().score(sources, references, batch_tokens=batch_tokens)
        own = self.group.own_slice(len(sources))
        with self.group.fail_together():
            scored = super().score(sources[own], references[own], batch_tokens=batch_tokens)
        return [each for part in self.group.gather(scored) for each in part]


def broadcast_chunks(translator: Translator, chunks: Iterator[list[str]]) -> Iterator[list[str]]:
    """Return the chunks of lines that rank 0 reads, on every rank that shares the translator."""
    if isinstance(translator, DistributedTranslator):
        return translator.group.broadcast_chunks(chunks)
    return chunks
