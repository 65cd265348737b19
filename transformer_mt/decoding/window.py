"""Sliding window of a language model, for texts longer than its context.

The window holds `max_length` tokens. When a token is added to a full window, the older half is
dropped and the newer half is encoded again from position 0. The context of a token thus depends
on the index of the token alone, not on how the text was divided into calls.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from transformer_mt.decoding.scorer import State

W = TypeVar("W", bound=State)


class WindowModel(Protocol[W]):
    """Language model with a context of at most `max_length` tokens."""

    @property
    def max_length(self) -> int:
        """Return the maximum number of tokens of a state."""

    def start(self) -> W:
        """Return an empty state."""

    def extend(self, ids: Tensor, state: W) -> Tensor:
        """Append ids, (rows, len), to the texts; return hidden vectors (rows, len, d_model)."""

    def project(self, hidden: Tensor) -> Tensor:
        """Map hidden vectors (..., d_model) to logits (..., vocab_size) of the next token."""


@dataclass(slots=True)
class SlidingState(Generic[W]):
    """State of a sliding window over texts."""

    window: W
    tokens: Tensor
    """Token ids in the window: (rows, window_len)"""
    read: int = 0
    """Number of tokens read so far, including tokens dropped from the window."""

    def select(self, rows: Tensor, sentences: Tensor | None = None) -> None:
        """Keep the texts `rows`, (new_rows,) indices, in this order."""
        self.window.select(rows, sentences)
        self.tokens = self.tokens[rows]


@dataclass(frozen=True, slots=True)
class Sliding(Generic[W]):
    """Sliding-window language model for texts of any length."""

    model: WindowModel[W]

    def start(self, rows: int, device: torch.device) -> SlidingState[W]:
        """Return the state of `rows` empty texts."""
        empty = torch.empty(rows, 0, dtype=torch.long, device=device)
        return SlidingState(self.model.start(), empty)

    def extend(self, tokens: Tensor, state: SlidingState[W]) -> Tensor:
        """Append tokens, (rows, len); return the logits of the next token, (rows, vocab_size)."""
        gone = state.read - state.tokens.shape[1]
        state.read += tokens.shape[1]
        begin = window_start(state.read, self.model.max_length)
        state.tokens = torch.cat((state.tokens, tokens), dim=1)[:, begin - gone :]
        if begin > gone:  # the positions in the window have changed
            state.window = self.model.start()
            tokens = state.tokens
        return self.model.project(self.model.extend(tokens, state.window)[:, -1])


def window_start(length: int, max_length: int) -> int:
    """Return the index of the first token in the context of the last of `length` tokens."""
    step = max_length - max_length // 2
    return max(0, -(-(length - max_length) // step)) * step


class Window(NamedTuple):
    """Range of token indices of a text, [begin, end)."""

    begin: int
    first: int
    """Index of the first token to predict; tokens before `first` are context alone."""
    end: int


def windows(length: int, max_length: int) -> Iterator[Window]:
    """Yield windows in which each of `length` tokens has the context of step-by-step reading."""
    done = 0
    while done < length:
        begin = window_start(done + 1, max_length)
        end = min(begin + max_length, length)
        yield Window(begin, done, end)
        done = end
