"""Multi-head attention (Vaswani et al. 2017, section 3.2)."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from transformer_mt.model.linear import Linear


class KeyValues(NamedTuple):
    """What is attended to, split into heads; also all that a cache holds.

    keys, values: (batch, num_heads, key_len, head_dim)
    """

    keys: Tensor
    values: Tensor

    def select(self, rows: Tensor) -> "KeyValues":
        """The given rows of the batch, in the given order."""
        return KeyValues(self.keys[rows], self.values[rows])


class MultiHeadAttention(nn.Module):
    """softmax(Q K^T / sqrt(head_dim)) V, in num_heads subspaces of head_dim dimensions."""

    def __init__(self, d_model: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.dropout = dropout
        self.q_proj = Linear(d_model, d_model)
        self.k_proj = Linear(d_model, d_model)
        self.v_proj = Linear(d_model, d_model)
        self.out_proj = Linear(d_model, d_model)

    def keys_values(self, source: Tensor) -> KeyValues:
        """source: (batch, key_len, d_model)."""
        return KeyValues(self._split(self.k_proj(source)), self._split(self.v_proj(source)))

    def forward(self, x: Tensor, source: KeyValues, mask: Tensor | None = None) -> Tensor:
        """Attend from x to source.

        Several rows of x may share one row of source (the hypotheses of one sentence): then rows
        is a multiple of batch, and each group of consecutive rows attends to the same source.

        Args:
            x: (rows, query_len, d_model)
            source: keys and values of (batch, num_heads, key_len, head_dim)
            mask: boolean, True = may attend, broadcastable to
                (batch, num_heads, query_len, key_len); None where all may be seen.

        Returns:
            (rows, query_len, d_model)
        """
        q = self._queries(x, source)
        heads = _attend(q, source, mask, self.dropout if self.training else 0.0)
        joined: Tensor = self.out_proj(heads.transpose(1, 2).reshape(x.shape))
        return joined

    def weights(self, x: Tensor, source: KeyValues, mask: Tensor | None = None) -> Tensor:
        """What `forward` attends to, without dropout: (batch, num_heads, query_len, key_len)."""
        q = self._queries(x, source)
        scores = q @ source.keys.transpose(-2, -1) / math.sqrt(q.shape[-1])
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        return scores.softmax(dim=-1)

    def _queries(self, x: Tensor, source: KeyValues) -> Tensor:
        """(rows, query_len, d_model) -> (batch, num_heads, rows / batch * query_len, head_dim)."""
        batch, d_model = source.keys.shape[0], x.shape[-1]
        return self._split(self.q_proj(x).reshape(batch, -1, d_model))

    def _split(self, x: Tensor) -> Tensor:
        """(batch, len, d_model) -> (batch, num_heads, len, head_dim)."""
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)


def _attend(q: Tensor, source: KeyValues, mask: Tensor | None, dropout: float) -> Tensor:
    """Scaled dot-product attention, q: (batch, num_heads, query_len, head_dim) -> the same shape.

    Under bf16 autocast on a CPU it stays in fp32: there the backward pass of the fused attention
    is many times slower in bf16.
    """
    if q.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
        with torch.autocast("cpu", enabled=False):
            source = KeyValues(source.keys.float(), source.values.float())
            return _attend(q.float(), source, mask, dropout)
    return F.scaled_dot_product_attention(q, *source, attn_mask=mask, dropout_p=dropout)
