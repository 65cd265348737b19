"""The attention of translations, against the tokens, the masks and a model that looks back."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_runs import make_run, model_of, reverse_pairs, tmt
from torch import Tensor, nn

from transformer_mt import load
from transformer_mt.config.tasks import PairsConfig
from transformer_mt.figures.maps import AttentionMaps
from transformer_mt.inference.results import Translation
from transformer_mt.inference.translator import Translator
from transformer_mt.model.attention import KeyValues, MultiHeadAttention
from transformer_mt.text.tokenizer import EOS_ID, SOS_ID

PAIRS = reverse_pairs(25, seed=21, names=True)
LINES = [pair.src for pair in PAIRS]


def maps_of(translator: Translator, line: str, n_best: int = 1) -> list[AttentionMaps]:
    return attention_maps(translator.translate(line, n_best=n_best, attention=True))


def attention_maps(translation: Translation) -> list[AttentionMaps]:
    found = [candidate.attention for candidate in translation.candidates]
    assert None not in found
    return [maps for maps in found if maps]


@pytest.mark.parametrize("n_best", [1, 3, 5])
def test_shapes_fit_the_tokens_and_rows_sum_to_one(untrained: Translator, n_best: int) -> None:
    config = model_of(untrained).config
    for line in LINES[:8]:
        translation = untrained.translate(line, n_best=n_best, attention=True)
        maps = attention_maps(translation)
        assert len(maps) == len(translation.candidates)
        assert n_best - 1 <= len(maps) <= n_best
        for found, candidate in zip(maps, translation.candidates, strict=True):
            assert found.source == line
            assert (found.translation, found.score) == (candidate.text, candidate.score)
            src_len, tgt_len = len(line.split()) + 1, len(candidate.token_ids) + 1
            shapes = {"encoder": (src_len, src_len), "decoder": (tgt_len, tgt_len)}
            shapes["cross"] = (tgt_len, src_len)
            for name, shape in shapes.items():
                weights = getattr(found, name)
                assert weights.shape == (1, config.num_heads, *shape)
                assert weights.dtype == np.float32
                assert (weights >= 0).all()
                assert np.allclose(weights.sum(axis=-1), 1, atol=1e-5)
            assert np.array_equal(found.decoder, np.tril(found.decoder))  # nobody sees the future


def test_tokens_are_those_read_and_written(translator: Translator) -> None:
    found = maps_of(translator, "red, blue")[0]
    assert found.src_tokens == ("red", "\uffed,", "blue", "[EOS]")
    words = found.tgt_out[:-1]
    assert found.tgt_in == ("[SOS]", *words)
    assert found.tgt_out[-1] == "[EOS]"


def weights_by_hand(translator: Translator, translation: Translation) -> dict[str, Tensor]:
    """Softmax of scaled dot products, one head at a time, from what the projections gave."""
    inputs: dict[nn.Module, tuple[Tensor, KeyValues]] = {}

    def keep(module: nn.Module, arguments: tuple[Any, ...]) -> None:
        inputs[module] = arguments[:2]

    attentions = {
        name: module
        for name, module in model_of(translator).named_modules()
        if isinstance(module, MultiHeadAttention)
    }
    hooks = [part.register_forward_pre_hook(keep) for part in attentions.values()]
    src = torch.tensor([[*translation.src_ids, EOS_ID]])
    tgt_in = torch.tensor([[SOS_ID, *translation.candidates[0].token_ids]])
    with torch.no_grad():
        model_of(translator)(src, tgt_in)
    for hook in hooks:
        hook.remove()
    found = {}
    for name, attention in attentions.items():
        x, source = inputs[attention]  # of the only sentence
        q_heads = attention.q_proj(x[0]).detach().chunk(attention.num_heads, dim=1)
        heads = []
        for q_head, k_head in zip(q_heads, source.keys[0], strict=True):
            scores = q_head @ k_head.T / math.sqrt(q_head.shape[1])
            if name == "decoder.0.self_attn":
                scores += torch.full_like(scores, -math.inf).triu(diagonal=1)
            heads.append(scores.softmax(dim=1))
        found[name] = torch.stack(heads)
    return found


@pytest.fixture(params=["narrow", "wide"])
def of_width(request: pytest.FixtureRequest, tmp_path: Path) -> Translator:
    """A translator with random weights."""
    return load(make_run(tmp_path / "run", attention=request.param), device="cpu")


def test_weights_of_wide_heads_are_shown_as_those_of_narrow_ones(of_width: Translator) -> None:
    attention = model_of(of_width).get_submodule("decoder.0.cross_attn")
    narrow = model_of(of_width).config.attention == "narrow"
    assert attention.get_parameter("q_proj.weight").shape == ((16 if narrow else 32), 16)
    test_weights_are_those_of_the_layers(of_width)
    maps = maps_of(of_width, "The cat is red .")[0]
    assert maps.cross.shape == (1, 2, len(maps.tgt_out), len(maps.src_tokens))


@pytest.mark.parametrize("name", ["heads.json", "heads.html"])
def test_the_command_writes_wide_heads(tmp_path: Path, name: str) -> None:
    run, path = make_run(tmp_path / "run", attention="wide"), tmp_path / name
    result = tmt("attention", "The cat is red .", "-o", path, "--model", run)
    assert (result.exit_code, result.stderr) == (0, "")
    text = path.read_text("utf-8")
    if name.endswith("json"):
        cross = np.array(json.loads(text)[0]["cross"])
        assert cross.shape[:2] == (1, 2)
        assert np.allclose(cross.sum(axis=-1), 1, atol=1e-3)
    assert "cat" in text


def test_weights_are_those_of_the_layers(any_translator: Translator) -> None:
    for line in LINES[:5]:
        translation = any_translator.translate(line, attention=True)
        found = attention_maps(translation)[0]
        wanted = weights_by_hand(any_translator, translation)
        for weights, name in (
            (found.encoder, "encoder.0.self_attn"),
            (found.decoder, "decoder.0.self_attn"),
            (found.cross, "decoder.0.cross_attn"),
        ):
            assert np.allclose(weights[0], wanted.pop(name).numpy(), atol=1e-6)
        assert not wanted


def test_model_that_reverses_looks_at_the_words_backwards(translator: Translator) -> None:
    right = total = 0
    for line in LINES:
        found = maps_of(translator, line)[0]
        words = len(found.src_tokens) - 1
        looks_at = found.cross[0].mean(axis=0)[:words].argmax(axis=1)
        right += int((looks_at == np.arange(words)[::-1]).sum())
        total += words
    assert right >= 0.9 * total


def test_replaced_word_is_shown_as_it_was_written(translator: Translator) -> None:
    found = maps_of(translator, "red Namex blue")[0]
    assert found.translation == "blue Namex red"
    assert found.tgt_out == ("blue", "[UNK]", "red", "[EOS]")
    assert found.src_tokens == ("red", "Namex", "blue", "[EOS]")


def test_line_that_was_cut(translator: Translator) -> None:
    data = PairsConfig(src_lang="src", tgt_lang="tgt", train="x.tsv", max_length=3)
    cutting = Translator(translator.engine, translator.tokenizers, data, translator.decoding)
    found = maps_of(cutting, "red Namex blue green pink")[0]
    assert found.src_tokens == ("red", "Namex", "blue", "[EOS]")
    assert found.cross.shape[-2:] == (len(found.tgt_out), 4)


def test_empty_line_has_the_end_alone(translator: Translator) -> None:
    found = maps_of(translator, "")[0]
    assert (found.src_tokens, found.tgt_in, found.tgt_out) == (("[EOS]",), ("[SOS]",), ("[EOS]",))
    assert (found.cross == 1).all()


def test_nothing_is_left_on_the_model(translator: Translator) -> None:
    line, before = LINES[3], translator.translate(LINES[3:4])[0]
    maps_of(translator, line)
    assert not any(module._forward_hooks for module in model_of(translator).modules())
    assert translator.translate([line])[0] == before
