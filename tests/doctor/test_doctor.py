"""Every defect is planted in clean text, at a known place, and must be found there alone."""

import gzip
import json
import os
import random
import re
import subprocess
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import datasets
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_runs import make_run, python, tmt, write

import transformer_mt
from transformer_mt.config.tasks import PairsConfig, PairTokenizerConfig, TranslationConfig
from transformer_mt.corpus.source import load_corpus
from transformer_mt.doctor.alignment import Alignment
from transformer_mt.doctor.checks import found_in, repetitions
from transformer_mt.doctor.examine import examine
from transformer_mt.doctor.language import LetterPairs, score_lines, sides_are_swapped
from transformer_mt.doctor.reading import Block
from transformer_mt.doctor.report import (
    Examination,
    Finding,
    Findings,
    Ref,
)
from transformer_mt.doctor.scanning import rare_characters
from transformer_mt.doctor.tokens import Sample
from transformer_mt.doctor.typography import wrong_conversions
from transformer_mt.errors import DataError
from transformer_mt.phrasebook import phrasebook_splits

pytestmark = pytest.mark.usefixtures("own_caches")

Pair = tuple[str, str]
Lines = list[bytes]

CLEAN: list[Pair] = [
    (src, tgt) for src, tgt in phrasebook_splits()["train"] if src != tgt and len(src) > 12
][:1500]
HELD_OUT: list[Pair] = list(phrasebook_splits()["validation"])[:60]


def sides(pairs: Sequence[Pair] = CLEAN) -> tuple[Lines, Lines]:
    return [src.encode() for src, _ in pairs], [tgt.encode() for _, tgt in pairs]


def files(folder: Path, src: Lines, tgt: Lines, name: str = "x") -> tuple[Path, Path]:
    return (
        write(folder / f"{name}.en", b"".join(line + b"\n" for line in src)),
        write(folder / f"{name}.fr", b"".join(line + b"\n" for line in tgt)),
    )


def config(folder: Path, train: Any, tokenizer: Any = None, **data: Any) -> TranslationConfig:
    return TranslationConfig(
        run_dir=str(folder / "run"),
        data=PairsConfig(**{"src_lang": "en", "tgt_lang": "fr", "train": train, **data}),
        tokenizer=tokenizer or PairTokenizerConfig(min_frequency=1),
    )


def named(paths: tuple[Path, Path]) -> tuple[str, str]:
    return str(paths[0]), str(paths[1])


def places(finding: Finding) -> list[tuple[str, int]]:
    return [(Path(example.file).name, example.line) for example in finding.examples]


def codes(found: Examination) -> list[str]:
    return [finding.code for finding in found.findings]


def the_finding(found: Examination) -> Finding:
    """The only one there is."""
    (finding,) = found.findings
    return finding


# --- clean text


def test_clean_files_have_no_finding(tmp_path: Path) -> None:
    found = examine(files(tmp_path, *sides()))
    assert found.findings == []
    assert found.exit_code == 0
    assert found.splits["files"]["lines"] == [len(CLEAN)] * 2
    assert list(found.lines())[-1] == "nothing to complain of"


def test_a_clean_configuration_has_no_finding(tmp_path: Path) -> None:
    train = files(tmp_path, *sides())
    other = files(tmp_path, *sides(HELD_OUT), name="v")
    found = examine(config(tmp_path, named(train), validation=named(other)))
    assert set(codes(found)) <= {"overlap-sentence"}  # a grammar says some things in two ways
    assert found.exit_code == 0
    assert found.splits["train"]["coverage"] == [1.0, 1.0]


# --- one defect at a known line


def put(side: int, line: int, text: bytes) -> Callable[[Lines, Lines], None]:
    def plant(*both: Lines) -> None:
        both[side][line - 1] = text

    return plant


def insert(side: int, line: int, column: int, what: bytes) -> Callable[[Lines, Lines], None]:
    def plant(*both: Lines) -> None:
        text = both[side][line - 1]
        both[side][line - 1] = text[: column - 1] + what + text[column - 1 :]

    return plant


def copy_pair(line: int, to: int) -> Callable[[Lines, Lines], None]:
    def plant(*both: Lines) -> None:
        for side in both:
            side[to - 1] = side[line - 1]

    return plant


def swap(line: int) -> Callable[[Lines, Lines], None]:
    def plant(src: Lines, tgt: Lines) -> None:
        src[line - 1], tgt[line - 1] = tgt[line - 1], src[line - 1]

    return plant


LONG_PAIR = CLEAN.index(max(CLEAN, key=lambda pair: min(map(len, pair)))) + 1
ENGLISH = b"My brother was thinking of the house with the old white wall in the north."
FRENCH = "Mon frère pensait à la maison qui a le vieux mur blanc, là-bas dans le nord.".encode()
DEFECTS: dict[str, tuple[Callable[[Lines, Lines], None], str, str, str, int, str]] = {
    # name: (what is done, severity, code, file, line, remark)
    "no utf-8": (insert(0, 70, 3, b"\xff"), "error", "utf8", "x.en", 70, "byte 0xff at column 3"),
    "cut utf-8": (insert(1, 9, 2, b"\xc3"), "error", "utf8", "x.fr", 9, "byte 0xc3 at column 2"),
    "u+2028": (
        insert(1, 12, 5, "\u2028".encode()),
        "warning",
        "line-separator",
        "x.fr",
        12,
        "U+2028 at column 5",
    ),
    "u+2029": (
        insert(0, 1, 4, "\u2029".encode()),
        "warning",
        "line-separator",
        "x.en",
        1,
        "U+2029 at column 4",
    ),
    "u+0085": (
        insert(0, 1500, 4, "\x85".encode()),
        "warning",
        "line-separator",
        "x.en",
        1500,
        "U+0085 at column 4",
    ),
    "carriage return": (
        insert(0, 8, 4, b"\r"),
        "warning",
        "line-separator",
        "x.en",
        8,
        "U+000D at column 4",
    ),
    "escape": (insert(0, 33, 6, b"\x1b"), "warning", "control", "x.en", 33, "U+001B at column 6"),
    "null": (insert(1, 33, 2, b"\0"), "warning", "control", "x.fr", 33, "U+0000 at column 2"),
    "c1": (insert(1, 2, 2, "\x92".encode()), "warning", "control", "x.fr", 2, "U+0092 at column 2"),
    "replacement": (
        insert(1, 44, 2, "\ufffd".encode()),
        "warning",
        "replacement",
        "x.fr",
        44,
        "U+FFFD at column 2",
    ),
    "bom inside": (
        insert(0, 3, 1, b"\xef\xbb\xbf"),
        "warning",
        "bom-inside",
        "x.en",
        3,
        "U+FEFF at column 1",
    ),
    "soft hyphen": (
        insert(0, 60, 3, "\u00ad".encode()),
        "warning",
        "invisible",
        "x.en",
        60,
        "U+00AD at column 3",
    ),
    "direction": (
        insert(1, 61, 2, "\u202e".encode()),
        "warning",
        "invisible",
        "x.fr",
        61,
        "U+202E at column 2",
    ),
    "entity": (
        insert(0, 62, 3, b"&#39;"),
        "warning",
        "html-entity",
        "x.en",
        62,
        "&#39; at column 3",
    ),
    "mojibake": (
        insert(1, 63, 1, "\u00c3\u00a9".encode()),
        "warning",
        "mojibake",
        "x.fr",
        63,
        "\u00c3\u00a9 was \u00e9, at column 1",
    ),
    "curly": (insert(0, 64, 1, "\u2019".encode()), "note", "quotes", "x.en", 64, ""),
    "bom": (insert(0, 1, 1, b"\xef\xbb\xbf"), "note", "bom", "x.en", 1, ""),
    "empty source": (put(0, 800, b""), "warning", "empty", "x.en", 800, ""),
    "blank target": (put(1, 801, " \u00a0\t".encode()), "warning", "empty", "x.fr", 801, ""),
    "duplicate": (copy_pair(20, to=900), "note", "duplicate", "x.en", 900, "as line 20"),
    "untranslated": (put(1, 77, CLEAN[76][0].encode()), "note", "untranslated", "x.en", 77, ""),
    "swapped": (swap(LONG_PAIR), "warning", "swapped", "x.en", LONG_PAIR, ""),
    "source in the target language": (put(0, 40, FRENCH), "warning", "language", "x.en", 40, ""),
    "target in the source language": (put(1, 41, ENGLISH), "warning", "language", "x.fr", 41, ""),
    "odd ratio": (
        put(1, LONG_PAIR, b"Oui."),
        "warning",
        "ratio",
        "x.en",
        LONG_PAIR,
        "",
    ),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_is_found_where_it_is(tmp_path: Path, defect: str) -> None:
    plant, severity, code, file, line, remark = DEFECTS[defect]
    src, tgt = sides()
    plant(src, tgt)
    found = examine(files(tmp_path, src, tgt))
    matching = [finding for finding in found.findings if finding.code == code]
    assert len(matching) == 1, codes(found)
    assert matching[0].severity == severity
    assert places(matching[0]) == [(file, line)]
    assert matching[0].examples[0].remark == remark
    assert found.exit_code == (1 if severity == "error" else 0)
    if "language" not in defect:  # a sentence in the place of another is also of another length
        assert len(found.findings) == 1, codes(found)


@pytest.mark.parametrize(
    "text",
    [
        "Fu\u00df\u2026",
        "\u00ab \u00c9t\u00e9\u00a0! \u00bb",
        "\u0421\u0432\u0456\u0442 \u0423\u043a\u0440\u0430\u0457\u043d\u0430",
        "AT&T; R&D",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    ],
)
def test_right_text_is_not_taken_for_a_wrong_conversion(text: str) -> None:
    assert not list(wrong_conversions(Block(0, [text])))
    assert not list(rare_characters(Block(0, [text])))


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "cp1251"])
@pytest.mark.parametrize(
    "text",
    [
        "d\u00e9j\u00e0 vu, na\u00efve",
        "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440",
        "sch\u00f6ne Gr\u00fc\u00dfe",
    ],
)
def test_text_read_in_a_wrong_encoding_is_found(text: str, encoding: str) -> None:
    wrong = text.encode().decode(encoding, "replace")
    if encoding == "cp1251" and text[0] < "\u0400":
        pytest.skip("ftfy does not tell this from text")
    if "\ufffd" in wrong:
        pytest.skip("this encoding lacks a byte of it")
    found = list(wrong_conversions(Block(0, ["fine", wrong])))
    assert [(kind, row) for kind, row, _ in found] == [("mojibake", 1)]


def test_all_defects_are_told_at_once(tmp_path: Path) -> None:
    src, tgt = sides()
    wanted = set()
    for plant, severity, code, _, line, _ in DEFECTS.values():
        if line not in (1, 1500, LONG_PAIR):  # where two defects would meet
            plant(src, tgt)
            wanted.add((severity, code))
    del tgt[1200]
    found = examine(files(tmp_path, src, tgt))
    codes = {(f.severity, f.code) for f in found.findings}
    codes.discard(("warning", "ratio"))  # of sentences that were put beside others
    assert codes == wanted | {("error", "line-counts")}
    ranks = [("error", "warning", "note").index(f.severity) for f in found.findings]
    assert ranks == sorted(ranks)


def test_what_a_text_is_read_in_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    src, tgt = sides()
    for plant, *_ in DEFECTS.values():
        plant(src, tgt)
    plain = files(tmp_path, src, tgt)
    expected = examine(plain).to_dict()
    monkeypatch.setattr("transformer_mt.doctor.reading._ROWS", 10)
    assert examine(plain).to_dict() == expected
    ends = [write(path, path.read_bytes().replace(b"\n", b"\r\n")) for path in plain]
    assert examine((ends[0], ends[1])).to_dict() == expected
    packed = [write(p.with_suffix(f"{p.suffix}.gz"), gzip.compress(p.read_bytes())) for p in plain]
    assert json.dumps(examine((packed[0], packed[1])).to_dict()).replace(".gz", "") == json.dumps(
        expected
    )


def test_the_first_of_many_are_shown_and_all_are_counted(tmp_path: Path) -> None:
    src, tgt = sides()
    for line in range(100, 1100, 10):
        src[line - 1] += b"\xff"
    finding = the_finding(examine(files(tmp_path, src, tgt)))
    assert finding.count == 100
    assert places(finding) == [("x.en", 100), ("x.en", 110), ("x.en", 120)]


# --- sides out of step

TEXT_LENGTHS = tuple(np.array([len(text) for text in side], np.int32) for side in zip(*CLEAN))  # noqa: B905


def test_aligned_lengths_have_no_break() -> None:
    src, tgt = TEXT_LENGTHS
    orders = [np.arange(len(src)), np.argsort(src), np.argsort(tgt)]
    for order in orders:
        for size in (1, 2, 10, 100, 200, 1500):
            alignment = Alignment(src[order][-size:], tgt[order][-size:])
            assert alignment.first_break() is None
            assert not alignment.is_by_chance(None)


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("lost", [1, 2, 5, 40])
@pytest.mark.parametrize("row", [0, 333, 1100, 1400])
def test_the_break_is_found_where_lines_were_lost(side: int, lost: int, row: int) -> None:
    lengths = list(TEXT_LENGTHS)
    lengths[side] = np.delete(lengths[side], slice(row, row + lost))
    place = Alignment(*lengths).first_break()
    assert place is not None
    assert abs(place.row - row) <= 15  # short sentences are of all lengths
    assert place.shift == (lost if side == 0 else -lost)


@pytest.mark.parametrize("seed", range(5))
def test_the_first_of_several_breaks_is_found(seed: int) -> None:
    dice = random.Random(seed)
    src, tgt = TEXT_LENGTHS
    rows = [dice.randrange(200, 500), dice.randrange(800, 1000), dice.randrange(1200, 1400)]
    place = Alignment(src, np.delete(tgt, rows)).first_break()
    assert place is not None
    assert abs(place.row - rows[0]) <= 8
    assert place.shift == -1


def test_a_lost_line_is_told_with_its_place(tmp_path: Path) -> None:
    src, tgt = sides()
    del tgt[700]
    found = examine(files(tmp_path, src, tgt))
    finding = the_finding(found)
    assert (finding.severity, finding.code, found.exit_code) == ("error", "line-counts", 1)
    assert f"x.en has 1,500 lines but {tmp_path}/x.fr has 1,499" in finding.message
    assert "x.fr lacks a line there" in finding.message
    ((file, line),) = places(finding)
    assert file == "x.en"
    assert abs(line - 701) <= 8


def test_a_stretch_out_of_step_is_found_though_the_counts_are_equal(tmp_path: Path) -> None:
    src, tgt = sides()
    tgt.insert(1300, tgt.pop(700))
    finding = next(f for f in examine(files(tmp_path, src, tgt)).findings if f.count is None)
    assert (finding.severity, finding.code) == ("warning", "out-of-step")
    assert abs(finding.examples[0].line - 701) <= 8


def test_texts_that_are_no_translations_of_each_other(tmp_path: Path) -> None:
    src, tgt = sides()
    random.Random(1).shuffle(tgt)
    found = examine(files(tmp_path, src, tgt))
    assert "unrelated" in codes(found)
    assert "out-of-step" not in codes(found)


def test_sentences_of_one_length_tell_nothing(tmp_path: Path) -> None:
    texts = [(f"Word {number} is here.", f"Mot {number} est ici.") for number in range(1000, 1200)]
    assert examine(files(tmp_path, *sides(texts))).findings == []


# --- several splits


def test_overlap_between_splits(tmp_path: Path) -> None:
    train, test = list(CLEAN), list(HELD_OUT)
    test[10] = train[500]
    test[20] = (train[600][0], test[20][1])
    test[30] = (test[30][0], train[700][1])
    found = examine(
        config(
            tmp_path,
            named(files(tmp_path, *sides(train))),
            validation=named(files(tmp_path, *sides(HELD_OUT[:10]), name="v")),
            test=named(files(tmp_path, *sides(test), name="t")),
        )
    )
    by_code = {f.code: f for f in found.findings if f.split == "test" and "train" in f.message}
    whole, part = by_code["overlap"], by_code["overlap-sentence"]
    assert (whole.severity, whole.count, places(whole)) == ("warning", 1, [("t.en", 11)])
    assert whole.examples[0].remark == "there in line 501"
    stands_there = {text for pair in train for text in pair}
    assert part.count == sum(bool(stands_there & {*pair}) for pair in test) - 1
    within = [f for f in found.findings if f.code == "overlap" and "validation" in f.message]
    assert [f.count for f in within] == [10]


def test_a_split_whose_sides_are_exchanged(tmp_path: Path) -> None:
    train = files(tmp_path, *sides())
    src, tgt = files(tmp_path, *sides(HELD_OUT), name="v")
    found = examine(config(tmp_path, named(train), validation=named((tgt, src))))
    finding = next(f for f in found.findings if f.code == "swapped")
    assert finding.split == "validation"
    assert finding.count is not None
    assert finding.count > 0.6 * len(HELD_OUT)


def test_languages_that_are_named_the_wrong_way_round(tmp_path: Path) -> None:
    src, tgt = files(tmp_path, *sides())
    for order, expected in (((src, tgt), False), ((tgt, src), True)):
        found = examine(config(tmp_path, named(order)))
        assert ("swapped-sides" in codes(found)) == expected
    assert not sides_are_swapped(["le chat"], ["the cat"], "xx", "en")


def test_training_text_too_small_to_cut_from(tmp_path: Path) -> None:
    train = named(files(tmp_path, *sides(CLEAN[:9])))
    assert codes(examine(config(tmp_path, train))) == ["too-small"]
    assert codes(examine(config(tmp_path, train, validation=train, test=train)))[0] != "too-small"
    with pytest.raises(DataError, match="too few"):
        load_corpus(config(tmp_path, train).data)


# --- vocabulary


@pytest.mark.parametrize(("kind", "max_length"), [("word", 9), ("byte", 70)])
def test_dropped_pairs_are_those_that_training_drops(
    kind: Literal["word", "byte"], max_length: int, tmp_path: Path
) -> None:
    from transformer_mt.data.translation import prepare_pairs
    from transformer_mt.data.vocabularies import build_tokenizers

    long = " ".join("\u00e9" * 30)  # 59 characters, but 89 bytes
    odd = [("one two three four five", "un"), ("a b c d e f", "a")]
    pairs = [*CLEAN[:300], ("", "a"), ("a b", ""), *odd, (long, long), (long, long)]
    train = named(files(tmp_path, *sides(pairs)))
    tokenizer = PairTokenizerConfig(type=kind, min_frequency=1)
    limits = {"max_length": max_length, "max_length_ratio": 2.0}
    settings = config(tmp_path, train, tokenizer, validation=train, test=train, **limits)
    corpus = load_corpus(settings.data)
    report = prepare_pairs(settings, corpus, build_tokenizers(settings, corpus)).report
    assert min(report.too_long, report.ratio, report.empty) > 1
    counts = {f.code: f.count for f in examine(settings).findings if f.split == "train"}
    assert counts["too-long"] == report.too_long
    assert counts["token-ratio"] == report.ratio


def test_nothing_left_to_train_on(tmp_path: Path) -> None:
    train = named(files(tmp_path, *sides([pair for pair in CLEAN if len(pair[0]) > 30])))
    found = examine(config(tmp_path, train, max_length=2))
    assert [f.code for f in found.findings if f.severity == "error"] == ["unusable"]


def test_coverage_is_that_of_the_tokenizers_of_the_run(tmp_path: Path) -> None:
    make_run(tmp_path / "run")  # knows: The cat is big .
    pairs = [
        ("The cat is big .", "Le chat est grand ."),
        ("The cow is blue .", "Le chat est bleu ."),
    ]
    train = named(files(tmp_path, *sides(pairs * 10)))
    found = examine(config(tmp_path, train))
    assert found.splits["train"]["coverage"] == [0.8, 0.9]
    assert found.splits["train"]["vocabulary"] == f"that of {tmp_path / 'run'}"
    finding = next(f for f in found.findings if f.code == "unknown-tokens")
    told, _, advice = finding.message.partition(": ")
    assert told.startswith("20.0 % of the source tokens (en) are unknown, such as ")
    assert {"cow", "blue"} == set(told.split("such as ")[1].split(", "))
    assert advice.startswith("set tokenizer.type to bpe, unigram or character")


def test_damaged_tokenizers_and_impossible_vocabularies_are_errors(tmp_path: Path) -> None:
    train = named(files(tmp_path, *sides()))
    tiny = PairTokenizerConfig(type="bpe", vocab_size=5)
    assert codes(examine(config(tmp_path, train, tiny))) == ["tokenizer"]
    write(make_run(tmp_path / "run") / "tokenizer.src.json", "{}")
    assert codes(examine(config(tmp_path, train))) == ["tokenizer"]


@given(st.integers(0, 250), st.integers(1, 60))
def test_a_sample_is_evenly_spaced_and_aligned(pairs: int, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("transformer_mt.doctor.tokens.SAMPLE", 20)
        sample = Sample(pairs)
    for side, size in ((0, block), (1, block + 1)):
        rows = list(map(str, range(pairs + 7)))  # one side may be longer
        for start in range(0, len(rows), size):
            sample.add(Block(side, rows[start : start + size]))
    assert sample.texts[0] == sample.texts[1]
    taken = list(map(int, sample.texts[0]))
    assert set(np.diff(taken)) <= {max(1, -(-pairs // 20))}
    assert taken[:1] == [0][:pairs]
    assert len(taken) <= 20


# --- tables and data sets


def tsv(pairs: Sequence[Pair]) -> str:
    return "en\tfr\n" + "".join(f"{src}\t{tgt}\n" for src, tgt in pairs)


def jsonl(pairs: Sequence[Pair]) -> str:
    return "".join(json.dumps({"en": src, "fr": tgt}) + "\n" for src, tgt in pairs)


def csv(pairs: Sequence[Pair]) -> str:
    return "fr,en\n" + "".join(f'"{tgt}","{src}"\n' for src, tgt in pairs if '"' not in src + tgt)


@pytest.mark.parametrize("kind", ["tsv", "csv", "jsonl", "parquet", "saved", "nested"])
def test_every_source_is_read_and_its_lines_are_named(tmp_path: Path, kind: str) -> None:
    pairs = list(CLEAN[:1200])
    pairs[400] = pairs[30]
    columns = {"en": [src for src, _ in pairs], "fr": [tgt for _, tgt in pairs]}
    path, header, data = tmp_path / f"x.{kind}", 0, {}
    if kind in ("saved", "nested"):
        rows = [{"translation": {"en": src, "fr": tgt}} for src, tgt in pairs]
        table = datasets.Dataset.from_list(rows) if kind == "nested" else None
        (table or datasets.Dataset.from_dict(columns)).save_to_disk(str(path))
        data = {"dataset": str(path)}
    elif kind == "parquet":
        datasets.Dataset.from_dict(columns).to_parquet(str(path))
    else:
        write(path, {"tsv": tsv, "csv": csv, "jsonl": jsonl}[kind](pairs))
        header = 0 if kind == "jsonl" else 1
    found = examine(config(tmp_path, None if data else str(path), **data))
    finding = the_finding(found)
    assert (finding.code, finding.count) == ("duplicate", 1)
    name = f"{path} (train)" if data else str(path)
    example = finding.examples[0]
    assert (example.file, example.line) == (name, 401 + header)
    assert example.remark == f"as line {31 + header}"
    assert example.text.startswith(pairs[30][0][:30])
    assert found.splits["train"]["lines"] == [1200, 1200]


def test_the_phrasebook_is_read_in_the_direction_of_the_languages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = dict.fromkeys(("train", "validation", "test"), CLEAN[:20])
    monkeypatch.setattr("transformer_mt.phrasebook.phrasebook_splits", lambda: splits)
    for src, tgt in (("en", "fr"), ("fr", "en")):
        found = examine(config(tmp_path, None, dataset="phrasebook", src_lang=src, tgt_lang=tgt))
        overlaps = [f for f in found.findings if f.code == "overlap"]
        assert [f.count for f in overlaps] == [20, 20, 20]
        first = overlaps[0].examples[0]
        assert (first.file, first.line) == ("phrasebook (validation)", 1)
        assert first.text == " | ".join(CLEAN[0][:: 1 if src == "en" else -1])


TABLE_DEFECTS: dict[str, tuple[str, str, str, list[int]]] = {
    # name: (suffix, content, code, lines)
    "cells": ("tsv", "en\tfr\n\na\tb\nc\nd\te\tf\ng\th\n", "cells", [4, 5]),
    "csv cells": ("csv", 'en,fr\n"a\nb",c\nd\n', "cells", [4]),
    "csv quote": ("csv", 'en,fr\n"a"b,c\nd,e\n', "csv", [2]),
    "json": ("jsonl", '{"en": "a", "fr": "b"}\n{"en"\n[1]\n', "json", [2, 3]),
    "no text": ("jsonl", '{"en": "a", "fr": "b"}\n\n{"en": "a", "fr": [1]}\n', "no-text", [3]),
    "columns": ("tsv", "en\tde\na\tb\n", "columns", []),
    "same columns": ("tsv", "en\ten\tfr\na\tb\tc\n", "columns", []),
    "empty": ("tsv", "", "empty-file", []),
    "no rows": ("csv", "en,fr\n", "empty-file", []),
    "utf8": ("tsv", "en\tfr\na\tb\udcff\n", "utf8", [2]),
    "colours": ("tsv", "\x1b[31men\tde\na\tb\n", "columns", []),
    "utf8 elsewhere": ("tsv", "id\ten\tfr\n\udcff\ta\tb\n", "utf8", [2]),
}


@pytest.mark.parametrize("defect", TABLE_DEFECTS)
def test_a_table_that_training_refuses_has_an_error(tmp_path: Path, defect: str) -> None:
    suffix, content, code, lines = TABLE_DEFECTS[defect]
    path = write(tmp_path / f"x.{suffix}", content.encode("utf-8", "surrogateescape"))
    settings = config(tmp_path, str(path), validation=str(path), test=str(path))
    with pytest.raises(DataError):
        load_corpus(settings.data)
    found = examine(settings)
    errors = [f for f in found.findings if f.severity == "error" and f.split == "train"]
    assert {f.code for f in errors} == {code}
    assert [line for f in errors for _, line in places(f)] == lines
    assert "\x1b" not in "".join(found.lines())


def test_a_column_that_is_no_utf8(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    texts = [b"%d" % number for number in range(30)]
    texts[7] = texts[20] = b"\xff"
    column = pa.array(texts, pa.binary()).view(pa.string())
    path = tmp_path / "x.parquet"
    parquet.write_table(pa.table({"en": column, "fr": pa.array(list("abcdefghij") * 3)}), path)
    settings = config(tmp_path, str(path))
    found = examine(settings)
    (error,) = (f for f in found.findings if f.severity == "error")
    assert (error.code, places(error)) == ("utf8", [("x.parquet", 8), ("x.parquet", 21)])
    assert found.splits["train"]["lines"] == [28, 28]
    with pytest.raises(DataError, match=r"x\.parquet: not valid UTF-8 in rows 1 to 30 "):
        load_corpus(settings.data)


def test_languages_are_looked_for_where_training_finds_them(tmp_path: Path) -> None:
    """Also where one of them is the name of another column."""
    rows = [{"translation": {"en": src, "fr": tgt}, "en": "-"} for src, tgt in CLEAN[:40]]
    path = write(tmp_path / "x.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    settings = config(tmp_path, str(path))
    assert examine(settings).count("error") == 0
    assert examine(settings).splits["train"]["lines"] == [40, 40]
    assert len(load_corpus(settings.data).train) > 20


def test_missing_and_damaged_files_are_errors_and_the_rest_is_examined(tmp_path: Path) -> None:
    src, tgt = files(tmp_path, *sides())
    cut = write(tmp_path / "cut.fr.gz", gzip.compress(tgt.read_bytes())[:-4000])
    bad = write(tmp_path / "bad.parquet", b"no parquet")
    found = examine(
        config(
            tmp_path,
            (str(src), str(cut)),
            validation=(str(src), str(tmp_path / "none.fr")),
            test=str(bad),
        )
    )
    errors = {(f.split, f.code) for f in found.findings if f.severity == "error"}
    assert errors == {
        ("train", "unreadable"),
        ("train", "line-counts"),
        ("validation", "missing"),
        ("test", "unreadable"),
    }
    assert found.splits["validation"]["lines"] == [1500, 0]


CLEAN_TSV = "".join(f"{src}\t{tgt}\n" for src, tgt in CLEAN[:40]).encode()
CLEAN_JSON = b"".join(b'{"en": "%d a b", "fr": "c %d d"}\n' % (n, n) for n in range(40))
FRENCH_SIDE = b"".join(tgt.encode() + b"\n" for _, tgt in CLEAN[:40])
BROKEN: dict[str, tuple[str, bytes | None]] = {  # name of the file, which may be a side; content
    "text": ("x.fr", FRENCH_SIDE),
    "text of CRLF": ("x.fr", b"\xef\xbb\xbf" + FRENCH_SIDE.replace(b"\n", b"\r\n")),
    "empty lines": ("x.fr", b"\n" * 20 + b"".join(FRENCH_SIDE.splitlines(keepends=True)[20:])),
    "no utf-8": ("x.fr", FRENCH_SIDE.replace(b"\n", b"\n\xff", 3)),
    "one line less": ("x.fr", FRENCH_SIDE.split(b"\n", 1)[1]),
    "one line more": ("x.fr", b"x\n" + FRENCH_SIDE),
    "missing": ("x.fr", None),
    "empty": ("x.fr", b""),
    "blank": ("x.fr", b"\r\n" * 40),
    "utf-16": ("x.fr", FRENCH_SIDE.decode().encode("utf-16")),
    "packed twice": ("x.fr", gzip.compress(gzip.compress(FRENCH_SIDE))),
    "cut": ("x.fr", gzip.compress(FRENCH_SIDE)[:-30]),
    "tsv": ("x.tsv", b"en\tfr\n" + CLEAN_TSV),
    "tsv quoted": ("x.tsv", b"en\tfr\n" + CLEAN_TSV + b'"a ""b"""\tc\n' * 2),
    "tsv missing": ("x.tsv", None),
    "tsv empty": ("x.tsv", b"\n"),
    "tsv of a header": ("x.tsv", b"en\tfr\n\n"),
    "tsv without one": ("x.tsv", CLEAN_TSV),
    "tsv of other columns": ("x.tsv", b"en\tde\n" + CLEAN_TSV),
    "tsv of equal columns": ("x.tsv", b"en\tfr\tfr\n" + CLEAN_TSV.replace(b"\n", b"\tx\n")),
    "tsv short row": ("x.tsv", b"en\tfr\n" + CLEAN_TSV + b"a\n" + CLEAN_TSV + b"b\n"),
    "tsv long row": ("x.tsv", b"en\tfr\n" + CLEAN_TSV + b'"a\tb"\tc\n'),
    "tsv no utf-8": ("x.tsv", b"en\tfr\n" + CLEAN_TSV + b"a\t\xc3\n" + CLEAN_TSV),
    "csv": ("x.csv", b"en,fr\n" + b'"a\nb","c ""d"""\n' * 20),
    "csv quote": ("x.csv", b"en,fr\n" + b"a,b\n" * 20 + b'"a"b,c\n' + b"a,b\n" * 20),
    "csv open": ("x.csv", b"en,fr\n" + b"a,b\n" * 20 + b'"a,b\n'),
    "json": ("x.jsonl", CLEAN_JSON + b'{"fr": null}\n\n'),
    "json cut": ("x.jsonl", CLEAN_JSON + b'{"en"\n' + CLEAN_JSON + b"{\n"),
    "json list": ("x.jsonl", CLEAN_JSON + b"[1]\n" + CLEAN_JSON),
    "json array": ("x.jsonl", b"[" + CLEAN_JSON.replace(b"}\n", b"},")[:-1] + b"]\n"),
    "json of other columns": ("x.jsonl", CLEAN_JSON.replace(b"en", b"de")),
    "json without text": ("x.jsonl", CLEAN_JSON + b'\n{"fr": [1]}\n{"en": true}\n'),
    "json half a pair": ("x.jsonl", CLEAN_JSON + b'{"en": "\\ud83d", "fr": "a"}\n' + CLEAN_JSON),
    "json no utf-8": ("x.jsonl", CLEAN_JSON + b'{"en": "\xe9", "fr": "a"}\n' + CLEAN_JSON),
    "no parquet": ("x.parquet", CLEAN_TSV),
    "parquet missing": ("x.parquet", None),
    "parquet empty": ("x.parquet", b""),
}


ACCEPTED = {"text", "text of CRLF", "empty lines", "tsv", "tsv quoted", "csv", "json"}


@pytest.mark.parametrize("case", BROKEN)
def test_an_error_is_what_training_refuses_in_the_same_sentence(tmp_path: Path, case: str) -> None:
    good = named(files(tmp_path, *sides(CLEAN[:40]), name="g"))
    name, content = BROKEN[case]
    path = tmp_path / name
    if content is not None:
        write(path, content)
    train = (good[0], str(path)) if name == "x.fr" else str(path)
    byte = PairTokenizerConfig(type="byte")  # knows every text
    settings = config(tmp_path, train, byte, validation=good, test=good)
    errors = [f for f in examine(settings).findings if f.severity == "error"]
    sentences = [finding.sentence for finding in errors if finding.code != "unusable"]
    if case in ACCEPTED:
        assert len(load_corpus(settings.data).train) >= 20
        assert errors == []
        return
    with pytest.raises(DataError) as caught:
        load_corpus(settings.data)
    assert str(caught.value) in sentences
    for sentence in sentences:
        assert sentence.startswith((str(path), f"{good[0]} has 40 lines"))


def test_findings_name_the_files_as_the_configuration_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    src, tgt = sides(CLEAN[:40])
    tgt[3], tgt[5] = b"\xff", b"\x07 a"
    files(tmp_path, src, tgt)
    found = examine(config(tmp_path, ("./x.en", "./x.fr")), all_lines=True)
    names = {name for finding in found.findings for name in finding.places}
    assert {"./x.fr"} <= names <= {"./x.en", "./x.fr"}


def test_empty_files_are_errors(tmp_path: Path) -> None:
    for content in (b"", b"\n\n"):
        pair = write(tmp_path / "a", content), write(tmp_path / "b", content)
        found = examine(pair)
        assert [f.message for f in found.findings if f.severity == "error"] == [
            f"{path}: the file is empty" for path in pair
        ]


# --- the parts against plain oracles


@given(st.lists(st.integers(-3, 3)), st.lists(st.integers(-3, 3)))
def test_repetitions_and_what_is_found_elsewhere(keys: list[int], others: list[int]) -> None:
    array = np.array(keys, dtype=np.int64)
    again, before = repetitions(array)
    expected = [row for row, key in enumerate(keys) if key in keys[:row]]
    assert again.tolist() == expected
    assert before.tolist() == [keys.index(keys[row]) for row in expected]
    rows, there = found_in(array, np.array(others, dtype=np.int64))
    assert rows.tolist() == [row for row, key in enumerate(keys) if key in others]
    assert there.tolist() == [others.index(keys[row]) for row in rows]


RARE = st.text(st.sampled_from("aé\t\r\x00\x1b\x7f\x85\x9b\u2028\ufeff\ufffd\x0b"), max_size=6)


@given(st.lists(RARE, min_size=1, max_size=6))
def test_rare_characters_of_every_line(texts: list[str]) -> None:
    kinds = {
        "line-separator": "\r\x0b\x85\u2028",
        "bom-inside": "\ufeff",
        "replacement": "\ufffd",
        "control": "\x00\x1b\x7f\x9b",
    }
    expected = {
        (kind, row, min(map(text.index, {*text} & {*characters})) + 1)
        for row, text in enumerate(texts)
        for kind, characters in kinds.items()
        if {*text} & {*characters}
    }
    found = {
        (kind, row, int(said.split()[-1])) for kind, row, said in rare_characters(Block(0, texts))
    }
    assert found == expected


def test_languages_are_told_by_their_letters() -> None:
    letters = LetterPairs()
    for side, texts in enumerate(zip(*CLEAN, strict=True)):
        letters.add(side, texts)
    src, tgt = (score_lines(texts, letters.log_odds()) for texts in zip(*HELD_OUT, strict=True))
    assert (src > 0).mean() > 0.95
    assert (tgt < 0).mean() > 0.95
    alone = [score_lines([text], letters.log_odds())[0] for text, _ in HELD_OUT]
    np.testing.assert_allclose(src, alone, atol=1e-3)


# --- the command


def test_the_command_prints_a_report_or_json(tmp_path: Path) -> None:
    src, tgt = sides()
    tgt[10] = b"\xff"
    paths = files(tmp_path, src, tgt)
    shown = tmt("doctor", *paths)
    assert (shown.exit_code, shown.stderr) == (1, "")
    assert f"    {paths[1]}:11  \\xff  (byte 0xff at column 1)" in shown.stdout.splitlines()
    told = tmt("doctor", "--json", *paths)
    assert (told.exit_code, told.stderr) == (1, "")
    assert json.loads(told.stdout) == transformer_mt.examine(paths, all_lines=True).to_dict()
    error = json.loads(told.stdout)["findings"][0]
    assert (error["severity"], error["code"], error["count"]) == ("error", "utf8", 1)
    assert error["examples"][0]["file"] == str(paths[1])
    assert error["examples"][0]["line"] == 11


def test_names_of_files_that_are_no_text_are_shown(tmp_path: Path) -> None:
    src, tgt = files(tmp_path, *sides(CLEAN[:20]))
    odd = src.rename(tmp_path / os.fsdecode(b"\xff.en"))
    for options in ([], ["--json"]):
        done = tmt("doctor", *options, odd, tgt)
        assert (done.exit_code, done.stderr) == (0, "")
        assert "\\udcff.en" in done.stdout
    assert json.loads(done.stdout)["splits"]["files"]["files"][0] == str(odd)


def test_excerpts_are_short_whatever_they_hold(tmp_path: Path) -> None:
    src, tgt = sides()
    tgt[10] = b"\xff" * 100
    (error,) = (f for f in examine(files(tmp_path, src, tgt)).findings if f.code == "utf8")
    (example,) = error.examples
    assert example.text.startswith("\\xff\\xff")
    assert example.text.endswith("...")
    assert len(example.text) < 60


def test_the_command_reads_a_configuration(tmp_path: Path) -> None:
    src, tgt = files(tmp_path, *sides())
    text = f"run_dir: {tmp_path}/run\ndata: {{src_lang: en, tgt_lang: fr, train: [{src}, {tgt}]}}\n"
    yaml = write(tmp_path / "c.yaml", text)
    shown = tmt("doctor", "--config", yaml)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert shown.stdout.splitlines()[0].startswith("train       1,500 pairs  ")
    dropped = tmt("doctor", "--config", yaml, "--set", "data.max_length=2")
    assert dropped.exit_code == 1
    assert "[unusable]" in dropped.stdout


@pytest.mark.parametrize("arguments", [[], ["a"], ["a", "b", "c"], ["a", "b", "-c", "c"]])
def test_two_files_or_a_configuration_are_needed(arguments: list[str]) -> None:
    done = tmt("doctor", *arguments)
    assert done.exit_code == 2
    assert done.error == "give --config, or two parallel text files: source and target"
    assert tmt("doctor", "a", "b", "--set", "seed=2").exit_code == 2


def test_a_configuration_without_data_is_a_usage_error(tmp_path: Path) -> None:
    yaml = write(tmp_path / "c.yaml", "run_dir: x\ndata: {src_lang: en, tgt_lang: fr}\n")
    assert "'data.train' is missing" in tmt("doctor", "-c", yaml).error


def test_the_doctor_needs_no_torch(tmp_path: Path) -> None:
    src, tgt = files(tmp_path, *sides(CLEAN[:50]))
    code = f"""
import sys, transformer_mt
transformer_mt.examine(({str(src)!r}, {str(tgt)!r}))
from transformer_mt.doctor.examine import examine
assert "torch" not in sys.modules
"""
    subprocess.run(python("-c", code), check=True)


def faulty(tmp_path: Path) -> tuple[Path, Path]:
    """Two files with many lines of each of many faults."""
    src, tgt = sides()
    for row in range(0, 200, 10):
        tgt[row + 1] = b"caf\xe9 " * (1 + row % 3)
        src[row + 2] = b""
        src[row + 3] += b"\x07"
        tgt[row + 4], src[row + 4] = tgt[4], src[4]
        src[row + 5] += "\u2028x".encode()
        tgt[row + 6] *= 9
    return files(tmp_path, src, tgt)


def test_all_lines_of_every_finding_are_told(tmp_path: Path) -> None:
    paths = faulty(tmp_path)
    few, all_ = (transformer_mt.examine(paths, all_lines=every) for every in (False, True))
    assert len(all_.findings) > 5
    for one, other in zip(few.findings, all_.findings, strict=True):
        assert (one.code, one.count, one.examples) == (other.code, other.count, other.examples)
        assert one.places == {}
        if other.count is not None:
            assert sum(map(len, other.places.values())) == other.count
        for lines in other.places.values():
            assert lines.tolist() == sorted(set(lines))
        for example in other.examples:
            assert example.line in other.places[example.file]
    raw = paths[1].read_bytes().split(b"\n")
    wrong = [n for n, line in enumerate(raw, 1) if line != line.decode("utf-8", "ignore").encode()]
    (utf8,) = [finding for finding in all_.findings if finding.code == "utf8"]
    assert {file: lines.tolist() for file, lines in utf8.places.items()} == {str(paths[1]): wrong}


def test_the_command_lists_all_or_says_how(tmp_path: Path) -> None:
    paths = faulty(tmp_path)
    told = json.loads(tmt("doctor", "--json", *paths).stdout)
    shown, all_ = tmt("doctor", *paths).stdout, tmt("doctor", "--all", *paths).stdout
    more = [finding for finding in told["findings"] if finding["count"] > 3]
    assert shown.count("... (--all lists every line)") == len(more) > 3
    assert "--all" not in all_
    listed = re.findall(r"^    (\S+):(\d+)\b", all_, flags=re.MULTILINE)
    wanted = [
        (file, str(line))
        for finding in told["findings"]
        for file, lines in finding["lines"].items()
        for line in lines
    ]
    assert sorted(listed) == sorted(wanted)


def test_a_million_lines_are_kept_as_numbers() -> None:
    findings, count = Findings(all_lines=True), 1_000_000
    rows = np.arange(count)
    tracemalloc.start()
    findings.add(Finding("note", "x", "train", "m", count, [Ref(0, 0)], rows=rows))
    for row in range(20_000):
        findings.add(Finding("error", "y", "train", "n", 1, [Ref(1, row)]))
    findings.locate("train", "ab".__getitem__, lambda _, row: row + 1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 8 * count
    first, second = findings.ordered()
    assert second.places["a"][-1] == count
    assert len(first.places["b"]) == first.count == 20_000
