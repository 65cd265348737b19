"""The classifier against torch's layers and plain loops, and by its laws."""

from itertools import product
from typing import Any

import pytest
import torch
from tiny_models import (
    NORMS,
    PAD,
    POSITIONS,
    SHAPE,
    VOCAB,
    WIDTHS,
    embedded,
    layer_count,
    perturbed,
    right_padded,
    sentences,
    torch_stack,
)
from torch import Tensor
from torch.nn import functional as F

from transformer_mt.config.tasks import EncoderOnlyConfig
from transformer_mt.fast.loss import label_smoothed_loss
from transformer_mt.model.base import count_parameters
from transformer_mt.model.classifier import Classifier, masked_max, masked_mean

LONGEST, CLASSES = 12, 5
POOLINGS = ("mean", "max")
TEXTS = sentences(4, 1, 9, 2)
CORRECT = torch.tensor([0, 4, 2, 2])
each_kind = pytest.mark.parametrize(
    ("norm", "width", "positions", "pooling"), list(product(NORMS, WIDTHS, POSITIONS, POOLINGS))
)


def make_model(norm: str = "pre", width: str = "narrow", positions: str = "sinusoidal",
               pooling: str = "mean", **changes: Any) -> Classifier:  # fmt: skip
    options = {"norm": norm, "attention": width, "positions": positions, "pooling": pooling}
    config = EncoderOnlyConfig(**{**SHAPE, **options, **changes})
    model: Classifier = perturbed(Classifier(config, VOCAB, CLASSES, PAD, LONGEST))
    return model


def pooled(vectors: Tensor, pooling: str) -> Tensor:
    """(len, d_model) -> (d_model,), number by number."""
    columns = [list(column) for column in vectors.T]
    if pooling == "mean":
        return torch.stack([sum(column, torch.tensor(0.0)) / len(column) for column in columns])
    return torch.stack([max(column) for column in columns])


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_values_and_gradients_are_those_of_torch(norm: str, positions: str, pooling: str) -> None:
    model = make_model(norm, positions=positions, pooling=pooling)
    stack, names = torch_stack(model)
    ids, upstream = right_padded(TEXTS, extra=2), torch.randn(len(TEXTS), 16)
    found = model(ids)
    found.backward(upstream)
    ours = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    hidden = stack(embedded(model, ids), src_key_padding_mask=ids == PAD)
    rows = [pooled(row[: len(text)], pooling) for row, text in zip(hidden, TEXTS, strict=True)]
    expected = torch.stack(rows)
    expected.backward(upstream)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    for name, parameter in stack.named_parameters():
        gradient = torch.cat([ours.pop(each) for each in names[name]])
        torch.testing.assert_close(gradient, parameter.grad, rtol=1e-4, atol=1e-4)
    table = ours["embedding.token.weight"], model.embedding.token.weight.grad
    torch.testing.assert_close(*table, rtol=1e-4, atol=1e-4)


def loss_and_gradients(
    model: Classifier, ids: Tensor, correct: Tensor = CORRECT
) -> dict[str, Tensor]:
    model.zero_grad()
    weight, bias = model.output.weight, model.output.bias
    loss = label_smoothed_loss(model(ids), weight, correct, -1, 0.1, bias)
    loss.backward()
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    assert found.keys() == dict(model.named_parameters()).keys()
    return {"loss": loss.detach(), **found}


@each_kind
def test_padding_and_company_change_no_value_and_no_gradient(
    norm: str, width: str, positions: str, pooling: str
) -> None:
    model = make_model(norm, width, positions, pooling)
    together = loss_and_gradients(model, right_padded(TEXTS))
    padded = loss_and_gradients(model, right_padded(TEXTS, extra=3))
    torch.testing.assert_close(together, padded, rtol=1e-4, atol=1e-5)
    alone = [
        loss_and_gradients(model, torch.tensor([text]), correct[None])
        for text, correct in zip(TEXTS, CORRECT, strict=True)
    ]
    summed = {name: sum(one[name] for one in alone) for name in together}
    torch.testing.assert_close(together, summed, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_bf16_products_cost_little_precision(norm: str, pooling: str) -> None:
    model, ids = make_model(norm, pooling=pooling), right_padded(TEXTS)
    exact = loss_and_gradients(model, ids)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = loss_and_gradients(model, ids)
    assert {value.dtype for value in rounded.values()} == {torch.float32}
    assert rounded["loss"].item() == pytest.approx(exact["loss"].item(), rel=0.02)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_token_counts_and_the_pad_row_does_not(width: str, pooling: str) -> None:
    model, ids = make_model(width=width, pooling=pooling), right_padded(TEXTS)
    before = model(ids)
    with torch.no_grad():
        model.embedding.token.weight[PAD] = 100
    torch.testing.assert_close(model(ids), before)
    for row, text in enumerate(TEXTS):
        for position in range(len(text)):
            changed = ids.clone()
            changed[row, position] = ids[row, position] % (VOCAB - 1) + 1
            difference = (model(changed) - before).abs().amax(dim=1)
            assert (difference > 1e-6).tolist() == [n == row for n in range(len(TEXTS))]


@pytest.mark.parametrize("offset", [-50.0, 0.0, 50.0])
@pytest.mark.parametrize(("pool", "name"), [(masked_mean, "mean"), (masked_max, "max")])
def test_padding_is_never_pooled(pool: Any, name: str, offset: float) -> None:
    """Also where all vectors are negative, which zeros would exceed, or large."""
    x, lengths = torch.randn(4, 6, 3) + offset, [6, 1, 3, 5]
    real = torch.arange(6)[None, :, None] < torch.tensor(lengths)[:, None, None]
    x = x.masked_fill(~real, torch.nan)
    for found, row, length in zip(pool(x, real), x, lengths, strict=True):
        torch.testing.assert_close(found, pooled(row[:length], name))


@each_kind
def test_parameters_and_shapes(norm: str, width: str, positions: str, pooling: str) -> None:
    model = make_model(norm, width, positions, pooling, num_layers=3)
    count = 3 * layer_count(16, 4, 24, width) + VOCAB * 16 + CLASSES * 16 + CLASSES
    count += 2 * 16 if norm == "pre" else 0
    count += LONGEST * 16 if positions == "learned" else 0
    assert count_parameters(model) == count
    vectors = model(right_padded(TEXTS))
    assert vectors.shape == (len(TEXTS), 16)
    logits = model.project(vectors)
    assert logits.shape == (len(TEXTS), CLASSES)
    exact = F.linear(vectors, model.output.weight, model.output.bias)
    torch.testing.assert_close(logits, exact)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_its_loss_is_the_cross_entropy_of_its_logits(smoothing: float) -> None:
    model = make_model()
    vectors, weight, bias = model(right_padded(TEXTS)), model.output.weight, model.output.bias
    loss = label_smoothed_loss(vectors, weight, CORRECT, -1, smoothing, bias)
    logits = model.project(vectors)
    expected = F.cross_entropy(logits, CORRECT, label_smoothing=smoothing, reduction="sum")
    torch.testing.assert_close(loss, expected)


def test_only_learned_positions_end() -> None:
    longer = right_padded(sentences(LONGEST + 1))
    make_model(positions="sinusoidal")(longer)
    model = make_model(positions="learned")
    model(longer[:, :LONGEST])
    with pytest.raises(ValueError, match=f"{LONGEST + 1} positions, but only {LONGEST}"):
        model(longer)
