"""Results of a translator: plain, frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from transformer_mt.figures.maps import AttentionMaps


@dataclass(frozen=True, slots=True)
class Candidate:
    """A hypothesis of the search as text, or a given translation that was scored."""

    text: str
    """The translation; if made by the search, one line without tabs."""
    score: float
    """Length-normalised log-probability, by which candidates are ranked."""
    log_prob: float
    """Sum of the log-probabilities (natural logarithm) of all tokens and of [EOS]; with a language
    model, plus lm_weight times the sum by the language model."""
    token_ids: tuple[int, ...]
    """Ids of the target tokens, without [SOS] and [EOS]."""
    tokens: tuple[str, ...]
    """Target tokens as in the vocabulary; a replaced [UNK] is still [UNK] here."""
    token_log_probs: tuple[float, ...] | None = None
    """Log-probability of each token and, last, of [EOS], without a language model; None without
    `details`."""
    alignment: tuple[int, ...] | None = None
    """For each token the index in `src_tokens` with the largest attention; None without
    `details`."""
    attention: AttentionMaps | None = None
    """All attention weights; None unless requested."""


@dataclass(frozen=True, slots=True)
class Translation:
    """The result for one line; an empty line has one empty candidate."""

    source: str
    src_ids: tuple[int, ...]
    """Ids of the source tokens that the model read, without [EOS]."""
    src_tokens: tuple[str, ...]
    """Source tokens as text; unknown words as spelled in the line."""
    candidates: tuple[Candidate, ...]
    """At least one candidate, best first; the properties below are of the best one."""

    @property
    def text(self) -> str:
        """Text of the best candidate."""
        return self.candidates[0].text

    @property
    def score(self) -> float:
        """Length-normalised log-probability of the best candidate."""
        return self.candidates[0].score

    @property
    def tokens(self) -> tuple[str, ...]:
        """Tokens of the best candidate, as in the vocabulary."""
        return self.candidates[0].tokens

    @property
    def token_log_probs(self) -> tuple[float, ...] | None:
        """Log-probability of each token and, last, of [EOS]; None without `details`."""
        return self.candidates[0].token_log_probs

    @property
    def alignment(self) -> tuple[int, ...] | None:
        """For each token an index in `src_tokens`; None without `details`."""
        return self.candidates[0].alignment

    @property
    def attention(self) -> AttentionMaps | None:
        """All attention weights of the best candidate; None unless requested."""
        return self.candidates[0].attention


def empty_translation(line: str) -> Translation:
    """Return the translation of a line without tokens, without running a model."""
    nothing = Candidate("", 0.0, 0.0, (), (), token_log_probs=(), alignment=())
    return Translation(line, (), (), (nothing,))
