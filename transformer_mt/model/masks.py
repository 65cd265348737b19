"""Attention masks: boolean tensors, True = may attend.

Masks compose with `&` and fit `scaled_dot_product_attention` without conversion.
"""

import torch
from torch import Tensor


def padding_mask(ids: Tensor, pad_id: int) -> Tensor:
    """Return (batch, 1, 1, len), False at the padding of ids, (batch, len)."""
    return (ids != pad_id)[:, None, None, :]


def causal_mask(query_len: int, key_len: int, device: torch.device | None = None) -> Tensor:
    """Return a mask that hides later keys; the last query is at the position of the last key.

    Returns:
        (query_len, key_len). With fewer queries than keys (cached decoding), the first
        key_len - query_len keys are past positions, visible to every query.
    """
    ones = torch.ones(query_len, key_len, dtype=torch.bool, device=device)
    return ones.tril(key_len - query_len)
