"""`tmt rescore`."""

import json
from pathlib import Path

import pytest
from tiny_runs import refused, said, tmt, write_lines

import transformer_mt

pytestmark = pytest.mark.usefixtures("among_runs")


def translated(*arguments: str) -> str:
    given = ("translate", "-q", "-m", "runs/translator", "--device", "cpu", *arguments)
    return said(tmt(*given, stdin="red blue\n\ngreen white black\npink\n"))


def rescore(lists: str, *arguments: str, lm: str = "lm") -> str:
    given = ("rescore", "-q", "--lm", f"runs/{lm}", "--device", "cpu", *arguments)
    return said(tmt(*given, stdin=lists))


def test_rescoring_what_translate_writes() -> None:
    """Also with a language model of other tokens: it reads text."""
    lists = translated("--format", "jsonl", "--n-best", "4")
    records = [json.loads(line) for line in lists.splitlines()]
    assert rescore(lists, "--lm-weight", "0") == translated()
    model = transformer_mt.load_language_model("runs/other_lm", device="cpu")
    ranked = rescore(lists, "--lm-weight", "3", "--format", "list", lm="other_lm")
    for before, line in zip(records, ranked.splitlines(), strict=True):
        after = json.loads(line)
        assert after["source"] == before["source"]
        candidates = {each["text"]: each for each in before["candidates"]}
        known = model.log_probs([each["text"] for each in after["candidates"]])
        scores = []
        for each, log_prob in zip(after["candidates"], known, strict=True):
            old = candidates[each["text"]]
            assert each["lm_log_prob"] == pytest.approx(log_prob, abs=2e-4)
            wanted = old["score"] + 3 * log_prob / old["norm"]
            assert each["score"] == pytest.approx(wanted, abs=2e-4)
            scores.append(each["score"])
        assert scores == sorted(scores, reverse=True)
        assert after["translation"] == after["candidates"][0]["text"]
    best = [json.loads(line)["translation"] for line in ranked.splitlines()]
    assert rescore(lists, "--lm-weight", "3", lm="other_lm").splitlines() == best


def test_rescoring_lists_of_moses(tmp_path: Path) -> None:
    first = "0 ||| red blue ||| TM= 1 ||| -1.5\n0 ||| red ||| TM= 2 ||| -1.6\n"
    lists = f"{first}1 ||| pink ||| ||| 0\n"
    assert rescore(lists, "--lm-weight", "0") == "red blue\npink\n"
    model = transformer_mt.load_language_model("runs/lm", device="cpu")
    longer, shorter = model.log_probs(["red blue", "red"])
    weight = 0.2 / abs(shorter - longer)
    assert shorter > longer
    assert rescore(lists, "--lm-weight", str(weight)) == "red\npink\n"
    file, out = write_lines(tmp_path / "lists", lists.splitlines()), tmp_path / "out"
    assert rescore("", "-i", str(file), "-o", str(out), "--lm-weight", str(weight)) == ""
    assert out.read_text() == "red\npink\n"


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ("no list\n", "line 1: is no n-best list"),
        ("0 ||| red ||| ||| 1\n0 ||| red ||| x\n", "line 2: is not id ||| text"),
        ('{"line": 1}\n', "line 1: is not what tmt translate --format jsonl --n-best N writes"),
    ],
)
def test_lines_that_are_no_lists_are_named(lists: str, message: str) -> None:
    result = tmt("rescore", "-q", "--lm", "runs/lm", stdin=lists)
    assert result.exit_code == 1
    assert result.error.startswith(message)


def test_wrong_options_of_rescore_are_one_sentence() -> None:
    assert tmt("rescore", stdin="").exit_code == 2
    assert "must be text or list" in refused(tmt("rescore", "--lm", "runs/lm", "--format", "x"))
    assert "is the input file" in refused(tmt("rescore", "--lm=runs/lm", "-i", "en", "-o", "en"))
    assert "language-model is needed" in refused(tmt("rescore", "--lm", "runs/classifier"), code=1)
