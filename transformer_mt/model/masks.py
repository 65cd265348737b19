"""Every mask of the program comes from these two functions: boolean, True = may attend.

They compose with `&` and go to `scaled_dot_product_attention` as they are.
"""

import torch
from torch import Tensor


def padding_mask(ids: Tensor, pad_id: int) -> Tensor:
    """True at real tokens. ids: (batch, len) -> (batch, 1, 1, len)."""
    return (ids != pad_id)[:, None, None, :]


def causal_mask(query_len: int, key_len: int, device: torch.device | None = None) -> Tensor:
    """True where the key is not later than the query, the last of each aligned.

    Returns:
        (query_len, key_len). With fewer queries than keys (cached decoding) the first
        key_len - query_len keys are the past, which every query may see.
    """
    ones = torch.ones(query_len, key_len, dtype=torch.bool, device=device)
    return ones.tril(key_len - query_len)
