"""Scorer protocol of search, and the scorer of a model that returns logits."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor


class State(Protocol):
    """State of a scorer between two steps: rows hypotheses of batch sentences."""

    def select(self, rows: Tensor, sentences: Tensor | None = None) -> None:
        """Keep the hypotheses `rows`, in this order, and their sentences.

        Args:
            rows: (new_rows,) indices of hypotheses, equally many consecutive ones for each
                sentence kept.
            sentences: (new_batch,) indices of sentences; None keeps all sentences.
        """


S = TypeVar("S", bound=State)


class Scorer(Protocol[S]):
    """Source of next-token scores. Search calls `start` once, then `step` for each token."""

    def start(self, src: Tensor) -> S:
        """Return a state of one empty hypothesis for each sentence of src, (batch, src_len)."""

    def step(self, tokens: Tensor, state: S) -> Tensor:
        """Append tokens, (rows,), one to each hypothesis; return scores (rows, vocab_size).

        Scores are float32 and additive along a hypothesis, as log-probabilities are. The caller
        may overwrite the returned tensor.
        """


class Logits(Protocol[S]):
    """Model that returns logits, otherwise like a Scorer."""

    def start(self, src: Tensor) -> S:
        """Return a state of one empty hypothesis for each sentence of src, (batch, src_len)."""

    def step(self, tokens: Tensor, state: S) -> Tensor:
        """Append tokens, (rows,); return logits (rows, vocab_size), which may be overwritten."""


@dataclass(frozen=True, slots=True)
class LogProbs(Generic[S]):
    """Scorer of a model that returns logits."""

    model: Logits[S]

    def start(self, src: Tensor) -> S:
        """Return the initial state of the model for src, (batch, src_len)."""
        return self.model.start(src)

    def step(self, tokens: Tensor, state: S) -> Tensor:
        """Append tokens, (rows,), and return log-probabilities (rows, vocab_size)."""
        return log_probs_of(self.model.step(tokens, state))


def log_probs_of(logits: Tensor) -> Tensor:
    """Return log_softmax of logits, (rows, vocab_size), as float32.

    On a CPU, float32 logits are overwritten to save memory.
    """
    logits = logits.float()
    in_place = logits if logits.device.type == "cpu" else None
    return torch.log_softmax(logits, dim=1, out=in_place)
