"""The language model: a decoder without a source (Radford et al. 2018).

That is the encoder's layer under a causal mask: a token sees itself and those before it.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from transformer_mt.config.tasks import DecoderOnlyConfig
from transformer_mt.fast.linear import Linear
from transformer_mt.model.attention import Past
from transformer_mt.model.base import BaseModel
from transformer_mt.model.embedding import Embedding
from transformer_mt.model.layers import EncoderLayer, final_norm
from transformer_mt.model.masks import causal_mask


@dataclass(slots=True)
class TextState:
    """What the model keeps of the texts so far, one in each row, all of one length."""

    layers: list[Past]
    length: int = 0

    def select(self, rows: Tensor, sentences: Tensor | None = None) -> None:  # noqa: ARG002
        """Keep these rows, (new_rows,) indices, in this order; a text is its own sentence."""
        for past in self.layers:
            past.select(rows)


class LanguageModel(BaseModel):
    """Predicts each next token from those before it; `max_length` is the most it looks at."""

    def __init__(
        self, config: DecoderOnlyConfig, vocab_size: int, pad_id: int, max_length: int
    ) -> None:
        super().__init__(pad_id)
        self.config = config
        self.max_length = max_length
        learned = max_length if config.positions == "learned" else None
        self.embedding = Embedding(config, vocab_size, pad_id, learned)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.num_layers))
        self.norm = final_norm(config)
        self.output = Linear(config.d_model, vocab_size, bias=False)
        if config.tied_embeddings:
            self.output.weight = self.embedding.token.weight
        self.reset_parameters()

    def forward(self, ids: Tensor) -> Tensor:
        """ids: (batch, len), padded on the right -> hidden vectors (batch, len, d_model)."""
        return self.extend(ids, self.start())

    def start(self) -> TextState:
        """Nothing yet; the first tokens tell how many rows there are."""
        return TextState([Past() for _ in self.layers])

    def extend(self, ids: Tensor, state: TextState) -> Tensor:
        """Append tokens to each text; ids: (rows, len) -> hidden vectors (rows, len, d_model)."""
        first, new_len = state.length, ids.shape[1]
        state.length += new_len
        x = self.embedding(ids, first)
        mask = causal_mask(new_len, state.length, ids.device)
        for layer, past in zip(self.layers, state.layers, strict=True):
            x = layer(x, mask, past)
        hidden: Tensor = self.norm(x)
        return hidden

    def step(self, tokens: Tensor, state: TextState) -> Tensor:
        """Append one token to each text; tokens: (rows,) -> logits (rows, vocab_size)."""
        return self.project(self.extend(tokens[:, None], state)[:, 0])
