"""Dropout (Srivastava et al. 2014), with a faster random mask on a CPU."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from transformer_mt.fast import switches

_LEVELS = 2**16
"""Number of levels to which the probability is rounded on a CPU: 16 random bits per element."""


class Dropout(nn.Module):
    """Dropout layer: in training each element is 0 with probability p, else scaled by 1 / (1 - p).

    The CPU kernel of `F.dropout` draws one random number at a time; reading 64-bit random words as
    four 16-bit ones is several times as fast. Both use the seeded default generator.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """Apply dropout to x, of any shape, and add `residual` (in one pass) -> the same shape."""
        if self.training and self.p > 0:
            if x.device.type != "cpu" or not switches.RANDOM_BITS_DROPOUT:
                x = F.dropout(x, self.p)
            elif residual is None:
                x = x * _scaled_mask(x, self.p)
            else:
                return torch.addcmul(residual, x, _scaled_mask(x, self.p))
        return x if residual is None else residual + x


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
