"""Shallow fusion of a translation model with a language model (Gulcehre et al. 2015).

The score of a hypothesis is log p(tgt | src) + weight * log p(tgt), including [EOS].
"""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from transformer_mt.config.limits import check_numbers
from transformer_mt.decoding.scorer import S, Scorer, State, log_probs_of
from transformer_mt.decoding.window import Sliding, SlidingState, W, WindowModel

T = TypeVar("T", bound=State)


@dataclass(frozen=True, slots=True)
class LanguageModelFusion:
    """Language model and weight for shallow fusion.

    Raises:
        ConfigError: the weight is negative or not a number.
    """

    model: WindowModel[Any]
    """Language model in evaluation mode, on the device and with the vocabulary of the search."""
    weight: float
    """Weight of the language model log-probabilities; the translation model has weight 1."""
    start_id: int
    """Token id that precedes the first token of a text."""

    def __post_init__(self) -> None:
        check_numbers(lm_weight=self.weight)

    def with_scorer(self, scorer: Scorer[Any]) -> Scorer[Any]:
        """Return the fusion of a translation scorer with the language model."""
        return Fused(scorer, LanguageModelScorer(self.model, self.start_id), self.weight)


@dataclass(slots=True)
class FusedState(Generic[S, T]):
    """States of two scorers, with the same hypotheses."""

    first: S
    second: T

    def select(self, rows: Tensor, sentences: Tensor | None = None) -> None:
        """Keep the hypotheses `rows` in the states of both scorers."""
        self.first.select(rows, sentences)
        self.second.select(rows, sentences)


@dataclass(frozen=True, slots=True)
class Fused(Generic[S, T]):
    """Scorer that returns the scores of `first` + weight * the scores of `second`."""

    first: Scorer[S]
    second: Scorer[T]
    weight: float

    def start(self, src: Tensor) -> FusedState[S, T]:
        """Start both scorers on src, (batch, src_len)."""
        return FusedState(self.first.start(src), self.second.start(src))

    def step(self, tokens: Tensor, state: FusedState[S, T]) -> Tensor:
        """Append tokens, (rows,), and return the weighted sum of scores, (rows, vocab_size)."""
        scores = self.first.step(tokens, state.first)
        return scores.add_(self.second.step(tokens, state.second), alpha=self.weight)


@dataclass(frozen=True, slots=True)
class LanguageModelScorer(Generic[W]):
    """Scorer of a language model, which ignores the source.

    Hypotheses longer than the context of the model are scored with a sliding window.
    """

    model: WindowModel[W]
    start_id: int
    """Token id that replaces the first token of the search."""

    def start(self, src: Tensor) -> SlidingState[W]:
        """Return a state of one empty text for each sentence of src, (batch, src_len)."""
        return Sliding(self.model).start(len(src), src.device)

    def step(self, tokens: Tensor, state: SlidingState[W]) -> Tensor:
        """Append tokens, (rows,), and return log-probabilities (rows, vocab_size).

        The first token of the search is replaced by `start_id`.
        """
        if state.read == 0:
            tokens = torch.full_like(tokens, self.start_id)
        return log_probs_of(Sliding(self.model).extend(tokens[:, None], state))
