"""Search options and hypotheses, without a dependency on torch."""

from dataclasses import dataclass

from transformer_mt.config.limits import check_numbers


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchOptions:
    """Options of greedy and beam search.

    Raises:
        InvalidValueError: a number outside its limits.
    """

    sos_id: int
    eos_id: int
    forbidden: tuple[int, ...] = ()
    """Token ids that are never generated."""
    beam_size: int = 5
    """Number of hypotheses kept at each step; 1 is greedy search."""
    length_penalty: float = 1.0
    """Exponent alpha of `length_normalization`; 0 ranks by log-probability alone."""

    def __post_init__(self) -> None:
        check_numbers(beam_size=self.beam_size, length_penalty=self.length_penalty)


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Finished hypothesis of a search."""

    token_ids: tuple[int, ...]
    """Token ids without [SOS] and [EOS]."""
    log_prob: float
    """Sum of token log-probabilities, including [EOS]; with shallow fusion, plus weight * language
    model log-probability."""
    score: float
    """Ranking score: log_prob / length_normalization."""


def length_normalization(length: int, alpha: float) -> float:
    """Return ((5 + length) / 6) ** alpha; length includes [EOS] (Wu et al. 2016, equation 14)."""
    return float(((5 + length) / 6) ** alpha)
