"""Translation of text: tokenizing, searching, detokenizing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple, TypeVar, overload

from transformer_mt.config.limits import check_numbers
from transformer_mt.config.tasks import DecodingConfig, PairsConfig
from transformer_mt.decoding.hypothesis import Hypothesis, SearchOptions, length_normalization
from transformer_mt.errors import InvalidValueError
from transformer_mt.figures.maps import AttentionMaps
from transformer_mt.inference.batches import batches
from transformer_mt.inference.engine import Engine, Ids
from transformer_mt.inference.results import Candidate, Translation, empty_translation
from transformer_mt.text.line_sizes import UsualLines
from transformer_mt.text.tokenizer import (
    EOS_ID,
    PAD_ID,
    SOS_ID,
    SPECIAL_TOKENS,
    UNK_ID,
    Tokenizers,
)

T = TypeVar("T")

log = logging.getLogger(__name__)

_LONGEST_WORD = 1000
"""Maximum characters of a source word copied for [UNK], so a huge word is not copied often."""

_SEPARATORS = str.maketrans("\t", " ")
"""Table that replaces tabs, which tokens and copied words may hold, but translations may not."""


class _Draft(NamedTuple):
    """A hypothesis as text."""

    hypothesis: Hypothesis
    text: str
    alignment: tuple[int, ...] | None
    """Alignment of a hypothesis with [UNK]; None for other hypotheses."""


class Translator:
    """A model with tokenizers, which translates and scores lines of text.

    Several threads may use one translator at once.

    Args:
        engine: the engine of the model.
        tokenizers: the tokenizers that the model was trained with.
        data: data settings; lines of more than `data.max_length` tokens are cut, with a warning.
        decoding: search settings, used where `translate` gets None.
        usual: usual length of the training lines; `translate` warns of much longer lines.
    """

    def __init__(
        self,
        engine: Engine,
        tokenizers: Tokenizers,
        data: PairsConfig,
        decoding: DecodingConfig,
        usual: UsualLines | None = None,
    ) -> None:
        self.engine = engine
        self.tokenizers = tokenizers
        self.data = data
        self.decoding = decoding
        self.usual = usual

    @overload
    def translate(
        self,
        text: str,
        *,
        beam_size: int | None = None,
        length_penalty: float | None = None,
        n_best: int = 1,
        details: bool = True,
        attention: bool = False,
        batch_tokens: int = 4096,
        first_line: int = 1,
    ) -> Translation: ...

    @overload
    def translate(
        self,
        text: list[str],
        *,
        beam_size: int | None = None,
        length_penalty: float | None = None,
        n_best: int = 1,
        details: bool = True,
        attention: bool = False,
        batch_tokens: int = 4096,
        first_line: int = 1,
    ) -> list[Translation]: ...

    def translate(
        self,
        text: str | list[str],
        *,
        beam_size: int | None = None,
        length_penalty: float | None = None,
        n_best: int = 1,
        details: bool = True,
        attention: bool = False,
        batch_tokens: int = 4096,
        first_line: int = 1,
    ) -> Translation | list[Translation]:
        """Translate one sentence, or each sentence of a list.

        Args:
            text: a sentence, or several.
            beam_size: size of the beam, 1 is greedy search; None: the run's value, and at least
                n_best.
            length_penalty: larger values prefer longer translations; None: the run's value.
            n_best: candidates to return, at most the beam size; fewer if the search finds fewer
                different texts.
            details: return token_log_probs and alignment of each candidate, which costs two passes
                of the model over each translation.
            attention: return all attention weights of each candidate, which costs one pass.
            batch_tokens: source positions of a batch; changes speed and memory only.
            first_line: number of the first line, for warnings.

        Returns:
            One translation for a str; for a list one for each line, in order.

        Raises:
            InvalidValueError: a number is outside the limits, or n_best above the beam size.
            ConfigError: the engine cannot return attention.
        """
        check_numbers(batch_tokens=batch_tokens, first_line=first_line)
        options = self._options(beam_size, length_penalty, n_best)
        lines = [text] if isinstance(text, str) else text
        src_ids = self._encode(lines, first_line)
        translations = [empty_translation(line) for line in lines]
        for rows in batches([len(ids) for ids in src_ids], batch_tokens):
            batch = [(lines[row], src_ids[row]) for row in rows]
            translated = self._translate_batch(batch, options, n_best, details=details)
            for row, translation in zip(rows, translated, strict=True):
                translations[row] = translation
        if attention:
            translations = [self._with_attention(translation) for translation in translations]
        return translations[0] if isinstance(text, str) else translations

    def score(
        self, sources: Sequence[str], references: Sequence[str], *, batch_tokens: int = 4096
    ) -> list[Candidate]:
        """Score given translations by log-probability.

        Args:
            sources: sentences, cut to `data.max_length` tokens.
            references: one translation for each source.
            batch_tokens: positions of a batch; changes speed and memory only.

        Returns:
            For each pair the reference with score, log_prob, tokens and token_log_probs.

        Raises:
            ValueError: the two sides have different lengths.
        """
        if len(sources) != len(references):
            raise ValueError(f"{len(sources)} sources for {len(references)} references")
        src_ids = [ids[: self.data.max_length] for ids in self.tokenizers.src.encode_batch(sources)]
        tgt_ids = self.tokenizers.tgt.encode_batch(references)
        log_probs: list[tuple[float, ...]] = [()] * len(sources)
        sizes = [max(len(src), len(tgt)) + 1 for src, tgt in zip(src_ids, tgt_ids, strict=True)]
        for rows in batches(sizes, batch_tokens):
            batch = [src_ids[row] for row in rows], [tgt_ids[row] for row in rows]
            for row, each in zip(rows, self.engine.token_log_probs(*batch), strict=True):
                log_probs[row] = each
        norm = partial(length_normalization, alpha=self.decoding.length_penalty)
        return [
            Candidate(
                text=text,
                score=sum(each) / norm(len(each)),
                log_prob=sum(each),
                token_ids=tuple(ids),
                tokens=tuple(self.tokenizers.tgt.tokens(ids)),
                token_log_probs=each,
            )
            for text, ids, each in zip(references, tgt_ids, log_probs, strict=True)
        ]

    def _options(
        self, beam_size: int | None, length_penalty: float | None, n_best: int
    ) -> SearchOptions:
        decoding = self.decoding
        check_numbers(n_best=n_best, beam_size=beam_size)
        beam_size = max(decoding.beam_size, n_best) if beam_size is None else beam_size
        if n_best > beam_size:
            raise InvalidValueError(
                "n_best", f"must be at most beam_size, {beam_size}, not {n_best}"
            )
        return SearchOptions(
            sos_id=SOS_ID,
            eos_id=EOS_ID,
            forbidden=(PAD_ID, SOS_ID, *((UNK_ID,) if decoding.unknown_words == "forbid" else ())),
            beam_size=beam_size,
            length_penalty=decoding.length_penalty if length_penalty is None else length_penalty,
        )

    def _encode(self, lines: Sequence[str], first_line: int) -> list[list[int]]:
        """Encode lines to token ids; cut too long lines; warn of these and of unusual lengths."""
        encoded = self.tokenizers.src.encode_batch(lines)
        longest = self.data.max_length
        for number, (line, ids) in enumerate(zip(lines, encoded, strict=True), start=first_line):
            if self.usual is not None and (found := self.usual.complaint(line, len(ids))):
                message, numbers = found
                log.warning(message, number, *numbers)
            if len(ids) > longest:
                log.warning(
                    "line %d has %d tokens: only the first %d are translated (data.max_length)",
                    number,
                    len(ids),
                    longest,
                )
        return [ids[:longest] for ids in encoded]

    def _translate_batch(
        self,
        batch: Sequence[tuple[str, list[int]]],
        options: SearchOptions,
        n_best: int,
        *,
        details: bool,
    ) -> list[Translation]:
        """Translate a batch of lines with token ids, none of them empty."""
        src_ids = [ids for _, ids in batch]
        limits = [self.decoding.length_limit(len(ids)) for ids in src_ids]
        pieces = [self._src_tokens(line, ids) for line, ids in batch]
        found = self.engine.search(src_ids, limits, options)
        if n_best == 1:
            found = [each[:1] for each in found]
        kept = [each[:n_best] for each in self._different_texts(src_ids, pieces, found)]
        drafts = [(ids, draft) for ids, each in zip(src_ids, kept, strict=True) for draft in each]
        pairs = [(ids, draft.hypothesis.token_ids) for ids, draft in drafts]
        unaligned = [details and draft.alignment is None for _, draft in drafts]
        inspected = zip(
            _of_some(self.engine.alignments, pairs, unaligned),
            _of_some(self.engine.token_log_probs, pairs, [details] * len(pairs)),
            strict=True,
        )
        return [
            Translation(
                line,
                tuple(ids),
                src_tokens,
                tuple(self._candidate(draft, *next(inspected)) for draft in each),
            )
            for (line, ids), src_tokens, each in zip(batch, pieces, kept, strict=True)
        ]

    def _src_tokens(self, line: str, ids: Sequence[int]) -> tuple[str, ...]:
        pieces = self.tokenizers.src.pieces(line)[: len(ids)]
        return tuple(piece[:_LONGEST_WORD] for piece in pieces)

    def _different_texts(
        self,
        src_ids: Sequence[Ids],
        pieces: Sequence[Sequence[str]],
        found: Sequence[Sequence[Hypothesis]],
    ) -> list[list[_Draft]]:
        """Convert hypotheses to text; of hypotheses with equal text keep the best."""
        pairs = [(ids, h.token_ids) for ids, each in zip(src_ids, found, strict=True) for h in each]
        has_unknown = [UNK_ID in tgt_ids for _, tgt_ids in pairs]
        aligned = iter(_of_some(self.engine.alignments, pairs, has_unknown))
        kept = []
        for src_tokens, hypotheses in zip(pieces, found, strict=True):
            texts: dict[str, _Draft] = {}
            for hypothesis in hypotheses:
                alignment = next(aligned)
                text = self._text(hypothesis, src_tokens, alignment)
                texts.setdefault(text, _Draft(hypothesis, text, alignment))
            kept.append(list(texts.values()))
        return kept

    def _text(
        self, found: Hypothesis, src_tokens: Sequence[str], alignment: tuple[int, ...] | None
    ) -> str:
        """Return the text of a hypothesis; replace each [UNK] by the source word aligned to it.

        This copies numbers and names, which are most of the unknown words (Luong et al. 2015).
        """
        tgt = self.tokenizers.tgt
        if alignment is None:
            text = tgt.decode(found.token_ids)
        else:
            tokens = zip(found.token_ids, tgt.tokens(found.token_ids), alignment, strict=True)
            text = tgt.join([src_tokens[at] if n == UNK_ID else token for n, token, at in tokens])
        return " ".join(text.translate(_SEPARATORS).splitlines())

    def _candidate(
        self,
        draft: _Draft,
        alignment: tuple[int, ...] | None,
        token_log_probs: tuple[float, ...] | None,
    ) -> Candidate:
        found = draft.hypothesis
        if alignment is None and token_log_probs is not None:
            alignment = draft.alignment
        return Candidate(
            text=draft.text,
            score=found.score,
            log_prob=found.log_prob,
            token_ids=found.token_ids,
            tokens=tuple(self.tokenizers.tgt.tokens(found.token_ids)),
            token_log_probs=token_log_probs,
            alignment=alignment,
        )

    def _with_attention(self, translation: Translation) -> Translation:
        """Return the translation with the attention of every candidate.

        The decoder reads the candidate's token ids, so the attention is the one of the search.
        """
        eos, sos = SPECIAL_TOKENS[EOS_ID], SPECIAL_TOKENS[SOS_ID]
        candidates = []
        for candidate in translation.candidates:
            weights = self.engine.attention(translation.src_ids, candidate.token_ids)
            maps = AttentionMaps(
                source=translation.source,
                translation=candidate.text,
                src_tokens=(*translation.src_tokens, eos),
                tgt_in=(sos, *candidate.tokens),
                tgt_out=(*candidate.tokens, eos),
                **weights._asdict(),
                score=candidate.score,
            )
            candidates.append(replace(candidate, attention=maps))
        return replace(translation, candidates=tuple(candidates))


def _of_some(
    inspect: Callable[[Sequence[Ids], Sequence[Ids]], Sequence[T]],
    pairs: Sequence[tuple[Ids, Ids]],
    wanted: Sequence[bool],
) -> list[T | None]:
    """Call `inspect` on the wanted (src, tgt) pairs; return None for the other pairs."""
    some = [pair for pair, is_wanted in zip(pairs, wanted, strict=True) if is_wanted]
    told = iter(inspect([src for src, _ in some], [tgt for _, tgt in some]) if some else ())
    return [next(told) if is_wanted else None for is_wanted in wanted]
