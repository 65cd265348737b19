from collections.abc import Iterable

import pytest
import torch
from tiny_models import EOS, PAD, SOS, VOCAB, sentences, tiny_model
from tiny_runs import corpus_loss
from torch import Tensor
from torch.nn import functional as F

from transformer_mt.data.batching import BilingualDataset, Collator, PairBatch
from transformer_mt.data.sequences import Sequences
from transformer_mt.fast import loss as loss_module
from transformer_mt.fast.loss import label_smoothed_loss, plain_loss
from transformer_mt.model.transformer import Transformer

SMOOTHINGS = [0.0, 0.1]
D_MODEL = 4
CHUNK = loss_module._CHUNK


def make(tokens: int, pads: int = 7, dtype: torch.dtype = torch.float64) -> tuple[Tensor, ...]:
    """Hidden vectors, weight, and targets with padding scattered among them."""
    targets = torch.cat((torch.randint(1, VOCAB, (tokens,)), torch.full((pads,), PAD)))
    targets = targets[torch.randperm(tokens + pads)][None]
    hidden = torch.randn(*targets.shape, D_MODEL, dtype=dtype, requires_grad=True)
    weight = torch.randn(VOCAB, D_MODEL, dtype=dtype, requires_grad=True)
    return hidden, weight, targets


def make_bias(dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(VOCAB, dtype=dtype, requires_grad=True)


def oracle(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    smoothing: float,
    bias: Tensor | None = None,
) -> Tensor:
    logits = F.linear(hidden, weight, bias).flatten(0, 1)
    return F.cross_entropy(
        logits, targets.flatten(), ignore_index=PAD, label_smoothing=smoothing, reduction="sum"
    )


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("tokens", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 600])
def test_value_and_gradients_are_those_of_cross_entropy(tokens: int, smoothing: float) -> None:
    hidden, weight, targets = make(tokens)
    ours = label_smoothed_loss(hidden, weight, targets, PAD, smoothing) / 17
    theirs = oracle(hidden, weight, targets, smoothing) / 17
    torch.testing.assert_close(ours, theirs)
    gradients = [torch.autograd.grad(loss, (hidden, weight)) for loss in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("tokens", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 600])
def test_with_a_bias_too(tokens: int, smoothing: float) -> None:
    hidden, weight, targets = make(tokens)
    bias = make_bias()
    ours = label_smoothed_loss(hidden, weight, targets, PAD, smoothing, bias) / 17
    theirs = oracle(hidden, weight, targets, smoothing, bias) / 17
    torch.testing.assert_close(ours, theirs)
    with torch.no_grad():
        alone = label_smoothed_loss(hidden, weight, targets, PAD, smoothing, bias) / 17
    torch.testing.assert_close(alone.double(), theirs.detach(), rtol=1e-6, atol=1e-6)
    gradients = [torch.autograd.grad(loss, (hidden, weight, bias)) for loss in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_a_bias_of_zeros_is_none(smoothing: float) -> None:
    hidden, weight, targets = make(300)
    without = label_smoothed_loss(hidden, weight, targets, PAD, smoothing)
    zeros = torch.zeros(VOCAB, dtype=weight.dtype)
    torch.testing.assert_close(
        label_smoothed_loss(hidden, weight, targets, PAD, smoothing, zeros), without
    )


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("tokens", [3, 300])
def test_chunks_change_nothing(tokens: int, smoothing: float) -> None:
    hidden, weight, targets = make(tokens, pads=0, dtype=torch.float32)
    chunked = label_smoothed_loss(hidden, weight, targets, PAD, smoothing)
    plain = plain_loss(hidden[0], weight, targets[0], smoothing)
    torch.testing.assert_close(chunked, plain)
    gradients = [torch.autograd.grad(loss, (hidden, weight)) for loss in (chunked, plain)]
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_value_is_the_formula(smoothing: float) -> None:
    hidden, weight, targets = make(20)
    log_probs = (hidden @ weight.T).log_softmax(dim=-1)[0].tolist()
    expected = 0.0
    for row, target in zip(log_probs, targets[0].tolist(), strict=True):
        for token, log_prob in enumerate(row):
            share = smoothing / VOCAB + (1 - smoothing) * (token == target)
            expected -= share * log_prob * (target != PAD)
    value = label_smoothed_loss(hidden, weight, targets, PAD, smoothing).item()
    assert value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_value_without_gradient_is_the_same(smoothing: float) -> None:
    hidden, weight, targets = make(300, dtype=torch.float32)
    value = label_smoothed_loss(hidden, weight, targets, PAD, smoothing)
    with torch.no_grad():
        torch.testing.assert_close(
            label_smoothed_loss(hidden, weight, targets, PAD, smoothing), value.detach()
        )


def test_padding_has_no_gradient_and_no_loss() -> None:
    hidden, weight, targets = make(9, pads=5)
    loss = label_smoothed_loss(hidden, weight, targets, PAD, 0.1)
    (gradient,) = torch.autograd.grad(loss, hidden)
    assert torch.equal(gradient.abs().sum(dim=-1) == 0, targets == PAD)
    real = targets != PAD
    alone = label_smoothed_loss(hidden[real][None], weight, targets[real][None], PAD, 0.1)
    torch.testing.assert_close(alone, loss)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_gradients_are_those_of_finite_differences(
    smoothing: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss_module, "_CHUNK", 3)
    hidden, weight, targets = make(8, pads=2)

    def loss(hidden: Tensor, weight: Tensor) -> Tensor:
        return label_smoothed_loss(hidden, weight, targets, PAD, smoothing) / 3

    assert torch.autograd.gradcheck(loss, (hidden, weight))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_bf16_products_cost_little_precision(dtype: torch.dtype) -> None:
    hidden, weight, targets = make(300)
    bias = make_bias()
    exact = label_smoothed_loss(hidden, weight, targets, PAD, 0.1, bias)
    rounded = (
        hidden.detach().to(dtype).requires_grad_(),
        weight.detach().float().requires_grad_(),
        bias.detach().float().requires_grad_(),
    )
    with torch.autocast("cpu", torch.bfloat16):
        loss = label_smoothed_loss(*rounded[:2], targets, PAD, 0.1, rounded[2])
    assert loss.item() == pytest.approx(exact.item(), rel=0.01)
    expected = torch.autograd.grad(exact, (hidden, weight, bias))
    gradients = torch.autograd.grad(loss, rounded)
    for gradient, source, right in zip(gradients, rounded, expected, strict=True):
        assert gradient.dtype == source.dtype
        assert (gradient - right).norm() < 0.02 * right.norm()


def mean_gradients(model: Transformer, batches: Iterable[PairBatch]) -> list[Tensor]:
    """The gradient of the mean loss of a token, batch after batch."""
    batches = list(batches)
    num_tokens = sum(batch.num_tokens for batch in batches)
    model.zero_grad()
    for batch in batches:
        hidden = model(batch.src, batch.tgt_in)
        loss = label_smoothed_loss(hidden, model.output.weight, batch.tgt_out, PAD, 0.1)
        (loss / num_tokens).backward()
    return [
        parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None
    ]


def test_unequal_micro_batches_give_the_gradient_of_all_their_tokens() -> None:
    model = tiny_model()
    dataset = BilingualDataset(
        Sequences.pack(sentences(2, 9, 5, 12, 3)), Sequences.pack(sentences(1, 11, 4, 9, 2, seed=1))
    )
    collator = Collator(PAD, SOS, EOS)
    parts = mean_gradients(model, (collator.batch(dataset, rows) for rows in ([0], [1, 2, 3, 4])))
    whole = mean_gradients(model, [collator.batch(dataset, range(5))])
    assert len(whole) == len(list(model.parameters()))
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("output_bias", [False, True])
def test_the_loss_of_a_corpus_is_the_mean_of_its_tokens(output_bias: bool) -> None:
    model = tiny_model(output_bias=output_bias)
    sources, targets = sentences(2, 9, 5, 12, 3), sentences(1, 11, 4, 9, 2, seed=1)
    total = 0.0
    for src, tgt in zip(sources, targets, strict=True):
        logits = model.project(model(torch.tensor([[*src, EOS]]), torch.tensor([[SOS, *tgt]])))
        total += F.cross_entropy(logits[0], torch.tensor([*tgt, EOS]), reduction="sum").item()
    dataset = BilingualDataset(Sequences.pack(sources), Sequences.pack(targets))
    mean = total / sum(len(tgt) + 1 for tgt in targets)
    assert corpus_loss(model, dataset, batch_tokens=30) == pytest.approx(mean, rel=1e-5)
