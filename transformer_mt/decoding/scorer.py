"""What search needs to know of a model, and how a model's logits become that."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor


class State(Protocol):
    """The memory of a scorer between steps: rows hypotheses of batch sentences."""

    def select(self, rows: Tensor, sentences: Tensor | None = None) -> None:
        """Keep these hypotheses, in this order, and the sentences they belong to (None: all).

        rows: (new_rows,) indices, equally many consecutive ones for each sentence kept.
        """


S = TypeVar("S", bound=State)


class Scorer(Protocol[S]):
    """Judges the next token. Search calls `start` once, then `step` again and again."""

    def start(self, src: Tensor) -> S:
        """src: (batch, src_len) -> the state of one empty hypothesis for each sentence."""

    def step(self, tokens: Tensor, state: S) -> Tensor:
        """Append a token to each hypothesis; tokens: (rows,) -> scores (rows, vocab_size).

        Scores are float32 and add up along a hypothesis, as log-probabilities do. The caller may
        overwrite them.
        """


class Logits(Protocol[S]):
    """A model of the next token: a Scorer but for the softmax."""

    def start(self, src: Tensor) -> S:
        """As a Scorer's."""

    def step(self, tokens: Tensor, state: S) -> Tensor:
        """tokens: (rows,) -> logits (rows, vocab_size) of any precision, free to overwrite."""


@dataclass(frozen=True, slots=True)
class LogProbs(Generic[S]):
    """The Scorer of a model that gives logits."""

    model: Logits[S]

    def start(self, src: Tensor) -> S:
        """That of the model."""
        return self.model.start(src)

    def step(self, tokens: Tensor, state: S) -> Tensor:
        """The model's log-probabilities."""
        return log_probs_of(self.model.step(tokens, state))


def log_probs_of(logits: Tensor) -> Tensor:
    """(rows, vocab_size) -> float32 of the same shape, overwritten where that saves memory."""
    logits = logits.float()
    in_place = logits if logits.device.type == "cpu" else None
    return torch.log_softmax(logits, dim=1, out=in_place)
