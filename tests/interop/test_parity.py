"""What is said of two engines, told of made-up ones."""

import math
from collections.abc import Sequence

import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from transformer_mt.corpus.source import SentencePair
from transformer_mt.errors import DataError
from transformer_mt.interop import parity
from transformer_mt.interop.parity import (
    TOLERANCE,
    Outcome,
    ParityReport,
    Runner,
    compare,
)

NUMBERS = range(7)
PAIRS = [SentencePair(f"source {n}", f"a small reference with number {n}") for n in NUMBERS]
EXACT = [[-0.5 * token - n for token in range(n % 3 + 1)] for n in NUMBERS]  # 1 to 3 tokens
IDS = [tuple(range(n)) for n in NUMBERS]


def runner(
    log_probs: Sequence[Sequence[float]] = EXACT,
    token_ids: Sequence[tuple[int, ...]] = IDS,
    texts: Sequence[str] = (),
    seen: list[int] | None = None,
) -> Runner:
    """Knows the answer for each of PAIRS; keeps how many it was asked for at a time."""

    def run(pairs: Sequence[SentencePair]) -> Outcome:
        rows = [PAIRS.index(pair) for pair in pairs]
        if seen is not None:
            seen.append(len(rows))
        return Outcome(
            log_probs=[log_probs[row] for row in rows],
            token_ids=[token_ids[row] for row in rows],
            texts=[texts[row] for row in rows] if texts else [],
        )

    return run


TEXTS = [pair.tgt for pair in PAIRS]
OURS = runner(texts=TEXTS)


def changed(row: int, *values: float) -> list[Sequence[float]]:
    """EXACT with the values added to the tokens of one reference."""
    added = [value + more for value, more in zip(EXACT[row], values, strict=True)]
    return [added if n == row else EXACT[n] for n in NUMBERS]


def test_equal_engines_do_not_differ() -> None:
    report = compare(OURS, runner(), PAIRS, "en")
    assert (report.log_prob_difference, report.token_difference) == (0, 0)
    assert report.equal_greedy == report.sentences == len(PAIRS)
    report.check("name")


@pytest.mark.parametrize(
    ("values", "of_reference", "of_token"),
    [
        ((0.25, 0.5, -0.125), 0.625, 0.5),
        ((-0.25, -0.5, 0.125), 0.625, 0.5),
        ((0.75, -0.75, 0.0), 0.0, 0.75),  # what cancels out in the sum is a difference all the same
        ((-0.25, -0.25, -0.25), 0.75, 0.25),
        ((0.0, 0.0, math.inf), math.inf, math.inf),
    ],
)
@pytest.mark.parametrize("row", [2, 5])
def test_the_largest_difference_is_exact(
    row: int, values: tuple[float, ...], of_reference: float, of_token: float
) -> None:
    theirs = changed(row, *values)
    for first, second in ((OURS, runner(theirs)), (runner(theirs, texts=TEXTS), runner())):
        report = compare(first, second, PAIRS, "en")
        assert (report.log_prob_difference, report.token_difference) == (of_reference, of_token)


def test_the_two_largest_may_be_of_different_references() -> None:
    theirs = changed(2, 0.25, 0.25, 0.25)
    theirs[0] = [EXACT[0][0] - 0.5]
    report = compare(OURS, runner(theirs), PAIRS, "en")
    assert (report.log_prob_difference, report.token_difference) == (0.75, 0.5)


@pytest.mark.parametrize("row", [0, 3, 6])
def test_what_is_no_number_is_the_largest_and_refused(row: int) -> None:
    theirs = [list(values) for values in EXACT]
    theirs[4][1] += 10.0
    theirs[row][0] = math.nan
    report = compare(OURS, runner(theirs), PAIRS, "en")
    assert math.isnan(report.token_difference)
    assert math.isnan(report.log_prob_difference)
    with pytest.raises(DataError, match="by nan"):
        report.check("folder")


def test_infinite_in_both_is_no_number_either() -> None:
    """A token that both forbid tells nothing of the two."""
    values = [[-math.inf], *EXACT[1:]]
    report = compare(runner(values, texts=TEXTS), runner(values), PAIRS, "en")
    with pytest.raises(DataError, match="by nan"):
        report.check("folder")


@pytest.mark.parametrize("theirs", [[], [0.0], [-2.0, -2.5, -3.0, 0.0]], ids=len)
def test_references_of_other_tokens_are_refused(theirs: list[float]) -> None:
    report = compare(OURS, runner([*EXACT[:2], theirs, *EXACT[3:]]), PAIRS, "en")
    with pytest.raises(DataError, match="by nan"):
        report.check("folder")


def report_of(difference: float) -> ParityReport:
    return ParityReport(1, 1.0, difference, 0, [], [])


def test_what_is_checked_is_the_difference_of_a_token() -> None:
    report_of(TOLERANCE).check("folder")  # though of the whole reference it is much larger
    with pytest.raises(DataError) as caught:
        report_of(TOLERANCE * 1.01).check("some/folder")
    message = str(caught.value)
    assert message.startswith("some/folder: differs from the original")
    assert message.endswith("more than 1e-04); nothing was written")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("other", "equal"),
    [
        ({}, 7),
        ({3: (0, 1, 3)}, 6),
        ({1: (), 6: IDS[6][:-1]}, 5),  # one that is the beginning of the other is another
        (dict.fromkeys(NUMBERS, (9,)), 0),
    ],
)
def test_equal_greedy_translations_are_counted(
    other: dict[int, tuple[int, ...]], equal: int
) -> None:
    theirs = [other.get(n, IDS[n]) for n in NUMBERS]
    assert compare(OURS, runner(token_ids=theirs), PAIRS, "en").equal_greedy == equal


def test_scores_are_those_of_sacrebleu() -> None:
    theirs = [text.replace("small", "tiny") if n % 2 else text for n, text in enumerate(TEXTS)]
    report = compare(OURS, runner(texts=theirs), PAIRS, "en")
    assert [score.name for score in report.scores] == ["BLEU", "chrF2"]
    assert [score.value for score in report.scores] == pytest.approx([100, 100])
    assert [score.value for score in report.other_scores] == [
        metric.corpus_score(theirs, [TEXTS]).score for metric in (BLEU(), CHRF())
    ]
    assert 50 < report.other_scores[0].value < 99
    bleu = f"    BLEU, greedy: ours 100.00, exported {report.other_scores[0].value:.2f}"
    assert report.lines()[-1] == bleu


def test_without_their_texts_there_is_no_score_of_theirs() -> None:
    report = compare(OURS, runner(), PAIRS, "en")
    assert report.other_scores == []
    assert report.scores[0].value == pytest.approx(100)
    assert not any("BLEU" in line for line in report.lines())


def test_lines_tell_the_figures() -> None:
    theirs = runner(changed(2, 0.25, 0.5, -0.125), [(), *[(8,)] * 6])
    assert compare(OURS, theirs, PAIRS, "en").lines() == [
        "compared on 7 sentence pairs with the real engine:",
        "    references: largest difference of log-probability 6.2e-01, of a token's 5.0e-01",
        "    greedy translations: 14.29 % equal (1 of 7)",
    ]


@pytest.mark.parametrize(
    ("chunk", "sizes"), [(1, [1] * 7), (3, [3, 3, 1]), (7, [7]), (100, [7])], ids=str
)
def test_chunks_do_not_matter(
    chunk: int, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    values, ids, texts = changed(5, 0.5, 0.0, 2.0), [*IDS[1:], ()], [text[2:] for text in TEXTS]
    expected = compare(OURS, runner(values, ids, texts), PAIRS, "en")
    seen: list[int] = []
    monkeypatch.setattr(parity, "_CHUNK", chunk)
    assert compare(OURS, runner(values, ids, texts, seen), PAIRS, "en") == expected
    assert seen == sizes
    assert expected.token_difference == 2
