"""Label-smoothed cross-entropy (Szegedy et al. 2016; Vaswani et al. 2017, section 5.4)."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from transformer_mt.fast import switches
from transformer_mt.fast.linear import product

_CHUNK = 128
"""Positions whose logits are in memory at a time on a CPU: few enough for the CPU's cache."""


def label_smoothed_loss(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    pad_id: int,
    smoothing: float,
    bias: Tensor | None = None,
) -> Tensor:
    """Return the cross-entropy of projected hidden vectors, summed over real target positions.

    The target has probability 1 - smoothing + smoothing / vocab_size, every other token
    smoothing / vocab_size.

    Args:
        hidden: (batch, tgt_len, d_model)
        weight: (vocab_size, d_model) of the projection
        targets: (batch, tgt_len) ids; those equal to pad_id do not count.
        pad_id: the padding token.
        smoothing: share of probability spread evenly over the vocabulary.
        bias: (vocab_size,) of the projection, if it has one.

    Returns:
        A scalar: the sum, to be divided by the number of tokens of the whole update.
    """
    real = targets != pad_id
    hidden, targets = hidden[real], targets[real]  # (tokens, d_model), (tokens,)
    if (
        bias is not None
    ):  # the bias becomes the weight of one more dimension, in which every hidden vector is 1
        hidden = F.pad(hidden, (0, 1), value=1.0)
        weight = torch.cat((weight, bias[:, None]), dim=1)
    if hidden.device.type == "cpu" and torch.is_grad_enabled() and switches.CHUNKED_LOSS:
        return _ChunkedLoss.apply(hidden, weight, targets, smoothing)  # type: ignore[no-untyped-call]
    return plain_loss(hidden, weight, targets, smoothing)


def plain_loss(hidden: Tensor, weight: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """Return the loss by the plain formula: (tokens, d_model), (tokens,) -> scalar sum."""
    logits = F.linear(hidden, weight).float()
    return F.cross_entropy(logits, targets, label_smoothing=smoothing, reduction="sum")


class _ChunkedLoss(torch.autograd.Function):
    """Autograd function of `plain_loss` that processes a few positions at a time.

    The gradient is computed together with the value while the logits are still in the cache, and
    the whole (tokens, vocab_size) matrix, which costs most of the time on a CPU, never exists. The
    uniform part of the smoothed target needs no pass over the vocabulary: it is the same for all
    positions, and is subtracted at the end.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, smoothing: float
    ) -> Tensor:
        autocast = torch.is_autocast_enabled("cpu")
        products = torch.get_autocast_dtype("cpu") if autocast else hidden.dtype
        hidden_cast, weight_cast = hidden.to(products), weight.to(products)
        hidden_grad = torch.empty_like(hidden, dtype=weight.dtype)
        weight_grad = torch.zeros_like(weight)
        total = torch.zeros((), dtype=torch.float64)
        for start in range(0, len(hidden), _CHUNK):
            rows = slice(start, start + _CHUNK)
            column = targets[rows, None]
            logits = product(hidden_cast[rows], weight_cast.T).to(weight.dtype)
            correct = logits.gather(1, column)
            probabilities = logits.softmax(dim=1)
            # log sum exp, from what softmax has done already: max p = exp(max logit) / sum exp
            normalizer = logits.amax(dim=1) - probabilities.amax(dim=1).log()
            total += normalizer.sum(dtype=torch.float64) - (1 - smoothing) * correct.sum()
            probabilities.scatter_add_(1, column, torch.full_like(correct, smoothing - 1))
            probabilities = probabilities.to(products)
            hidden_grad[rows] = product(probabilities, weight_cast)
            weight_grad += product(probabilities.T, hidden_cast[rows])
        uniform = smoothing / weight.shape[0]
        hidden_sum, weight_sum = hidden.sum(dim=0, dtype=weight.dtype), weight.sum(dim=0)
        hidden_grad -= uniform * weight_sum
        weight_grad -= uniform * hidden_sum
        total -= uniform * (hidden_sum @ weight_sum)
        ctx.save_for_backward(hidden_grad, weight_grad)
        ctx.hidden_dtype = hidden.dtype
        return total.to(weight.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, loss_grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        hidden_grad, weight_grad = ctx.saved_tensors
        hidden_grad, weight_grad = hidden_grad * loss_grad, weight_grad * loss_grad
        return hidden_grad.to(ctx.hidden_dtype), weight_grad, None, None
