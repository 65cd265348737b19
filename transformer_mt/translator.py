"""Text in, translations out."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from transformer_mt.checkpoint import load_run
from transformer_mt.config import DataConfig, DecodingConfig
from transformer_mt.data.batching import Collator
from transformer_mt.data.tokenizer import EOS_ID, PAD_ID, SOS_ID, UNK_ID, Tokenizers
from transformer_mt.decoding.scorer import Hypothesis
from transformer_mt.decoding.search import SearchOptions, beam_search
from transformer_mt.device import choose_device
from transformer_mt.model.inspection import attention_weights
from transformer_mt.model.transformer import Transformer

log = logging.getLogger(__name__)

_MOST_LINES = 256
"""In a batch: short lines take little source but each a beam of scores over the vocabulary."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of the best translations of a sentence."""

    text: str
    score: float
    """Length-normalised log-probability: what candidates are ranked by."""
    log_prob: float
    """Sum of the log-probabilities of all tokens and of [EOS]."""
    token_ids: tuple[int, ...]
    """Target tokens, without [SOS] and [EOS]."""


@dataclass(frozen=True, slots=True)
class Translation:
    """What becomes of one line; an empty line has one empty candidate."""

    source: str
    src_ids: tuple[int, ...]
    """What the model read, without [EOS]."""
    candidates: tuple[Candidate, ...]
    """Best first, at least one."""

    @property
    def text(self) -> str:
        """The best translation."""
        return self.candidates[0].text

    @property
    def score(self) -> float:
        """The score of the best translation."""
        return self.candidates[0].score


class Translator:
    """A model with its tokenizers; translates lines of text.

    Args:
        model: on its device; it is used in evaluation mode.
        tokenizers: those that the model was trained with.
        data: lines of more than its `max_length` tokens are cut, with a warning.
        decoding: how to search.
    """

    def __init__(
        self, model: Transformer, tokenizers: Tokenizers, data: DataConfig, decoding: DecodingConfig
    ) -> None:
        self.model = model
        self.tokenizers = tokenizers
        self.max_length = data.max_length
        self.decoding = decoding
        self._collator = Collator(PAD_ID, SOS_ID, EOS_ID)

    @classmethod
    def load(
        cls, run_dir: Path, device: str = "auto", decoding: DecodingConfig | None = None
    ) -> "Translator":
        """The best model of a run directory; `decoding` replaces the run's own settings."""
        run = load_run(run_dir, choose_device(device))
        return cls(run.model, run.tokenizers, run.config.data, decoding or run.config.decoding)

    def translate(
        self,
        lines: Sequence[str],
        *,
        n_best: int = 1,
        batch_tokens: int = 4096,
        first_line: int = 1,
    ) -> list[Translation]:
        """Translate each line on its own.

        Args:
            lines: one sentence each.
            n_best: candidates to return; at most `decoding.beam_size`.
            batch_tokens: source positions translated together; changes speed and memory alone.
            first_line: number of the first line, for warnings.

        Returns:
            One translation for each line, in order.

        Raises:
            ValueError: n_best is not between 1 and the beam size.
        """
        if not 1 <= n_best <= self.decoding.beam_size:
            raise ValueError(f"n_best must be between 1 and beam_size, not {n_best}")
        src_ids = [
            self._cut(ids, first_line + index)
            for index, ids in enumerate(self.tokenizers.src.encode_batch(lines))
        ]
        found = [[Hypothesis((), 0.0, 0.0)] for _ in lines]
        self.model.eval()
        for rows in _batches_by_length(src_ids, batch_tokens):
            for row, hypotheses in zip(rows, self._search([src_ids[r] for r in rows]), strict=True):
                found[row] = hypotheses[:n_best]
        texts = self._texts(lines, src_ids, found)
        return [
            Translation(line, tuple(ids), tuple(map(_candidate, hypotheses, line_texts)))
            for line, ids, hypotheses, line_texts in zip(lines, src_ids, found, texts, strict=True)
        ]

    def _cut(self, ids: list[int], line: int) -> list[int]:
        if len(ids) > self.max_length:
            log.warning(
                "line %d has %d tokens: only the first %d are translated (data.max_length)",
                line,
                len(ids),
                self.max_length,
            )
        return ids[: self.max_length]

    def _search(self, src_ids: list[list[int]]) -> list[list[Hypothesis]]:
        decoding = self.decoding
        forbidden = (PAD_ID, SOS_ID, *((UNK_ID,) if decoding.unknown_words == "forbid" else ()))
        options = SearchOptions(
            sos_id=SOS_ID,
            eos_id=EOS_ID,
            forbidden=forbidden,
            beam_size=decoding.beam_size,
            length_penalty=decoding.length_penalty,
        )
        limits = [
            int(len(ids) * decoding.max_length_ratio) + decoding.max_length_offset
            for ids in src_ids
        ]
        src = self._collator.pad(src_ids, after=EOS_ID).to(self._device)
        return beam_search(self.model, src, limits, options)

    def _texts(
        self, lines: Sequence[str], src_ids: list[list[int]], found: list[list[Hypothesis]]
    ) -> list[list[str]]:
        """The text of every hypothesis, with [UNK] replaced."""
        texts = []
        for line, ids, hypotheses in zip(lines, src_ids, found, strict=True):
            texts.append(
                [
                    self._replace_unknown(line, ids, list(h.token_ids))
                    if UNK_ID in h.token_ids
                    else self.tokenizers.tgt.decode(h.token_ids)
                    for h in hypotheses
                ]
            )
        return texts

    def _replace_unknown(self, line: str, src_ids: list[int], tgt_ids: list[int]) -> str:
        """Put the source word with most attention in the place of each [UNK].

        Numbers and names, which are most of the unknown words, so survive (Luong et al. 2015).
        """
        src = self._collator.pad([src_ids], after=EOS_ID).to(self._device)
        tgt_in = self._collator.pad([tgt_ids], before=SOS_ID).to(self._device)
        weights = attention_weights(self.model, src, tgt_in).cross.mean(dim=(0, 2))[0]
        attended = weights[: len(tgt_ids), : len(src_ids)].argmax(dim=1).tolist()
        pieces = self.tokenizers.src.pieces(line)
        tokens = self.tokenizers.tgt.tokens(tgt_ids)
        for position, number in enumerate(tgt_ids):
            if number == UNK_ID:
                tokens[position] = pieces[attended[position]]
        return self.tokenizers.tgt.join(tokens)

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device


def _candidate(hypothesis: Hypothesis, text: str) -> Candidate:
    return Candidate(text, hypothesis.score, hypothesis.log_prob, hypothesis.token_ids)


def _batches_by_length(
    sequences: Sequence[Sequence[int]], batch_tokens: int
) -> Iterator[list[int]]:
    """Indices of the non-empty sequences, longest first, in groups within the budget."""
    order = sorted(range(len(sequences)), key=lambda i: -len(sequences[i]))
    order = [i for i in order if sequences[i]]
    while order:
        size = min(max(1, batch_tokens // (len(sequences[order[0]]) + 1)), _MOST_LINES)
        yield order[:size]
        order = order[size:]
