"""The tri-gram baseline: a distribution, the formula, and better than simpler ones on text."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import product
from random import Random

import pytest

from transformer_mt.metrics.trigram import (
    BEGIN,
    END,
    UNKNOWN,
    TrigramModel,
)

TINY = ["abab", "abc", "", "b", "abab", "cab"]


def text(count: int, seed: int) -> list[str]:
    """Lines in which one word calls for another."""
    dice = Random(seed)
    words = ["the", "cat", "sat", "on", "a", "mat", "and", "slept"]
    lines = []
    for _ in range(count):
        places = [dice.randrange(len(words))]
        for _ in range(dice.randint(1, 6)):
            places.append((places[-1] + dice.choice([1, 1, 1, 2])) % len(words))
        lines.append(" ".join(words[place] for place in places))
    return lines


@pytest.mark.parametrize("lines", [TINY, text(30, 1), [], [""], ["aaaa"]], ids=len)
def test_probabilities_sum_to_one_after_anything(lines: Sequence[str]) -> None:
    model = TrigramModel.of(lines)
    before = [BEGIN, UNKNOWN, *"abc the?"]
    assert {END, UNKNOWN} <= model.symbols
    for context in product(before, before):
        total = sum(model.probability(symbol, context) for symbol in model.symbols)
        assert total == pytest.approx(1)
        assert all(model.probability(symbol, context) > 0 for symbol in model.symbols)


def test_the_texts_of_all_lengths_have_probability_one() -> None:
    """Of those of at most 5 symbols, a share that grows with the length."""
    model = TrigramModel.of(TINY)
    alphabet = ["a", "b", "c", "?"]
    shares = [
        sum(math.exp(model.log_prob("".join(each))) for each in product(alphabet, repeat=length))
        for length in range(6)
    ]
    assert 0.6 < sum(shares) < 1


def test_the_formula_by_brute_force() -> None:
    """Chen and Goodman 1998, with every sum taken over all grams that there are."""
    marked = [["<", "<", *line, ">"] for line in TINY]
    tri = Counter(tuple(s[i : i + 3]) for s in marked for i in range(len(s) - 2))
    symbols = ["a", "b", "c", ">", "?"]

    pairs = {gram[1:]: len({other[0] for other in tri if other[1:] == gram[1:]}) for gram in tri}
    singles = {pair[1:]: len({p[0] for p in pairs if p[1] == pair[1]}) for pair in pairs}

    def discount(counts: Sequence[int]) -> float:
        n1, n2 = counts.count(1), counts.count(2)
        return n1 / (n1 + 2 * n2) if n1 and n2 else 0.5

    d3, d2, d1 = (discount(list(c.values())) for c in (tri, pairs, singles))

    def p1(w: str) -> float:
        total = sum(singles.values())
        uniform = 1 / len(symbols)
        return max(singles.get((w,), 0) - d1, 0) / total + d1 * len(singles) / total * uniform

    def p2(w: str, v: str) -> float:
        after = {pair: count for pair, count in pairs.items() if pair[0] == v}
        if not after:
            return p1(w)
        total = sum(after.values())
        return max(after.get((v, w), 0) - d2, 0) / total + d2 * len(after) / total * p1(w)

    def p3(w: str, u: str, v: str) -> float:
        after = {gram: count for gram, count in tri.items() if gram[:2] == (u, v)}
        if not after:
            return p2(w, v)
        total = sum(after.values())
        return max(after.get((u, v, w), 0) - d3, 0) / total + d3 * len(after) / total * p2(w, v)

    model = TrigramModel.of(TINY)
    for line in [*TINY, "bbb", "xay", "c?a"]:
        said = ["<", "<", *(each if each in "abc" else "?" for each in line), ">"]
        expected = sum(math.log(p3(said[i + 2], *said[i : i + 2])) for i in range(len(said) - 2))
        assert model.log_prob(line) == pytest.approx(expected)


def test_two_symbols_before_tell_more_than_none() -> None:
    seen, unseen = text(300, 1), text(100, 2)
    counts = Counter("".join(f"{line}\n" for line in seen))
    whole = "".join(f"{line}\n" for line in unseen)
    unigram = -sum(math.log2(counts[each] / counts.total()) for each in whole) / len(whole)
    model = TrigramModel.of(seen)
    assert 0 < model.bits_per_character(unseen) < 0.6 * unigram
    assert model.bits_per_character(seen) < model.bits_per_character(["xyz" * 5])


def test_symbols_may_be_numbers() -> None:
    ids = [[ord(each) for each in line] for line in TINY]
    assert TrigramModel.of(ids).log_prob(ids[1]) == TrigramModel.of(TINY).log_prob(TINY[1])


def test_no_text_has_no_bits() -> None:
    with pytest.raises(ValueError, match="no text to score"):
        TrigramModel.of(TINY).bits_per_character([])
