"""The encoder-decoder Transformer (Vaswani et al. 2017, figure 1)."""

from dataclasses import dataclass

from torch import Tensor, nn

from transformer_mt.config.tasks import EncoderDecoderConfig
from transformer_mt.fast.linear import Linear
from transformer_mt.model.attention import MultiHeadAttention
from transformer_mt.model.base import BaseModel
from transformer_mt.model.embedding import Embedding
from transformer_mt.model.layers import (
    DecoderLayer,
    EncoderLayer,
    LayerCache,
    final_norm,
)
from transformer_mt.model.masks import causal_mask, padding_mask


@dataclass(slots=True)
class DecoderState:
    """Decoder state between two steps: batch sentences, rows hypotheses.

    rows is a multiple of batch; the hypotheses of one sentence are consecutive rows.
    """

    src_mask: Tensor
    """Source padding mask: (batch, 1, 1, src_len)"""
    caches: list[LayerCache]
    """Caches of the decoder layers, in order."""
    length: int = 0
    """Number of target positions in the caches."""

    def select(self, rows: Tensor, sentences: Tensor | None = None) -> None:
        """Keep the hypotheses `rows`, in this order, and their sentences.

        Args:
            rows: (new_rows,) indices of hypotheses, equally many for each sentence kept.
            sentences: (new_batch,) indices of sentences; None keeps all sentences.
        """
        if sentences is not None:
            self.src_mask = self.src_mask[sentences]
        for cache in self.caches:
            if sentences is not None:
                cache.source = cache.source.select(sentences)
            cache.target.select(rows)


class Transformer(BaseModel):
    """Encoder-decoder Transformer with output projection.

    Training calls `forward` and `project`; decoding calls `start` once and `step` for each token
    (the Logits protocol of `transformer_mt.decoding`).

    Args:
        config: hyperparameters.
        src_vocab_size, tgt_vocab_size: vocabulary sizes; equal with `tied_embeddings` "all".
        pad_id: id of the padding token, which is masked in attention.
    """

    def __init__(
        self, config: EncoderDecoderConfig, src_vocab_size: int, tgt_vocab_size: int, pad_id: int
    ) -> None:
        super().__init__(pad_id)
        self.config = config
        self.src_embedding = Embedding(config, src_vocab_size, pad_id)
        self.tgt_embedding = Embedding(config, tgt_vocab_size, pad_id)
        self.encoder = nn.ModuleList(EncoderLayer(config) for _ in range(config.num_encoder_layers))
        self.decoder = nn.ModuleList(DecoderLayer(config) for _ in range(config.num_decoder_layers))
        self.encoder_norm = final_norm(config)
        self.decoder_norm = final_norm(config)
        self.output = Linear(config.d_model, tgt_vocab_size, bias=config.output_bias)
        self._tie(config)
        self.reset_parameters()

    def _tie(self, config: EncoderDecoderConfig) -> None:
        """Share embedding matrices (section 3.4; Press and Wolf 2017)."""
        if config.tied_embeddings in ("decoder", "all"):
            self.output.weight = self.tgt_embedding.token.weight
        if config.tied_embeddings == "all":
            self.src_embedding.token.weight = self.tgt_embedding.token.weight

    def forward(self, src: Tensor, tgt_in: Tensor) -> Tensor:
        """Compute hidden vectors of all target positions in one teacher-forced pass.

        Args:
            src: (batch, src_len) ids ending in [EOS], padded on the right.
            tgt_in: (batch, tgt_len) ids beginning with [SOS], padded on the right.

        Returns:
            (batch, tgt_len, d_model), which `project` maps to logits.
        """
        length = tgt_in.shape[1]
        causal = causal_mask(length, length, tgt_in.device)
        return self._decode(tgt_in, self.start(src), padding_mask(tgt_in, self.pad_id) & causal)

    def encode(self, src: Tensor) -> Tensor:
        """Encode src, (batch, src_len), to memory, (batch, src_len, d_model)."""
        src_mask = padding_mask(src, self.pad_id)
        x = self.src_embedding(src)
        for layer in self.encoder:
            x = layer(x, src_mask)
        return self.encoder_norm(x)

    def start(self, src: Tensor) -> DecoderState:
        """Encode src, (batch, src_len), and return a state of one empty hypothesis per sentence."""
        memory = self.encode(src)
        caches = [LayerCache(attn.keys_values(memory)) for attn in self.cross_attentions()]
        return DecoderState(padding_mask(src, self.pad_id), caches)

    def step(self, tokens: Tensor, state: DecoderState) -> Tensor:
        """Append tokens, (rows,), one to each hypothesis; return logits (rows, tgt_vocab_size)."""
        return self.project(self._decode(tokens[:, None], state, tgt_mask=None)[:, 0])

    def _decode(self, tgt_in: Tensor, state: DecoderState, tgt_mask: Tensor | None) -> Tensor:
        x = self.tgt_embedding(tgt_in, state.length)
        for layer, cache in zip(self.decoder, state.caches, strict=True):
            x = layer(x, cache, tgt_mask, state.src_mask)
        state.length += tgt_in.shape[1]
        return self.decoder_norm(x)

    def cross_attentions(self) -> list[MultiHeadAttention]:
        """Return the cross-attention module of each decoder layer."""
        return [layer.cross_attn for layer in self.decoder if isinstance(layer, DecoderLayer)]
