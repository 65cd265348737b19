"""Inference of an exported model by CTranslate2, without torch."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from transformer_mt.decoding.hypothesis import Hypothesis, SearchOptions, length_normalization
from transformer_mt.errors import ConfigError, DamagedWeightsError, DataError
from transformer_mt.inference.engine import AttentionArrays, Ids
from transformer_mt.runtime.extras import require
from transformer_mt.text.tokenizer import Tokenizer, Tokenizers

QUANTIZATIONS = (
    "float32",
    "float16",
    "bfloat16",
    "int16",
    "int8",
    "int8_float32",
    "int8_float16",
    "int8_bfloat16",
)
"""Number formats of CTranslate2's weights."""

_CHUNK = 1024
"""Positions whose logits are in memory at once."""

_Beam = dict[tuple[int, ...], float | None]
"""Hypotheses (token ids) with log-probabilities; None: not computed yet."""


def check_quantization(name: str) -> str:
    """Check the name of a number format and return it.

    Raises:
        ConfigError: CTranslate2 has no such number format.
    """
    if name not in QUANTIZATIONS:
        raise ConfigError(f"--quantization {name}: must be one of {', '.join(QUANTIZATIONS)}")
    return name


def check_device(name: str) -> dict[str, str | int]:
    """Return CTranslate2's options for a device name of ours.

    Raises:
        ConfigError: ctranslate2 is not installed, or there is no such device.
    """
    ctranslate2 = require("ctranslate2")
    kind, _, index = name.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (index and not index.isdecimal()):
        raise ConfigError(f"--device {name}: CTranslate2 knows auto, cpu and cuda")
    number = int(index or 0)
    if number >= (ctranslate2.get_cuda_device_count() if kind == "cuda" else 1):
        raise ConfigError(f"--device {name}: there is no such device here; use auto or cpu")
    return {"device": kind, "device_index": number}


class CTranslate2Engine:
    """An `Engine` for a folder that `tmt export --to ctranslate2` wrote.

    Args:
        folder: folder of model.bin and the vocabularies.
        tokenizers: tokenizers of the run.
        device: "auto", "cpu", "cuda" or "cuda:N".

    Raises:
        ConfigError: ctranslate2 is not installed, or there is no such device.
        DataError: the folder cannot be loaded.
    """

    def __init__(self, folder: Path, tokenizers: Tokenizers, device: str = "auto") -> None:
        ctranslate2 = require("ctranslate2")
        try:
            self._translator = ctranslate2.Translator(
                str(folder), **check_device(device), intra_threads=_num_threads()
            )
        except (IndexError, RuntimeError, ValueError) as error:
            raise DataError(f"{folder}: CTranslate2 cannot load it on {device} ({error})") from None
        self._tokenizers = tokenizers
        self._tgt_ids = _numbers(tokenizers.tgt)

    def search(
        self, src_ids: Sequence[Ids], limits: Sequence[int], options: SearchOptions
    ) -> list[list[Hypothesis]]:
        """Run CTranslate2's greedy or beam search; rank the hypotheses by our normalised score.

        Only sentences of equal limit share a batch, so no result depends on the other sentences.
        """
        found: list[list[Hypothesis]] = [[] for _ in src_ids]
        for limit, rows in _groups(limits):
            sources = [src_ids[row] for row in rows]
            beams = self._allowed_beams(sources, limit, options)
            self._score_missing(sources, beams)
            for row, beam in zip(rows, beams, strict=True):
                found[row] = _ranked(beam, options.length_penalty)
        return found

    def token_log_probs(
        self, src_ids: Sequence[Ids], tgt_ids: Sequence[Ids]
    ) -> list[tuple[float, ...]]:
        """Return the log-probabilities of one teacher-forced pass, see `Engine`."""
        sources, targets = self._tokens(src_ids, tgt_ids)
        try:
            results = self._translator.score_batch(
                sources, targets, max_input_length=0, max_batch_size=_CHUNK, batch_type="tokens"
            )
        except RuntimeError as error:
            raise DataError(f"CTranslate2 cannot score these sentences ({error})") from None
        return [tuple(result.log_probs) for result in results]

    def alignments(self, src_ids: Sequence[Ids], tgt_ids: Sequence[Ids]) -> list[tuple[int, ...]]:
        """Return the argmax of the exported alignment layer, as in `TorchEngine`."""
        _, targets = self._tokens(src_ids, tgt_ids)
        longest = max(map(len, tgt_ids), default=0)
        results = self._translate(
            src_ids,
            target_prefix=targets,
            beam_size=1,
            max_decoding_length=longest + 1,
            return_attention=True,
        )
        return [
            tuple(
                max(range(len(row)), key=row.__getitem__) for row in result.attention[0][: len(tgt)]
            )
            for result, tgt in zip(results, tgt_ids, strict=True)
        ]

    def attention(self, src_ids: Ids, tgt_ids: Ids) -> AttentionArrays:  # noqa: ARG002
        """Raise ConfigError, because CTranslate2 returns the attention of one layer only."""
        raise ConfigError("CTranslate2 does not tell the attention of all layers: use engine torch")

    def _allowed_beams(
        self, src_ids: Sequence[Ids], limit: int, options: SearchOptions
    ) -> list[_Beam]:
        """Search without the forbidden tokens.

        Where CTranslate2 suppresses a token, it gives that probability to the other tokens, so
        the scores are wrong. Therefore only sentences whose beam has a forbidden token are
        searched again with suppression, and their log-probabilities are set to None.
        """
        beams = self._beams(src_ids, limit, options)
        forbidden = set(options.forbidden)
        again = [n for n, beam in enumerate(beams) if not all(map(forbidden.isdisjoint, beam))]
        if again:
            suppressed = [[token] for token in self._tokenizers.tgt.tokens(options.forbidden)]
            sources = [src_ids[row] for row in again]
            allowed = self._beams(sources, limit, options, suppress_sequences=suppressed)
            for row, beam in zip(again, allowed, strict=True):
                beams[row] = dict.fromkeys(beam)
        return beams

    def _beams(
        self, src_ids: Sequence[Ids], limit: int, options: SearchOptions, **more: Any
    ) -> list[_Beam]:
        """Return the beam of each sentence; CTranslate2's score is log_prob / length ** alpha.

        A hypothesis cut off at the limit is scored without [EOS] by CTranslate2, but with [EOS]
        by our search: the log-probability is None.
        """
        results = self._translate(
            src_ids,
            max_decoding_length=limit + 1,  # includes [EOS]
            beam_size=options.beam_size,
            num_hypotheses=options.beam_size,
            length_penalty=options.length_penalty,
            return_scores=True,
            **more,
        )
        beams: list[_Beam] = []
        for result in results:
            beam: _Beam = {}
            for tokens, score in zip(result.hypotheses, result.scores, strict=True):
                ids = tuple(self._tgt_ids[token] for token in tokens)
                log_prob = score * (len(ids) + 1) ** options.length_penalty
                beam[ids[:limit]] = log_prob if len(ids) <= limit else None
            beams.append(beam)
        return beams

    def _score_missing(self, src_ids: Sequence[Ids], beams: Sequence[_Beam]) -> None:
        """Compute the log-probabilities that are None."""
        missing = [
            (row, ids)
            for row, beam in enumerate(beams)
            for ids, log_prob in beam.items()
            if log_prob is None
        ]
        if missing:
            rows, targets = zip(*missing, strict=True)
            scored = self.token_log_probs([src_ids[row] for row in rows], targets)
            for row, ids, log_probs in zip(rows, targets, scored, strict=True):
                beams[row][ids] = sum(log_probs)

    def _translate(self, src_ids: Sequence[Ids], **options: Any) -> list[Any]:
        sources = [self._tokenizers.src.tokens(ids) for ids in src_ids]
        try:
            results: list[Any] = self._translator.translate_batch(
                sources, max_input_length=0, min_decoding_length=0, **options
            )
        except RuntimeError as error:
            raise DataError(f"CTranslate2 cannot translate these sentences ({error})") from None
        return results

    def _tokens(
        self, src_ids: Sequence[Ids], tgt_ids: Sequence[Ids]
    ) -> tuple[list[list[str]], list[list[str]]]:
        src, tgt = self._tokenizers.src, self._tokenizers.tgt
        return [src.tokens(ids) for ids in src_ids], [tgt.tokens(ids) for ids in tgt_ids]


def _ranked(beam: _Beam, alpha: float) -> list[Hypothesis]:
    """Return the hypotheses of a beam, sorted by our normalised score."""
    found = []
    for ids, log_prob in beam.items():
        assert log_prob is not None
        if math.isnan(log_prob):
            raise DamagedWeightsError
        found.append(
            Hypothesis(ids, log_prob, log_prob / length_normalization(len(ids) + 1, alpha))
        )
    return sorted(found, key=lambda hypothesis: -hypothesis.score)


def _num_threads() -> int:
    """Return the number of cores that this process may use, if known; else 0.

    0 lets CTranslate2 choose; it then uses OMP_NUM_THREADS, as torch does.
    """
    if os.environ.get("OMP_NUM_THREADS") or not hasattr(os, "sched_getaffinity"):
        return 0
    return len(os.sched_getaffinity(0))


def _numbers(tokenizer: Tokenizer) -> dict[str, int]:
    return {token: n for n, token in enumerate(tokenizer.tokens(range(tokenizer.vocab_size)))}


def _groups(limits: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
    """Yield each limit with the rows of that limit."""
    order = sorted(range(len(limits)), key=limits.__getitem__)
    for limit, rows in groupby(order, key=limits.__getitem__):
        yield limit, list(rows)
