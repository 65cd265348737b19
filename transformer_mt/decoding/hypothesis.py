"""What a search is asked for, and what it finds; needs no torch."""

from dataclasses import dataclass

from transformer_mt.errors import ConfigError

_MOST_WEIGHT = 1000
"""Of a language model; sums stay far from infinite."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchOptions:
    """How to search.

    Raises:
        ValueError: a size below 1 or a negative length penalty.
    """

    sos_id: int
    eos_id: int
    forbidden: tuple[int, ...] = ()
    """Tokens that are never generated."""
    beam_size: int = 5
    """Hypotheses kept at each step; 1 is greedy search."""
    length_penalty: float = 1.0
    """alpha in `length_normalization`; 0 ranks by probability alone."""

    def __post_init__(self) -> None:
        if self.beam_size < 1 or self.length_penalty < 0:
            raise ValueError(f"beam_size >= 1 and length_penalty >= 0 needed, not {self}")


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One translation found."""

    token_ids: tuple[int, ...]
    """Without [SOS] and [EOS]."""
    log_prob: float
    """Sum of the scores of the tokens and of [EOS]: log-probabilities, plus those of a language
    model times its weight if one was asked."""
    score: float
    """log_prob normalised by length: what hypotheses are ranked by."""


def length_normalization(length: int, alpha: float) -> float:
    """((5 + length) / 6) ** alpha, the length counting [EOS] (Wu et al. 2016, equation 14)."""
    return float(((5 + length) / 6) ** alpha)


def check_weight(weight: float) -> float:
    """The same weight of a language model's log-probabilities, beside 1 for the translator's.

    Raises:
        ConfigError: it is negative, no number, or absurdly large.
    """
    if not 0 <= weight <= _MOST_WEIGHT:
        raise ConfigError(
            f"the language model's weight must be at least 0, not {weight}, and at most"
            f" {_MOST_WEIGHT:,}"
        )
    return weight
