"""Inference of our model in torch, on any device."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from transformer_mt.data.batching import Collator
from transformer_mt.decoding.fusion import LanguageModelFusion
from transformer_mt.decoding.hypothesis import Hypothesis, SearchOptions
from transformer_mt.decoding.log_probs import log_probs_of_targets
from transformer_mt.decoding.scorer import Logits, LogProbs
from transformer_mt.decoding.search import beam_search
from transformer_mt.fast import switches
from transformer_mt.inference.engine import AttentionArrays, Ids
from transformer_mt.model.fast_decoder import FastDecoder
from transformer_mt.model.inspection import alignment_weights, attention_weights
from transformer_mt.model.transformer import Transformer
from transformer_mt.text.tokenizer import EOS_ID, PAD_ID, SOS_ID

_COLLATOR = Collator(PAD_ID, SOS_ID, EOS_ID)


class TorchEngine:
    """An `Engine` for a `Transformer` on any device, used in evaluation mode.

    Args:
        model: the model, whose parameters must not change while the engine is used.
        fusion: a language model for the search; the other methods ignore it.
    """

    def __init__(self, model: Transformer, fusion: LanguageModelFusion | None = None) -> None:
        self.model = model
        decoder: Logits[Any] = FastDecoder(model) if switches.FAST_DECODER else model
        scorer = LogProbs(decoder)
        self._scorer = scorer if fusion is None else fusion.with_scorer(scorer)

    def search(
        self, src_ids: Sequence[Ids], limits: Sequence[int], options: SearchOptions
    ) -> list[list[Hypothesis]]:
        """Run batched greedy or beam search, see `Engine`."""
        self.model.eval()
        return beam_search(self._scorer, self._src(src_ids), limits, options)

    @torch.inference_mode()
    def token_log_probs(
        self, src_ids: Sequence[Ids], tgt_ids: Sequence[Ids]
    ) -> list[tuple[float, ...]]:
        """Return the log-probabilities of one teacher-forced pass, see `Engine`."""
        self.model.eval()
        tgt_out = _COLLATOR.pad(tgt_ids, after=EOS_ID).to(self._device)
        hidden = self.model(self._src(src_ids), self._tgt_in(tgt_ids))
        rows = log_probs_of_targets(self.model.project, hidden, tgt_out).tolist()
        return [tuple(row[: len(ids) + 1]) for row, ids in zip(rows, tgt_ids, strict=True)]

    def alignments(self, src_ids: Sequence[Ids], tgt_ids: Sequence[Ids]) -> list[tuple[int, ...]]:
        """Return the argmax of the mean over heads in `alignment_layer`; never [EOS]."""
        self.model.eval()
        weights = alignment_weights(self.model, self._src(src_ids), self._tgt_in(tgt_ids))
        return [
            tuple(rows[: len(tgt), : len(src)].argmax(dim=1).tolist())
            for rows, src, tgt in zip(weights, src_ids, tgt_ids, strict=True)
        ]

    def attention(self, src_ids: Ids, tgt_ids: Ids) -> AttentionArrays:
        """Return the attention, with [EOS] after the source and [SOS] before the target."""
        self.model.eval()
        weights = attention_weights(self.model, self._src([src_ids]), self._tgt_in([tgt_ids]))
        return AttentionArrays(*(part[:, 0].float().cpu().numpy() for part in weights))

    def _src(self, ids: Sequence[Ids]) -> Tensor:
        return _COLLATOR.pad(ids, after=EOS_ID).to(self._device)

    def _tgt_in(self, ids: Sequence[Ids]) -> Tensor:
        return _COLLATOR.pad(ids, before=SOS_ID).to(self._device)

    @property
    def _device(self) -> torch.device:
        return self.model.output.weight.device
