"""Scores of translations against references, by sacrebleu (Post 2018)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Score:
    """One figure; the signature tells how it was computed."""

    name: str
    value: float
    signature: str


def corpus_scores(
    hypotheses: Sequence[str],
    references: Sequence[str],
    names: Sequence[str] = ("BLEU", "chrF", "TER"),
) -> list[Score]:
    """Corpus scores in percent, equal to those of the sacrebleu program with its defaults.

    Raises:
        ValueError: the two sides are not equally long, or empty.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF
    from sacrebleu.metrics.ter import TER

    if len(hypotheses) != len(references):
        raise ValueError(f"{len(hypotheses)} hypotheses for {len(references)} references")
    if not references:
        raise ValueError("there are no translations to score")
    kinds: dict[str, Any] = {"BLEU": BLEU, "chrF": CHRF, "TER": TER}
    scores = []
    for name in names:
        metric = kinds[name]()
        result = metric.corpus_score(list(hypotheses), [list(references)])
        scores.append(Score(result.name, result.score, str(metric.get_signature())))
    return scores


def length_ratio(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Words of the hypotheses for each word of the references."""
    words = sum(len(line.split()) for line in references)
    return sum(len(line.split()) for line in hypotheses) / max(words, 1)


def perplexity(loss: float) -> float:
    """exp(loss), for losses above 700 that of 700: JSON has no infinity."""
    return math.exp(min(loss, 700.0))
