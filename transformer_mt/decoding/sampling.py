"""Drawing a token from a model's distribution."""

from dataclasses import dataclass

import torch
from torch import Tensor

from transformer_mt.config.limits import check_numbers


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How to draw.

    Raises:
        InvalidValueError: a number outside its limits.
    """

    temperature: float = 1.0
    """Logits are divided by it; 0 takes the likeliest token."""
    top_k: int | None = None
    """Only the likeliest so many are drawn from; None: all of them."""
    top_p: float = 1.0
    """Only the likeliest that together have this probability, or just more, are drawn from, of
    those that `top_k` leaves (nucleus sampling, Holtzman et al. 2020)."""

    def __post_init__(self) -> None:
        check_numbers(temperature=self.temperature, top_k=self.top_k, top_p=self.top_p)


def sample(logits: Tensor, sampling: Sampling, generator: torch.Generator) -> Tensor:
    """Draw a token for each row.

    Args:
        logits: (rows, vocab_size) on any device; -inf: never drawn.
        sampling: how.
        generator: of the CPU, so that every device draws the same.

    Returns:
        (rows,) on the CPU.
    """
    return torch.multinomial(distribution(logits, sampling), 1, generator=generator)[:, 0]


def distribution(logits: Tensor, sampling: Sampling) -> Tensor:
    """The probabilities that tokens are drawn with; of equally likely ones, the first come first.

    Args:
        logits: (rows, vocab_size)
        sampling: how to draw.

    Returns:
        (rows, vocab_size), float64, on the CPU.

    Raises:
        ValueError: a logit is no number, or no token of a row may be drawn.
    """
    logits = logits.cpu().double()
    logits, order = logits.sort(dim=1, descending=True, stable=True)
    if not logits[:, 0].isfinite().all():  # what is no number stands first
        raise ValueError("there is no token to draw")
    logits -= logits[:, :1].clone()
    if sampling.temperature == 0:
        logits[:, 1:] = -torch.inf
    elif sampling.top_k is not None:
        logits[:, sampling.top_k :] = -torch.inf
    probs = (logits / (sampling.temperature or 1)).softmax(dim=1)
    if sampling.top_p < 1:
        before = probs.cumsum(dim=1) - probs
        probs[before >= sampling.top_p] = 0
        probs /= probs.sum(dim=1, keepdim=True)
    return torch.zeros_like(probs).scatter_(1, order, probs)
