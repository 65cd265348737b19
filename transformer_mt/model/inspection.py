"""Attention weights of a trained Transformer, recorded by forward hooks."""

import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from transformer_mt.model.attention import MultiHeadAttention
from transformer_mt.model.transformer import Transformer


class AttentionWeights(NamedTuple):
    """Softmax weights of every layer and head; each row sums to 1, with 0 for padding keys.

    encoder: (num_layers, batch, num_heads, src_len, src_len)
    decoder: (num_layers, batch, num_heads, tgt_len, tgt_len)
    cross: (num_layers, batch, num_heads, tgt_len, src_len)
    """

    encoder: Tensor
    decoder: Tensor
    cross: Tensor


def alignment_layer(num_decoder_layers: int) -> int:
    """Return the index of the decoder layer whose cross-attention is used for word alignment.

    The mean over the heads of the penultimate layer aligns best (Garg et al. 2019, section 3.2).
    """
    return max(num_decoder_layers - 2, 0)


def attention_weights(model: Transformer, src: Tensor, tgt_in: Tensor) -> AttentionWeights:
    """Return all attention weights of one teacher-forced pass.

    Args:
        model: in evaluation mode.
        src: (batch, src_len) ids.
        tgt_in: (batch, tgt_len) ids, as for `Transformer.forward`.
    """

    def stack(part: str, kind: str) -> Tensor:
        return torch.stack(
            [w for name, w in weights.items() if name.startswith(part) and name.endswith(kind)]
        )

    weights = _recorded(model, src, tgt_in)
    return AttentionWeights(
        encoder=stack("encoder", "self_attn"),
        decoder=stack("decoder", "self_attn"),
        cross=stack("decoder", "cross_attn"),
    )


def alignment_weights(model: Transformer, src: Tensor, tgt_in: Tensor) -> Tensor:
    """Return the mean over heads of the cross-attention of `alignment_layer`, teacher-forced.

    Args:
        model: in evaluation mode.
        src: (batch, src_len) ids.
        tgt_in: (batch, tgt_len) ids.

    Returns:
        (batch, tgt_len, src_len)
    """
    name = f"decoder.{alignment_layer(len(model.decoder))}.cross_attn"
    return _recorded(model, src, tgt_in, only=name)[name].mean(dim=1)


@torch.no_grad()
def _recorded(
    model: Transformer, src: Tensor, tgt_in: Tensor, only: str | None = None
) -> dict[str, Tensor]:
    """Record attention weights in a forward pass, by module name; `only`: of this module alone."""
    recorded: dict[str, Tensor] = {}

    def record(module: nn.Module, args: Any, _: Tensor) -> None:
        assert isinstance(module, MultiHeadAttention)
        recorded[names[module]] = module.weights(*args)

    twin = _twin(model)
    names = {
        module: name
        for name, module in twin.named_modules()
        if isinstance(module, MultiHeadAttention) and only in (None, name)
    }
    for module in names:
        module.register_forward_hook(record)
    twin(src, tgt_in)
    return recorded


def _twin(model: Transformer) -> Transformer:
    """Copy the modules, sharing all parameters: other threads do not see hooks on the copy."""
    return copy.deepcopy(model, {id(tensor): tensor for tensor in model.parameters()})
