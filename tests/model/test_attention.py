import math

import pytest
import torch
from tiny_models import PAD, VOCAB, as_src, as_tgt, perturb, sentences, tiny_model
from torch import Tensor, nn

from transformer_mt.model.attention import KeyValues, MultiHeadAttention, Past
from transformer_mt.model.base import count_parameters
from transformer_mt.model.inspection import AttentionWeights, attention_weights
from transformer_mt.model.layers import DecoderLayer
from transformer_mt.model.masks import causal_mask, padding_mask
from transformer_mt.model.transformer import Transformer

D_MODEL, NUM_HEADS = 12, 3
LENGTHS = (4, 2, 6)
REAL = padding_mask(as_src(sentences(*(length - 1 for length in LENGTHS))), PAD)
CAUSAL = causal_mask(6, 6)
MASKS = {"none": None, "padding": REAL, "causal": CAUSAL, "both": REAL & CAUSAL}


WIDTHS = {"narrow": D_MODEL // NUM_HEADS, "wide": D_MODEL}  # of a head


def make_attention(width: str, dropout: float = 0.0) -> MultiHeadAttention:
    module = MultiHeadAttention(D_MODEL, NUM_HEADS, WIDTHS[width], dropout)
    perturb(module)
    return module


@pytest.fixture(params=WIDTHS)
def attention(request: pytest.FixtureRequest) -> MultiHeadAttention:
    return make_attention(request.param)


def torch_attention(ours: MultiHeadAttention) -> nn.MultiheadAttention:
    module = nn.MultiheadAttention(D_MODEL, NUM_HEADS, batch_first=True)
    with torch.no_grad():
        for kind in ("weight", "bias"):
            parts = [getattr(getattr(ours, f"{part}_proj"), kind) for part in "qkv"]
            getattr(module, f"in_proj_{kind}").copy_(torch.cat(parts))
    module.out_proj.load_state_dict(ours.out_proj.state_dict())
    return module


def inputs(queries: int = 6) -> tuple[Tensor, Tensor]:
    """What attends, and what is attended to."""
    return torch.randn(3, queries, D_MODEL), torch.randn(3, 6, D_MODEL)


def results(module: nn.Module, out: Tensor, *leaves: Tensor) -> dict[str, Tensor]:
    """What came out, and its gradients in what went in and in the parameters."""
    (out * torch.arange(out.numel()).view(out.shape).sin()).sum().backward()
    gradients = {name: parameter.grad for name, parameter in module.named_parameters()}
    gradients |= {f"input {n}": leaf.grad for n, leaf in enumerate(leaves)}
    found = {name: grad.clone() for name, grad in gradients.items() if grad is not None}
    assert len(found) == len(gradients)
    for leaf in leaves:
        leaf.grad = None
    module.zero_grad()
    return {"out": out.detach(), **found}


@pytest.mark.parametrize("name", MASKS)
def test_narrow_attention_is_that_of_torch(name: str) -> None:
    attention = make_attention("narrow")
    x, source = (leaf.requires_grad_() for leaf in inputs())
    mask = MASKS[name]
    kv = attention.keys_values(source)
    ours = results(attention, attention(x, kv, mask), x, source)
    theirs = torch_attention(attention)
    out, weights = theirs(
        x,
        source,
        source,
        key_padding_mask=~REAL[:, 0, 0] if name in ("padding", "both") else None,
        attn_mask=~CAUSAL if name in ("causal", "both") else None,
        average_attn_weights=False,
    )
    torch.testing.assert_close(attention.weights(x, kv, mask), weights, rtol=1e-5, atol=1e-5)
    expected = results(theirs, out, x, source)
    for kind in ("weight", "bias"):
        parts = zip("qkv", expected.pop(f"in_proj_{kind}").chunk(3), strict=True)
        expected |= {f"{part}_proj.{kind}": gradient for part, gradient in parts}
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)


def head_by_head(attention: MultiHeadAttention, x: Tensor, source: Tensor, seen: Tensor) -> Tensor:
    """Section 3.2.2 of the paper: each head from its own rows of the matrices, and all summed up.

    seen: 1 where a key is seen, else 0, (3, 6, 6)
    """
    parameters = dict(attention.named_parameters())
    out = parameters["out_proj.bias"].expand(x.shape)
    head_dim = len(parameters["q_proj.bias"]) // NUM_HEADS
    for head in range(NUM_HEADS):
        part = slice(head * head_dim, (head + 1) * head_dim)
        q, k, v = (
            side @ parameters[f"{name}_proj.weight"][part].T + parameters[f"{name}_proj.bias"][part]
            for name, side in (("q", x), ("k", source), ("v", source))
        )
        weights = torch.einsum("bqd,bkd->bqk", q, k).div(head_dim**0.5).exp() * seen
        found = torch.einsum("bqk,bkd->bqd", weights / weights.sum(dim=2, keepdim=True), v)
        out = out + found @ parameters["out_proj.weight"][:, part].T
    return out


@pytest.mark.parametrize("name", MASKS)
def test_attention_is_the_sum_of_its_heads(attention: MultiHeadAttention, name: str) -> None:
    x, source = (leaf.requires_grad_() for leaf in inputs())
    mask = MASKS[name]
    ours = results(attention, attention(x, attention.keys_values(source), mask), x, source)
    seen = torch.ones(3, 1, 6, 6) if mask is None else mask.expand(3, 1, 6, 6).float()
    out = head_by_head(attention, x, source, seen[:, 0])
    torch.testing.assert_close(ours, results(attention, out, x, source), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("width", WIDTHS)
def test_every_head_has_its_dimensions(width: str) -> None:
    attention, head_dim = make_attention(width), WIDTHS[width]
    inner = NUM_HEADS * head_dim
    shapes = {f"{part}_proj.{kind}": (inner, D_MODEL)[: 2 - (kind == "bias")]
              for part in "qkv" for kind in ("weight", "bias")}  # fmt: skip
    shapes |= {"out_proj.weight": (D_MODEL, inner), "out_proj.bias": (D_MODEL,)}
    assert {name: tuple(p.shape) for name, p in attention.named_parameters()} == shapes
    count = 3 * (D_MODEL * inner + inner) + inner * D_MODEL + D_MODEL
    assert count_parameters(attention) == count
    x, source = inputs(queries=2)
    kv = attention.keys_values(source)
    assert kv.keys.shape == kv.values.shape == (3, NUM_HEADS, 6, head_dim)
    assert attention.weights(x, kv).shape == (3, NUM_HEADS, 2, 6)
    assert attention(x, kv).shape == (3, 2, D_MODEL)


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("key_len", [6, 16, 17])
def test_plain_and_fused_attention_agree(
    attention: MultiHeadAttention, name: str, key_len: int
) -> None:
    """The plain formula serves bf16 and dropout on a CPU; here both compute in fp32."""
    mask = MASKS[name]
    mask = None if mask is None else nn.functional.pad(mask, (0, key_len - 6))
    x, source = torch.randn(3, 6, D_MODEL), torch.randn(3, key_len, D_MODEL)
    results = []
    for rate in (0.0, 1e-9):  # so little that nothing is dropped
        attention.dropout.p = rate
        attention.zero_grad()
        leaf = source.clone().requires_grad_()
        out = attention(x, attention.keys_values(leaf), mask)
        out.square().sum().backward()
        assert leaf.grad is not None
        results.append((out.detach(), leaf.grad, attention.q_proj.weight.grad))
    torch.testing.assert_close(*results, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", MASKS)
def test_forward_is_the_weighted_mean_of_the_values(
    attention: MultiHeadAttention, name: str
) -> None:
    x, source = inputs()
    kv = attention.keys_values(source)
    heads = attention.weights(x, kv, MASKS[name]) @ kv.values
    joined = torch.cat(heads.unbind(dim=1), dim=-1)
    torch.testing.assert_close(attention(x, kv, MASKS[name]), attention.out_proj(joined))


@pytest.mark.parametrize("queries", [1, 3])
@pytest.mark.parametrize("shared_by", [1, 2, 5])
def test_rows_may_share_a_source(
    attention: MultiHeadAttention, shared_by: int, queries: int
) -> None:
    source = torch.randn(3, 6, D_MODEL)
    x = torch.randn(3 * shared_by, queries, D_MODEL)
    repeated = source.repeat_interleave(shared_by, dim=0)
    mask = REAL.repeat_interleave(shared_by, dim=0)
    shared = attention(x, attention.keys_values(source), REAL)
    assert shared.shape == x.shape
    torch.testing.assert_close(shared, attention(x, attention.keys_values(repeated), mask))


def test_the_past_grows_and_follows_its_rows() -> None:
    whole = KeyValues(torch.randn(4, 2, 9, 5), torch.randn(4, 2, 9, 5))
    past, end = Past(), 0
    past.select(torch.tensor([0]))  # of nothing
    for new_len in (3, 1, 5):
        part = KeyValues(*(each[:, :, end : end + new_len] for each in whole))
        end += new_len
        for found, each in zip(past.extend(part), whole, strict=True):
            assert torch.equal(found, each[:, :, :end])
    past.select(torch.tensor([2, 2, 0]))
    selected = past.extend(KeyValues(*torch.empty(2, 3, 2, 0, 5)))
    for found, each in zip(selected, whole, strict=True):
        assert torch.equal(found, each[[2, 2, 0]])


def test_selected_rows_are_in_the_given_order() -> None:
    kv = KeyValues(torch.randn(4, 2, 3, 5), torch.randn(4, 2, 3, 5))
    rows = [3, 0, 0, 2, 1]
    selected = kv.select(torch.tensor(rows))
    for part, whole in zip(selected, kv, strict=True):
        assert torch.equal(part, torch.stack([whole[row] for row in rows]))


def test_dropout_of_weights_is_for_training_alone() -> None:
    attention = make_attention("narrow", dropout=0.5)
    x, source = inputs()
    kv = attention.keys_values(source)
    assert not torch.allclose(attention(x, kv), attention(x, kv))
    attention.eval()
    exact = attention.out_proj((attention.weights(x, kv) @ kv.values).transpose(1, 2).flatten(2))
    torch.testing.assert_close(attention(x, kv), exact)


SRC, (TGT_IN, TGT_OUT) = as_src(sentences(5, 3)), as_tgt(sentences(2, 6, seed=1))


def inspect(model: Transformer) -> AttentionWeights:
    weights = attention_weights(model, SRC, TGT_IN)
    src_len, tgt_len = SRC.shape[1], TGT_IN.shape[1]
    assert weights.encoder.shape == (2, 2, 4, src_len, src_len)
    assert weights.decoder.shape == (2, 2, 4, tgt_len, tgt_len)
    assert weights.cross.shape == (2, 2, 4, tgt_len, src_len)
    return weights


def test_attention_is_a_distribution_over_what_may_be_seen() -> None:
    weights = inspect(tiny_model())
    src_mask = padding_mask(SRC, PAD)
    future = causal_mask(TGT_IN.shape[1], TGT_IN.shape[1])
    masks = (src_mask, padding_mask(TGT_IN, PAD) & future, src_mask)
    for part, mask in zip(weights, masks, strict=True):
        torch.testing.assert_close(part.sum(dim=-1), torch.ones(part.shape[:-1]))
        assert torch.equal(part > 0, mask.expand_as(part))


def test_each_attention_stands_in_its_place() -> None:
    """What is changed in a layer shows there and after it, not before."""
    model = tiny_model()
    before = inspect(model)
    layer = model.decoder[1]
    assert isinstance(layer, DecoderLayer)
    perturb(layer.cross_attn.q_proj)
    after = inspect(model)
    assert torch.equal(before.encoder, after.encoder)
    assert torch.equal(before.decoder, after.decoder)
    assert torch.equal(before.cross[0], after.cross[0])
    assert not torch.allclose(before.cross[1], after.cross[1])
    perturb(layer.self_attn.k_proj)
    last = inspect(model)
    assert torch.equal(last.decoder[0], after.decoder[0])
    assert not torch.allclose(last.decoder[1], after.decoder[1])
    assert torch.equal(last.encoder, before.encoder)


@pytest.mark.parametrize(("width", "head_dim"), [("narrow", 4), ("wide", 16)])
def test_inspection_agrees_with_the_model(width: str, head_dim: int) -> None:
    """The first layer's attention, worked out from the embeddings by the paper's formula."""
    model = tiny_model(norm="post", attention=width)
    attention = model.get_submodule("encoder.0.self_attn")
    assert isinstance(attention, MultiHeadAttention)
    x = model.src_embedding(SRC)
    for head in range(4):
        part = slice(head_dim * head, head_dim * (head + 1))
        q, k = (p(x)[:, :, part] for p in (attention.q_proj, attention.k_proj))
        scores = torch.einsum("bqd,bkd->bqk", q, k) / math.sqrt(head_dim)
        weights = scores.exp() * (SRC != PAD)[:, None]
        expected = weights / weights.sum(dim=-1, keepdim=True)
        torch.testing.assert_close(inspect(model).encoder[0, :, head], expected)


def hooks(model: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def test_inspection_leaves_nothing_behind() -> None:
    model = tiny_model()
    before = model(SRC, TGT_IN)
    weights = inspect(model)
    assert hooks(model) == 0
    assert not any(part.requires_grad for part in weights)
    assert torch.equal(model(SRC, TGT_IN), before)


@pytest.mark.parametrize("side", [0, 1])
def test_inspection_leaves_no_hook_after_an_exception(side: int) -> None:
    model = tiny_model()
    ids = [SRC.clone(), TGT_IN.clone()]
    ids[side][0, 1] = VOCAB  # not a token
    with pytest.raises(IndexError):
        attention_weights(model, *ids)
    assert hooks(model) == 0
