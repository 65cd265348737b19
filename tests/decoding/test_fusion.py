"""Shallow fusion: the search for log p(target | source) + weight * log p(target)."""

import math
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from tiny_models import (
    EOS,
    PAD,
    SOS,
    TOY_EOS,
    TOY_SOS,
    VOCAB,
    Prefix,
    Toy,
    as_src,
    assert_same,
    every_hypothesis,
    next_log_probs,
    sentences,
    tiny_lm,
    tiny_model,
    toy_search,
)

from transformer_mt.decoding.fusion import Fused, LanguageModelFusion
from transformer_mt.decoding.hypothesis import Hypothesis, SearchOptions
from transformer_mt.decoding.scorer import LogProbs
from transformer_mt.decoding.search import beam_search
from transformer_mt.decoding.window import Sliding, window_start, windows
from transformer_mt.errors import ConfigError
from transformer_mt.inference.torch_engine import TorchEngine
from transformer_mt.model.language_model import LanguageModel

START = 3  # a token of the toy that its search never begins with


@dataclass
class Judged:
    """A toy and something else: their log-probabilities, added up one hypothesis at a time."""

    toy: Toy
    other: Toy | LanguageModel
    weight: float
    known: dict[tuple[int, Prefix], list[float]] = field(default_factory=dict)

    def log_probs(self, sentence: int, prefix: Prefix) -> list[float]:
        if (sentence, prefix) not in self.known:
            self.known[sentence, prefix] = self._log_probs(sentence, prefix)
        return self.known[sentence, prefix]

    def _log_probs(self, sentence: int, prefix: Prefix) -> list[float]:
        if isinstance(self.other, Toy):
            more = self.other.log_probs(sentence, prefix)
        else:
            more = next_log_probs(self.other, [START, *prefix]).tolist()
        pairs = zip(self.toy.log_probs(sentence, prefix), more, strict=True)
        return [one + self.weight * another for one, another in pairs]


def fused_search(
    toy: Toy,
    model: LanguageModel,
    weight: float,
    names: list[int],
    limits: list[int],
    beam: int,
    alpha: float = 1.0,
) -> list[list[Hypothesis]]:
    options = SearchOptions(
        sos_id=TOY_SOS, eos_id=TOY_EOS, beam_size=beam, length_penalty=alpha, forbidden=(TOY_SOS,)
    )
    scorer = LanguageModelFusion(model, weight, START).with_scorer(LogProbs(toy))
    return beam_search(scorer, torch.tensor(names)[:, None], limits, options)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("weight", [0.2, 1.0, 3.0])
def test_two_scorers_have_the_sum_of_their_scores(weight: float, alpha: float) -> None:
    first, second = Toy(1), Toy(2)
    options = SearchOptions(sos_id=TOY_SOS, eos_id=TOY_EOS, beam_size=100, length_penalty=alpha)
    fused = Fused(LogProbs(first), LogProbs(second), weight)
    found = beam_search(fused, torch.tensor([[7], [8]]), [3, 2], options)
    judged: Any = Judged(first, second, weight)
    assert_same(
        found, [every_hypothesis(judged, 7, 3, alpha), every_hypothesis(judged, 8, 2, alpha)]
    )


@pytest.mark.parametrize(
    ("max_length", "positions"), [(2, "sinusoidal"), (3, "learned"), (9, "learned")]
)
@pytest.mark.parametrize("weight", [0.3, 1.0])
def test_a_wide_beam_finds_all_that_both_models_can_say(
    max_length: int, positions: str, weight: float
) -> None:
    """Also what is longer than the language model's window."""
    toy, model = Toy(3), tiny_lm(max_length, positions=positions)
    judged: Any = Judged(toy, model, weight)
    expected = [
        every_hypothesis(judged, name, limit, 1.0, forbidden=(TOY_SOS,))
        for name, limit in ((5, 4), (6, 0), (2, 2))
    ]
    found = fused_search(toy, model, weight, [5, 6, 2], [4, 0, 2], beam=130)
    assert_same(found, expected)
    alone = toy_search(toy, [5], [4], 130, forbidden=(TOY_SOS,))[0]
    said = [h.token_ids for h in alone]
    assert said != [h.token_ids for h in found[0]]  # the language model has its say


@pytest.mark.parametrize("beam", [1, 3, 8])
def test_no_weight_is_no_language_model(beam: int) -> None:
    toy, names, limits = Toy(4), list(range(8)), [6, 1, 8, 3, 0, 5, 2, 7]
    found = fused_search(toy, tiny_lm(4), 0.0, names, limits, beam)
    assert_same(found, toy_search(toy, names, limits, beam, forbidden=(TOY_SOS,)))


@pytest.mark.parametrize("beam", [1, 2, 5])
@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [5, 2, 0, 4, 1, 3], [3, 3, 1]])
def test_company_does_not_matter(order: list[int], beam: int) -> None:
    toy, model, limits = Toy(3), tiny_lm(4, seed=1), [5, 0, 9, 2, 7, 3]
    alone = [fused_search(toy, model, 0.7, [name], [limits[name]], beam)[0] for name in range(6)]
    together = fused_search(toy, model, 0.7, order, [limits[name] for name in order], beam)
    assert_same(together, [alone[name] for name in order])


@pytest.mark.parametrize("beam", [1, 4])
def test_the_engine_adds_what_the_language_model_thinks_of_a_translation(beam: int) -> None:
    model, weight = tiny_model(tied_embeddings="none"), 2.0
    model.tgt_embedding.positions.normal_()
    lm = tiny_lm(5, VOCAB)
    engine = TorchEngine(model, LanguageModelFusion(lm, weight, EOS))
    options = SearchOptions(sos_id=SOS, eos_id=EOS, forbidden=(PAD, SOS), beam_size=beam)
    sources, limits = sentences(5, 9, 2, 7), [9, 16, 3, 0]
    found = engine.search(sources, limits, options)
    for source, hypotheses in zip(sources, found, strict=True):
        for hypothesis in hypotheses:
            said = [EOS, *hypothesis.token_ids, EOS]
            fluency = sum(next_log_probs(lm, said[:n])[said[n]].item() for n in range(1, len(said)))
            (own,) = engine.token_log_probs([source], [hypothesis.token_ids])
            assert hypothesis.log_prob == pytest.approx(sum(own) + weight * fluency, abs=1e-4)
    plain = TorchEngine(model).search(sources, limits, options)
    assert [h[0].token_ids for h in plain] != [h[0].token_ids for h in found]
    scorer = LanguageModelFusion(lm, 0.0, EOS).with_scorer(LogProbs(model))
    assert_same(beam_search(scorer, as_src(sources), limits, options), plain)


@pytest.mark.parametrize("weight", [-0.1, 1e300, math.nan, math.inf])
def test_impossible_weights_are_refused(weight: float) -> None:
    with pytest.raises(ConfigError, match="weight' must be at least 0 and"):
        LanguageModelFusion(tiny_lm(2), weight, START)


@pytest.mark.parametrize("max_length", [1, 2, 3, 7, 8])
def test_a_window_slides_by_half(max_length: int) -> None:
    """Against one that is filled token by token; `windows` are the same, all at once."""
    window: list[int] = []
    starts = []
    for token in range(40):
        if len(window) == max_length:
            window = window[max_length - max_length // 2 :]
        window.append(token)
        starts.append(window[0])
    assert [window_start(n + 1, max_length) for n in range(40)] == starts
    for length in range(40):
        seen = [
            (token, part.begin)
            for part in windows(length, max_length)
            for token in range(part.first, part.end)
        ]
        assert seen == list(enumerate(starts[:length]))
        assert all(p.end - p.begin <= max_length for p in windows(length, max_length))


@pytest.mark.parametrize("max_length", [2, 5])
@pytest.mark.parametrize("parts", [[1] * 12, [12], [3, 1, 7, 1], [5, 5, 2], [4, 8], [11, 1]])
def test_how_a_text_comes_in_does_not_matter(parts: list[int], max_length: int) -> None:
    model = tiny_lm(max_length, VOCAB, positions="learned")
    text = torch.randint(4, VOCAB, (3, 12))
    sliding = Sliding(model)
    state = sliding.start(3, text.device)
    done = 0
    with torch.inference_mode():
        for part in parts:
            logits = sliding.extend(text[:, done : done + part], state)
            done += part
            expected = [next_log_probs(model, row[:done]) for row in text.tolist()]
            torch.testing.assert_close(
                logits.log_softmax(dim=1), torch.stack(expected), rtol=0, atol=1e-5
            )
