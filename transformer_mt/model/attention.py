"""Multi-head attention (Vaswani et al. 2017, section 3.2)."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from transformer_mt.fast import switches
from transformer_mt.fast.dropout import Dropout
from transformer_mt.fast.linear import Linear

SHORT_ROW = 16
"""Key length below which softmax is ten times as slow on a CPU (16 floats fill AVX-512)."""


class KeyValues(NamedTuple):
    """Keys and values of one attention, split into heads.

    keys, values: (batch, num_heads, key_len, head_dim)
    """

    keys: Tensor
    values: Tensor

    def select(self, rows: Tensor) -> "KeyValues":
        """Return the given batch rows, (new_rows,) indices, in this order."""
        return KeyValues(self.keys[rows], self.values[rows])


class Past:
    """Self-attention cache: keys and values of all previous positions.

    Training extends an empty cache once, by all positions; decoding extends the cache by one
    position at each step.
    """

    def __init__(self) -> None:
        self._seen: KeyValues | None = None

    def extend(self, new: KeyValues) -> KeyValues:
        """Append new positions of the same rows; return the keys and values of all positions."""
        if self._seen is not None:
            keys = torch.cat((self._seen.keys, new.keys), dim=2)
            new = KeyValues(keys, torch.cat((self._seen.values, new.values), dim=2))
        self._seen = new
        return new

    def select(self, rows: Tensor) -> None:
        """Keep the given rows, (new_rows,) indices, in this order."""
        if self._seen is not None:
            self._seen = self._seen.select(rows)


class MultiHeadAttention(nn.Module):
    """Multi-head attention: softmax(Q K^T / sqrt(head_dim)) V in each of num_heads heads.

    Narrow attention (the paper) divides d_model among the heads: num_heads * head_dim = d_model.
    Wide attention gives each head the full width: head_dim = d_model.
    """

    def __init__(self, d_model: int, num_heads: int, head_dim: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.dropout = Dropout(dropout)
        self.q_proj = Linear(d_model, num_heads * head_dim)
        self.k_proj = Linear(d_model, num_heads * head_dim)
        self.v_proj = Linear(d_model, num_heads * head_dim)
        self.out_proj = Linear(num_heads * head_dim, d_model)

    def keys_values(self, source: Tensor) -> KeyValues:
        """Project source, (batch, key_len, d_model), to keys and values."""
        return KeyValues(self._split(self.k_proj(source)), self._split(self.v_proj(source)))

    def forward(self, x: Tensor, source: KeyValues, mask: Tensor | None = None) -> Tensor:
        """Compute attention from x to source.

        Several rows of x may share one row of source (the hypotheses of one sentence): then rows
        is a multiple of batch, and each group of consecutive rows attends to the same source.

        Args:
            x: (rows, query_len, d_model)
            source: keys and values of (batch, num_heads, key_len, head_dim)
            mask: boolean, True = may attend, broadcastable to
                (batch, num_heads, query_len, key_len); None: no position is masked.

        Returns:
            (rows, query_len, d_model)
        """
        heads = self._attend(self._queries(x, source), source, mask)
        joined = heads.transpose(1, 2).reshape(*x.shape[:-1], self.out_proj.in_features)
        return self.out_proj(joined)

    def _attend(self, q: Tensor, source: KeyValues, mask: Tensor | None) -> Tensor:
        """Attend from q, (batch, num_heads, query_len, head_dim); return the same shape.

        On a CPU, fused attention has slow dropout, and in bf16 a backward pass many times slower
        than two matrix products around a softmax.
        """
        dropout = self.dropout.p if self.training else 0.0
        slow_fused = q.device.type == "cpu" and (dropout > 0 or q.dtype == torch.bfloat16)
        if slow_fused and switches.UNFUSED_ATTENTION:
            weights = self.dropout(_weights(q, source.keys, mask))
            return weights.to(q.dtype) @ source.values
        return F.scaled_dot_product_attention(q, *source, attn_mask=mask, dropout_p=dropout)

    def weights(self, x: Tensor, source: KeyValues, mask: Tensor | None = None) -> Tensor:
        """Return the attention weights without dropout: (batch, num_heads, query_len, key_len)."""
        return _weights(self._queries(x, source), source.keys, mask)

    def _queries(self, x: Tensor, source: KeyValues) -> Tensor:
        """Project x, (rows, query_len, d_model), to queries.

        Returns:
            (batch, num_heads, rows / batch * query_len, head_dim)
        """
        q = self.q_proj(x)
        return self._split(q.reshape(source.keys.shape[0], -1, q.shape[-1]))

    def _split(self, x: Tensor) -> Tensor:
        """Reshape (batch, len, num_heads * head_dim) to (batch, num_heads, len, head_dim)."""
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)


def _weights(q: Tensor, keys: Tensor, mask: Tensor | None) -> Tensor:
    """Return softmax(Q K^T / sqrt(head_dim)) in fp32 (or fp64), shape (..., query_len, key_len)."""
    scores = (q / math.sqrt(q.shape[-1])) @ keys.transpose(-2, -1)
    scores = scores.to(torch.promote_types(q.dtype, torch.float32))
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    key_len = keys.shape[-2]
    if key_len < SHORT_ROW:
        scores = F.pad(scores, (0, SHORT_ROW - key_len), value=-torch.inf)
    return scores.softmax(dim=-1)[..., :key_len]
