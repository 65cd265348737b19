"""x W^T + b where no gradient is wanted, by the faster of two libraries on a CPU."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_FEW_PRODUCTS = 2**20
"""Multiplications up to which the start of a oneDNN product costs more than it saves."""

_HAS_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(
    torch.ops.mkldnn, "_linear_pointwise"
)
"""False: always `F.linear`."""


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`F.linear` without gradients.

    For float32 on a CPU torch asks MKL, which uses half of what a processor not made by Intel can
    do; oneDNN, which torch carries too, uses all of it, and on others is as fast as MKL.

    Args:
        x: (..., in_features)
        weight: (out_features, in_features)
        bias: (out_features,) or None
    """
    if (
        _HAS_ONEDNN
        and x.numel() * len(weight) > _FEW_PRODUCTS
        and x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
    ):
        product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
        return product
    return F.linear(x, weight, bias)


class Linear(nn.Linear):
    """`nn.Linear`, which is `linear` where no gradient is wanted."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., in_features) -> (..., out_features)."""
        if torch.is_grad_enabled() or torch.is_autocast_enabled(x.device.type):
            return F.linear(x, self.weight, self.bias)
        return linear(x, self.weight, self.bias)
