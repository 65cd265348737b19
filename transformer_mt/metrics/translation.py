"""Scores of translations against references, by sacrebleu (Post 2018)."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from transformer_mt.errors import ConfigError, DataError
from transformer_mt.languages.codes import base_language, is_unspaced_language

log = logging.getLogger(__name__)

References = Sequence[str] | Sequence[Sequence[str]]
"""A reference for each translation, or several such lists."""

_TOKENIZERS = {"zh": "zh", "ja": "ja-mecab", "ko": "ko-mecab"}
"""What sacrebleu's own option `-l` chooses for a target language; `13a` for all others."""
_UNSPACED = "char"
"""For languages without spaces that sacrebleu names no tokenizer for. Its `flores200` must be
downloaded, so that a score would depend on the network."""
_EXTRAS = {"ja-mecab": "ja", "ko-mecab": "ko"}


@dataclass(frozen=True, slots=True)
class Score:
    """One figure; the signature tells how it was computed."""

    name: str
    value: float
    signature: str


@dataclass(frozen=True, slots=True)
class Scoring:
    """How text of a language is split to be scored."""

    tokenize: str = "13a"
    """Tokenizer of BLEU, by sacrebleu's name."""
    asian: bool = False
    """TER splits Chinese and Japanese by character (its `normalized` and `asian_support`)."""
    has_words: bool = True
    """False where spaces say nothing about words: TER, which counts words, is left out."""

    @classmethod
    def of(cls, language: str | None = None, tokenize: str | None = None) -> "Scoring":
        """Choose as sacrebleu's `-l` does, and by character where it names no tokenizer.

        Args:
            language: target language; None: one with spaces.
            tokenize: BLEU's tokenizer, in the place of that of the language.

        Raises:
            ConfigError: sacrebleu has no such tokenizer, or cannot use it here.
        """
        base = base_language(language or "")
        asian = base in ("zh", "ja")
        unspaced = is_unspaced_language(language or "")
        default = _TOKENIZERS.get(base, _UNSPACED if unspaced else "13a")
        chosen = _usable(default) if tokenize is None else _check(tokenize)
        return cls(chosen, asian, has_words=asian or not unspaced)


def corpus_scores(
    hypotheses: Sequence[str],
    references: References,
    scoring: Scoring = Scoring(),
    names: Sequence[str] = ("BLEU", "chrF", "TER"),
) -> list[Score]:
    """Compute corpus scores in percent, equal to those of the sacrebleu program.

    TER is left out where `scoring` says that spaces do not separate words.

    Raises:
        ValueError: the sides are not equally long, or empty.
    """
    from sacrebleu.metrics.chrf import CHRF
    from sacrebleu.metrics.ter import TER

    sides = _check_lengths(hypotheses, references)
    metrics: dict[str, Any] = {"BLEU": _bleu(scoring.tokenize), "chrF": CHRF()}
    if scoring.has_words:
        metrics["TER"] = TER(normalized=scoring.asian, asian_support=scoring.asian)
    scores = []
    for name in names:
        if name in metrics:
            result = metrics[name].corpus_score(list(hypotheses), sides)
            signature = str(metrics[name].get_signature())
            scores.append(Score(result.name, result.score, signature))
    return scores


def length_ratio(
    hypotheses: Sequence[str],
    references: References,
    scoring: Scoring = Scoring(),
) -> float:
    """Return tokens of the hypotheses for each token of the references, as BLEU counts them.

    Of several references the one of the closest length counts. 0 where the references are empty.
    """
    sides = _check_lengths(hypotheses, references)
    ratio: float = _bleu(scoring.tokenize).corpus_score(list(hypotheses), sides).ratio
    return ratio


def reference_lists(references: References) -> list[list[str]]:
    """Return one list for each reference that every translation has."""
    several = [each for each in references if not isinstance(each, str)]
    return [list(each) for each in several] or [[str(each) for each in references]]


def perplexity(loss: float) -> float:
    """exp(loss), for losses above 700 that of 700: JSON has no infinity."""
    return math.exp(min(loss, 700.0))


def _bleu(tokenize: str) -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(tokenize=tokenize)


def _check_lengths(hypotheses: Sequence[str], references: References) -> list[list[str]]:
    sides = reference_lists(references)
    for side in sides:
        if len(hypotheses) != len(side):
            raise ValueError(f"{len(hypotheses)} hypotheses for {len(side)} references")
    if not hypotheses:
        raise ValueError("there are no translations to score")
    return sides


@cache  # what is missing is told once
def _usable(tokenize: str) -> str:
    """Return the tokenizer, or one by character where its packages are not installed."""
    try:
        _bleu(tokenize)
    except (ImportError, RuntimeError, AssertionError):  # or the dictionary is another
        log.warning(
            "BLEU's tokenizer %s is not installed, so BLEU counts characters:"
            ' pip install "transformer_mt[%s]" for figures that compare with others\'',
            tokenize,
            _EXTRAS[tokenize],
        )
        return _UNSPACED
    return tokenize


def _check(tokenize: str) -> str:
    from sacrebleu.metrics.bleu import BLEU

    if tokenize not in BLEU.TOKENIZERS:
        raise ConfigError(f"--tokenize {tokenize}: must be one of {', '.join(BLEU.TOKENIZERS)}")
    try:
        _bleu(tokenize)
    except Exception as error:  # a missing package, or a download that fails in any way
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"--tokenize {tokenize}: cannot be used here ({reason})") from None
    return tokenize
