"""Selection of the most probable continuations of each sentence in a beam search."""

from typing import NamedTuple

import torch
from torch import Tensor

from transformer_mt.fast import switches

_GROUP = 64
"""Number of neighbouring tokens in a group, represented first by the best token."""


class Continuations(NamedTuple):
    """Best continuations of each sentence, best first; each field (batch, width)."""

    log_probs: Tensor
    parents: Tensor
    """Index in the beam of the hypothesis that the token continues."""
    tokens: Tensor


def top_continuations(log_probs: Tensor, so_far: Tensor, width: int) -> Continuations:
    """Return the continuations of the greatest log-probability.

    The best `width` tokens are in the `width` groups of tokens with the greatest maxima, so that
    most tokens are read only once, for the maximum of their group.

    Args:
        log_probs: (batch * beam, vocab_size) of each token after each hypothesis.
        so_far: (batch, beam) log-probabilities of the hypotheses.
        width: number of continuations; all of them where a beam has fewer.
    """
    batch, beam = so_far.shape
    vocab_size = log_probs.shape[1]
    if not switches.GROUPED_TOP_K or vocab_size <= width * _GROUP:
        scores = (log_probs.view(batch, beam, vocab_size) + so_far[:, :, None]).flatten(1)
        best, places = scores.topk(min(width, scores.shape[1]))
        return Continuations(best, places // vocab_size, places % vocab_size)
    maxima = _group_maxima(log_probs)
    num_groups = maxima.shape[1]
    scores = (maxima.view(batch, beam, num_groups) + so_far[:, :, None]).flatten(1)
    groups = scores.topk(width, sorted=False).indices
    parents = (groups // num_groups)[:, :, None]
    first = (groups % num_groups * _GROUP)[:, :, None]
    tokens = first + torch.arange(_GROUP, device=groups.device)  # (batch, width, _GROUP)
    places = parents * vocab_size + tokens.clamp(max=vocab_size - 1)
    scores = log_probs.view(batch, -1).gather(1, places.flatten(1)).view(tokens.shape)
    scores = scores + so_far.gather(1, parents[:, :, 0])[:, :, None]
    scores = scores.masked_fill_(tokens >= vocab_size, -torch.inf).flatten(1)
    best, places = scores.topk(width)
    return Continuations(
        best, parents[:, :, 0].gather(1, places // _GROUP), tokens.flatten(1).gather(1, places)
    )


def _group_maxima(log_probs: Tensor) -> Tensor:
    """Return group maxima: (rows, vocab_size) -> (rows, num_groups); the last may be smaller."""
    maxima = log_probs.unfold(1, _GROUP, _GROUP).amax(dim=2)
    rest = log_probs[:, maxima.shape[1] * _GROUP :]
    return torch.cat((maxima, rest.amax(dim=1, keepdim=True)), dim=1) if rest.numel() else maxima
