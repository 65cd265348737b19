"""What a translator gives: plain, frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from transformer_mt.figures.maps import AttentionMaps


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of the best translations of a sentence, or a translation that was scored."""

    text: str
    """Of a translation that was made: one line, without tabs, whatever the source holds."""
    score: float
    """Length-normalised log-probability: what candidates are ranked by."""
    log_prob: float
    """Sum of the log-probabilities (natural logarithm) of all tokens and of [EOS]; plus, where a
    language model was asked too, its own times its weight."""
    token_ids: tuple[int, ...]
    """Target tokens, without [SOS] and [EOS]."""
    tokens: tuple[str, ...]
    """The same as they stand in the vocabulary; a replaced [UNK] is still [UNK] here."""
    token_log_probs: tuple[float, ...] | None = None
    """Of each token and, last, of [EOS], as the translator alone sees them; None unless `details`
    were asked for."""
    alignment: tuple[int, ...] | None = None
    """For each token the index in `src_tokens` that it attends to most; None without `details`."""
    attention: AttentionMaps | None = None
    """All attention weights; None unless asked for."""


@dataclass(frozen=True, slots=True)
class Translation:
    """What becomes of one line; an empty line has one empty candidate."""

    source: str
    src_ids: tuple[int, ...]
    """What the model read, without [EOS]."""
    src_tokens: tuple[str, ...]
    """The same as text; words outside the vocabulary as they were spelled."""
    candidates: tuple[Candidate, ...]
    """Best first, at least one; the properties below are the best one's."""

    @property
    def text(self) -> str:
        """The best translation."""
        return self.candidates[0].text

    @property
    def score(self) -> float:
        """Its length-normalised log-probability."""
        return self.candidates[0].score

    @property
    def tokens(self) -> tuple[str, ...]:
        """Its tokens, as they stand in the vocabulary."""
        return self.candidates[0].tokens

    @property
    def token_log_probs(self) -> tuple[float, ...] | None:
        """Of each of its tokens and, last, of [EOS]; None without `details`."""
        return self.candidates[0].token_log_probs

    @property
    def alignment(self) -> tuple[int, ...] | None:
        """For each of its tokens an index in `src_tokens`; None without `details`."""
        return self.candidates[0].alignment

    @property
    def attention(self) -> AttentionMaps | None:
        """All its attention weights; None unless asked for."""
        return self.candidates[0].attention


def empty_translation(line: str) -> Translation:
    """That of a line without tokens, which no model is asked about."""
    nothing = Candidate("", 0.0, 0.0, (), (), token_log_probs=(), alignment=())
    return Translation(line, (), (), (nothing,))
