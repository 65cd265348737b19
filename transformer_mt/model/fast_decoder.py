"""Fast decoder for search: the same formulas as `Transformer.step` in fewer, larger operations.

Tests compare the logits with `Transformer.step`. The differences:

- The cache is not reordered when the beam changes. Keys and values stay in the slot where they
  were written; every hypothesis of a sentence attends to all slots of the sentence, under a mask
  that hides the slots of other hypotheses.
- One matrix product computes queries, keys and values; another one computes the keys and values of
  the source for all layers.
- Attention covers at least 16 positions, padded by masked ones: softmax over fewer is ten times as
  slow on a CPU.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from transformer_mt.fast.linear import linear
from transformer_mt.model.attention import SHORT_ROW
from transformer_mt.model.layers import DecoderLayer, Residual
from transformer_mt.model.masks import padding_mask
from transformer_mt.model.transformer import Transformer


@dataclass(slots=True)
class FastState:
    """Decoder state between two steps: batch sentences with beam hypotheses each.

    A slot holds the keys and values of one hypothesis at one step; the first `slots` are filled.
    """

    source: Tensor
    """Keys and values of the source: (num_layers, 2, batch, num_heads, src_len, head_dim)"""
    source_bias: Tensor
    """Source mask, 0 (may attend) or -inf: (batch, num_heads, 1, src_len)"""
    target: Tensor
    """Keys and values of the target: (num_layers, 2, batch, num_heads, capacity, head_dim)"""
    target_bias: Tensor
    """Mask of slots for each hypothesis, 0 (may attend) or -inf: (batch, beam, capacity)"""
    length: int = 0
    """Number of decoding steps so far."""
    slots: int = 0
    """Number of filled slots."""

    def select(self, rows: Tensor, sentences: Tensor | None = None) -> None:
        """Keep the hypotheses `rows`, in this order, and their sentences.

        Args:
            rows: (new_rows,) indices of hypotheses, equally many for each sentence kept.
            sentences: (new_batch,) indices of sentences; None keeps all sentences.
        """
        if sentences is not None:
            count = len(sentences)
            moved = (sentences != torch.arange(count, device=sentences.device)).nonzero()[:, 0]
            for cache in (self.source, self.filled):
                cache[:, :, moved] = cache[:, :, sentences[moved]]
            self.source, self.target = self.source[:, :, :count], self.target[:, :, :count]
            self.source_bias = self.source_bias[sentences]
        batch = self.target.shape[2]
        self.target_bias = self.target_bias.flatten(0, 1)[rows].unflatten(0, (batch, -1))

    @property
    def filled(self) -> Tensor:
        """Return the attended part of `target`: the filled slots, at least SHORT_ROW."""
        return self.target[..., : max(self.slots, SHORT_ROW), :]

    def add_slots(self) -> None:
        """Add one slot for each hypothesis, hidden from the other hypotheses."""
        first, self.slots = self.slots, self.slots + self.target_bias.shape[1]
        capacity = self.target_bias.shape[2]
        if self.slots > capacity:
            more = max(self.slots - capacity, capacity)
            shape = (*self.target.shape[:4], capacity + more, self.target.shape[5])
            target = self.target.new_empty(shape)
            target[..., :first, :] = self.target[..., :first, :]
            self.target = target
            self.target_bias = F.pad(self.target_bias, (0, more), value=-torch.inf)
        self.target_bias[:, :, first : self.slots].diagonal(dim1=1, dim2=2).zero_()


class FastDecoder:
    """Fast equivalent of `Transformer.start` and `Transformer.step`.

    Args:
        model: in evaluation mode; the parameters must not change afterwards.
    """

    def __init__(self, model: Transformer) -> None:
        self.model = model
        self.layers = [_Layer(layer) for layer in model.decoder if isinstance(layer, DecoderLayer)]
        projections = [(each.k_proj, each.v_proj) for each in model.cross_attentions()]
        self.source_projection = _joined([proj for pair in projections for proj in pair])
        self.output = _Affine(model.output.weight.detach(), model.output.bias)

    def start(self, src: Tensor) -> FastState:
        """Encode src, (batch, src_len), and return a state of one empty hypothesis per sentence."""
        num_layers, num_heads = len(self.layers), self.model.config.num_heads
        mask = padding_mask(src, self.model.pad_id)
        source = self.source_projection(self.model.encode(src))
        source = source.unflatten(2, (num_layers, 2, num_heads, -1)).permute(2, 3, 0, 4, 1, 5)
        bias = source.new_zeros(mask.shape).masked_fill_(~mask, -torch.inf)
        padding = max(SHORT_ROW - src.shape[1], 0)
        target_shape = (num_layers, 2, len(src), num_heads, SHORT_ROW, source.shape[-1])
        return FastState(
            source=F.pad(source, (0, 0, 0, padding)).contiguous(),
            source_bias=F.pad(bias, (0, padding), value=-torch.inf).repeat(1, num_heads, 1, 1),
            target=source.new_zeros(target_shape),
            target_bias=source.new_full((len(src), 1, SHORT_ROW), -torch.inf),
        )

    def step(self, tokens: Tensor, state: FastState) -> Tensor:
        """Append tokens, (rows,), one to each hypothesis, and return logits (rows, vocab_size)."""
        x: Tensor = self.model.tgt_embedding(tokens[:, None], state.length)[:, 0]
        first = state.slots
        state.add_slots()
        state.length += 1
        new = state.target[..., first : state.slots, :]
        past = state.filled
        past_bias = state.target_bias[:, None, :, : past.shape[4]]
        past_bias = past_bias.expand(-1, past.shape[3], -1, -1).flatten(0, 1)
        source_bias = state.source_bias.flatten(0, 1)
        caches = zip(self.layers, new, past, state.source, strict=True)
        for layer, layer_new, layer_past, layer_source in caches:
            x = layer(x, layer_new, layer_past, layer_source, past_bias, source_bias)
        return self.output(self.model.decoder_norm(x))


class _Affine(NamedTuple):
    """Affine map x W^T + b; weight: (out_features, in_features), bias: (out_features,) or None."""

    weight: Tensor
    bias: Tensor | None

    def __call__(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)


def _joined(layers: Sequence[nn.Linear]) -> _Affine:
    """Concatenate projections of the same input into one, along the output features."""
    weight = torch.cat([layer.weight.detach() for layer in layers])
    return _Affine(weight, torch.cat([layer.bias.detach() for layer in layers]))


def _alone(layer: nn.Linear) -> _Affine:
    return _Affine(layer.weight.detach(), layer.bias.detach())


class _Norm:
    """Layer normalisation with detached parameters."""

    def __init__(self, norm: nn.LayerNorm) -> None:
        self.weight, self.bias, self.eps = norm.weight.detach(), norm.bias.detach(), norm.eps

    def __call__(self, x: Tensor) -> Tensor:
        return torch.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


class _Layer:
    """Decoder layer applied to one position of each hypothesis."""

    def __init__(self, layer: DecoderLayer) -> None:
        attn, cross = layer.self_attn, layer.cross_attn
        self.qkv = _joined([attn.q_proj, attn.k_proj, attn.v_proj])
        self.attn_out = _alone(attn.out_proj)
        self.cross_q = _alone(cross.q_proj)
        self.cross_out = _alone(cross.out_proj)
        self.inner = _alone(layer.feed_forward.inner)
        self.outer = _alone(layer.feed_forward.outer)
        self.activation = layer.feed_forward.activation
        residuals = [each for each in layer.residuals if isinstance(each, Residual)]
        self.norms = [_Norm(each.norm) for each in residuals]
        self.pre_norm = residuals[0].pre_norm

    def __call__(
        self,
        x: Tensor,
        new: Tensor,
        past: Tensor,
        source: Tensor,
        past_bias: Tensor,
        source_bias: Tensor,
    ) -> Tensor:
        """Apply the layer to x, (rows, d_model); return the same shape.

        Args:
            x: rows = batch * beam
            new: view of `past` that receives the keys and values of x, (2, batch, num_heads, beam,
                head_dim)
            past: (2, batch, num_heads, past_len, head_dim)
            source: (2, batch, num_heads, src_len, head_dim)
            past_bias: (batch * num_heads, beam, past_len)
            source_bias: (batch * num_heads, 1, src_len)
        """
        split = (new.shape[1], new.shape[3], -1, *new.shape[2::2])

        def attend_to_target(h: Tensor) -> Tensor:
            qkv = self.qkv(h).view(split).permute(2, 0, 3, 1, 4)
            new.copy_(qkv[1:])
            return self.attn_out(_attend(qkv[0], past, past_bias))

        def attend_to_source(h: Tensor) -> Tensor:
            q = self.cross_q(h).view(split).permute(2, 0, 3, 1, 4)
            return self.cross_out(_attend(q[0], source, source_bias))

        def feed_forward(h: Tensor) -> Tensor:
            return self.outer(self.activation(self.inner(h)))

        sublayers = (attend_to_target, attend_to_source, feed_forward)
        for norm, sublayer in zip(self.norms, sublayers, strict=True):
            x = x + sublayer(norm(x)) if self.pre_norm else norm(x + sublayer(x))
        return x


def _attend(q: Tensor, source: Tensor, bias: Tensor) -> Tensor:
    """Compute softmax(q k^T / sqrt(head_dim) + bias) v.

    Args:
        q: (batch, num_heads, beam, head_dim)
        source: keys and values, (2, batch, num_heads, key_len, head_dim)
        bias: (batch * num_heads, beam or 1, key_len)

    Returns:
        (batch * beam, num_heads * head_dim)
    """
    keys, values = source.flatten(1, 2)
    scale = 1 / math.sqrt(q.shape[-1])
    scores = torch.baddbmm(bias, q.flatten(0, 1), keys.mT, alpha=scale)
    heads = torch.bmm(scores.softmax(dim=-1), values)
    return heads.view(q.shape).transpose(1, 2).reshape(q.shape[0] * q.shape[2], -1)
