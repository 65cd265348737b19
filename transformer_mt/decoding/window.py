"""A language model that reads on where its window ends.

The window holds `max_length` tokens. When it is full and one more comes, the older half leaves and
the newer half is read once more, from the first position on: what a token's context is depends on
its place alone, not on how the text came in.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor


class WindowState(Protocol):
    """The memory of a language model: rows texts, equally long."""

    def select(self, rows: Tensor, sentences: Tensor | None = None) -> None:
        """Keep these texts, in this order; sentences have no meaning here."""


W = TypeVar("W", bound=WindowState)


class WindowModel(Protocol[W]):
    """A language model that reads at most `max_length` tokens."""

    @property
    def max_length(self) -> int:
        """Most tokens that a state may hold."""

    def start(self) -> W:
        """Nothing is read."""

    def extend(self, ids: Tensor, state: W) -> Tensor:
        """Read (rows, len) more -> hidden vectors (rows, len, d_model)."""

    def project(self, hidden: Tensor) -> Tensor:
        """(..., d_model) -> logits (..., vocab_size) of what follows."""


@dataclass(slots=True)
class SlidingState(Generic[W]):
    """A window on texts of any length."""

    window: W
    tokens: Tensor
    """(rows, length) what the window holds."""
    read: int = 0
    """Tokens of a text that were read, those that left the window included."""

    def select(self, rows: Tensor, sentences: Tensor | None = None) -> None:
        """Keep these texts, in this order."""
        self.window.select(rows, sentences)
        self.tokens = self.tokens[rows]


@dataclass(frozen=True, slots=True)
class Sliding(Generic[W]):
    """A language model for texts of any length."""

    model: WindowModel[W]

    def start(self, rows: int, device: torch.device) -> SlidingState[W]:
        """Nothing is read."""
        empty = torch.empty(rows, 0, dtype=torch.long, device=device)
        return SlidingState(self.model.start(), empty)

    def extend(self, tokens: Tensor, state: SlidingState[W]) -> Tensor:
        """Read (rows, len) more -> logits (rows, vocab_size) of what follows the last of them."""
        gone = state.read - state.tokens.shape[1]
        state.read += tokens.shape[1]
        begin = window_start(state.read, self.model.max_length)
        state.tokens = torch.cat((state.tokens, tokens), dim=1)[:, begin - gone :]
        if begin > gone:  # what was read of the window stands at other places now
            state.window = self.model.start()
            tokens = state.tokens
        return self.model.project(self.model.extend(tokens, state.window)[:, -1])


def window_start(length: int, max_length: int) -> int:
    """Index of the first token that the last of `length` tokens sees."""
    step = max_length - max_length // 2
    return max(0, -(-(length - max_length) // step)) * step


class Window(NamedTuple):
    """Some tokens of a text, by their indices."""

    begin: int
    first: int
    """Those before it were the last of the window before: they are context alone."""
    end: int


def windows(length: int, max_length: int) -> Iterator[Window]:
    """Those in which each of `length` tokens sees what it would see if they came one by one."""
    done = 0
    while done < length:
        begin = window_start(done + 1, max_length)
        end = min(begin + max_length, length)
        yield Window(begin, done, end)
        done = end
