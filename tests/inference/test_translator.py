"""Text in, translations out: every line on its own, nothing lost, nothing internal shown."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest
import torch
from tiny_runs import WORDS, logged, model_of, reverse_pairs

from transformer_mt.config.tasks import PairsConfig
from transformer_mt.decoding.hypothesis import Hypothesis, SearchOptions
from transformer_mt.inference.engine import Ids
from transformer_mt.inference.results import Translation
from transformer_mt.inference.translator import Translator
from transformer_mt.text.tokenizer import (
    EOS_ID,
    PAD_ID,
    SOS_ID,
    UNK_ID,
)

PAIRS = reverse_pairs(40, seed=11, names=True)
LINES = [pair.src for pair in PAIRS]


def variant(translator: Translator, max_length: int = 256, **search: Any) -> Translator:
    """The same model with another search."""
    data = PairsConfig(src_lang="src", tgt_lang="tgt", train="x.tsv", max_length=max_length)
    decoding = replace(translator.decoding, **search)
    return Translator(translator.engine, translator.tokenizers, data, decoding)


def texts(translations: list[Translation]) -> list[list[str]]:
    return [[candidate.text for candidate in t.candidates] for t in translations]


def test_line_is_translated_on_its_own(any_translator: Translator) -> None:
    """Neither the batch size, nor the company, nor the order has a say."""
    n_best = 3
    count = 16
    wanted = [any_translator.translate([line], n_best=n_best)[0] for line in LINES[:count]]
    for order in (range(count), Random(3).sample(range(count), k=count)):
        for batch_tokens in (1, 20, 100_000):
            lines = [LINES[index] for index in order]
            found = any_translator.translate(lines, n_best=n_best, batch_tokens=batch_tokens)
            for index, translation in zip(order, found, strict=True):
                alone = wanted[index]
                assert translation.source == alone.source == LINES[index]
                assert translation.src_ids == alone.src_ids
                assert [c.text for c in translation.candidates] == [
                    c.text for c in alone.candidates
                ]
                for mine, theirs in zip(translation.candidates, alone.candidates, strict=True):
                    assert mine.token_ids == theirs.token_ids
                    assert mine.score == pytest.approx(theirs.score, abs=1e-4)
                    assert mine.log_prob == pytest.approx(theirs.log_prob, abs=1e-3)


@pytest.mark.parametrize("blank", ["", " ", " \t ", "\u3000", "\u2028"])
def test_blank_lines_stay_empty_in_their_place(translator: Translator, blank: str) -> None:
    lines = [blank, "red blue", blank, blank, "green black", blank]
    found = translator.translate(lines)
    assert [t.text for t in found] == ["", "blue red", "", "", "black green", ""]
    assert [t.source for t in found] == lines
    for translation in (found[0], translator.translate([blank])[0]):
        assert translation.src_ids == ()
        assert translation.candidates[0].token_ids == ()
        assert len(translation.candidates) == 1


def test_blank_lines_are_no_matter_of_the_model(untrained: Translator) -> None:
    found = untrained.translate(["", "red", " "], n_best=3)
    assert texts(found)[::2] == [[""], [""]]
    assert len(found[1].candidates) == 3
    assert found[1].text


def test_nothing_to_translate(translator: Translator) -> None:
    assert translator.translate([]) == []


def test_long_line_is_cut_and_said(translator: Translator) -> None:
    short = variant(translator, max_length=3)
    lines = ["red", "red blue green white", "red blue green", "pink Namex grey black brown"]
    with logged() as messages:
        found = short.translate(lines, first_line=101)
    assert [t.text for t in found] == [
        t.text for t in translator.translate([" ".join(line.split()[:3]) for line in lines])
    ]
    assert [len(t.src_ids) for t in found] == [1, 3, 3, 3]
    assert len(messages) == 2
    for message, line, tokens in zip(messages, (102, 104), (4, 5), strict=True):
        assert f"line {line} has {tokens} tokens" in message
        assert "first 3 " in message
        assert "data.max_length" in message
    assert found[3].text == "grey Namex pink"


# --- unknown words


def test_unknown_words_survive(translator: Translator) -> None:
    found = translator.translate(LINES)
    unknown = [UNK_ID in t.candidates[0].token_ids for t in found]
    assert sum(unknown) > 20  # the model does write [UNK]; the reader does not see it
    assert not any("[UNK]" in t.text for t in found)
    right = [t.text == pair.tgt for t, pair in zip(found, PAIRS, strict=True)]
    assert sum(right) >= 0.9 * len(PAIRS)


@pytest.mark.parametrize("word", ["1984", "Müller", "日本", "7.5", "O'Neill", "C3PO", "🙂"])
def test_any_unknown_word_is_copied_whole(translator: Translator, word: str) -> None:
    text = translator.translate([f"red {word} blue"])[0].text
    pieces = translator.tokenizers.src.pieces(word)
    if len(pieces) == 1:
        assert text == f"blue {word} red"
    assert "[UNK]" not in text


def test_unknown_words_can_be_forbidden(any_translator: Translator) -> None:
    found = variant(any_translator, unknown_words="forbid").translate(LINES, n_best=5)
    candidates = [candidate for t in found for candidate in t.candidates]
    assert len(candidates) > len(LINES)
    for candidate in candidates:
        assert not {PAD_ID, UNK_ID, SOS_ID, EOS_ID} & set(candidate.token_ids)
        assert set(candidate.text.split()) <= set(WORDS)


def test_no_internal_token_is_ever_shown(any_translator: Translator) -> None:
    for candidates in texts(any_translator.translate(LINES, n_best=5)):
        assert not any(mark in text for text in candidates for mark in ("[", "]", "\uffed"))


def test_text_that_looks_like_special_tokens_is_text(translator: Translator) -> None:
    hostile = ["[EOS]", "red [EOS] blue", "[PAD] [PAD] red", "[SOS] [UNK] [EOS]", "[UNK]"]
    lines = [line for pair in zip(hostile, LINES, strict=False) for line in pair]
    found = translator.translate(lines, n_best=5)
    for line, translation in zip(lines, found, strict=True):
        assert not {PAD_ID, SOS_ID, EOS_ID} & set(translation.src_ids)
        assert len(translation.src_ids) == len(translator.tokenizers.src.pieces(line))
        for candidate in translation.candidates:
            assert not {PAD_ID, SOS_ID, EOS_ID} & set(candidate.token_ids)
    assert texts(found)[1::2] == texts(translator.translate(LINES[: len(hostile)], n_best=5))
    assert len(found[1 - 1].src_ids) == 3  # a bracket, a word, a bracket


# --- candidates and their scores


@pytest.mark.parametrize("n_best", [1, 2, 5])
def test_candidates_are_different_and_sorted(any_translator: Translator, n_best: int) -> None:
    best = any_translator.translate(LINES)
    found = any_translator.translate(LINES, n_best=n_best)
    assert sum(len(translation.candidates) == n_best for translation in found) > 30  # of 40
    for translation, first in zip(found, best, strict=True):
        candidates = translation.candidates
        assert 1 <= len(candidates) <= n_best
        assert len({candidate.text for candidate in candidates}) == len(candidates)
        scores = [candidate.score for candidate in candidates]
        assert scores == sorted(scores, reverse=True)
        assert candidates[0].text == translation.text == first.text
        assert translation.score == scores[0]


class Told:
    """An engine that finds what it is told; each target token attends to the source token there."""

    def __init__(self, *found: tuple[int, ...]) -> None:
        self.found = [Hypothesis(ids, -float(n), -float(n)) for n, ids in enumerate(found, 1)]

    def search(
        self, src_ids: Sequence[Ids], limits: Sequence[int], options: SearchOptions
    ) -> list[list[Hypothesis]]:
        assert len(limits) == len(src_ids)
        return [self.found[: options.beam_size] for _ in src_ids]

    def token_log_probs(self, _: Any, tgt_ids: Sequence[Ids]) -> list[tuple[float, ...]]:
        return [tuple(float(n) for n in range(len(ids) + 1)) for ids in tgt_ids]

    def alignments(self, _: Any, tgt_ids: Sequence[Ids]) -> list[tuple[int, ...]]:
        return [tuple(range(len(ids))) for ids in tgt_ids]

    attention: Any = None


@pytest.mark.parametrize("details", [True, False])
def test_no_text_is_there_twice_and_the_best_is_kept(translator: Translator, details: bool) -> None:
    red, blue = translator.tokenizers.tgt.encode("red blue")
    found = [(red,), (UNK_ID,), (red, blue), (), (UNK_ID, blue), (red, UNK_ID), (blue,)]
    told = Translator(Told(*found), translator.tokenizers, translator.data, translator.decoding)
    for n_best in range(1, 8):
        (translation,) = told.translate(["red blue"], n_best=n_best, details=details, beam_size=7)
        candidates = translation.candidates
        assert [c.text for c in candidates] == ["red", "red blue", "", "blue"][:n_best]
        assert [c.score for c in candidates] == [-1.0, -3.0, -4.0, -7.0][:n_best]
        for candidate in candidates:
            length = len(candidate.token_ids)
            assert candidate.alignment == (tuple(range(length)) if details else None)
            assert len(candidate.token_log_probs or ()) == (length + 1 if details else 0)


@pytest.mark.parametrize(("n_best", "beam"), [(0, 5), (-1, 5), (6, 5), (2, 1)])
def test_impossible_number_of_candidates(translator: Translator, n_best: int, beam: int) -> None:
    with pytest.raises(ValueError, match=f"n_best.*{n_best}"):
        translator.translate(["red"], n_best=n_best, beam_size=beam)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
def test_scores_are_those_of_the_model(any_translator: Translator, alpha: float) -> None:
    """Against one teacher-forced pass for each candidate, and the formula."""
    model = model_of(any_translator)
    for translation in variant(any_translator, length_penalty=alpha).translate(LINES[:6], n_best=4):
        for candidate in translation.candidates:
            src = torch.tensor([[*translation.src_ids, EOS_ID]])
            tgt = torch.tensor([[SOS_ID, *candidate.token_ids, EOS_ID]])
            with torch.no_grad():
                log_probs = model.project(model(src, tgt[:, :-1])).log_softmax(dim=-1)
            total = log_probs.gather(2, tgt[:, 1:, None]).sum().item()
            assert candidate.log_prob == pytest.approx(total, abs=2e-4)
            length = len(candidate.token_ids) + 1
            assert candidate.score == pytest.approx(total / ((5 + length) / 6) ** alpha, abs=2e-4)


def test_length_limits(untrained: Translator) -> None:
    for ratio, offset in ((0.0, 1), (0.5, 2), (3.0, 4)):
        limited = variant(untrained, max_length_ratio=ratio, max_length_offset=offset)
        found = limited.translate(LINES, n_best=2)
        lengths = [max(len(c.token_ids) for c in t.candidates) for t in found]
        limits = [int(ratio * len(t.src_ids)) + offset for t in found]
        assert all(length <= limit for length, limit in zip(lengths, limits, strict=True))
        assert any(length == limit for length, limit in zip(lengths, limits, strict=True))


def test_dropout_is_off(untrained: Translator) -> None:
    model_of(untrained).train()
    first, second = (texts(untrained.translate(LINES)) for _ in range(2))
    assert first == second
    assert not model_of(untrained).training
