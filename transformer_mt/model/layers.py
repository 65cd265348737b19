"""Encoder and decoder layers (Vaswani et al. 2017, section 3.1 and figure 1)."""

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor, nn
from torch.nn import functional as F

from transformer_mt.config.sections import ModelConfig
from transformer_mt.fast.dropout import dropout_add
from transformer_mt.fast.linear import Linear
from transformer_mt.model.attention import KeyValues, MultiHeadAttention, Past


class Residual(nn.Module):
    """Residual connection with dropout and layer normalisation around a sub-layer.

    Post-norm (the paper) is LayerNorm(x + Sublayer(x)); pre-norm is x + Sublayer(LayerNorm(x))
    (Xiong et al. 2020).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.d_model)
        self.dropout = config.dropout
        self.pre_norm = config.norm == "pre"

    def forward(self, x: Tensor, sublayer: Callable[[Tensor], Tensor]) -> Tensor:
        """Apply the sub-layer to x, (batch, len, d_model); return the same shape."""
        p = self.dropout if self.training else 0.0
        if self.pre_norm:
            return dropout_add(sublayer(self.norm(x)), p, residual=x)
        return self.norm(dropout_add(sublayer(x), p, residual=x))


_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "swish": F.silu,
}


class FeedForward(nn.Module):
    """Position-wise feed-forward: activation(x W1 + b1) W2 + b2 (section 3.3, with ReLU)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.inner = Linear(config.d_model, config.d_ff)
        self.outer = Linear(config.d_ff, config.d_model)
        self.activation = _ACTIVATIONS[config.activation]

    def forward(self, x: Tensor) -> Tensor:
        """Transform x, (batch, len, d_model); return the same shape."""
        return self.outer(self.activation(self.inner(x)))


class EncoderLayer(nn.Module):
    """Self-attention, then feed-forward; also the language model layer, under a causal mask."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.self_attn = _attention(config)
        self.feed_forward = FeedForward(config)
        self.residuals = nn.ModuleList(Residual(config) for _ in range(2))

    def forward(self, x: Tensor, mask: Tensor, past: Past | None = None) -> Tensor:
        """Process new positions x, which follow the positions in `past`.

        Args:
            x: (batch, new_len, d_model)
            mask: broadcastable to (batch, 1, new_len, len).
            past: cache of earlier positions, extended by x; None: there are none.

        Returns:
            (batch, new_len, d_model)
        """

        def attend_to_itself(h: Tensor) -> Tensor:
            own = self.self_attn.keys_values(h)
            return self.self_attn(h, past.extend(own) if past else own, mask)

        x = self.residuals[0](x, attend_to_itself)
        return self.residuals[1](x, self.feed_forward)


@dataclass(slots=True)
class LayerCache:
    """Attention cache of one decoder layer."""

    source: KeyValues
    """Keys and values of the memory: (batch, num_heads, src_len, head_dim)"""
    target: Past = field(default_factory=Past)
    """Keys and values of the hypotheses: (rows, num_heads, tgt_len, head_dim)"""


class DecoderLayer(nn.Module):
    """Masked self-attention, cross-attention to the source, then feed-forward."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.self_attn = _attention(config)
        self.cross_attn = _attention(config)
        self.feed_forward = FeedForward(config)
        self.residuals = nn.ModuleList(Residual(config) for _ in range(3))

    def forward(
        self, x: Tensor, cache: LayerCache, tgt_mask: Tensor | None, src_mask: Tensor
    ) -> Tensor:
        """Process new target positions x, which follow the positions in the cache.

        Args:
            x: (rows, new_len, d_model)
            cache: keys and values of the source and of earlier target positions, extended by x.
            tgt_mask: broadcastable to (rows, 1, new_len, tgt_len); None: no position is masked.
            src_mask: (batch, 1, 1, src_len); rows is a multiple of batch.

        Returns:
            (rows, new_len, d_model)
        """

        def attend_to_target(h: Tensor) -> Tensor:
            target = cache.target.extend(self.self_attn.keys_values(h))
            return self.self_attn(h, target, tgt_mask)

        def attend_to_source(h: Tensor) -> Tensor:
            return self.cross_attn(h, cache.source, src_mask)

        x = self.residuals[0](x, attend_to_target)
        x = self.residuals[1](x, attend_to_source)
        return self.residuals[2](x, self.feed_forward)


def _attention(config: ModelConfig) -> MultiHeadAttention:
    return MultiHeadAttention(
        config.d_model, config.num_heads, config.head_dim, config.attention_dropout
    )


def final_norm(config: ModelConfig) -> nn.Module:
    """Return the layer after the last one: layer normalisation with pre-norm, else identity."""
    return nn.LayerNorm(config.d_model) if config.norm == "pre" else nn.Identity()
