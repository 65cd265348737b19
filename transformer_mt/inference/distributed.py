"""Translation by several processes (torchrun): each rank translates its share of the lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from transformer_mt.config.tasks import DecodingConfig, PairsConfig
from transformer_mt.inference.engine import Engine
from transformer_mt.inference.results import Candidate, Translation
from transformer_mt.inference.translator import Translator
from transformer_mt.runtime.launch import place
from transformer_mt.text.line_sizes import UsualLines
from transformer_mt.text.tokenizer import Tokenizers

if TYPE_CHECKING:
    from transformer_mt.runtime.process_group import Workers


class ShardedTranslator(Translator):
    """A translator over all ranks: each gets the same lines and returns all translations.

    A single sentence is translated by the calling rank only.
    """

    def __init__(
        self,
        workers: Workers,
        engine: Engine,
        tokenizers: Tokenizers,
        data: PairsConfig,
        decoding: DecodingConfig,
        usual: UsualLines | None = None,
    ) -> None:
        super().__init__(engine, tokenizers, data, decoding, usual)
        self.workers = workers

    def translate(self, text: Any, *, first_line: int = 1, **options: Any) -> Any:
        """Translate as `Translator.translate`; only single sentences can have `attention`."""
        if isinstance(text, str) or self.workers.world_size == 1:
            return super().translate(text, first_line=first_line, **options)
        own = self.workers.share(len(text))
        with self.workers.together():
            translated = super().translate(text[own], first_line=first_line + own.start, **options)
        parts = self.workers.gather([asdict(translation) for translation in translated])
        return [_translation(each) for part in parts for each in part]

    def score(
        self, sources: Sequence[str], references: Sequence[str], *, batch_tokens: int = 4096
    ) -> list[Candidate]:
        """Score as `Translator.score` does."""
        if self.workers.world_size == 1:
            return super().score(sources, references, batch_tokens=batch_tokens)
        own = self.workers.share(len(sources))
        with self.workers.together():
            scored = super().score(sources[own], references[own], batch_tokens=batch_tokens)
        parts = self.workers.gather([asdict(candidate) for candidate in scored])
        return [_candidate(each) for part in parts for each in part]


@contextmanager
def open_translator(load: Callable[[str], Translator], device: str) -> Iterator[Translator]:
    """Yield the translator that `load` returns for a device, sharded over all ranks.

    Without torchrun, this imports no torch.
    """
    if place().world_size == 1:
        yield load(device)
        return
    from transformer_mt.runtime.process_group import open_workers

    with open_workers(device) as workers:
        whole = workers.local_first(lambda: load(workers.device_name(device)))
        yield ShardedTranslator(
            workers, whole.engine, whole.tokenizers, whole.data, whole.decoding, whole.usual
        )


def spread(translator: Translator, chunks: Iterator[list[str]]) -> Iterator[list[str]]:
    """Yield the chunks of lines that the main process reads, on every rank."""
    if isinstance(translator, ShardedTranslator):
        return translator.workers.spread(chunks)
    return chunks


def _translation(values: dict[str, Any]) -> Translation:
    candidates = tuple(_candidate(each) for each in values.pop("candidates"))
    return Translation(candidates=candidates, **_with_tuples(values))


def _candidate(values: dict[str, Any]) -> Candidate:
    return Candidate(**_with_tuples(values))


def _with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    """Convert lists to tuples, because JSON has only lists."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
