"""Greedy and beam search, batched, over any Scorer.

Greedy search is beam search with one hypothesis, which ends where [EOS] is most probable. Every
hypothesis ends in [EOS], and the result of a sentence does not depend on the others in its batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from transformer_mt.decoding.hypothesis import Hypothesis, SearchOptions, length_normalization
from transformer_mt.decoding.scorer import S, Scorer


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
        scorer: the model.
        src: (batch, src_len) ids ending in [EOS], padded on the right.
        max_lengths: for each sentence, the most tokens of a translation, [EOS] not counted.
        options: how to search.

    Returns:
        For each sentence 1 to beam_size hypotheses, best first.
    """
    state = scorer.start(src)
    finished: list[list[Hypothesis]] = [[] for _ in max_lengths]
    live = _Live.start(src, max_lengths, options.sos_id)
    while live.sentences:
        logits = scorer.step(live.tokens[:, :, -1].flatten(), state)
        candidates = _best_candidates(logits, live, options)
        _collect_finished(candidates, live, finished, options)
        parents = live.advance(candidates, options)
        going_on = live.not_done(finished, options)
        if len(going_on) == len(live.sentences):
            state.select(parents.flatten())
        elif going_on:
            kept = torch.tensor(going_on, device=src.device)
            state.select(parents[kept].flatten(), kept)
        live.keep(going_on)
    return finished


class _Candidates(NamedTuple):
    """The best continuations of each live sentence, best first; each (live, 2 * beam_size).

    Twice as many as the beam: even if half of them end in [EOS], a full beam lives on.
    """

    log_probs: Tensor
    parents: Tensor
    """Index in the beam of the hypothesis that is continued."""
    tokens: Tensor


@dataclass(slots=True)
class _Live:
    """The hypotheses of the sentences that are not done."""

    sentences: list[int]
    """Their numbers in the original batch."""
    tokens: Tensor
    """(live, beam, 1 + length) beginning with [SOS]"""
    log_probs: Tensor
    """(live, beam) -inf at unused places"""
    max_lengths: Tensor
    """(live,)"""

    @classmethod
    def start(cls, src: Tensor, max_lengths: Sequence[int], sos_id: int) -> "_Live":
        batch, device = len(max_lengths), src.device
        return cls(
            sentences=list(range(batch)),
            tokens=torch.full((batch, 1, 1), sos_id, device=device),
            log_probs=torch.zeros(batch, 1, device=device),
            max_lengths=torch.tensor(list(max_lengths), device=device),
        )

    @property
    def length(self) -> int:
        """Tokens of each hypothesis, without [SOS]."""
        return self.tokens.shape[2] - 1

    def advance(self, candidates: _Candidates, options: SearchOptions) -> Tensor:
        """Go on with the best candidates that do not end here.

        Returns:
            (live, beam_size) the row of the old hypotheses that each new one continues.
        """
        ends = candidates.tokens == options.eos_id
        order = ends.to(torch.uint8).argsort(dim=1, stable=True)[:, : options.beam_size]
        log_probs, parents, tokens = (part.gather(1, order) for part in candidates)
        ended = ends.gather(1, order)
        past = self.tokens.gather(1, parents[:, :, None].expand(-1, -1, self.tokens.shape[2]))
        old_beam = self.tokens.shape[1]
        self.tokens = torch.cat((past, tokens[:, :, None]), dim=2)
        self.log_probs = log_probs.masked_fill(ended, -torch.inf)
        first_rows = torch.arange(len(parents), device=parents.device) * old_beam
        return parents + first_rows[:, None]

    def not_done(self, finished: list[list[Hypothesis]], options: SearchOptions) -> list[int]:
        """Indices of the sentences whose search goes on; `finished` is sorted and cut to size."""
        norm = length_normalization(self.length + 1, options.length_penalty)
        best_live = (self.log_probs[:, 0] / norm).tolist()
        going_on = []
        for index, (sentence, best) in enumerate(zip(self.sentences, best_live, strict=True)):
            found = finished[sentence]
            found.sort(key=lambda hypothesis: -hypothesis.score)
            del found[options.beam_size :]
            full = len(found) == options.beam_size
            full = full and (options.beam_size == 1 or found[-1].score >= best)
            if not full and best > -torch.inf:
                going_on.append(index)
        return going_on

    def keep(self, indices: list[int]) -> None:
        """Forget all sentences but these."""
        if len(indices) < len(self.sentences):
            self.sentences = [self.sentences[index] for index in indices]
            self.tokens, self.log_probs = self.tokens[indices], self.log_probs[indices]
            self.max_lengths = self.max_lengths[indices]


def _best_candidates(logits: Tensor, live: _Live, options: SearchOptions) -> _Candidates:
    """The best continuations; logits: (live * beam, vocab_size), overwritten."""
    width = 2 * options.beam_size
    total = logits.float().logsumexp(dim=-1, keepdim=True)  # log-probability = logit - total
    logits[:, list(options.forbidden)] = -torch.inf
    at_limit = (live.length >= live.max_lengths).repeat_interleave(live.tokens.shape[1])
    if at_limit.any():
        only_end = logits[at_limit, options.eos_id]
        logits[at_limit] = -torch.inf
        logits[at_limit, options.eos_id] = only_end
    best, tokens = logits.topk(min(width, logits.shape[1]), dim=-1)  # of each hypothesis
    per_row = best.shape[1]
    scores = (best.float() - total).view(*live.log_probs.shape, per_row)
    scores = (scores + live.log_probs[:, :, None]).flatten(1)  # (live, beam * per_row)
    log_probs, places = scores.topk(min(width, scores.shape[1]), dim=1)
    missing = width - log_probs.shape[1]  # a small vocabulary cannot fill a large beam
    log_probs = F.pad(log_probs, (0, missing), value=-torch.inf)
    places = F.pad(places, (0, missing))
    return _Candidates(
        log_probs,
        parents=places // per_row,
        tokens=tokens.view(len(live.sentences), -1).gather(1, places),
    )


def _collect_finished(
    candidates: _Candidates,
    live: _Live,
    finished: list[list[Hypothesis]],
    options: SearchOptions,
) -> None:
    """Move the candidates among the best `beam_size` that end in [EOS] to `finished`."""
    best = [part[:, : options.beam_size] for part in candidates]
    log_probs, parents, tokens = best
    ends = (tokens == options.eos_id) & (log_probs > -torch.inf)
    norm = length_normalization(live.length + 1, options.length_penalty)
    for index, rank in ends.nonzero().tolist():
        token_ids = live.tokens[index, parents[index, rank], 1:].tolist()
        log_prob = log_probs[index, rank].item()
        hypothesis = Hypothesis(tuple(token_ids), log_prob, log_prob / norm)
        finished[live.sentences[index]].append(hypothesis)
