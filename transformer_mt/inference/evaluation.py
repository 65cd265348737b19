"""Evaluation on a test set: scores of a run, or of given translations."""

import dataclasses
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tqdm import tqdm

from transformer_mt.corpus.source import load_split
from transformer_mt.inference.load import load
from transformer_mt.inference.translator import Translator
from transformer_mt.languages.codes import is_unspaced_text
from transformer_mt.metrics.translation import (
    References,
    Score,
    Scoring,
    corpus_scores,
    length_ratio,
    perplexity,
    reference_lists,
)
from transformer_mt.runtime.console import hides_bars
from transformer_mt.runtime.rounding import rounded
from transformer_mt.text.tokenizer import UNK_ID, Tokenizer

log = logging.getLogger(__name__)

_CHUNK = 1024
"""Lines translated per update of the progress bar."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """Scores on one test set; scores that need a model are None without a model."""

    sentences: int
    translations: tuple[str, ...]
    """The scored translations, in the order of the test set."""
    scores: list[Score]
    length_ratio: float
    """Number of tokens of the translations / references, in BLEU's tokens."""
    loss: float | None = None
    """Cross-entropy in nats per target token."""
    perplexity: float | None = None
    src_unk_rate: float | None = None
    """Fraction of the source tokens that are [UNK]."""
    tgt_unk_rate: float | None = None
    """Fraction of the reference tokens that are [UNK]."""

    def to_dict(self) -> dict[str, Any]:
        """Return the scores as plain values for JSON."""
        figures = dataclasses.asdict(self)
        del figures["translations"]
        return figures | rounded({"loss": self.loss, "perplexity": self.perplexity})

    def lines(self) -> list[str]:
        """Return the scores as lines of a text table."""
        rows = [(s.name, f"{s.value:.2f}", s.signature) for s in self.scores]
        if self.loss is not None:
            rows.append(("loss", f"{self.loss:.4f}", "nats for each target token"))
        if self.perplexity is not None:
            rows.append(("perplexity", f"{self.perplexity:.3f}", ""))
        for name, rate in (("source", self.src_unk_rate), ("reference", self.tgt_unk_rate)):
            if rate is not None:
                rows.append(("UNK rate", f"{100 * rate:.2f} %", f"of {name} tokens"))
        rows.append(
            (
                "length ratio",
                f"{self.length_ratio:.3f}",
                "translation / reference, in tokens of BLEU",
            )
        )
        rows.append(("sentences", f"{self.sentences:,}", ""))
        return [f"{name:<13}{value:>9}  {note}".rstrip() for name, value, note in rows]


def evaluate_translations(
    hypotheses: Sequence[str],
    references: References,
    *,
    language: str | None = None,
    tokenize: str | None = None,
) -> Evaluation:
    """Score given translations against references.

    Args:
        hypotheses: the translations.
        references: one reference for each translation, or several such lists.
        language: code of the target language, which decides how BLEU and TER split text; None: a
            language with spaces between words.
        tokenize: sacrebleu's name of BLEU's tokenizer; None: chosen by the language.

    Raises:
        ConfigError: sacrebleu has no such tokenizer.
        DataError: the tokenizer is not installed.
        ValueError: the sides have different lengths, or are empty.
    """
    if language is None and tokenize is None and is_unspaced_text(reference_lists(references)[0]):
        log.warning(
            "the references have no spaces between words, which BLEU and TER count: name their"
            " language (--lang zh) or a tokenizer (--tokenize char)"
        )
    scoring = Scoring.of(language, tokenize)
    return Evaluation(
        sentences=len(hypotheses),
        translations=tuple(hypotheses),
        scores=corpus_scores(hypotheses, references, scoring),
        length_ratio=length_ratio(hypotheses, references, scoring),
    )


def evaluate(
    model: Translator | str | Path,
    sources: Sequence[str] | None = None,
    references: References | None = None,
    *,
    split: Literal["test", "validation"] = "test",
    beam_size: int | None = None,
    length_penalty: float | None = None,
    batch_tokens: int = 4096,
    tokenize: str | None = None,
) -> Evaluation:
    """Translate a test set and score it: BLEU, chrF, TER (sacrebleu), loss, unknown tokens.

    Args:
        model: a translator, or a run directory to load.
        sources: sentences to translate; None: a split of the run's data.
        references: one reference for each source, or several such lists; loss and unknown tokens
            are of the first list only.
        split: the split of the run's data, if `sources` is None.
        beam_size: None: the run's value.
        length_penalty: None: the run's value.
        batch_tokens: source positions of a batch.
        tokenize: sacrebleu's name of BLEU's tokenizer; None: chosen by the target language.

    Raises:
        ConfigError: sacrebleu has no such tokenizer.
        DataError: the run's data cannot be read, or the tokenizer is not installed.
        ValueError: no sources, sources without references, different lengths, or an unknown split.
    """
    translator = load(model) if isinstance(model, str | Path) else model
    if (sources is None) != (references is None):
        raise ValueError("sources and references belong together")
    if split not in ("test", "validation"):
        raise ValueError(f"split must be test or validation, not {split}")
    if sources is None or references is None:
        pairs = load_split(translator.data, split)
        sources, references = [pair.src for pair in pairs], [pair.tgt for pair in pairs]
    for side in reference_lists(references):
        if len(side) != len(sources):
            raise ValueError(f"{len(sources)} sources for {len(side)} references")
    if not sources:
        raise ValueError("there are no sentences to translate")
    return evaluate_model(
        translator,
        sources,
        references,
        beam_size=beam_size,
        length_penalty=length_penalty,
        batch_tokens=batch_tokens,
        tokenize=tokenize,
    )


def evaluate_model(
    translator: Translator,
    sources: Sequence[str],
    references: References,
    *,
    beam_size: int | None = None,
    length_penalty: float | None = None,
    batch_tokens: int = 4096,
    tokenize: str | None = None,
) -> Evaluation:
    """Translate a test set and score it; see `Translator.translate` for the options.

    With several references, loss and unknown tokens are of the first list only.
    """
    hypotheses: list[str] = []
    with tqdm(total=len(sources), desc="translating", unit="line", disable=hides_bars()) as bar:
        for start in range(0, len(sources), _CHUNK):
            translations = translator.translate(
                list(sources[start : start + _CHUNK]),
                beam_size=beam_size,
                length_penalty=length_penalty,
                details=False,
                batch_tokens=batch_tokens,
                first_line=start + 1,
            )
            hypotheses += [translation.text for translation in translations]
            bar.update(len(translations))
    first = reference_lists(references)[0]
    scored = translator.score(sources, first, batch_tokens=batch_tokens)
    loss = -sum(each.log_prob for each in scored) / sum(len(each.token_ids) + 1 for each in scored)
    return dataclasses.replace(
        evaluate_translations(
            hypotheses, references, language=translator.data.tgt_lang, tokenize=tokenize
        ),
        loss=loss,
        perplexity=perplexity(loss),
        src_unk_rate=unknown_rate(translator.tokenizers.src, sources),
        tgt_unk_rate=unknown_rate(translator.tokenizers.tgt, first),
    )


def unknown_rate(tokenizer: Tokenizer, texts: Sequence[str]) -> float:
    """Return the fraction of the tokens of texts that are [UNK]."""
    encoded = tokenizer.encode_batch(texts)
    unknown = sum(ids.count(UNK_ID) for ids in encoded)
    return unknown / max(sum(map(len, encoded)), 1)
