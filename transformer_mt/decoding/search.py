"""Greedy and beam search, batched, over any Scorer.

Greedy search is beam search with one hypothesis, which ends where [EOS] is most probable. Every
hypothesis ends in [EOS]; the result of a sentence does not depend on the other sentences of the
batch.

Tensors hold the scores of all continuations; Python lists hold the best candidates of each
sentence, from which the next beam is selected.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from transformer_mt.decoding.hypothesis import Hypothesis, SearchOptions, length_normalization
from transformer_mt.decoding.scorer import S, Scorer
from transformer_mt.errors import DamagedWeightsError
from transformer_mt.fast.top_k import top_continuations


@torch.inference_mode()
def beam_search(
    scorer: Scorer[S], src: Tensor, max_lengths: Sequence[int], options: SearchOptions
) -> list[list[Hypothesis]]:
    """Find the best translations of each sentence.

    At each step every live hypothesis is continued by every token. Of all continuations of a
    sentence, candidates among the best `beam_size` that end in [EOS] become finished hypotheses,
    and the best `beam_size` other candidates form the next beam. A sentence is done when it has
    `beam_size` finished hypotheses and no live hypothesis scores better than the worst of them
    (with beam size 1: at the first finished hypothesis), or at its maximum length, where only
    [EOS] may follow.

    Args:
        scorer: returns the scores of next tokens.
        src: (batch, src_len) ids ending in [EOS], padded on the right.
        max_lengths: maximum tokens of a translation, excluding [EOS], for each sentence.
        options: search options.

    Returns:
        1 to beam_size hypotheses for each sentence, best first.
    """
    state = scorer.start(src)
    sentences = [_Sentence(limit, options) for limit in max_lengths]
    live = sentences
    while live:
        beam = len(live[0].beam)
        tokens = [each.token_ids[-1] for sentence in live for each in sentence.beam]
        scores = scorer.step(torch.tensor(tokens, device=src.device), state)
        found = _best_candidates(scores, live, options)
        del scores  # free this large tensor before the next step allocates one
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
    """Unfinished hypothesis, or an unused slot of a beam."""

    token_ids: tuple[int, ...]
    """Token ids, beginning with [SOS]."""
    log_prob: float
    """Sum of token scores; -inf in an unused slot."""


class _Sentence:
    """Search state of one sentence.

    Attributes:
        beam: live hypotheses, best first.
        parents: for each hypothesis of the beam, the index of its parent in the previous beam.
        finished: finished hypotheses, best first, at most `beam_size`.
    """

    def __init__(self, limit: int, options: SearchOptions) -> None:
        self.limit = limit
        self.options = options
        self.beam = [_Live((options.sos_id,), 0.0)]
        self.parents: list[int] = []
        self.finished: list[Hypothesis] = []

    @property
    def length(self) -> int:
        """Return the number of tokens of each live hypothesis, without [SOS]."""
        return len(self.beam[0].token_ids) - 1

    def advance(self, candidates: Iterable[tuple[float, int, int]]) -> None:
        """Select the next beam and the finished hypotheses.

        Args:
            candidates: the best continuations as (log-probability, index of the parent in the
                beam, token), best first.

        Raises:
            DamagedWeightsError: a log-probability is NaN, with which the search would never end.
        """
        options, old, norm = self.options, self.beam, self._norm(self.length + 1)
        self.beam, self.parents = [], []
        for rank, (log_prob, parent, token) in enumerate(candidates):
            if not log_prob > -math.inf or len(self.beam) == options.beam_size:
                if math.isnan(log_prob):
                    raise DamagedWeightsError
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
        """Check that no live hypothesis can enter the finished hypotheses."""
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
    """Return the best continuations of each sentence, as `_Sentence.advance` takes them.

    There are 2 * beam_size candidates, so that the next beam is full even if `beam_size` of them
    end in [EOS].

    Args:
        scores: (live * beam, vocab_size), overwritten
        live: sentences that are not done.
        options: search options.
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
    """Return the indices of kept items: the last ones fill the gaps, so that few items move."""
    count = sum(kept)
    last = (index for index in range(count, len(kept)) if kept[index])
    return [index if kept[index] else next(last) for index in range(count)]
