"""Sampling of tokens with temperature, top-k and top-p."""

from dataclasses import dataclass

import torch
from torch import Tensor

from transformer_mt.config.limits import check_numbers


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """Options of token sampling.

    Raises:
        InvalidValueError: a number outside its limits.
    """

    temperature: float = 1.0
    """Divisor of the logits; 0 returns the most probable token."""
    top_k: int | None = None
    """Number of most probable tokens to sample from; None: all tokens."""
    top_p: float = 1.0
    """Probability mass of the smallest set of most probable tokens to sample from, after `top_k`
    (nucleus sampling, Holtzman et al. 2020)."""

    def __post_init__(self) -> None:
        check_numbers(temperature=self.temperature, top_k=self.top_k, top_p=self.top_p)


def sample(logits: Tensor, sampling: Sampling, generator: torch.Generator) -> Tensor:
    """Sample one token for each row.

    Args:
        logits: (rows, vocab_size) on any device; -inf: never sampled.
        sampling: sampling options.
        generator: CPU generator, so that every device samples the same tokens.

    Returns:
        Token ids, (rows,), on the CPU.
    """
    return torch.multinomial(distribution(logits, sampling), 1, generator=generator)[:, 0]


def distribution(logits: Tensor, sampling: Sampling) -> Tensor:
    """Return the sampling probabilities of all tokens; ties are broken by the lower token id.

    Args:
        logits: (rows, vocab_size)
        sampling: sampling options.

    Returns:
        (rows, vocab_size), float64, on the CPU.

    Raises:
        ValueError: a logit is NaN or +inf, or all logits of a row are -inf.
    """
    logits = logits.cpu().double()
    logits, order = logits.sort(dim=1, descending=True, stable=True)
    if not logits[:, 0].isfinite().all():  # NaN sorts first
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
