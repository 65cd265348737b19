"""Scores of texts: those of the model, read in any company and in windows."""

import math
from dataclasses import replace
from typing import Any, Literal

import pytest
import torch
from tiny_models import EOS, PAD, SOS, VOCAB, next_log_probs, sentences, tiny_lm, tiny_model

from transformer_mt.config.sections import TokenizerConfig
from transformer_mt.config.tasks import TextConfig
from transformer_mt.decoding.hypothesis import SearchOptions
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.inference.text_scorer import TorchLanguageModel
from transformer_mt.inference.torch_engine import TorchEngine
from transformer_mt.text.tokenizer import Tokenizer

TEXTS = ["the cat sat on the mat", "a cat", "", "on on on the the mat a a a"]
CONFIG = TokenizerConfig(type="word", min_frequency=1)
TOKENIZER = Tokenizer.build([*TEXTS, "dog tree"], CONFIG)  # 12 tokens
each_max = pytest.mark.parametrize("max_length", [2, 3, 8, 100])


def language_model(
    max_length: int = 8, examples: Literal["blocks", "lines"] = "lines", **changes: Any
) -> TorchLanguageModel:
    model = tiny_lm(max_length, VOCAB, positions="learned", **changes)
    return TorchLanguageModel(model, TOKENIZER, TextConfig(train="x.txt", examples=examples))


@each_max
@pytest.mark.parametrize("examples", ["blocks", "lines"])
@pytest.mark.parametrize("batch_tokens", [1, 20, 4096])
def test_scores_are_those_of_reading_token_by_token(
    max_length: int, examples: Literal["blocks", "lines"], batch_tokens: int
) -> None:
    scorer, texts = language_model(max_length, examples), sentences(5, 0, 17, 2, 8, 1, 7)
    found = scorer.token_log_probs(texts, batch_tokens=batch_tokens)
    for ids, log_probs in zip(texts, found, strict=True):
        said = [SOS if examples == "lines" else EOS, *ids, EOS]
        expected = [
            next_log_probs(scorer.model, said[:n])[said[n]].item() for n in range(1, len(said))
        ]
        assert log_probs == pytest.approx(expected, abs=1e-5)


def test_texts_are_scored_with_their_end() -> None:
    scorer = language_model()
    ids = TOKENIZER.encode_batch(TEXTS)
    expected = [sum(each) for each in scorer.token_log_probs(ids)]
    assert scorer.log_probs(TEXTS) == pytest.approx(expected)
    assert all(score < 0 for score in expected)
    assert scorer.log_probs([]) == []


def test_a_damaged_model_is_told() -> None:
    scorer = language_model()
    with torch.no_grad():
        scorer.model.output.weight[5] = math.nan
    with pytest.raises(DataError, match="weights are damaged"):
        scorer.log_probs(TEXTS)


@each_max
def test_a_search_adds_what_is_said_of_the_finished_text(max_length: int) -> None:
    """Fusion and scoring know one language model, also beyond its window."""
    model, weight = tiny_model(tied_embeddings="none"), 0.4
    model.tgt_embedding.positions.normal_()
    scorer = language_model(max_length, "blocks", dropout=0.5)
    scorer.model.train()  # as training leaves it
    engine = TorchEngine(model, scorer.fusion(weight, TOKENIZER))
    options = SearchOptions(sos_id=SOS, eos_id=EOS, forbidden=(PAD, SOS), beam_size=4)
    sources, limits = sentences(5, 9, 3), [12, 20, 1]
    for source, found in zip(sources, engine.search(sources, limits, options), strict=True):
        for hypothesis in found:
            (own,) = engine.token_log_probs([source], [hypothesis.token_ids])
            (fluency,) = scorer.token_log_probs([hypothesis.token_ids])
            both = sum(own) + weight * sum(fluency)
            assert hypothesis.log_prob == pytest.approx(both, abs=1e-4)


@pytest.mark.parametrize(
    "change", [{"lowercase": True}, {"normalization": "nfkc"}, {"type": "bpe"}]
)
def test_other_tokens_cannot_be_fused(change: dict[str, Any]) -> None:
    other = Tokenizer.build([*TEXTS, "dog tree"], replace(CONFIG, **change))
    with pytest.raises(ConfigError, match=r"tokenizer.file: RUN/tokenizer\.tgt\.json"):
        language_model().fusion(0.2, other)
    with pytest.raises(ConfigError, match="'lm_weight' must be at least 0"):
        language_model().fusion(-0.2, TOKENIZER)


def test_a_tokenizer_taken_over_can_be_fused(tmp_path: Any) -> None:
    path = tmp_path / "tokenizer.tgt.json"
    path.write_text(TOKENIZER.to_json(), "utf-8")
    assert language_model().fusion(0.2, Tokenizer.load(path)).weight == 0.2
