import math
from typing import Any

import pytest
import torch
from tiny_models import PAD, as_src, as_tgt, sentences, tiny_config, tiny_model
from torch import Tensor
from torch.nn import functional as F

from transformer_mt.fast import switches
from transformer_mt.fast.dropout import Dropout
from transformer_mt.model.embedding import Embedding
from transformer_mt.model.layers import Residual

PROBABILITIES = [0.1, 0.25]
COUNT = 2**18
SIGMAS = 5.0


def mask(p: float, *shape: int) -> Tensor:
    return Dropout(p)(torch.ones(shape))


@pytest.mark.parametrize("p", PROBABILITIES)
@pytest.mark.parametrize("fast", [True, False])
def test_drops_with_its_probability_and_scales_the_rest(
    p: float, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switches, "RANDOM_BITS_DROPOUT", fast)
    out = mask(p, COUNT)
    tolerance = SIGMAS * math.sqrt(p * (1 - p) / COUNT)
    assert (out == 0).double().mean().item() == pytest.approx(p, abs=tolerance)
    assert out[out != 0].unique().tolist() == [pytest.approx(1 / (1 - p), rel=1e-4)]
    assert out.double().mean().item() == pytest.approx(1, abs=tolerance / (1 - p) + 1e-4)


@pytest.mark.parametrize("p", PROBABILITIES)
@pytest.mark.parametrize("distance", [1, 2, 3, 4, 5, 8, 64, COUNT // 2])
def test_neighbours_are_independent(p: float, distance: int) -> None:
    kept = (mask(p, COUNT) != 0).double()
    pairs = torch.stack((kept[:-distance], kept[distance:]))
    assert abs(torch.corrcoef(pairs)[0, 1].item()) < SIGMAS / math.sqrt(COUNT)


@pytest.mark.parametrize("p", PROBABILITIES)
def test_masks_drawn_one_after_the_other_are_independent(p: float) -> None:
    dropout = Dropout(p)
    pair = torch.stack([dropout(torch.ones(COUNT)) for _ in range(2)])
    assert abs(torch.corrcoef(pair)[0, 1].item()) < SIGMAS / math.sqrt(COUNT)


@pytest.mark.parametrize("p", PROBABILITIES)
def test_every_place_is_alike(p: float) -> None:
    """No place in a word of random bits, and neither end, is dropped more often."""
    dropout, draws = Dropout(p), 4000
    dropped = torch.stack([dropout(torch.ones(7)) == 0 for _ in range(draws)]).double().mean(dim=0)
    tolerance = SIGMAS * math.sqrt(p * (1 - p) / draws)
    torch.testing.assert_close(dropped, torch.full_like(dropped, p), rtol=0, atol=tolerance)


@pytest.mark.parametrize("shape", [(0,), (1,), (3,), (5, 7), (2, 3, 4), (2, 3, 5)])
def test_keeps_shape_type_and_values(shape: tuple[int, ...]) -> None:
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        x = torch.randn(shape).to(dtype)
        out = Dropout(0.5)(x)
        assert out.shape == x.shape
        assert out.dtype == x.dtype
        assert torch.equal(out, torch.where(out == 0, 0, 2 * x))


def test_rows_of_a_transposed_input_are_kept_apart() -> None:
    x = torch.arange(1.0, 13.0).reshape(3, 4).T
    out = Dropout(0.5)(x)
    assert torch.equal(out, torch.where(out == 0, 0, 2 * x))


@pytest.mark.parametrize("p", PROBABILITIES)
def test_gradient_uses_the_same_mask(p: float) -> None:
    x = torch.randn(1000, requires_grad=True)
    out = Dropout(p)(x)
    upstream = torch.randn(1000)
    out.backward(upstream)
    assert x.grad is not None
    torch.testing.assert_close(x.grad, out.detach() / x.detach() * upstream)
    assert (x.grad == 0).sum() > 0


def test_the_seed_decides() -> None:
    def draw(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return mask(0.25, 1000)

    assert torch.equal(draw(3), draw(3))
    assert not torch.equal(draw(3), draw(4))


def test_nothing_happens_outside_of_training_or_at_0() -> None:
    x = torch.randn(1000)
    assert torch.equal(Dropout(0.5).eval()(x), x)
    assert torch.equal(Dropout(0.0)(x), x)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_only_the_sub_layer_is_dropped_not_the_residual(norm: str) -> None:
    residual = Residual(tiny_config(norm=norm, dropout=0.5, d_model=64))
    x, added = torch.randn(2, 8, 9, 64).unbind()
    torch.manual_seed(1)
    out = residual(x, lambda _: added)
    torch.manual_seed(1)
    dropped = Dropout(0.5)(added)
    expected = x + dropped if norm == "pre" else F.layer_norm(x + dropped, (64,))
    torch.testing.assert_close(out, expected)


def test_embeddings_are_dropped_in_training() -> None:
    embedding = Embedding(tiny_config(dropout=0.25, d_model=64), 50, PAD)
    ids = torch.randint(4, 50, (20, 30))
    share = (embedding(ids) == 0).double().mean().item()
    assert share == pytest.approx(0.25, abs=SIGMAS * math.sqrt(0.25 * 0.75 / (20 * 30 * 64)))
    assert not (embedding.eval()(ids) == 0).any()


@pytest.mark.parametrize("rates", [{"dropout": 0.3}, {"attention_dropout": 0.3}])
def test_a_model_drops_in_training_alone(rates: dict[str, Any]) -> None:
    model = tiny_model(**rates)
    batch = as_src(sentences(4, 6)), as_tgt(sentences(5, 3))[0]
    still = model(*batch)
    assert torch.equal(model(*batch), still)
    model.train()
    first, second = model(*batch), model(*batch)
    assert not torch.allclose(first, second)
    assert not torch.allclose(first, still)
