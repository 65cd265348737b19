from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from tiny_models import (
    EOS,
    PAD,
    SOS,
    TOY_EOS,
    TOY_SOS,
    TOY_VOCAB,
    VOCAB,
    Prefix,
    Toy,
    as_src,
    assert_same,
    every_hypothesis,
    normalized,
    sentences,
    tiny_model,
    toy_search,
)
from torch import Tensor

from transformer_mt.decoding.hypothesis import Hypothesis, SearchOptions, length_normalization
from transformer_mt.decoding.scorer import LogProbs
from transformer_mt.decoding.search import beam_search
from transformer_mt.model.transformer import Transformer

ALPHAS = [0.0, 0.6, 1.0]
each_alpha = pytest.mark.parametrize("alpha", ALPHAS)


def textbook_search(
    toy: Toy, name: int, max_length: int, beam: int, alpha: float
) -> list[Hypothesis]:
    """Beam search as `beam_search` describes it, for one sentence, with lists."""
    live: list[tuple[Prefix, float]] = [((), 0.0)]
    found: list[Hypothesis] = []
    for length in range(max_length + 1):
        grown = [
            ((*prefix, token), log_prob + more)
            for prefix, log_prob in live
            for token, more in enumerate(toy.log_probs(name, prefix))
            if token == TOY_EOS or length < max_length
        ]
        grown.sort(key=lambda candidate: -candidate[1])
        for tokens, log_prob in grown[:beam]:
            if tokens[-1] == TOY_EOS:
                score = normalized(log_prob, len(tokens), alpha)
                found.append(Hypothesis(tokens[:-1], log_prob, score))
        found = sorted(found, key=lambda hypothesis: -hypothesis.score)[:beam]
        live = [candidate for candidate in grown if candidate[0][-1] != TOY_EOS][:beam]
        if not live:
            break
        best_live = normalized(live[0][1], length + 2, alpha)
        if len(found) == beam and (beam == 1 or found[-1].score >= best_live):
            break
    return found


@each_alpha
@pytest.mark.parametrize(("seed", "max_length"), [(0, 3), (1, 3), (2, 3), (3, 2), (4, 4), (5, 0)])
def test_a_wide_beam_is_exhaustive(seed: int, max_length: int, alpha: float) -> None:
    """Not the best alone: the n-best list is the list of all there is."""
    toy = Toy(seed)
    expected = every_hypothesis(toy, 7, max_length, alpha)
    assert len(expected) == sum(4**length for length in range(max_length + 1))
    assert_same(toy_search(toy, [7], [max_length], len(expected), alpha), [expected])


@each_alpha
def test_a_wide_beam_is_exhaustive_for_each_sentence(alpha: float) -> None:
    toy, names, limits = Toy(6), [3, 9, 4], [2, 3, 0]
    expected = [
        every_hypothesis(toy, name, limit, alpha, forbidden=(TOY_SOS,))
        for name, limit in zip(names, limits, strict=True)
    ]
    found = toy_search(toy, names, limits, 60, alpha, forbidden=(TOY_SOS,))
    assert_same(found, expected)


@pytest.mark.parametrize(("alpha", "certainty"), [(0.0, 1.5), (0.6, 1.5), (1.0, 1.5), (3.0, 5.0)])
@pytest.mark.parametrize("beam", [1, 2, 3, 4, 7, 12])
def test_any_beam_is_textbook_beam_search(beam: int, alpha: float, certainty: float) -> None:
    """Also where what is found late would be best: the search is to be over by then."""
    toy, names, limits = Toy(beam, certainty), list(range(12)), [6, 1, 8, 3, 5, 5, 2, 7, 0, 4, 6, 9]
    expected = [
        textbook_search(toy, name, limit, beam, alpha)
        for name, limit in zip(names, limits, strict=True)
    ]
    assert_same(toy_search(toy, names, limits, beam, alpha), expected)


@pytest.mark.parametrize("alpha", [0.0, 1.0, 4.0])  # a longer translation may have a better score
@pytest.mark.parametrize("seed", range(5))
def test_greedy_takes_the_likeliest_token_at_each_step(seed: int, alpha: float) -> None:
    toy, names, limits = Toy(seed), list(range(10)), [12, 1, 2, 3, 0, 12, 12, 5, 12, 12]
    expected = []
    for name, limit in zip(names, limits, strict=True):
        tokens: Prefix = ()
        while len(tokens) < limit:
            token = int(toy.logits(name, tokens).argmax())
            if token == TOY_EOS:
                break
            tokens += (token,)
        expected.append([tokens])
    found = toy_search(toy, names, limits, beam=1, alpha=alpha)
    assert [[hypothesis.token_ids for hypothesis in one] for one in found] == expected
    assert len({len(tokens) for (tokens,) in expected}) > 3


@pytest.mark.parametrize("beam", [1, 2, 5, 9])
@pytest.mark.parametrize("forbidden", [(0,), (0, 3), (0, 2, 3, 4)])
def test_forbidden_tokens_never_appear(forbidden: tuple[int, ...], beam: int) -> None:
    toy, names = Toy(1), list(range(8))
    found = toy_search(toy, names, [4] * 8, beam, forbidden=forbidden)
    used = {token for one in found for hypothesis in one for token in hypothesis.token_ids}
    assert used == set(range(TOY_VOCAB)) - {TOY_EOS, *forbidden}


@pytest.mark.parametrize("beam", [1, 3, 5, 8, 40])
def test_every_sentence_gets_a_ranked_list_of_what_it_may_say(beam: int) -> None:
    """Also with a beam larger than the vocabulary."""
    limits = [0, 1, 2, 3, 4, 5, 6, 7]
    for found, limit in zip(toy_search(Toy(2), range(8), limits, beam), limits, strict=True):
        assert 1 <= len(found) <= beam
        assert all(len(hypothesis.token_ids) <= limit for hypothesis in found)
        assert len({hypothesis.token_ids for hypothesis in found}) == len(found)
        scores = [hypothesis.score for hypothesis in found]
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("beam", [1, 2, 4])
@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [5, 2, 0, 4, 1, 3], [3, 3, 1]])
@pytest.mark.parametrize(("alpha", "certainty"), [(1.0, 1.5), (3.0, 5.0)])
def test_company_does_not_matter(
    order: list[int], beam: int, alpha: float, certainty: float
) -> None:
    toy, limits = Toy(3, certainty), [5, 0, 9, 2, 7, 3]
    alone = [toy_search(toy, [name], [limits[name]], beam, alpha)[0] for name in range(6)]
    together = toy_search(toy, order, [limits[name] for name in order], beam, alpha)
    assert_same(together, [alone[name] for name in order])


@pytest.mark.parametrize("change", [{"beam_size": 0}, {"length_penalty": -0.1}])
def test_impossible_options_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be at least"):
        SearchOptions(sos_id=0, eos_id=1, **change)


@pytest.mark.parametrize("length", [1, 2, 7, 50])
def test_length_normalization(length: int) -> None:
    assert length_normalization(length, 0.0) == 1
    assert length_normalization(length, 1.0) == pytest.approx((5 + length) / 6)
    assert length_normalization(length, 0.6) == pytest.approx(1 / normalized(1.0, length, 0.6))
    assert length_normalization(1, 0.6) == 1


# The same laws with a Transformer.

SOURCES = sentences(3, 7, 1, 5, 9, 2)
LIMITS = [4, 9, 6, 0, 12, 12]
each_beam = pytest.mark.parametrize("beam", [1, 4])
each_norm = pytest.mark.parametrize("norm", ["post", "pre"])


def options(beam: int, alpha: float = 1.0) -> SearchOptions:
    return SearchOptions(
        sos_id=SOS, eos_id=EOS, forbidden=(PAD, SOS), beam_size=beam, length_penalty=alpha
    )


def talker(norm: str, seed: int = 0) -> Transformer:
    """A random model repeats itself, or says nothing; random positions make it talk."""
    torch.manual_seed(seed)
    model = tiny_model(norm=norm, tied_embeddings="none")
    model.tgt_embedding.positions.normal_()
    return model


def search(
    model: Transformer, rows: Sequence[int], beam: int, alpha: float = 1.0
) -> list[list[Hypothesis]]:
    src = as_src([SOURCES[row] for row in rows])
    return beam_search(LogProbs(model), src, [LIMITS[row] for row in rows], options(beam, alpha))


@dataclass
class Prefixes:
    src: Tensor
    tokens: Tensor

    def select(self, rows: Tensor, sentences: Tensor | None = None) -> None:
        self.tokens = self.tokens[rows]
        self.src = self.src if sentences is None else self.src[sentences]


@dataclass
class Uncached:
    """Reads the source and the whole prefix again at every step."""

    model: Transformer

    def start(self, src: Tensor) -> Prefixes:
        return Prefixes(src, torch.empty(len(src), 0, dtype=torch.long))

    def step(self, tokens: Tensor, state: Prefixes) -> Tensor:
        state.tokens = torch.cat((state.tokens, tokens[:, None]), dim=1)
        beam = len(state.tokens) // len(state.src)
        hidden = self.model(state.src.repeat_interleave(beam, dim=0), state.tokens)
        return self.model.project(hidden[:, -1])


@each_norm
@each_beam
def test_decoding_with_a_cache_is_decoding_without(norm: str, beam: int) -> None:
    for seed in range(3):
        model = talker(norm, seed)
        uncached = beam_search(LogProbs(Uncached(model)), as_src(SOURCES), LIMITS, options(beam))
        assert_same(search(model, range(len(SOURCES)), beam), uncached)


@each_norm
@each_beam
def test_company_does_not_matter_to_a_transformer(norm: str, beam: int) -> None:
    early = 0
    for seed in range(3):
        model = talker(norm, seed)
        alone = [search(model, [row], beam)[0] for row in range(len(SOURCES))]
        for order in ([0, 1, 2, 3, 4, 5], [4, 2, 0, 5, 3, 1]):
            assert_same(search(model, order, beam), [alone[row] for row in order])
        lengths = [len(found[0].token_ids) for found in alone]
        early += sum(0 < length < limit for length, limit in zip(lengths, LIMITS, strict=True))
    assert early > 0  # sentences that leave the batch while others go on


@each_beam
@each_alpha
def test_a_score_is_the_teacher_forced_log_probability_by_length(beam: int, alpha: float) -> None:
    model = talker("post")
    for source, found in zip(SOURCES, search(model, range(6), beam, alpha), strict=True):
        for hypothesis in found:
            said = [*hypothesis.token_ids, EOS]
            hidden = model(as_src([source]), torch.tensor([[SOS, *said[:-1]]]))
            log_probs = model.project(hidden)[0].log_softmax(dim=-1)
            log_prob = sum(log_probs[i, token].item() for i, token in enumerate(said))
            assert hypothesis.log_prob == pytest.approx(log_prob, abs=1e-5)
            expected = normalized(log_prob, len(said), alpha)
            assert hypothesis.score == pytest.approx(expected, abs=1e-5)
            assert not {PAD, SOS, EOS} & set(hypothesis.token_ids)
            assert set(hypothesis.token_ids) <= set(range(VOCAB))


@each_beam
def test_extra_padding_changes_no_hypothesis(beam: int) -> None:
    model = talker("pre")
    padded = beam_search(LogProbs(model), as_src(SOURCES, extra=5), LIMITS, options(beam))
    assert_same(padded, search(model, range(6), beam))
