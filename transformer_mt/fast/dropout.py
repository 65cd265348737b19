"""Dropout (Srivastava et al. 2014), with a faster random mask on a CPU.

The CPU kernel of `F.dropout` draws one random number at a time; reading 64-bit random words as
four 16-bit ones is several times as fast. Both use the seeded default generator.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from transformer_mt.fast import switches

_LEVELS = 2**16
"""Number of levels to which the probability is rounded on a CPU: 16 random bits per element."""


class Dropout(nn.Module):
    """Dropout layer: `dropout` in training, else the identity."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Apply dropout to x, of any shape -> the same shape."""
        return dropout(x, self.p) if self.training else x


def dropout(x: Tensor, p: float) -> Tensor:
    """Set each element of x to 0 with probability p, else scale it by 1 / (1 - p)."""
    if p == 0:
        return x
    return x * _scaled_mask(x, p) if _has_fast_mask(x) else F.dropout(x, p)


def dropout_add(x: Tensor, p: float, residual: Tensor) -> Tensor:
    """Return residual + dropout(x, p), in one pass where the mask is fast."""
    if p > 0 and _has_fast_mask(x):
        return torch.addcmul(residual, x, _scaled_mask(x, p))
    return residual + dropout(x, p)


def _has_fast_mask(x: Tensor) -> bool:
    return x.device.type == "cpu" and switches.RANDOM_BITS_DROPOUT


def _scaled_mask(x: Tensor, p: float) -> Tensor:
    """Return a mask of the shape of x: 0 with probability p, else 1 / (1 - p).

    p is rounded to 1 / _LEVELS.
    """
    dropped = round(p * _LEVELS)
    count = x.numel()
    words = torch.empty((count + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    uniform = words.view(torch.int16)[:count]  # -_LEVELS / 2 ... _LEVELS / 2 - 1
    kept = uniform >= dropped - _LEVELS // 2
    return (kept * x.new_tensor(_LEVELS / (_LEVELS - dropped))).view(x.shape)
