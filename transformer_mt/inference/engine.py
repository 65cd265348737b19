"""The `Engine` interface between `Translator` and a model, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np

    from transformer_mt.decoding.hypothesis import Hypothesis, SearchOptions

Ids = Sequence[int]
"""Token ids of one sentence, without [SOS] and [EOS]."""


class AttentionArrays(NamedTuple):
    """Attention weights (softmax) of one sentence and one translation, float32.

    encoder: (num_layers, num_heads, src_len, src_len)
    decoder: (num_layers, num_heads, tgt_len, tgt_len)
    cross: (num_layers, num_heads, tgt_len, src_len)
    """

    encoder: np.ndarray
    decoder: np.ndarray
    cross: np.ndarray


class Engine(Protocol):
    """A trained translation model. Several threads may call it at once.

    All methods take batches: as many sources as targets (or limits), in the same order.
    """

    def search(
        self, src_ids: Sequence[Ids], limits: Sequence[int], options: SearchOptions
    ) -> list[list[Hypothesis]]:
        """Return 1 to beam_size hypotheses for each source, best first.

        limits: maximum tokens of each translation.
        """

    def token_log_probs(
        self, src_ids: Sequence[Ids], tgt_ids: Sequence[Ids]
    ) -> list[tuple[float, ...]]:
        """Return for each pair the log-probability of every target token and, last, of [EOS]."""

    def alignments(self, src_ids: Sequence[Ids], tgt_ids: Sequence[Ids]) -> list[tuple[int, ...]]:
        """Return for each target token the index of the source token with the largest attention.

        Sources are not empty.
        """

    def attention(self, src_ids: Ids, tgt_ids: Ids) -> AttentionArrays:
        """Return all attention of one translation; src_len and tgt_len count the special tokens.

        Raises:
            ConfigError: the engine cannot return attention.
        """
