"""Label-smoothed cross-entropy (Szegedy et al. 2016; Vaswani et al. 2017, section 5.4)."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

_CHUNK = 256
"""Positions whose logits are in memory at a time on a CPU: small enough to stay in its cache."""


def label_smoothed_loss(
    hidden: Tensor, weight: Tensor, targets: Tensor, pad_id: int, smoothing: float
) -> Tensor:
    """Cross-entropy of the projected hidden vectors, summed over all real target positions.

    The target has probability 1 - smoothing + smoothing / vocab_size, every other token
    smoothing / vocab_size.

    Args:
        hidden: (batch, tgt_len, d_model)
        weight: (vocab_size, d_model) of the projection
        targets: (batch, tgt_len) ids; those equal to pad_id do not count.
        pad_id: the padding token.
        smoothing: share of probability spread evenly over the vocabulary.

    Returns:
        A scalar: the sum, to be divided by the number of tokens of the whole update.
    """
    real = targets != pad_id
    hidden, targets = hidden[real], targets[real]  # (tokens, d_model), (tokens,)
    if hidden.device.type == "cpu" and torch.is_grad_enabled():
        loss: Tensor = _ChunkedLoss.apply(hidden, weight, targets, smoothing)  # type: ignore[no-untyped-call]
        return loss
    return plain_loss(hidden, weight, targets, smoothing)


def plain_loss(hidden: Tensor, weight: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """The formula as it stands; hidden: (tokens, d_model), targets: (tokens,) -> scalar sum."""
    logits = F.linear(hidden, weight).float()
    return F.cross_entropy(logits, targets, label_smoothing=smoothing, reduction="sum")


class _ChunkedLoss(torch.autograd.Function):
    """The same value and gradients, a few positions at a time.

    The gradient is computed together with the value while the logits are still in the cache, and
    the whole (tokens, vocab_size) matrix, which costs most of the time on a CPU, never exists.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, smoothing: float
    ) -> Tensor:
        hidden_grad, weight_grad = torch.empty_like(hidden), torch.zeros_like(weight)
        vocab_size = weight.shape[0]
        uniform = smoothing / vocab_size
        total = hidden.new_zeros((), dtype=torch.float64)
        for start in range(0, len(hidden), _CHUNK):
            rows = slice(start, start + _CHUNK)
            logits = hidden[rows] @ weight.T
            column = targets[rows, None]
            normalizer = logits.logsumexp(dim=1, keepdim=True)
            expected = (1 - smoothing) * logits.gather(1, column) + uniform * logits.sum(
                dim=1, keepdim=True
            )
            total += (normalizer - expected).sum(dtype=torch.float64)
            gradient = logits.sub_(normalizer).exp_().sub_(uniform)  # softmax - smoothed target
            gradient.scatter_add_(1, column, gradient.new_full(column.shape, smoothing - 1))
            torch.mm(gradient, weight, out=hidden_grad[rows])
            weight_grad.addmm_(gradient.T, hidden[rows])
        ctx.save_for_backward(hidden_grad, weight_grad)
        return total.to(hidden.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, loss_grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        hidden_grad, weight_grad = ctx.saved_tensors
        return hidden_grad * loss_grad, weight_grad * loss_grad, None, None
