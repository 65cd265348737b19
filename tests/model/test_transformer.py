import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import (
    ACTIVATIONS,
    NORMS,
    PAD,
    SOS,
    VOCAB,
    as_src,
    as_tgt,
    paper_positions,
    parity_differences,
    sentences,
    tiny_config,
    tiny_model,
)
from torch import Tensor, nn
from torch.nn import functional as F

from transformer_mt.config.load import load_config
from transformer_mt.config.tasks import EncoderDecoderConfig, TranslationConfig
from transformer_mt.fast import switches
from transformer_mt.fast.loss import label_smoothed_loss
from transformer_mt.model.base import count_parameters
from transformer_mt.model.embedding import Embedding, sinusoids
from transformer_mt.model.layers import FeedForward
from transformer_mt.model.transformer import Transformer

CONFIGS = Path(__file__).parents[2] / "configs"
TIES = ("none", "decoder", "all")
SOURCES, TARGETS = sentences(5, 2, 7), sentences(6, 3, 4, seed=1)
each_norm = pytest.mark.parametrize("norm", NORMS)
each_width = pytest.mark.parametrize("width", ["narrow", "wide"])
each_tie = pytest.mark.parametrize("tied", TIES)


@each_norm
@each_tie
def test_logits_loss_and_gradients_are_those_of_torch(norm: str, tied: str) -> None:
    differences = parity_differences(norm, tied)
    parameters = dict(tiny_model(norm=norm, tied_embeddings=tied).named_parameters())
    assert set(differences) == {"logits", "loss", *parameters}
    assert {name: d for name, d in differences.items() if not d < 1e-5} == {}


@each_norm
@pytest.mark.parametrize("output_bias", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_other_activations_and_an_output_bias_too(
    norm: str, activation: str, output_bias: bool
) -> None:
    options: dict[str, Any] = {"activation": activation, "output_bias": output_bias}
    differences = parity_differences(norm, **options)
    parameters = dict(tiny_model(norm=norm, **options).named_parameters())
    assert set(differences) == {"logits", "loss", *parameters}
    assert ("output.bias" in parameters) is output_bias
    assert {name: d for name, d in differences.items() if not d < 1e-5} == {}


@pytest.mark.parametrize(
    ("activation", "function"), [("relu", F.relu), ("gelu", F.gelu), ("swish", F.silu)]
)
def test_the_activation_stands_between_the_two_matrices(
    activation: str, function: Callable[[Tensor], Tensor]
) -> None:
    layer = FeedForward(tiny_config(activation=activation))
    x = 3 * torch.randn(2, 5, 16)
    inner = x @ layer.inner.weight.T + layer.inner.bias
    torch.testing.assert_close(ACTIVATIONS[activation](inner), function(inner))
    expected = function(inner) @ layer.outer.weight.T + layer.outer.bias
    torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-5)


@each_tie
def test_the_output_bias_is_added_to_each_logit(tied: str) -> None:
    model = tiny_model(tied_embeddings=tied, output_bias=True)
    hidden = torch.randn(2, 3, 16)
    expected = hidden @ model.output.weight.T + model.output.bias
    torch.testing.assert_close(model.project(hidden), expected)
    plain = tiny_model(tied_embeddings=tied)
    assert "output.bias" not in dict(plain.named_parameters())
    assert count_parameters(model) == count_parameters(plain) + VOCAB
    fresh = Transformer(model.config, VOCAB, VOCAB, PAD)
    assert (fresh.output.bias == 0).all()


@each_norm
def test_no_position_sees_a_later_one(norm: str) -> None:
    model = tiny_model(norm=norm)
    src, (tgt_in, _) = as_src(SOURCES[:1]), as_tgt(TARGETS[:1])
    hidden = model(src, tgt_in)
    for position in range(tgt_in.shape[1]):
        changed = tgt_in.clone()
        changed[:, position] = tgt_in[:, position] % (VOCAB - 1) + 1
        difference = (model(src, changed) - hidden).abs().amax(dim=-1)[0]
        assert (difference[:position] == 0).all()
        assert (difference[position:] > 1e-4).all()  # and all others do


@each_norm
def test_every_source_token_is_seen_by_every_position(norm: str) -> None:
    model = tiny_model(norm=norm)
    src, (tgt_in, _) = as_src(SOURCES[:1]), as_tgt(TARGETS[:1])
    hidden = model(src, tgt_in)
    for position in range(src.shape[1]):
        changed = src.clone()
        changed[:, position] = src[:, position] % (VOCAB - 1) + 1
        difference = (model(changed, tgt_in) - hidden).abs().amax(dim=-1)
        assert (difference > 1e-5).all()


@each_norm
def test_order_matters_on_both_sides(norm: str) -> None:
    model = tiny_model(norm=norm)
    src, (tgt_in, _) = torch.tensor([[4, 5, 6]]), as_tgt([[4, 5, 6]])
    hidden = model(src, tgt_in)[0, -1]
    assert not torch.allclose(model(src.flip(1), tgt_in)[0, -1], hidden, atol=1e-3)
    assert not torch.allclose(model(src, tgt_in[:, [0, 2, 1, 3]])[0, -1], hidden, atol=1e-3)


def loss_and_gradients(
    model: Transformer, sources: list[list[int]], targets: list[list[int]], extra: int = 0
) -> dict[str, Tensor]:
    """The summed loss of a batch and its gradients, with extra padding."""
    model.zero_grad()
    src, (tgt_in, tgt_out) = as_src(sources, extra), as_tgt(targets, extra)
    loss = label_smoothed_loss(
        model(src, tgt_in), model.output.weight, tgt_out, PAD, 0.1, model.output.bias
    )
    loss.backward()
    gradients = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    assert len(gradients) == len(list(model.parameters()))
    return {"loss": loss.detach(), **gradients}


@each_norm
@each_width
@pytest.mark.parametrize("output_bias", [False, True])
def test_padding_changes_no_value_and_no_gradient(norm: str, width: str, output_bias: bool) -> None:
    model = tiny_model(norm=norm, attention=width, output_bias=output_bias)
    torch.testing.assert_close(
        loss_and_gradients(model, SOURCES, TARGETS, extra=4),
        loss_and_gradients(model, SOURCES, TARGETS),
        rtol=1e-4,
        atol=1e-5,
    )


@each_norm
def test_a_batch_is_the_sum_of_its_sentences(norm: str) -> None:
    model = tiny_model(norm=norm)
    alone = [
        loss_and_gradients(model, [src], [tgt]) for src, tgt in zip(SOURCES, TARGETS, strict=True)
    ]
    summed = {name: sum(one[name] for one in alone) for name in alone[0]}
    together = loss_and_gradients(model, SOURCES, TARGETS)
    torch.testing.assert_close(together, summed, rtol=1e-4, atol=1e-5)


@each_norm
def test_what_stands_in_the_pad_row_is_never_seen(norm: str) -> None:
    model = tiny_model(norm=norm, tied_embeddings="none")
    src, (tgt_in, tgt_out) = as_src(SOURCES), as_tgt(TARGETS)
    real = tgt_out != PAD
    before = model(src, tgt_in)[real]
    with torch.no_grad():
        for embedding in (model.src_embedding, model.tgt_embedding):
            embedding.token.weight[PAD] = 100 * torch.randn(16)
    torch.testing.assert_close(model(src, tgt_in)[real], before)
    gradients = loss_and_gradients(model, SOURCES, TARGETS)
    for side in ("src", "tgt"):
        rows = gradients[f"{side}_embedding.token.weight"].abs().sum(dim=1)
        assert rows[PAD] == 0
        assert rows.sum() > 0


SWITCHES = [name for name in vars(switches) if name.isupper()]


@each_norm
@pytest.mark.parametrize("switch", SWITCHES)
def test_without_a_fast_path_a_step_of_training_is_the_same(
    norm: str, switch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = {"d_model": 128, "d_ff": 256, "num_heads": 4}  # so that oneDNN has work to do
    config = tiny_config(norm=norm, attention_dropout=1e-9, **large)  # nothing is dropped
    model = Transformer(config, VOCAB, VOCAB, PAD)
    fast = loss_and_gradients(model, SOURCES, TARGETS, extra=40)
    monkeypatch.setattr(switches, switch, False)
    plain = loss_and_gradients(model, SOURCES, TARGETS, extra=40)
    for name, value in fast.items():
        assert (value - plain[name]).norm() <= 1e-5 * plain[name].norm() + 1e-6, name


@each_norm
def test_bf16_products_cost_little_precision(norm: str) -> None:
    model = Transformer(tiny_config(norm=norm), VOCAB, VOCAB, PAD)
    exact = loss_and_gradients(model, SOURCES, TARGETS)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = loss_and_gradients(model, SOURCES, TARGETS)
    assert rounded.pop("loss").item() == pytest.approx(exact.pop("loss").item(), rel=0.02)
    assert {value.dtype for value in rounded.values()} == {torch.float32}
    errors, whole = (
        torch.cat([value.flatten() for value in values])
        for values in ([rounded[name] - exact[name] for name in exact], exact.values())
    )
    assert errors.norm() < 0.1 * whole.norm()


@each_norm
@each_width
@pytest.mark.parametrize("output_bias", [False, True])
def test_stepping_is_teacher_forcing(norm: str, width: str, output_bias: bool) -> None:
    model = tiny_model(norm=norm, attention=width, output_bias=output_bias)
    src, tgt_in = as_src(SOURCES), torch.tensor([[SOS, *row] for row in sentences(7, 7, 7)])
    state = model.start(src)
    stepped = torch.stack([model.step(tokens, state) for tokens in tgt_in.T], dim=1)
    torch.testing.assert_close(stepped, model.project(model(src, tgt_in)), rtol=1e-5, atol=1e-5)


SELECTIONS: list[tuple[list[int], list[int] | None]] = [
    ([0, 0, 1, 1, 2, 2], None),  # each sentence gets a beam of two
    ([1, 1, 2, 3, 5, 4], None),  # the beams are reordered
    ([5, 4, 5, 0, 0, 1], [2, 0]),  # a sentence goes, the others change places; a beam of three
    ([3], [1]),
]


@each_norm
def test_selected_hypotheses_are_those_of_fresh_states(norm: str) -> None:
    model = tiny_model(norm=norm)
    src = as_src(SOURCES)
    state = model.start(src)
    prefixes: list[list[int]] = [[] for _ in SOURCES]
    kept = list(range(len(SOURCES)))
    for number, (rows, selected) in enumerate([(list(range(3)), None), *SELECTIONS]):
        if number:
            indices = None if selected is None else torch.tensor(selected)
            state.select(torch.tensor(rows), indices)
            prefixes = [prefixes[row] for row in rows]
            kept = kept if selected is None else [kept[sentence] for sentence in selected]
        tokens = torch.randint(1, VOCAB, (len(rows),))
        prefixes = [
            [*prefix, token] for prefix, token in zip(prefixes, tokens.tolist(), strict=True)
        ]
        logits = model.step(tokens, state)
        per_sentence = len(rows) // len(kept)
        for row, prefix in enumerate(prefixes):
            sentence = kept[row // per_sentence]
            fresh = model.project(model(src[[sentence]], torch.tensor([prefix])))[0, -1]
            torch.testing.assert_close(logits[row], fresh, rtol=1e-5, atol=1e-5)


def expected_count(config: EncoderDecoderConfig, src_vocab: int, tgt_vocab: int) -> int:
    """Counted from figure 1 of the paper."""
    d, d_ff = config.d_model, config.d_ff
    norm = 2 * d
    heads = d * (config.num_heads if config.attention == "wide" else 1)  # together
    attention = 3 * (d * heads + heads) + (heads * d + d) + norm
    feed_forward = (d * d_ff + d_ff) + (d_ff * d + d) + norm
    layers = config.num_encoder_layers * (attention + feed_forward)
    layers += config.num_decoder_layers * (2 * attention + feed_forward)
    final = 2 * norm if config.norm == "pre" else 0
    matrices = {"none": src_vocab + 2 * tgt_vocab, "decoder": src_vocab + tgt_vocab}
    return layers + final + d * matrices.get(config.tied_embeddings, tgt_vocab)


@each_norm
@each_tie
@each_width
def test_tied_matrices_are_one_and_counted_once(norm: str, tied: str, width: str) -> None:
    sizes = (VOCAB, VOCAB) if tied == "all" else (VOCAB + 4, VOCAB)
    options: dict[str, Any] = {"norm": norm, "tied_embeddings": tied, "attention": width}
    model = tiny_model(*sizes, num_encoder_layers=3, **options)
    assert count_parameters(model) == expected_count(model.config, *sizes)
    matrices = (model.output, model.tgt_embedding.token, model.src_embedding.token)
    storages = [matrix.weight.untyped_storage().data_ptr() for matrix in matrices]
    shared = {"none": 1, "decoder": 2, "all": 3}[tied]
    assert len(set(storages[:shared])) == 1
    assert len(set(storages)) == 4 - shared


@pytest.mark.parametrize(("width", "millions"), [("narrow", 63), ("wide", 195)])
def test_base_config_has_the_paper_s_63_million_parameters(width: str, millions: int) -> None:
    overrides = [f"model.attention={width}"]
    config = load_config(CONFIGS / "base.yaml", overrides, TranslationConfig).model
    with torch.device("meta"):  # shapes without memory
        model = Transformer(config, 37_000, 37_000, PAD)
    assert count_parameters(model) == expected_count(config, 37_000, 37_000)
    assert round(count_parameters(model) / 1e6) == millions


@pytest.mark.parametrize(("length", "d_model"), [(1, 2), (50, 16), (700, 6)])
def test_sinusoids_are_the_formula(length: int, d_model: int) -> None:
    torch.testing.assert_close(
        sinusoids(length, d_model), paper_positions(length, d_model), rtol=0, atol=1e-4
    )


def test_embedding_is_scaled_and_positions_go_on_for_ever() -> None:
    embedding = Embedding(tiny_config(), VOCAB, PAD).eval()
    positions = paper_positions(1500, 16)
    for first, last in ((0, 9), (505, 520), (1490, 1500), (1, 3)):
        ids = torch.randint(1, VOCAB, (2, last - first))
        expected = math.sqrt(16) * embedding.token.weight[ids] + positions[first:last]
        torch.testing.assert_close(embedding(ids, first), expected, rtol=0, atol=3e-4)


def test_longer_than_the_table_of_positions() -> None:
    config = tiny_config(num_encoder_layers=1, num_decoder_layers=1, d_model=4)
    model = Transformer(config, VOCAB, VOCAB, PAD).eval()
    src, tgt_in = as_src(sentences(600)), torch.tensor([[SOS, *sentences(515, seed=1)[0]]])
    state = model.start(src)
    with torch.inference_mode():
        stepped = [model.step(tokens, state) for tokens in tgt_in.T][-1]
        forced = model.project(model(src, tgt_in))[:, -1]
    torch.testing.assert_close(stepped, forced, rtol=1e-4, atol=1e-4)


@each_norm
@each_tie
def test_initial_values(norm: str, tied: str) -> None:
    config = tiny_config(d_model=32, d_ff=64, norm=norm, tied_embeddings=tied)
    model = Transformer(config, 300, 300, PAD)
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            assert (module.weight[PAD] == 0).all()
            scaled = module.weight[PAD + 1 :] * math.sqrt(32)
            assert scaled.mean().item() == pytest.approx(0, abs=0.05)
            assert scaled.std().item() == pytest.approx(1, rel=0.05)
        elif isinstance(module, nn.LayerNorm):
            assert (module.weight == 1).all()
        elif isinstance(module, nn.Linear) and (module is not model.output or tied == "none"):
            bound = math.sqrt(6 / (module.in_features + module.out_features))  # Glorot and Bengio
            assert 0.97 * bound < module.weight.abs().max() <= bound
            assert module.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.1)
    for name, parameter in model.named_parameters():
        assert not name.endswith("bias") or (parameter == 0).all()


def test_the_seed_decides_the_initial_values() -> None:
    def values(seed: int) -> dict[str, Tensor]:
        torch.manual_seed(seed)
        return Transformer(tiny_config(), VOCAB, VOCAB, PAD).state_dict()

    torch.testing.assert_close(values(1), values(1), rtol=0, atol=0)
    first, second = values(1)["output.weight"], values(2)["output.weight"]
    assert not torch.allclose(first, second)
