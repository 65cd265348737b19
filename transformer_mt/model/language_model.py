"""Decoder-only language model (Radford et al. 2018).

Without cross-attention, a decoder layer is an encoder layer under a causal mask.
"""

from dataclasses import dataclass

from torch import Tensor

from transformer_mt.config.tasks import DecoderOnlyConfig
from transformer_mt.fast.linear import Linear
from transformer_mt.model.attention import Past
from transformer_mt.model.base import SingleStack
from transformer_mt.model.masks import causal_mask


@dataclass(slots=True)
class TextState:
    """Cache of a language model between two steps: one text in each row, all equally long."""

    layers: list[Past]
    length: int = 0
    """Number of tokens of each text."""

    def select(self, rows: Tensor, sentences: Tensor | None = None) -> None:  # noqa: ARG002
        """Keep these rows, (new_rows,) indices, in this order; `sentences` is ignored."""
        for past in self.layers:
            past.select(rows)


class LanguageModel(SingleStack):
    """Causal language model with a context of at most `max_length` tokens."""

    def __init__(
        self, config: DecoderOnlyConfig, vocab_size: int, pad_id: int, max_length: int
    ) -> None:
        super().__init__(config, vocab_size, pad_id, max_length)
        self.output = Linear(config.d_model, vocab_size, bias=False)
        if config.tied_embeddings:
            self.output.weight = self.embedding.token.weight
        self.reset_parameters()

    def forward(self, ids: Tensor) -> Tensor:
        """Map ids, (batch, len), padded on the right, to hidden vectors (batch, len, d_model)."""
        return self.extend(ids, self.start())

    def start(self) -> TextState:
        """Return an empty state; the first `extend` sets the number of rows."""
        return TextState([Past() for _ in self.layers])

    def extend(self, ids: Tensor, state: TextState) -> Tensor:
        """Append ids, (rows, len), to the texts; return hidden vectors (rows, len, d_model)."""
        first, new_len = state.length, ids.shape[1]
        state.length += new_len
        x = self.embedding(ids, first)
        mask = causal_mask(new_len, state.length, ids.device)
        for layer, past in zip(self.layers, state.layers, strict=True):
            x = layer(x, mask, past)
        return self.norm(x)

    def step(self, tokens: Tensor, state: TextState) -> Tensor:
        """Append tokens, (rows,), one to each text; return logits (rows, vocab_size)."""
        return self.project(self.extend(tokens[:, None], state)[:, 0])
