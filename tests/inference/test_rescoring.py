"""N-best lists ranked once more: the formula, both forms, and what cannot be read."""

import io
import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from transformer_mt.cli.translation_lines import format_translation
from transformer_mt.decoding.hypothesis import length_normalization
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.inference import rescoring
from transformer_mt.inference.rescoring import rescore_lists
from transformer_mt.inference.results import Candidate, Translation, empty_translation

MOSES = """\
0 ||| das Haus ||| LM0= -1 TM0= -2 -3 ||| -3.5
0 ||| das ein Haus ||| LM0= -1 ||| -3.25 ||| 0-0 1-1
1 ||| ja ||| ||| -1
7 ||| nein ||| x ||| -2e0
7 ||| nein nein ||| x ||| -2
"""


def shorter_is_better(texts: Sequence[str]) -> list[float]:
    return [-float(len(text)) for text in texts]


def rescored(lists: str, weight: float = 0.5, layout: Any = "text", chunk: int = 3) -> str:
    """All that is written; the lines come in small chunks."""
    lines = lists.split("\n")[:-1]
    chunks = [lines[i : i + chunk] for i in range(0, len(lines), chunk)]
    target = io.StringIO()
    rescore_lists(
        shorter_is_better, chunks, target, weight=weight, layout=layout, show_progress=False
    )
    return target.getvalue()


def translation(source: str, *candidates: tuple[str, float], alpha: float = 0.8) -> Translation:
    """Texts with their log-probabilities, as a search would rank them."""
    found = []
    for text, log_prob in candidates:
        tokens = tuple(text.split())
        score = log_prob / length_normalization(len(tokens) + 1, alpha)
        found.append(Candidate(text, score, log_prob, tuple(range(len(tokens))), tokens))
    best_first = sorted(found, key=lambda candidate: -candidate.score)
    return Translation(source, (1,), (source,), tuple(best_first))


def as_json(*translations: Translation) -> str:
    lines = enumerate(translations, start=1)
    return "".join(
        format_translation(each, line, "jsonl", scores=True) + "\n" for line, each in lines
    )


TRANSLATIONS = [
    translation("a", ("ein sehr langes Wort", -2.0), ("kurz", -3.0), ("nichts als Worte", -2.5)),
    translation("b", ("ja", -1.0)),
    empty_translation(""),
    translation("c\u2028", ("x y z", -4.0), ("xx yy zz tt", -4.5)),
]


@pytest.mark.parametrize("weight", [0.0, 0.05, 0.5, 3.0])
def test_a_score_is_that_of_both_log_probabilities(weight: float) -> None:
    """As if the search had added them: (log_prob + weight * lm) / norm(length, alpha)."""
    records = [json.loads(line) for line in as_json(*TRANSLATIONS).splitlines()]
    out = rescored(as_json(*TRANSLATIONS), weight, "list").splitlines()
    assert len(out) == len(TRANSLATIONS)
    for before, line, given in zip(records, out, TRANSLATIONS, strict=True):
        after = json.loads(line)
        expected = {
            c.text: (c.log_prob - weight * len(c.text))
            / length_normalization(len(c.tokens) + 1, 0.8)
            for c in given.candidates
        }
        for candidate in after["candidates"]:
            assert candidate["score"] == pytest.approx(expected[candidate["text"]], abs=1e-3)
            assert candidate["lm_log_prob"] == -len(candidate["text"])
        scores = [candidate["score"] for candidate in after["candidates"]]
        assert scores == sorted(scores, reverse=True)
        assert after["score"] == scores[0]
        assert after["translation"] == after["candidates"][0]["text"]
        assert sorted(expected) == sorted(c["text"] for c in after["candidates"])
        for same in ("line", "source", "source_tokens"):
            assert after[same] == before[same]
    assert rescored(as_json(*TRANSLATIONS), weight) == "".join(
        json.loads(line)["translation"] + "\n" for line in out
    )


@pytest.mark.parametrize("log_prob", [-1e-3, -1e-4, -3e-5, -1e-7])
def test_the_normalisation_is_exact_where_nothing_is_left_of_the_scores(log_prob: float) -> None:
    """A text of which the translator is certain; and a list of an earlier version."""
    given = translation("x", ("a b c d e f g h", log_prob), ("a b", -5.0))
    (line,) = rescored(as_json(given), 1.0, "list").splitlines()
    best = next(c for c in json.loads(line)["candidates"] if c["text"] == "a b c d e f g h")
    norm = length_normalization(9, 0.8)
    assert best["score"] == pytest.approx((log_prob - 15) / norm, abs=1e-3)
    record = json.loads(as_json(given))
    for candidate in record["candidates"]:
        del candidate["norm"]
        candidate["score"], candidate["log_prob"] = -2.0, -5.0
    (line,) = rescored(json.dumps(record) + "\n", 1.0, "list").splitlines()
    shown = {c["text"]: c["score"] for c in json.loads(line)["candidates"]}
    assert shown == {"a b c d e f g h": -8.0, "a b": -3.2}


def test_no_weight_changes_no_rank() -> None:
    assert rescored(as_json(*TRANSLATIONS), 0.0).splitlines() == [t.text for t in TRANSLATIONS]
    out = rescored(as_json(*TRANSLATIONS), 0.0, "list").splitlines()
    for line, given in zip(out, TRANSLATIONS, strict=True):
        assert [c["text"] for c in json.loads(line)["candidates"]] == [
            c.text for c in given.candidates
        ]


def test_a_rescored_list_can_be_rescored() -> None:
    once = rescored(as_json(*TRANSLATIONS), 0.5, "list")
    assert rescored(once, 0.0) == rescored(as_json(*TRANSLATIONS), 0.5)


@pytest.mark.parametrize("chunk", [1, 2, 5])
def test_moses_lists_are_ranked_by_sentence(chunk: int) -> None:
    """Also where the lines of a sentence come in two chunks."""
    assert rescored(MOSES, 0.5, chunk=chunk) == "das Haus\nja\nnein\n"
    assert rescored(MOSES, 0.0, chunk=chunk) == "das ein Haus\nja\nnein\n"
    assert rescored(MOSES, 0.5, "list", chunk) == (
        "0 ||| das Haus ||| LM0= -1 TM0= -2 -3 LM= -8.0000 ||| -7.5000\n"
        "0 ||| das ein Haus ||| LM0= -1 LM= -12.0000 ||| -9.2500 ||| 0-0 1-1\n"
        "1 ||| ja ||| LM= -2.0000 ||| -2.0000\n"
        "7 ||| nein ||| x LM= -4.0000 ||| -4.0000\n"
        "7 ||| nein nein ||| x LM= -9.0000 ||| -6.5000\n"
    )


def test_nothing_gives_nothing() -> None:
    assert rescored("") == ""


def test_any_number_of_sentences_goes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounded: nothing is read beyond a chunk of candidates before that is written."""
    monkeypatch.setattr(rescoring, "_CHUNK", 10)
    read, target = 0, io.StringIO()

    def chunks() -> Iterator[list[str]]:
        nonlocal read
        for number in range(200):
            assert target.getvalue().count("\n") >= read / 3 - 12
            read += 3
            yield [f"{number} ||| {number} {'x' * rank} ||| ||| {-rank}" for rank in (2, 0, 1)]

    rescore_lists(
        shorter_is_better, chunks(), target, weight=0.1, layout="text", show_progress=False
    )
    assert target.getvalue().split() == [str(number) for number in range(200)]


def test_texts_are_one_line_whatever_the_list_holds() -> None:
    record = {"text": "a\nb\ud800", "score": -1, "log_prob": -2}
    lists = json.dumps({"candidates": [record]}) + "\n"
    assert rescored(lists) == "a b?\n"
    out = json.loads(rescored(lists, layout="list"))
    assert out["candidates"][0]["text"] == "a\nb?"


GOOD = as_json(TRANSLATIONS[1])


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("", "it is no JSON"),
        ("{", "it is no JSON"),
        ("[" * 100_000, "it is nested too deeply"),
        ("[]", "its parts are of other kinds"),
        ("null", "its parts are of other kinds"),
        ('{"line": 1}', "there is no 'candidates'"),
        ('{"candidates": []}', "there is no candidate"),
        ('{"candidates": [{"text": "a"}]}', "there is no 'score'"),
        ('{"candidates": [{"text": 1, "score": -1, "log_prob": -1}]}', "1 is no text"),
        ('{"candidates": [{"text": "", "score": "x", "log_prob": -1}]}', "x is no number"),
        ('{"candidates": [{"text": "", "score": true, "log_prob": -1}]}', "True is no number"),
        ('{"candidates": [{"text": "", "score": NaN, "log_prob": -1}]}', "nan is no number"),
        ('{"candidates": [{"text": "", "score": -1, "log_prob": 1e999}]}', "inf is no number"),
        ('{"candidates": [{"text": "", "score": 0, "log_prob": -1}]}', "do not belong together"),
        ('{"candidates": [{"text": "", "score": 1, "log_prob": -1}]}', "do not belong together"),
        (
            '{"candidates": [{"text": "", "score": -1, "log_prob": -1' + 400 * "0" + "}]}",
            "its parts are of other kinds",
        ),
    ],
)
def test_bad_objects_are_told_with_their_line(line: str, wrong: str) -> None:
    """After what stands before them."""
    target = io.StringIO()
    with pytest.raises(DataError) as caught:
        rescore_lists(
            shorter_is_better,
            [[GOOD.strip()], [line]],
            target,
            weight=1.0,
            layout="text",
            show_progress=False,
        )
    assert str(caught.value).startswith("line 2: is not what tmt translate --format jsonl")
    assert wrong in str(caught.value)
    assert target.getvalue() == "ja\n"


@pytest.mark.parametrize(
    "line", ["", "0 ||| a ||| b", "0 ||| a ||| b ||| c", "a ||| b ||| c ||| nan"]
)
def test_bad_moses_lines_are_told(line: str) -> None:
    with pytest.raises(DataError, match=r"^line 6: is not id .* text .* features .* score$"):
        rescored(f"{MOSES}{line}\n")


@pytest.mark.parametrize("first", ["", "Ein Mann geht.", "1\t2\t-0.5\ta\tb"])
def test_what_is_no_list_is_told(first: str) -> None:
    with pytest.raises(DataError, match=r"^line 1: is no n-best list: "):
        rescored(f"{first}\n{MOSES}")


@pytest.mark.parametrize("weight", [-1.0, 1e308, math.nan, math.inf])
def test_impossible_weights_are_refused(weight: float) -> None:
    with pytest.raises(ConfigError, match="weight' must be at least 0 and"):
        rescored(MOSES, weight)
