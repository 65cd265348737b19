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
"""The softmax of shorter rows is ten times as slow on a CPU: a vector of AVX-512 is 16 numbers."""


class KeyValues(NamedTuple):
    """What is attended to, split into heads; also all that a cache holds.

    keys, values: (batch, num_heads, key_len, head_dim)
    """

    keys: Tensor
    values: Tensor

    def select(self, rows: Tensor) -> "KeyValues":
        """The given rows of the batch, in the given order."""
        return KeyValues(self.keys[rows], self.values[rows])


class Past:
    """The keys and values of the positions so far, which a self-attention adds to.

    With no positions yet all may be given at once (training); with one more at each step the same
    code decodes.
    """

    def __init__(self) -> None:
        self._seen: KeyValues | None = None

    def extend(self, new: KeyValues) -> KeyValues:
        """Append new positions of the same rows and return all."""
        if self._seen is not None:
            keys = torch.cat((self._seen.keys, new.keys), dim=2)
            new = KeyValues(keys, torch.cat((self._seen.values, new.values), dim=2))
        self._seen = new
        return new

    def select(self, rows: Tensor) -> None:
        """Keep the given rows, in the given order."""
        if self._seen is not None:
            self._seen = self._seen.select(rows)


class MultiHeadAttention(nn.Module):
    """softmax(Q K^T / sqrt(head_dim)) V, in num_heads subspaces of head_dim dimensions.

    Narrow attention, the paper's, shares d_model among the heads: num_heads * head_dim = d_model.
    Wide attention gives all of it to each: head_dim = d_model.
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
        heads = self._attend(q, source, mask)
        joined = heads.transpose(1, 2).reshape(*x.shape[:-1], self.out_proj.in_features)
        out: Tensor = self.out_proj(joined)
        return out

    def _attend(self, q: Tensor, source: KeyValues, mask: Tensor | None) -> Tensor:
        """q: (batch, num_heads, query_len, head_dim) -> the same shape.

        On a CPU the fused attention has no fast dropout, and in bf16 a backward pass many times
        slower than two products around a softmax.
        """
        dropout = self.dropout.p if self.training else 0.0
        slow_fused = q.device.type == "cpu" and (dropout > 0 or q.dtype == torch.bfloat16)
        if slow_fused and switches.UNFUSED_ATTENTION:
            weights = self.dropout(_weights(q, source.keys, mask))
            return weights.to(q.dtype) @ source.values
        return F.scaled_dot_product_attention(q, *source, attn_mask=mask, dropout_p=dropout)

    def weights(self, x: Tensor, source: KeyValues, mask: Tensor | None = None) -> Tensor:
        """What `forward` attends to, without dropout: (batch, num_heads, query_len, key_len)."""
        return _weights(self._queries(x, source), source.keys, mask)

    def _queries(self, x: Tensor, source: KeyValues) -> Tensor:
        """(rows, query_len, d_model) -> (batch, num_heads, rows / batch * query_len, head_dim)."""
        q = self.q_proj(x)
        return self._split(q.reshape(source.keys.shape[0], -1, q.shape[-1]))

    def _split(self, x: Tensor) -> Tensor:
        """(batch, len, num_heads * head_dim) -> (batch, num_heads, len, head_dim)."""
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)


def _weights(q: Tensor, keys: Tensor, mask: Tensor | None) -> Tensor:
    """softmax(Q K^T / sqrt(head_dim)), not below fp32: (batch, num_heads, query_len, key_len)."""
    scores = (q / math.sqrt(q.shape[-1])) @ keys.transpose(-2, -1)
    scores = scores.to(torch.promote_types(q.dtype, torch.float32))
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    key_len = keys.shape[-2]
    if key_len < SHORT_ROW:
        scores = F.pad(scores, (0, SHORT_ROW - key_len), value=-torch.inf)
    return scores.softmax(dim=-1)[..., :key_len]
