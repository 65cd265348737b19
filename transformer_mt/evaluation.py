"""Scores of a run, or of translations made elsewhere, on a test set."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from transformer_mt.console import hides_bars
from transformer_mt.data.corpus import SentencePair
from transformer_mt.data.prepare import encode
from transformer_mt.data.tokenizer import UNK_ID, Tokenizer
from transformer_mt.metrics import Score, corpus_scores, length_ratio
from transformer_mt.training.validation import corpus_loss, perplexity
from transformer_mt.translator import Translator

_CHUNK = 1024
"""Lines translated between two moves of the progress bar."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """Figures of one test set; those that need a model are None without one."""

    sentences: int
    scores: list[Score]
    length_ratio: float
    """Words of the translations for each word of the references."""
    loss: float | None = None
    """Nats for each target token."""
    perplexity: float | None = None
    src_unk_rate: float | None = None
    """Share of the source tokens outside the vocabulary."""
    tgt_unk_rate: float | None = None
    """Share of the reference tokens outside the vocabulary."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return dataclasses.asdict(self)

    def lines(self) -> list[str]:
        """A table for a person."""
        rows = [(s.name, f"{s.value:.2f}", s.signature) for s in self.scores]
        if self.loss is not None:
            rows.append(("loss", f"{self.loss:.4f}", "nats for each target token"))
        if self.perplexity is not None:
            rows.append(("perplexity", f"{self.perplexity:.3f}", ""))
        for name, rate in (("source", self.src_unk_rate), ("reference", self.tgt_unk_rate)):
            if rate is not None:
                rows.append(("UNK rate", f"{100 * rate:.2f} %", f"of {name} tokens"))
        rows.append(("length ratio", f"{self.length_ratio:.3f}", "translation / reference words"))
        rows.append(("sentences", f"{self.sentences:,}", ""))
        return [f"{name:<13}{value:>9}  {note}".rstrip() for name, value, note in rows]


def evaluate_translations(hypotheses: Sequence[str], references: Sequence[str]) -> Evaluation:
    """Score translations, whoever made them."""
    return Evaluation(
        sentences=len(references),
        scores=corpus_scores(hypotheses, references),
        length_ratio=length_ratio(hypotheses, references),
    )


def evaluate(
    translator: Translator, pairs: Sequence[SentencePair], batch_tokens: int
) -> tuple[Evaluation, list[str]]:
    """Translate a test set and score it.

    Returns:
        The figures, and the translations.
    """
    hypotheses: list[str] = []
    with tqdm(total=len(pairs), desc="translating", unit="line", disable=hides_bars()) as bar:
        for start in range(0, len(pairs), _CHUNK):
            lines = [pair.src for pair in pairs[start : start + _CHUNK]]
            translations = translator.translate(
                lines, batch_tokens=batch_tokens, first_line=start + 1
            )
            hypotheses += [translation.text for translation in translations]
            bar.update(len(lines))
    figures = evaluate_translations(hypotheses, [pair.tgt for pair in pairs])
    loss = corpus_loss(translator.model, encode(pairs, translator.tokenizers), batch_tokens)
    tokenizers = translator.tokenizers
    return dataclasses.replace(
        figures,
        loss=loss,
        perplexity=perplexity(loss),
        src_unk_rate=unknown_rate(tokenizers.src, [pair.src for pair in pairs]),
        tgt_unk_rate=unknown_rate(tokenizers.tgt, [pair.tgt for pair in pairs]),
    ), hypotheses


def unknown_rate(tokenizer: Tokenizer, texts: Sequence[str]) -> float:
    """Share of the tokens of some texts that are [UNK]."""
    encoded = tokenizer.encode_batch(texts)
    unknown = sum(ids.count(UNK_ID) for ids in encoded)
    return unknown / max(sum(map(len, encoded)), 1)
