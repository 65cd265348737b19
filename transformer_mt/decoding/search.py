"""Greedy and beam search, batched, over any Scorer.

Greedy search is beam search with one hypothesis, which ends where [EOS] is most probable. Every
hypothesis ends in [EOS], and the result of a sentence does not depend on the others in its batch.

Scores of all continuations are tensors; the best few of each sentence are lists, in which the rest
is decided.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from transformer_mt.decoding.hypothesis import Hypothesis, SearchOptions, length_normalization
from transformer_mt.decoding.scorer import S, Scorer
from transformer_mt.errors import DataError
from transformer_mt.fast.top_k import top_continuations


@torch.inference_mode()
def beam_search(
    scorer: Scorer[S], src: Tensor, max_lengths: Sequence[int], options: SearchOptions
) -> list[list[Hypothesis]]:
    """Find the best translations of each sentence.

    At each step every live hypothesis is continued by every token. Of all continuations of a
    sentence, those among the best `beam_size` that end in [EOS] are finished, and the best
    `beam_size` others live on. A sentence is done when it has `beam_size` finished hypotheses
    and no live one is better than the worst of these (or the beam is 1: greedy search ends at
    the first), or at its greatest length, where only [EOS] may follow.

    Args:
        scorer: judges what may follow.
        src: (batch, src_len) ids ending in [EOS], padded on the right.
        max_lengths: for each sentence, the most tokens of a translation, [EOS] not counted.
        options: how to search.

    Returns:
        For each sentence 1 to beam_size hypotheses, best first.
    """
    state = scorer.start(src)
    sentences = [_Sentence(limit, options) for limit in max_lengths]
    live = sentences
    while live:
        beam = len(live[0].beam)
        tokens = [each.token_ids[-1] for sentence in live for each in sentence.beam]
        scores = scorer.step(torch.tensor(tokens, device=src.device), state)
        found = _best_candidates(scores, live, options)
        del scores  # the next ones can have their memory, which is large
        for sentence, candidates in zip(live, found, strict=True):
            sentence.advance(candidates)
        kept = _closed_up([not sentence.is_done for sentence in live])
        rows = [index * beam + parent for index in kept for parent in live[index].parents]
        if 0 < len(kept) < len(live):
            indices = torch.tensor(kept, device=src.device)
            state.select(torch.tensor(rows, device=src.device), indices)
        elif kept and rows != list(range(len(tokens))):
            state.select(torch.tensor(rows, device=src.device))
        live = [live[index] for index in kept]
    return [sentence.finished for sentence in sentences]


class _Live(NamedTuple):
    """A hypothesis that does not end yet, or an unused place in a beam."""

    token_ids: tuple[int, ...]
    """With [SOS]."""
    log_prob: float
    """-inf at an unused place."""


class _Sentence:
    """The search for one sentence.

    Attributes:
        beam: its live hypotheses, best first.
        parents: index in the last step's beam of what each of them continues.
        finished: the best that end, best first.
    """

    def __init__(self, limit: int, options: SearchOptions) -> None:
        self.limit = limit
        self.options = options
        self.beam = [_Live((options.sos_id,), 0.0)]
        self.parents: list[int] = []
        self.finished: list[Hypothesis] = []

    @property
    def length(self) -> int:
        """Tokens of each live hypothesis."""
        return len(self.beam[0].token_ids) - 1

    def advance(self, candidates: Iterable[tuple[float, int, int]]) -> None:
        """Go on by one token.

        Args:
            candidates: the best continuations: log-probability, place of what is continued in the
                beam, token; best first.

        Raises:
            DataError: a log-probability is no number: the search would never end.
        """
        options, old, norm = self.options, self.beam, self._norm(self.length + 1)
        self.beam, self.parents = [], []
        for rank, (log_prob, parent, token) in enumerate(candidates):
            if not log_prob > -math.inf or len(self.beam) == options.beam_size:
                if math.isnan(log_prob):
                    raise DataError("the model's scores are no numbers: its weights are damaged")
                break
            token_ids = old[parent].token_ids
            if token != options.eos_id:
                self.beam.append(_Live((*token_ids, token), log_prob))
                self.parents.append(parent)
            elif rank < options.beam_size:
                self.finished.append(Hypothesis(token_ids[1:], log_prob, log_prob / norm))
        self.finished.sort(key=lambda hypothesis: -hypothesis.score)
        del self.finished[options.beam_size :]
        missing = options.beam_size - len(self.beam)
        self.beam += [_Live((*old[0].token_ids, options.eos_id), -math.inf)] * missing
        self.parents += [0] * missing

    @property
    def is_done(self) -> bool:
        """Whether no live hypothesis can get among the finished ones."""
        best = self.beam[0].log_prob
        if len(self.finished) < self.options.beam_size:
            return best == -math.inf
        best_score = best / self._norm(self.length + 1)
        return self.options.beam_size == 1 or self.finished[-1].score >= best_score

    def _norm(self, length: int) -> float:
        return length_normalization(length, self.options.length_penalty)


def _best_candidates(
    scores: Tensor, live: Sequence[_Sentence], options: SearchOptions
) -> list[Iterable[tuple[float, int, int]]]:
    """For each sentence its best continuations, as `_Sentence.advance` takes them.

    Twice as many as the beam, so that a full beam lives on even if half of them end in [EOS].

    Args:
        scores: (live * beam, vocab_size), overwritten
        live: the sentences.
        options: how to search.
    """
    for token in options.forbidden:
        scores[:, token] = -torch.inf
    at_limit = [sentence.length >= sentence.limit for sentence in live]
    if any(at_limit):
        only_end = torch.tensor(at_limit, device=scores.device).repeat_interleave(len(live[0].beam))
        ends = scores[only_end, options.eos_id]
        scores[only_end] = -torch.inf
        scores[only_end, options.eos_id] = ends
    so_far = torch.tensor(
        [[each.log_prob for each in sentence.beam] for sentence in live], device=scores.device
    )
    width = 2 * options.beam_size if options.beam_size > 1 else 1
    best = top_continuations(scores, so_far, width)
    return [zip(*each, strict=True) for each in zip(*(part.tolist() for part in best), strict=True)]


def _closed_up(kept: Sequence[bool]) -> list[int]:
    """Indices of what is kept: the last of them fill the gaps, the others stay in their places."""
    count = sum(kept)
    last = (index for index in range(count, len(kept)) if kept[index])
    return [index if kept[index] else next(last) for index in range(count)]
