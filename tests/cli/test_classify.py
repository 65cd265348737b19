"""`tmt classify`, also of pairs."""

import json
from pathlib import Path

import pytest
from tiny_runs import french, refused, said, texts, tmt, write_lines

import transformer_mt

pytestmark = pytest.mark.usefixtures("among_runs")


def classify(*arguments: str | Path, stdin: str = "") -> list[str]:
    given = ("classify", "-q", "-m", "runs/classifier", "--device", "cpu", *arguments)
    return said(tmt(*given, stdin=stdin)).splitlines()


def test_texts_from_anywhere(tmp_path: Path) -> None:
    lines = ["red blue", "", "noir", "rouge\tvert"]
    file = write_lines(tmp_path / "lines.txt", lines)
    found = classify(*lines)
    assert [line.split("\t")[0] for line in found[:1] + found[2:]] == ["en", "fr", "fr"]
    assert len(found) == len(lines)
    assert classify(stdin=file.read_text()) == found
    assert classify("-i", file) == found
    assert classify("-i", file, "--batch-tokens", "1") == found
    assert classify("-i", file, "-o", tmp_path / "out") == []
    assert (tmp_path / "out").read_text().splitlines() == found
    assert classify(stdin="") == []


def test_probabilities_sum_to_one_and_are_those_of_the_library() -> None:
    (line,) = classify("red rouge blue bleu noir", "--top", "5")
    labels, told = line.split("\t")[::2], [float(each) for each in line.split("\t")[1::2]]
    assert sorted(labels) == ["en", "fr"]
    assert told == sorted(told, reverse=True)
    assert sum(told) == pytest.approx(1, abs=1e-4)
    lines = classify("--format", "jsonl", "--top", "2", stdin="red\n\nüx\n")
    records = [json.loads(each) for each in lines]
    assert [record["line"] for record in records] == [1, 2, 3]
    assert [record["text"] for record in records] == ["red", "", "üx"]
    api = transformer_mt.load_classifier("runs/classifier", device="cpu")
    for record, wanted in zip(records, api.classify(["red", "", "üx"]), strict=True):
        assert record["label"] == wanted.label == next(iter(record["probabilities"]))
        assert record["probabilities"] == pytest.approx(wanted.probabilities, abs=1e-4)


def test_pairs_that_are_no_translations_are_found(tmp_path: Path) -> None:
    """Two swapped ones and one that is not translated are found, and no other."""
    lines = texts(80, 7)
    sources = [f"{one} {other} {one}" for one, other in zip(lines[:40], lines[40:], strict=True)]
    targets = [french(line) for line in sources]
    for swapped in (3, 20):
        sources[swapped], targets[swapped] = targets[swapped], sources[swapped]
    targets[30] = sources[30]
    files = (
        write_lines(tmp_path / "a", sources),
        write_lines(tmp_path / "b", targets),
    )
    arguments = ("classify", "-m", "runs/classifier", "--pairs", *files, "--threshold", "0.6")
    result = tmt(*arguments, "--format", "jsonl")
    *records, summary = [json.loads(line) for line in said(result).splitlines()]
    assert [record["line"] for record in records] == [4, 21, 31]
    assert [*summary] == ["summary"]
    assert result.stderr.strip()  # the same for a person
    plain = said(tmt(*arguments))
    assert [line.split("\t")[0] for line in plain.splitlines()] == ["4", "21", "31"]
    assert tmt(*arguments, "-o", tmp_path / "out").stdout == ""
    assert (tmp_path / "out").read_text() == plain


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("red", "-i", "en"), "give texts, --input or --pairs, one of them"),
        (("red", "--pairs", "en", "fr"), "give texts, --input or --pairs, one of them"),
        (("-i", "en", "--pairs", "en", "fr"), "give texts, --input or --pairs, one of them"),
        (("--pairs", "en", "fr", "--top", "2"), "--top is for texts"),
        (("red", "--threshold", "0.9"), "are for --pairs"),
        (("red", "--format", "tsv"), "--format tsv: must be text or jsonl"),
        (("-i", "en", "-o", "en"), "--output en is the input file"),
        (("--pairs", "en", "fr", "-o", "fr"), "--output fr is the input file"),
    ],
)
def test_wrong_options_of_classify_are_one_sentence(
    arguments: tuple[str, ...], message: str
) -> None:
    assert message in refused(tmt("classify", *arguments, "-m", "runs/classifier"))


def test_pairs_that_do_not_align(tmp_path: Path) -> None:
    short = write_lines(tmp_path / "short", ["rouge"])
    result = tmt("classify", "-m", "runs/classifier", "--pairs", "en", short)
    assert "en has 60 lines but" in refused(result, code=1)
