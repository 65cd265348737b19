"""The attention that a model pays, as values; the model itself keeps none of it."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from transformer_mt.model.attention import MultiHeadAttention
from transformer_mt.model.transformer import Transformer


class AttentionWeights(NamedTuple):
    """Softmax weights of every layer and head; each row sums to 1 over the real keys.

    encoder: (num_layers, batch, num_heads, src_len, src_len)
    decoder: (num_layers, batch, num_heads, tgt_len, tgt_len)
    cross: (num_layers, batch, num_heads, tgt_len, src_len)
    """

    encoder: Tensor
    decoder: Tensor
    cross: Tensor


@torch.no_grad()
def attention_weights(model: Transformer, src: Tensor, tgt_in: Tensor) -> AttentionWeights:
    """All attention of one teacher-forced pass.

    Args:
        model: in evaluation mode.
        src: (batch, src_len) ids.
        tgt_in: (batch, tgt_len) ids, as for `Transformer.forward`.
    """
    recorded: dict[nn.Module, Tensor] = {}

    def record(module: nn.Module, args: Any, _: Tensor) -> None:
        assert isinstance(module, MultiHeadAttention)
        recorded[module] = module.weights(*args)

    attentions = [(n, m) for n, m in model.named_modules() if isinstance(m, MultiHeadAttention)]
    hooks = [module.register_forward_hook(record) for _, module in attentions]
    try:
        model(src, tgt_in)
    finally:
        for hook in hooks:
            hook.remove()

    def stack(part: str, kind: str) -> Tensor:
        names = [(n, m) for n, m in attentions if n.startswith(part) and n.endswith(kind)]
        return torch.stack([recorded[module] for _, module in names])

    return AttentionWeights(
        encoder=stack("encoder", "self_attn"),
        decoder=stack("decoder", "self_attn"),
        cross=stack("decoder", "cross_attn"),
    )
