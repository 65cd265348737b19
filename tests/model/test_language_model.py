"""The language model against torch's layers, against itself without a cache, and by its laws."""

import math
from collections.abc import Sequence
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
    paper_positions,
    perturbed,
    torch_stack,
)
from torch import Tensor
from torch.nn import functional as F

from transformer_mt.config.tasks import DecoderOnlyConfig
from transformer_mt.fast.loss import label_smoothed_loss
from transformer_mt.model.base import count_parameters
from transformer_mt.model.language_model import LanguageModel

LONGEST = 12
KINDS = list(product(NORMS, WIDTHS, POSITIONS))
each_kind = pytest.mark.parametrize(("norm", "width", "positions"), KINDS)


def fresh_model(**changes: Any) -> LanguageModel:
    return LanguageModel(DecoderOnlyConfig(**{**SHAPE, **changes}), VOCAB, PAD, LONGEST)


def make_model(norm: str = "pre", width: str = "narrow", positions: str = "sinusoidal",
               **changes: Any) -> LanguageModel:  # fmt: skip
    options = {"norm": norm, "attention": width, "positions": positions, **changes}
    model: LanguageModel = perturbed(fresh_model(**options))
    return model


def texts(rows: int = 3, length: int = LONGEST) -> Tensor:
    return torch.randint(1, VOCAB, (rows, length))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_values_and_gradients_are_those_of_torch(
    norm: str, positions: str, activation: str
) -> None:
    model = make_model(norm, positions=positions, activation=activation, tied_embeddings=False)
    stack, names = torch_stack(model)
    ids, upstream = texts(), torch.randn(3, LONGEST, 16)
    hidden = model(ids)
    hidden.backward(upstream)
    ours = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    future = torch.ones(LONGEST, LONGEST).triu(1).bool()
    expected = stack(embedded(model, ids), mask=future)
    expected.backward(upstream)
    torch.testing.assert_close(hidden, expected, rtol=1e-5, atol=1e-5)
    for name, parameter in stack.named_parameters():
        gradient = torch.cat([ours.pop(each) for each in names[name]])
        torch.testing.assert_close(gradient, parameter.grad, rtol=1e-4, atol=1e-4)
    for name, gradient in ours.items():  # what stands before the stack
        torch.testing.assert_close(gradient, model.get_parameter(name).grad, rtol=1e-4, atol=1e-4)
    learned = {"embedding.positions"} if positions == "learned" else set()
    assert ours.keys() == learned | {"embedding.token.weight"}


@each_kind
@pytest.mark.parametrize("parts", [[1] * LONGEST, [7, 1, 1, 3], [LONGEST - 1, 1]], ids=str)
def test_piece_by_piece_is_all_at_once(
    norm: str, width: str, positions: str, parts: Sequence[int]
) -> None:
    model, ids = make_model(norm, width, positions), texts()
    state = model.start()
    found = [model.project(model.extend(part, state)) for part in ids.split(list(parts), dim=1)]
    assert state.length == LONGEST
    logits = model.project(model(ids))
    assert logits.shape == (3, LONGEST, VOCAB)
    torch.testing.assert_close(torch.cat(found, dim=1), logits, rtol=1e-4, atol=1e-5)


@each_kind
def test_a_step_after_a_prompt_gives_the_next_logits(norm: str, width: str, positions: str) -> None:
    model, ids = make_model(norm, width, positions), texts()
    state = model.start()
    model.extend(ids[:, :5], state)
    for length in range(6, LONGEST + 1):
        logits = model.step(ids[:, length - 1], state)
        expected = model.project(model(ids[:, :length]))[:, -1]
        torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("width", WIDTHS)
def test_selected_texts_are_those_of_fresh_states(width: str) -> None:
    model, ids = make_model(width=width, positions="learned"), texts()
    state = model.start()
    model.extend(ids[:, :4], state)
    for rows in ([2, 2, 0, 1], [3, 0], [1, 0, 1]):
        sentences = None if len(rows) > 2 else torch.tensor([0])  # a text is its own sentence
        state.select(torch.tensor(rows), sentences)
        tokens = torch.randint(1, VOCAB, (len(rows),))
        ids = torch.cat((ids[rows, : state.length], tokens[:, None]), dim=1)
        expected = model.project(model(ids))[:, -1]
        torch.testing.assert_close(model.step(tokens, state), expected, rtol=1e-4, atol=1e-5)


@each_kind
def test_no_position_sees_a_later_one(norm: str, width: str, positions: str) -> None:
    model, ids = make_model(norm, width, positions), texts(rows=1)
    hidden = model(ids)
    for position in range(LONGEST):
        changed = ids.clone()
        changed[:, position] = ids[:, position] % (VOCAB - 1) + 1
        difference = (model(changed) - hidden).abs().amax(dim=-1)[0]
        assert (difference[:position] == 0).all()
        assert (difference[position:] > 1e-6).all()  # and all others do


def loss_and_gradients(model: LanguageModel, ids: Tensor, targets: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    loss = label_smoothed_loss(model(ids), model.output.weight, targets, PAD, 0.1)
    loss.backward()
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    assert found.keys() == dict(model.named_parameters()).keys()
    return {"loss": loss.detach(), **found}


@each_kind
@pytest.mark.parametrize("tied", [True, False])
def test_padding_changes_no_value_and_no_gradient(
    norm: str, width: str, positions: str, tied: bool
) -> None:
    model = make_model(norm, width, positions, tied_embeddings=tied)
    ids, targets = texts(length=7), texts(length=7)
    ids[1, 3:] = targets[1, 3:] = PAD
    padded = [F.pad(each, (0, 5), value=PAD) for each in (ids, targets)]
    together = loss_and_gradients(model, *padded)
    torch.testing.assert_close(together, loss_and_gradients(model, ids, targets))
    alone = [loss_and_gradients(model, ids[[row]], targets[[row]]) for row in (0, 2)]
    alone.append(loss_and_gradients(model, ids[1:2, :3], targets[1:2, :3]))
    summed = {name: sum(one[name] for one in alone) for name in together}
    torch.testing.assert_close(together, summed, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("norm", NORMS)
def test_bf16_products_cost_little_precision(norm: str) -> None:
    model, ids, targets = make_model(norm), texts(), texts()
    exact = loss_and_gradients(model, ids, targets)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = loss_and_gradients(model, ids, targets)
    assert {value.dtype for value in rounded.values()} == {torch.float32}
    assert rounded["loss"].item() == pytest.approx(exact["loss"].item(), rel=0.02)


@each_kind
@pytest.mark.parametrize("tied", [True, False])
def test_parameters_are_those_of_its_parts(
    norm: str, width: str, positions: str, tied: bool
) -> None:
    model = make_model(norm, width, positions, tied_embeddings=tied, num_layers=3)
    count = 3 * layer_count(16, 4, 24, width) + VOCAB * 16 * (1 if tied else 2)
    count += 2 * 16 if norm == "pre" else 0
    count += LONGEST * 16 if positions == "learned" else 0
    assert count_parameters(model) == count
    assert (model.output.weight is model.embedding.token.weight) is tied


@pytest.mark.parametrize("tied", [True, False])
def test_initial_values_have_the_promised_spread(tied: bool) -> None:
    model = fresh_model(positions="learned", d_model=256, tied_embeddings=tied)
    table = model.embedding.token.weight
    assert (table[PAD] == 0).all()
    assert (table[PAD + 1 :] * math.sqrt(256)).std().item() == pytest.approx(1, rel=0.05)
    assert model.embedding.positions.requires_grad
    sines = paper_positions(LONGEST, 256)
    torch.testing.assert_close(model.embedding.positions.detach(), sines)
    for name, parameter in model.named_parameters():
        assert not name.endswith("bias") or (parameter == 0).all()
        assert "norm.weight" not in name or (parameter == 1).all()


def test_only_learned_positions_end() -> None:
    longer = texts(length=LONGEST + 1)
    make_model(positions="sinusoidal")(longer)
    model = make_model(positions="learned")
    model(longer[:, :LONGEST])
    with pytest.raises(ValueError, match=f"{LONGEST + 1} positions, but only {LONGEST}"):
        model(longer)
    state = model.start()
    model.extend(longer[:, :LONGEST], state)
    with pytest.raises(ValueError, match=f"{LONGEST + 1} positions"):
        model.step(longer[:, -1], state)


@pytest.mark.parametrize("rates", [{"dropout": 0.3}, {"attention_dropout": 0.3}])
def test_it_drops_in_training_alone(rates: dict[str, Any]) -> None:
    model, ids = make_model(**rates), texts()
    assert torch.equal(model(ids), model(ids))
    model.train()
    assert not torch.allclose(model(ids), model(ids))
