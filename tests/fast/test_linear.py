"""Products by oneDNN are those that torch makes by itself."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from transformer_mt.fast import switches
from transformer_mt.fast.linear import Linear, linear, product

SHAPES = [(3, 40, 96), (120, 96), (1, 1, 96), (0, 5, 96), (96,)]


def value_and_gradients(layer: nn.Linear, x: Tensor, *, plain: bool) -> list[Tensor]:
    x = x.clone().requires_grad_()
    layer.zero_grad()
    y = F.linear(x, layer.weight, layer.bias) if plain else layer(x)
    y.float().square().sum().backward()
    return [y.detach(), *(p.grad for p in (x, *layer.parameters()) if p.grad is not None)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("onednn", [False, True])
def test_values_and_gradients_are_those_of_torch(
    shape: tuple[int, ...], bias: bool, onednn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switches, "ONEDNN_PRODUCTS", onednn)
    layer, x = Linear(96, 500, bias=bias), torch.randn(shape)
    ours, plain = (value_and_gradients(layer, x, plain=plain) for plain in (False, True))
    assert len(ours) == len(plain) == 3 + bias
    torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-4)


def test_a_transposed_input_and_an_expanded_gradient_are_taken_as_they_are() -> None:
    layer, x = Linear(96, 500), torch.randn(96, 40, 3).transpose(0, 2)
    torch.testing.assert_close(layer(x), F.linear(x, layer.weight, layer.bias))
    layer(x).sum().backward()
    expected = x.sum(dim=(0, 1)).expand(500, -1)
    torch.testing.assert_close(layer.weight.grad, expected, rtol=1e-4, atol=1e-4)


def test_under_autocast_products_are_bf16_and_gradients_fp32() -> None:
    layer, x = Linear(96, 500), torch.randn(120, 96)
    with torch.autocast("cpu", torch.bfloat16):
        ours, plain = (value_and_gradients(layer, x, plain=plain) for plain in (False, True))
    assert [value.dtype for value in ours] == [torch.bfloat16] + 3 * [torch.float32]
    for value, expected in zip(ours, plain, strict=True):
        assert (value - expected).norm() < 0.01 * expected.norm()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("bias", [False, True])
def test_product_takes_transposed_matrices(dtype: torch.dtype, bias: bool) -> None:
    a, b = torch.randn(300, 200).to(dtype), torch.randn(400, 300).to(dtype)
    added = torch.randn(400).to(dtype) if bias else None
    expected = a.T.double() @ b.T.double() + (added.double() if added is not None else 0)
    found = product(a.T, b.T, added)
    assert found.dtype == dtype
    tolerance = 0.2 if dtype == torch.bfloat16 else 1e-4
    torch.testing.assert_close(found.double(), expected, rtol=0.01, atol=tolerance)


def test_without_gradients_nothing_is_kept() -> None:
    with torch.inference_mode():
        assert not linear(torch.randn(120, 96), torch.randn(500, 96)).requires_grad
