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
"""Reference of each translation, or several such lists."""

_TOKENIZERS = {"zh": "zh", "ja": "ja-mecab", "ko": "ko-mecab"}
"""Tokenizer that sacrebleu's option `-l` selects by target language; `13a` for all others."""
_UNSPACED = "char"
"""Tokenizer for languages without spaces for which sacrebleu has none. Its `flores200` must be
downloaded, so that a score would depend on the network."""
_EXTRAS = {"ja-mecab": "ja", "ko-mecab": "ko"}


@dataclass(frozen=True, slots=True)
class Score:
    """Name and value of a score, and sacrebleu's signature of the computation."""

    name: str
    value: float
    signature: str


@dataclass(frozen=True, slots=True)
class Scoring:
    """Splitting of a language's text for scoring."""

    tokenize: str = "13a"
    """Name of BLEU's tokenizer in sacrebleu."""
    asian: bool = False
    """True if TER splits by character, for Chinese and Japanese (sacrebleu's `normalized` and
    `asian_support`)."""
    has_words: bool = True
    """False where spaces do not separate words: TER, which counts words, is left out."""

    @classmethod
    def of(cls, language: str | None = None, tokenize: str | None = None) -> "Scoring":
        """Return the scoring that sacrebleu's `-l` selects; by character where it has no tokenizer.

        Args:
            language: target language; None: one with spaces.
            tokenize: BLEU's tokenizer, instead of the default of the language.

        Raises:
            ConfigError: sacrebleu has no such tokenizer.
            DataError: the tokenizer cannot be used here.
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
        ValueError: the sides differ in length, or are empty.
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
    """Return the number of hypothesis tokens per reference token, as counted by BLEU.

    Of several references the closest in length counts. 0 where the references are empty.
    """
    sides = _check_lengths(hypotheses, references)
    return _bleu(scoring.tokenize).corpus_score(list(hypotheses), sides).ratio


def reference_lists(references: References) -> list[list[str]]:
    """Return the references as lists, one list per reference of every translation."""
    several = [each for each in references if not isinstance(each, str)]
    return [list(each) for each in several] or [[str(each) for each in references]]


def perplexity(loss: float) -> float:
    """Return exp(loss), with the loss capped at 700: JSON has no infinity."""
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


@cache  # a missing tokenizer is reported once
def _usable(tokenize: str) -> str:
    """Return the tokenizer, or the one by character if its packages are not installed."""
    try:
        _bleu(tokenize)
    except (ImportError, RuntimeError, AssertionError):  # AssertionError: a wrong dictionary
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
