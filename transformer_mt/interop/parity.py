"""Comparison of our model with the same model in another program, run by that program."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tqdm import tqdm

from transformer_mt.corpus.source import SentencePair
from transformer_mt.errors import DataError
from transformer_mt.inference.translator import Translator
from transformer_mt.metrics.translation import Score, Scoring, corpus_scores
from transformer_mt.runtime.console import hides_bars

TOLERANCE = 1e-4
"""Maximum difference of a reference token's log-probability, in nats, for float32."""

_CHUNK = 128


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results of one engine on some sentence pairs."""

    log_probs: list[Sequence[float]]
    """Log-probabilities of the tokens and the end token of each reference."""
    token_ids: list[tuple[int, ...]]
    """Token ids of each greedy translation, in our vocabulary."""
    texts: list[str]
    """Text of each greedy translation; empty if the engine returns no text."""


Runner = Callable[[Sequence[SentencePair]], Outcome]


@dataclass(frozen=True, slots=True)
class ParityReport:
    """The differences between two engines on some sentence pairs."""

    sentences: int
    log_prob_difference: float
    """Largest difference of a reference's log-probability, in nats."""
    token_difference: float
    """Largest difference of a reference token's log-probability, in nats."""
    equal_greedy: int
    """Number of greedy translations with equal token ids."""
    scores: list[Score]
    """BLEU and chrF of our greedy translations."""
    other_scores: list[Score]
    """BLEU and chrF of the other engine's greedy translations; empty if it returns no text."""

    def lines(self) -> list[str]:
        """Return the differences as lines of text."""
        share = 100 * self.equal_greedy / self.sentences
        lines = [
            f"compared on {self.sentences:,} sentence pairs with the real engine:",
            f"    references: largest difference of log-probability {self.log_prob_difference:.1e},"
            f" of a token's {self.token_difference:.1e}",
            f"    greedy translations: {share:.2f} % equal"
            f" ({self.equal_greedy:,} of {self.sentences:,})",
        ]
        if self.other_scores:
            ours, theirs = self.scores[0], self.other_scores[0]
            lines.append(f"    BLEU, greedy: ours {ours.value:.2f}, exported {theirs.value:.2f}")
        return lines

    def check(self, name: str) -> None:
        """Check that the token difference is at most TOLERANCE.

        Raises:
            DataError: the difference is larger, or NaN.
        """
        if not self.token_difference <= TOLERANCE:  # so that NaN is refused too
            raise DataError(
                f"{name}: differs from the original (log-probability of a reference's token by"
                f" {self.token_difference:.1e}, more than {TOLERANCE:.0e}); nothing was written"
            )


def translator_runner(translator: Translator) -> Runner:
    """Return a runner for a translator of ours with any engine."""

    def run(pairs: Sequence[SentencePair]) -> Outcome:
        sources, references = [pair.src for pair in pairs], [pair.tgt for pair in pairs]
        translations = translator.translate(sources, beam_size=1, details=False)
        return Outcome(
            log_probs=[
                scored.token_log_probs or () for scored in translator.score(sources, references)
            ],
            token_ids=[translation.candidates[0].token_ids for translation in translations],
            texts=[translation.text for translation in translations],
        )

    return run


def compare(
    ours: Runner, theirs: Runner, pairs: Sequence[SentencePair], language: str
) -> ParityReport:
    """Run both engines on all pairs (at least one) and compare; `language` is the target's."""
    results: tuple[list[Outcome], list[Outcome]] = ([], [])
    with tqdm(total=len(pairs), desc="comparing", unit="pair", disable=hides_bars()) as bar:
        for start in range(0, len(pairs), _CHUNK):
            chunk = pairs[start : start + _CHUNK]
            for run, outcomes in zip((ours, theirs), results, strict=True):
                outcomes.append(run(chunk))
            bar.update(len(chunk))
    our, their = map(_joined, results)
    references, scoring = [pair.tgt for pair in pairs], Scoring.of(language)
    differences = [
        _token_differences(*each) for each in zip(our.log_probs, their.log_probs, strict=True)
    ]
    return ParityReport(
        sentences=len(pairs),
        log_prob_difference=_largest(sum(each) for each in differences),
        token_difference=_largest(token for each in differences for token in each),
        equal_greedy=sum(a == b for a, b in zip(our.token_ids, their.token_ids, strict=True)),
        scores=_scores(our.texts, references, scoring),
        other_scores=_scores(their.texts, references, scoring) if their.texts else [],
    )


def _token_differences(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Return the differences for one reference; NaN if the numbers of tokens differ."""
    if len(ours) != len(theirs):
        return [math.nan]
    return [a - b for a, b in zip(ours, theirs, strict=True)]


def _largest(values: Iterable[float]) -> float:
    """Return the largest absolute value; NaN is larger than all numbers."""
    return max(map(abs, values), key=lambda value: (math.isnan(value), value))


def _joined(outcomes: Sequence[Outcome]) -> Outcome:
    return Outcome(
        log_probs=[value for outcome in outcomes for value in outcome.log_probs],
        token_ids=[ids for outcome in outcomes for ids in outcome.token_ids],
        texts=[text for outcome in outcomes for text in outcome.texts],
    )


def _scores(texts: Sequence[str], references: Sequence[str], scoring: Scoring) -> list[Score]:
    return corpus_scores(texts, references, scoring, names=("BLEU", "chrF"))
