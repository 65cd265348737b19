"""Shallow fusion: a language model has a say in each step of a search (Gulcehre et al. 2015).

A hypothesis is worth log p(target | source) + weight * log p(target), [EOS] included.
"""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from transformer_mt.config.limits import check_numbers
from transformer_mt.decoding.scorer import Scorer, State, log_probs_of
from transformer_mt.decoding.window import (
    Sliding,
    SlidingState,
    W,
    WindowModel,
)

S = TypeVar("S", bound=State)
T = TypeVar("T", bound=State)


@dataclass(frozen=True, slots=True)
class LanguageModelFusion:
    """A language model that a search asks, and what its word counts.

    Raises:
        ConfigError: the weight is negative or no number.
    """

    model: WindowModel[Any]
    """In evaluation mode, on the device of the search; its tokens are those of the search."""
    weight: float
    """Of its log-probabilities; those of the translator have 1."""
    start_id: int
    """What stands before a text."""

    def __post_init__(self) -> None:
        check_numbers(lm_weight=self.weight)

    def with_scorer(self, scorer: Scorer[Any]) -> Scorer[Any]:
        """Both together."""
        return Fused(scorer, LanguageModelScorer(self.model, self.start_id), self.weight)


@dataclass(slots=True)
class FusedState(Generic[S, T]):
    """Those of two scorers, with the same hypotheses."""

    first: S
    second: T

    def select(self, rows: Tensor, sentences: Tensor | None = None) -> None:
        """In both."""
        self.first.select(rows, sentences)
        self.second.select(rows, sentences)


@dataclass(frozen=True, slots=True)
class Fused(Generic[S, T]):
    """The Scorer that adds a second one's scores, times a weight, to those of a first one."""

    first: Scorer[S]
    second: Scorer[T]
    weight: float

    def start(self, src: Tensor) -> FusedState[S, T]:
        """Both begin."""
        return FusedState(self.first.start(src), self.second.start(src))

    def step(self, tokens: Tensor, state: FusedState[S, T]) -> Tensor:
        """The weighted sum."""
        scores = self.first.step(tokens, state.first)
        return scores.add_(self.second.step(tokens, state.second), alpha=self.weight)


@dataclass(frozen=True, slots=True)
class LanguageModelScorer(Generic[W]):
    """The Scorer of a language model, which reads nothing of the source.

    What grows beyond the model's window is judged by its newer half.
    """

    model: WindowModel[W]
    start_id: int
    """What it reads where the search begins."""

    def start(self, src: Tensor) -> SlidingState[W]:
        """One empty text for each sentence of src, (batch, src_len)."""
        return Sliding(self.model).start(len(src), src.device)

    def step(self, tokens: Tensor, state: SlidingState[W]) -> Tensor:
        """Log-probabilities; the search's own first token gives way to `start_id`."""
        if state.read == 0:
            tokens = torch.full_like(tokens, self.start_id)
        return log_probs_of(Sliding(self.model).extend(tokens[:, None], state))
