"""Log-probabilities of target tokens, computed in chunks of positions to save memory."""

from collections.abc import Callable

import torch
from torch import Tensor

_CHUNK = 1024
"""Number of positions whose logits are in memory at a time."""


def log_probs_of_targets(
    project: Callable[[Tensor], Tensor], hidden: Tensor, targets: Tensor
) -> Tensor:
    """Return the log-probability of each target token: log_softmax(logits)[target].

    Args:
        project: maps hidden vectors (..., d_model) to logits (..., vocab_size)
        hidden: (batch, len, d_model)
        targets: token ids, (batch, len)

    Returns:
        (batch, len), float32
    """
    parts = zip(hidden.flatten(0, 1).split(_CHUNK), targets.flatten().split(_CHUNK), strict=True)
    chosen = [
        logits.gather(1, wanted[:, None])[:, 0] - logits.logsumexp(dim=1)
        for part, wanted in parts
        for logits in (project(part).float(),)
    ]
    return torch.cat(chosen).view(targets.shape)
