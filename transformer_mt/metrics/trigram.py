"""Character tri-gram model, the baseline of language models.

Interpolated Kneser-Ney smoothing (Kneser and Ney 1995; Chen and Goodman 1998, section 3): a
discount is subtracted from each count, and the sum of a context's discounts is distributed like the
probabilities of the next shorter context. There a symbol's count is the number of different symbols
before it.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from functools import cached_property
from typing import Generic, TypeVar

Symbol = TypeVar("Symbol", bound=Hashable)
Gram = tuple[Hashable, ...]


class _Mark:
    """Special symbol that no text contains."""


BEGIN, END, UNKNOWN = _Mark(), _Mark(), _Mark()
"""Symbol before a text; symbol after a text; symbol for all symbols never seen."""


class TrigramModel(Generic[Symbol]):
    """Tri-gram model that predicts each symbol of a text, and its end, from the two before."""

    def __init__(self, trigrams: Counter[Gram]) -> None:
        """Compute the counts of all orders from the counts of the tri-grams."""
        bigrams = Counter(gram[1:] for gram in trigrams)
        unigrams = Counter(gram[1:] for gram in bigrams)
        self._orders = [_Counts(unigrams), _Counts(bigrams), _Counts(trigrams)]
        self.symbols: set[Hashable] = {END, UNKNOWN, *(symbol for (symbol,) in unigrams)}
        """Symbols that can be predicted."""

    @classmethod
    def of(cls, texts: Iterable[Sequence[Symbol]]) -> "TrigramModel[Symbol]":
        """Return the model of some texts: strings, or other sequences of symbols."""
        trigrams: Counter[Gram] = Counter()
        for text in texts:
            symbols = (BEGIN, BEGIN, *text, END)
            trigrams.update(zip(symbols, symbols[1:], symbols[2:], strict=False))
        return cls(trigrams)

    def log_prob(self, text: Sequence[Symbol]) -> float:
        """Return the natural log-probability of a text and its end."""
        known = self.symbols
        symbols = [BEGIN, BEGIN, *(each if each in known else UNKNOWN for each in text), END]
        grams = zip(symbols, symbols[1:], symbols[2:], strict=False)
        return sum(math.log(self.probability(w, (u, v))) for u, v, w in grams)

    def probability(self, symbol: Hashable, context: Gram) -> float:
        """Return P(symbol | context) for a symbol of `symbols` after two symbols."""
        probability = 1 / len(self.symbols)
        for length, counts in enumerate(self._orders):
            before = context[len(context) - length :]
            probability = counts.interpolated((*before, symbol), before, probability)
        return probability

    def bits_per_character(self, lines: Iterable[Sequence[Symbol]]) -> float:
        """Return the mean of -log2 P over the symbols of texts and the end of each text.

        Raises:
            ValueError: there are no texts.
        """
        nats, count = 0.0, 0
        for line in lines:
            nats -= self.log_prob(line)
            count += len(line) + 1
        if not count:
            raise ValueError("there is no text to score")
        return nats / count / math.log(2)


class _Counts:
    """Counts of the n-grams of one length, and their sums over each context."""

    def __init__(self, grams: Counter[Gram]) -> None:
        self.grams = grams
        self.totals: Counter[Gram] = Counter()
        self.kinds: Counter[Gram] = Counter()
        for gram, count in grams.items():
            self.totals[gram[:-1]] += count
            self.kinds[gram[:-1]] += 1

    @cached_property
    def discount(self) -> float:
        """Return n1 / (n1 + 2 n2), nk being the number of n-grams of count k; 1/2 if n1 n2 = 0."""
        once, twice = (sum(count == k for count in self.grams.values()) for k in (1, 2))
        return once / (once + 2 * twice) if once and twice else 0.5

    def interpolated(self, gram: Gram, context: Gram, shorter: float) -> float:
        """Return P(last symbol | context), given the probability after the shorter context."""
        total = self.totals[context]
        if not total:
            return shorter
        left = max(self.grams[gram] - self.discount, 0.0)
        return (left + self.discount * self.kinds[context] * shorter) / total
