"""Matrix products, and x W^T + b, by the faster of torch's two CPU libraries.

For float32 on a CPU torch uses MKL, which on an AMD EPYC with AVX-512 was half as fast as oneDNN,
which torch includes too. In bfloat16 oneDNN also adds the bias within the product.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from transformer_mt.fast import switches

_HAS_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(
    torch.ops.mkldnn, "_linear_pointwise"
)
_TYPES = {torch.float32}
if _HAS_ONEDNN and torch.ops.mkldnn._is_mkldnn_bf16_supported():
    _TYPES.add(torch.bfloat16)

_FEW_PRODUCTS = 2**20
"""Multiplications up to which the call overhead of oneDNN exceeds the time saved."""


def product(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return A b + bias, without gradients.

    Args:
        a: (rows, inner)
        b: (inner, columns)
        bias: (columns,) or None

    Returns:
        (rows, columns)
    """
    worth_it = a.dtype == torch.float32 or bias is not None  # otherwise torch uses oneDNN itself
    if _gains_from_onednn(a, b) and worth_it:
        return torch.ops.mkldnn._linear_pointwise(a, b.T, bias, "none", [], "")
    return F.linear(a, b.T, bias)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x W^T + b like `F.linear`, also under autocast.

    Args:
        x: (..., in_features)
        weight: (out_features, in_features)
        bias: (out_features,) or None

    Returns:
        (..., out_features)
    """
    if x.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
        x, weight = x.to(dtype), weight.to(dtype)
        bias = None if bias is None else bias.to(dtype)
    if not _gains_from_onednn(x, weight):
        return F.linear(x, weight, bias)
    rows = x.reshape(-1, x.shape[-1])
    if torch.is_grad_enabled():
        rows = _Linear.apply(rows, weight, bias)  # type: ignore[no-untyped-call]
    else:
        rows = product(rows, weight.T, bias)
    return rows.view(*x.shape[:-1], -1)


class Linear(nn.Linear):
    """Linear layer: `nn.Linear` computed by `linear`."""

    def forward(self, x: Tensor) -> Tensor:
        """Return x W^T + b: (..., in_features) -> (..., out_features)."""
        return linear(x, self.weight, self.bias)


class _Linear(torch.autograd.Function):
    """Autograd function of `linear` for matrices, with `product` forward and backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return product(x, weight.T, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        x, weight = ctx.saved_tensors
        bias_grad = grad.sum(dim=0) if ctx.needs_input_grad[2] else None
        return product(grad, weight), product(grad.T, x), bias_grad


def _gains_from_onednn(a: Tensor, b: Tensor) -> bool:
    return (
        switches.ONEDNN_PRODUCTS
        and _HAS_ONEDNN
        and a.device.type == "cpu"
        and a.dtype == b.dtype
        and a.dtype in _TYPES
        and a.numel() * (b.numel() // a.shape[-1]) > _FEW_PRODUCTS
    )
