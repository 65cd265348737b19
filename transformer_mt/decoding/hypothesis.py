"""What a search is asked for, and what it finds; needs no torch."""

from dataclasses import dataclass

from transformer_mt.config.limits import check_numbers


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchOptions:
    """How to search.

    Raises:
        InvalidValueError: a number outside its limits.
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
        check_numbers(beam_size=self.beam_size, length_penalty=self.length_penalty)


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
