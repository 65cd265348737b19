"""A tri-gram model of characters: what a language model must beat.

Interpolated Kneser-Ney smoothing (Kneser and Ney 1995; Chen and Goodman 1998, section 3): of each
count a discount is taken, and what is taken in a context is shared out as the next shorter context
would. There a symbol counts once for each different symbol that it follows.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from functools import cached_property
from typing import Generic, TypeVar

Symbol = TypeVar("Symbol", bound=Hashable)
Gram = tuple[Hashable, ...]


class _Mark:
    """A symbol that no text holds."""


BEGIN, END, UNKNOWN = _Mark(), _Mark(), _Mark()
"""What stands before a text; what follows it; all symbols that were never seen."""


class TrigramModel(Generic[Symbol]):
    """Predicts each symbol of a text, and its end, from the two before it."""

    def __init__(self, trigrams: Counter[Gram]) -> None:
        """From how often each tri-gram was seen."""
        bigrams = Counter(gram[1:] for gram in trigrams)
        unigrams = Counter(gram[1:] for gram in bigrams)
        self._orders = [_Counts(unigrams), _Counts(bigrams), _Counts(trigrams)]
        self.symbols: set[Hashable] = {END, UNKNOWN, *(symbol for (symbol,) in unigrams)}
        """All that is ever predicted."""

    @classmethod
    def of(cls, texts: Iterable[Sequence[Symbol]]) -> "TrigramModel[Symbol]":
        """Count what some texts hold: strings, or other sequences of symbols."""
        trigrams: Counter[Gram] = Counter()
        for text in texts:
            symbols = (BEGIN, BEGIN, *text, END)
            trigrams.update(zip(symbols, symbols[1:], symbols[2:], strict=False))
        return cls(trigrams)

    def log_prob(self, text: Sequence[Symbol]) -> float:
        """Natural logarithm of the probability of a text and its end."""
        known = self.symbols
        symbols = [BEGIN, BEGIN, *(each if each in known else UNKNOWN for each in text), END]
        grams = zip(symbols, symbols[1:], symbols[2:], strict=False)
        return sum(math.log(self.probability(w, (u, v))) for u, v, w in grams)

    def probability(self, symbol: Hashable, context: Gram) -> float:
        """Of one of the `symbols` after the last two."""
        probability = 1 / len(self.symbols)
        for length, counts in enumerate(self._orders):
            before = context[len(context) - length :]
            probability = counts.interpolated((*before, symbol), before, probability)
        return probability

    def bits_per_character(self, lines: Iterable[Sequence[Symbol]]) -> float:
        """Mean over the symbols of some texts and one for each text's end.

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
    """Grams of one length, with what is summed over those of the same context."""

    def __init__(self, grams: Counter[Gram]) -> None:
        self.grams = grams
        self.totals: Counter[Gram] = Counter()
        self.kinds: Counter[Gram] = Counter()
        for gram, count in grams.items():
            self.totals[gram[:-1]] += count
            self.kinds[gram[:-1]] += 1

    @cached_property
    def discount(self) -> float:
        """n1 / (n1 + 2 n2), of which nk grams were counted k times; 1/2 where there are none."""
        once, twice = (sum(count == k for count in self.grams.values()) for k in (1, 2))
        return once / (once + 2 * twice) if once and twice else 0.5

    def interpolated(self, gram: Gram, context: Gram, shorter: float) -> float:
        """Probability of the gram's last symbol, given that after a shorter context."""
        total = self.totals[context]
        if not total:
            return shorter
        left = max(self.grams[gram] - self.discount, 0.0)
        return (left + self.discount * self.kinds[context] * shorter) / total
