"""Torch's own stack of layers, with the weights of a model of one stack; shares no code with it."""

from typing import Any

import torch
from conftest import perturb
from parity import ACTIVATIONS, our_names, paper_positions
from torch import Tensor, nn
from torch.nn import functional as F

from transformer_mt.model.classifier import Classifier
from transformer_mt.model.language_model import LanguageModel

SHAPE: dict[str, Any] = {"d_model": 16, "num_heads": 4, "d_ff": 24, "num_layers": 2, "dropout": 0.0}
NORMS, WIDTHS, POSITIONS = ("post", "pre"), ("narrow", "wide"), ("sinusoidal", "learned")

Model = LanguageModel | Classifier


def perturbed(model: Model) -> Any:
    """The same in evaluation mode, where no bias is 0 and no two parameters are alike."""
    perturb(model.eval())
    return model


def torch_stack(model: Model) -> tuple[nn.TransformerEncoder, dict[str, list[str]]]:
    """Torch's layers, and by the name of each parameter there the names of ours that it is."""
    config = model.config
    layer = nn.TransformerEncoderLayer(
        config.d_model,
        config.num_heads,
        config.d_ff,
        dropout=0.0,
        activation=ACTIVATIONS[config.activation],
        batch_first=True,
        norm_first=config.norm == "pre",
    )
    norm = nn.LayerNorm(config.d_model) if config.norm == "pre" else None
    stack = nn.TransformerEncoder(layer, config.num_layers, norm, enable_nested_tensor=False)
    ours = dict(model.named_parameters())
    names = {
        name: [f"layers.{each}" if each[0].isdigit() else each for each in our_names(name)]
        for name, _ in stack.named_parameters()
    }
    with torch.no_grad():
        for name, parameter in stack.named_parameters():
            parameter.copy_(torch.cat([ours[each] for each in names[name]]))
    return stack, names


def embedded(model: Model, ids: Tensor) -> Tensor:
    """Section 3.4 of the paper: (batch, len) -> (batch, len, d_model)."""
    length, d_model = ids.shape[1], model.config.d_model
    positions = model.embedding.positions[:length]
    if model.config.positions == "sinusoidal":
        positions = paper_positions(length, d_model)
    return F.embedding(ids, model.embedding.token.weight) * d_model**0.5 + positions


def layer_count(d: int, num_heads: int, d_ff: int, width: str) -> int:
    """Numbers in one layer: four projections, the feed-forward network, two normalisations."""
    heads = d * (num_heads if width == "wide" else 1)
    return 3 * (d * heads + heads) + heads * d + d + (d * d_ff + d_ff) + (d_ff * d + d) + 4 * d
