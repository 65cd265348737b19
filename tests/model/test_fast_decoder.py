"""The fast forms of decoding give what the plain ones give."""

from typing import Any

import pytest
import torch
from tiny_models import EOS, PAD, SOS, VOCAB, as_src, sentences, tiny_model

from transformer_mt.decoding.hypothesis import SearchOptions
from transformer_mt.fast import switches
from transformer_mt.fast.top_k import top_continuations
from transformer_mt.inference.torch_engine import TorchEngine
from transformer_mt.model.fast_decoder import FastDecoder

SOURCES = sentences(5, 21, 2, 7, 1)
SELECTIONS: list[tuple[list[int], list[int] | None]] = [
    ([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4], None),  # each sentence gets a beam of three
    ([2, 1, 1, 3, 5, 4, 8, 8, 8, 9, 10, 11, 14, 13, 12], None),  # the beams are reordered
    ([12, 13, 13, 5, 4, 3, 9, 10, 9], [4, 1, 3]),  # sentences go, the last ones take their places
    ([3, 4, 3, 4, 5, 4, 1, 2, 1, 0, 0, 0], [1, 0]),  # the others change places; a beam of six
    ([8], [1]),
]


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize(
    "options",
    [
        {"tied_embeddings": "all"},
        {"tied_embeddings": "none"},
        {"output_bias": True},
        {"attention": "wide"},
        {"attention": "wide", "num_heads": 3},
        {"activation": "gelu"},
        {"activation": "swish"},
    ],
    ids=str,
)
def test_the_fast_decoder_gives_the_model_s_log_probs(norm: str, options: dict[str, Any]) -> None:
    model = tiny_model(norm=norm, **options)
    plain, fast, src = model, FastDecoder(model), as_src(SOURCES, extra=2)
    with torch.inference_mode():
        plain_state, fast_state, rows = plain.start(src), fast.start(src), len(SOURCES)
        for selected, kept in SELECTIONS:
            for _ in range(6):
                tokens = torch.randint(1, VOCAB, (rows,))
                torch.testing.assert_close(
                    fast.step(tokens, fast_state).log_softmax(dim=1),
                    plain.step(tokens, plain_state).log_softmax(dim=1),
                    rtol=0,
                    atol=1e-5,
                )
            for state in (plain_state, fast_state):
                sentence_indices = None if kept is None else torch.tensor(kept)
                state.select(torch.tensor(selected), sentence_indices)
            rows = len(selected)


@pytest.mark.parametrize("beam", [1, 4])
@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("width", ["narrow", "wide"])
def test_the_search_finds_the_same_with_it(
    norm: str, width: str, beam: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_model(norm=norm, attention=width, tied_embeddings="none")
    model.tgt_embedding.positions.normal_()
    options = SearchOptions(sos_id=SOS, eos_id=EOS, forbidden=(PAD, SOS), beam_size=beam)
    limits = [12, 30, 5, 0, 25]
    engine = TorchEngine(model)
    fast = engine.search(SOURCES, limits, options)
    alone = [
        engine.search([source], [limit], options)[0]
        for source, limit in zip(SOURCES, limits, strict=True)
    ]
    monkeypatch.setattr(switches, "FAST_DECODER", False)
    monkeypatch.setattr(switches, "ONEDNN_PRODUCTS", False)
    plain = TorchEngine(model).search(SOURCES, limits, options)
    for one, other, lone in zip(fast, plain, alone, strict=True):
        assert [h.token_ids for h in one] == [h.token_ids for h in other]
        assert [h.token_ids for h in one] == [h.token_ids for h in lone]
        assert [h.score for h in one] == pytest.approx([h.score for h in other], abs=1e-5)
        assert [h.score for h in one] == pytest.approx([h.score for h in lone], abs=1e-5)


@pytest.mark.parametrize("vocab_size", [2, 64, 640, 641, 1000, 1343])
@pytest.mark.parametrize(("batch", "beam", "width"), [(7, 1, 1), (3, 1, 10), (4, 5, 10)])
def test_the_best_are_found_through_their_groups(
    vocab_size: int, batch: int, beam: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_probs = torch.randn(batch * beam, vocab_size).log_softmax(dim=1)
    log_probs[:, :2] = -torch.inf
    log_probs[0, -3:] += 9  # in the last group, which may be smaller
    so_far = torch.randn(batch, beam)
    so_far[0, 1:] = -torch.inf  # unused places
    found = top_continuations(log_probs, so_far, width)
    scores = log_probs.view(batch, beam, vocab_size) + so_far[:, :, None]
    sentence = torch.arange(batch)[:, None]
    torch.testing.assert_close(scores[sentence, found.parents, found.tokens], found.log_probs)
    monkeypatch.setattr(switches, "GROUPED_TOP_K", False)
    plain = top_continuations(log_probs, so_far, width)
    torch.testing.assert_close(found.log_probs, plain.log_probs, rtol=0, atol=0)
    real = plain.log_probs > -torch.inf
    assert (found.tokens == plain.tokens)[real].all()
    assert (found.parents == plain.parents)[real].all()
