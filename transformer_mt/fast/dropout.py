"""Dropout (Srivastava et al. 2014), with a fast way to draw its mask on a CPU."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from transformer_mt.fast import switches

_LEVELS = 2**16
"""On a CPU the probability is rounded to this many levels: 16 random bits for each element."""


class Dropout(nn.Module):
    """Zero each element with probability p in training, and scale the others by 1 / (1 - p).

    The CPU kernel of `F.dropout` draws one random number at a time; seeing 64-bit random words as
    four 16-bit ones is several times as fast. Both come from the seeded default generator.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """Drop of x, any shape, and add it to `residual` (in one pass) -> the same shape."""
        if self.training and self.p > 0:
            if x.device.type != "cpu" or not switches.RANDOM_BITS_DROPOUT:
                x = F.dropout(x, self.p)
            elif residual is None:
                x = x * _scaled_mask(x, self.p)
            else:
                return torch.addcmul(residual, x, _scaled_mask(x, self.p))
        return x if residual is None else residual + x


def _scaled_mask(x: Tensor, p: float) -> Tensor:
    """Elements 0 with probability p, else 1 / (1 - p), p rounded to 1 / _LEVELS. Shape of x."""
    dropped = round(p * _LEVELS)
    count = x.numel()
    words = torch.empty((count + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    uniform = words.view(torch.int16)[:count]  # -_LEVELS / 2 ... _LEVELS / 2 - 1
    kept = uniform >= dropped - _LEVELS // 2
    return (kept * x.new_tensor(_LEVELS / (_LEVELS - dropped))).view(x.shape)
