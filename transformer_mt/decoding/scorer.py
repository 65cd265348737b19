"""What search needs to know of a model."""

from typing import Protocol, TypeVar

from torch import Tensor


class State(Protocol):
    """The memory of a scorer between steps: rows hypotheses of batch sentences."""

    def select(self, rows: Tensor, sentences: Tensor | None = None) -> None:
        """Keep these hypotheses, in this order, and the sentences they belong to (None: all).

        rows: (new_rows,) indices, equally many consecutive ones for each sentence kept.
        """


S = TypeVar("S", bound=State)


class Scorer(Protocol[S]):
    """A model of the next token. Search calls `start` once, then `step` again and again."""

    def start(self, src: Tensor) -> S:
        """src: (batch, src_len) -> the state of one empty hypothesis for each sentence."""

    def step(self, tokens: Tensor, state: S) -> Tensor:
        """Append a token to each hypothesis; tokens: (rows,) -> logits (rows, vocab_size).

        The search overwrites these logits.
        """
