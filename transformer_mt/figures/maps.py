"""Attention weights of one translation, as plain arrays independent of the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from transformer_mt.errors import DataError

if TYPE_CHECKING:
    import numpy as np


# Not compared by value: `==` of two arrays is an array, which the generated method cannot use.
@dataclass(frozen=True, slots=True, eq=False)
class AttentionMaps:
    """Attention weights of one sentence and one translation of it.

    In each array a row is a query position; its weights over the key positions sum to one.

    Raises:
        ValueError: the shapes of the arrays disagree with the tokens.
    """

    source: str
    """Source sentence as given."""
    translation: str
    """Translation as plain text."""
    src_tokens: tuple[str, ...]
    """Input tokens of the encoder; the last is "[EOS]"."""
    tgt_in: tuple[str, ...]
    """Input tokens of the decoder: "[SOS]", w1, ..., wn."""
    tgt_out: tuple[str, ...]
    """Token predicted at each position of `tgt_in`: w1, ..., wn, "[EOS]"."""
    encoder: np.ndarray
    """Encoder self-attention (num_layers, num_heads, src_len, src_len) float32, over src_tokens."""
    decoder: np.ndarray
    """Decoder self-attention (num_layers, num_heads, tgt_len, tgt_len) float32; row i, which
    predicts tgt_out[i], over tgt_in."""
    cross: np.ndarray
    """Cross-attention (num_layers, num_heads, tgt_len, src_len) float32; row i, which predicts
    tgt_out[i], over src_tokens."""
    score: float | None = None
    """Score of the translation in the search; higher is better."""

    def __post_init__(self) -> None:
        src_len, tgt_len = len(self.src_tokens), len(self.tgt_out)
        if not (src_len and tgt_len):
            raise ValueError("attention needs at least one token on each side")
        if len(self.tgt_in) != tgt_len:
            raise ValueError(f"tgt_in has {len(self.tgt_in)} tokens but tgt_out has {tgt_len}")
        _check_shape("encoder", self.encoder, src_len, src_len)
        _check_shape("decoder", self.decoder, tgt_len, tgt_len)
        _check_shape("cross", self.cross, tgt_len, src_len)


def _check_shape(name: str, weights: np.ndarray, query_len: int, key_len: int) -> None:
    """Check that weights have the shape (num_layers, num_heads, query_len, key_len)."""
    if weights.ndim != 4 or 0 in weights.shape or weights.shape[2:] != (query_len, key_len):
        raise ValueError(
            f"{name} has shape {weights.shape}, "
            f"expected (num_layers, num_heads, {query_len}, {key_len})"
        )


def check_finite(maps: AttentionMaps) -> None:
    """Check that all weights are finite.

    Raises:
        DataError: a weight is infinite or NaN, as from a model that has diverged.
    """
    import numpy as np

    if not all(np.isfinite(w).all() for w in (maps.encoder, maps.decoder, maps.cross)):
        raise DataError(
            f"the attention of '{maps.source}' is not finite everywhere: the model has diverged, "
            "or its checkpoint is damaged"
        )
