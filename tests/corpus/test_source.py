import gzip
import json
import os
import random
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import pytest
from tiny_runs import python, tiny_config_file, tmt, tsv, write

from transformer_mt import phrasebook
from transformer_mt.config.tasks import PairsConfig
from transformer_mt.corpus.source import (
    Corpus,
    SentencePair,
    load_corpus,
    load_split,
    read_parallel,
)
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.files.lines import read_text

pytestmark = pytest.mark.usefixtures("own_caches")

ROWS = [SentencePair(f"word {i} .", f"mot {i} !") for i in range(40)]


def load(**settings: Any) -> Corpus[SentencePair]:
    return load_corpus(PairsConfig(**{"src_lang": "en", "tgt_lang": "fr", **settings}))


def read_train(files: Path | tuple[Path, Path], **settings: Any) -> list[SentencePair]:
    """All pairs of one source, nothing cut from it."""
    named = tuple(map(str, files)) if isinstance(files, tuple) else str(files)
    return load(train=named, validation=named, test=named, **settings).validation


def jsonl(pairs: list[SentencePair], src: str = "en", tgt: str = "fr") -> str:
    return "".join(json.dumps({src: pair.src, tgt: pair.tgt}) + "\n" for pair in pairs)


def parquet(path: Path, rows: list[dict[str, Any]], **settings: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    datasets.Dataset.from_list(rows).to_parquet(str(path), **settings)
    return path


def columns(pairs: list[SentencePair], src: str = "en", tgt: str = "fr") -> list[dict[str, Any]]:
    return [{"id": str(i), src: p.src, tgt: p.tgt} for i, p in enumerate(pairs)]


def translations(pairs: list[SentencePair]) -> list[dict[str, Any]]:
    """As in Helsinki-NLP/opus_books."""
    return [{"id": str(i), "translation": {"en": p.src, "fr": p.tgt}} for i, p in enumerate(pairs)]


# text files


@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        (b"a\nb\n", ["a", "b"]),
        (b"a\nb", ["a", "b"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\n\nb\n\n", ["a", "", "b", ""]),
        (b"\xef\xbb\xbfa\nb\n", ["a", "b"]),
        (b"a\n\xef\xbb\xbfb\n", ["a", "\ufeffb"]),
        ("a\u2028b\u2029c\x85d\x0be\x1cf\ng".encode(), ["a\u2028b\u2029c\x85d\x0be\x1cf", "g"]),
        (b"a\rb\nc", ["a\rb", "c"]),
        (b"a\x00b\n", ["a\x00b"]),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_lines_end_at_newline_alone(
    tmp_path: Path, raw: bytes, lines: list[str], packed: bool
) -> None:
    name, content = ("x.gz", gzip.compress(raw)) if packed else ("x", raw)
    assert list(read_text(write(tmp_path / name, content))) == lines


def test_parallel_files_one_of_them_packed(tmp_path: Path) -> None:
    src = write(tmp_path / "x.en", "".join(f"{p.src}\n" for p in ROWS))
    tgt = write(tmp_path / "x.fr.gz", gzip.compress("\r\n".join(p.tgt for p in ROWS).encode()))
    assert read_parallel(src, tgt) == ROWS
    assert read_train((src, tgt)) == ROWS


GOOD = b"one\ntwo\nthree\n"
BAD_TEXT: dict[str, tuple[str, bytes | None, str]] = {  # name of the file, content, message
    "utf8": ("a", b"one\ntwo\nth\xffree\n", "a:3: not valid UTF-8 (byte 0xff at column 3)"),
    "utf8_cut": ("a", b"one\ntwo\nthree\xc3\n", "a:3: not valid UTF-8 (byte 0xc3 at column 6)"),
    "utf8_bom": ("a", b"\xef\xbb\xbf\xff\n", "a:1: not valid UTF-8 (byte 0xff at column 1)"),
    "utf8_gz": ("a.gz", gzip.compress(b"one\n\xff\n"), "a.gz:2: not valid UTF-8 (byte 0xff"),
    "utf16": ("a", "one\n".encode("utf-16"), "a: is UTF-16 text; save it as UTF-8"),
    "missing": ("a", None, "a: there is no such file"),
    "empty": ("a", b"", "a: the file is empty"),
    "blank": ("a", b"\n\r\n\n", "a: the file is empty"),
    "empty_gz": ("a.gz", gzip.compress(b""), "a.gz: the file is empty"),
    "cut_gz": ("a.gz", gzip.compress(GOOD)[:-9], "a.gz: cannot be read (Compressed file ended"),
    "corrupt_gz": (
        "a.gz",
        gzip.compress(GOOD)[:10] + b"\xff\xff\xff" + gzip.compress(GOOD)[13:],
        "a.gz: cannot be read (Error -3 while decompressing",
    ),
    "folder": ("folder", None, "folder: cannot be read (Is a directory"),
}


@pytest.mark.parametrize("case", BAD_TEXT)
@pytest.mark.parametrize("side", [0, 1])
def test_bad_text_is_named_by_file_and_line(tmp_path: Path, case: str, side: int) -> None:
    name, content, message = BAD_TEXT[case]
    (tmp_path / "folder").mkdir()
    bad, good = tmp_path / name, write(tmp_path / "good", GOOD)
    if content is not None:
        write(bad, content)
    sides = (bad, good) if side == 0 else (good, bad)
    with pytest.raises(DataError) as caught:
        read_train(sides)
    assert str(caught.value).startswith(f"{tmp_path}/{message}")


@pytest.mark.parametrize("others", [{}, {"validation": "v.tsv", "test": "t.tsv"}])
def test_no_training_text_is_named(others: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load(**others)
    assert str(caught.value) == (
        "'data.train' is missing: give two parallel files, one table, or a 'data.dataset'"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a", GOOD)
    path.chmod(0)
    with pytest.raises(DataError, match="a: cannot be read \\(Permission denied"):
        read_train((path, path))


def test_a_side_may_be_a_pipe(tmp_path: Path) -> None:
    src, tgt = write(tmp_path / "a", GOOD * 20_000), tmp_path / "pipe"
    os.mkfifo(tgt)
    with ThreadPoolExecutor() as pool:
        pool.submit(tgt.write_bytes, GOOD * 20_000)
        assert len(read_parallel(src, tgt)) == 20_000 * GOOD.count(b"\n")


def test_unequal_line_counts_name_both_files_and_the_line(tmp_path: Path) -> None:
    src, tgt = write(tmp_path / "a", GOOD), write(tmp_path / "b", b"un\ndeux")
    with pytest.raises(DataError) as caught:
        read_train((src, tgt))
    message = str(caught.value)
    assert f"{src} has 3 lines but {tgt} has 2" in message
    assert "ends after line 2" in message


# tables


def make_table(folder: Path, suffix: str, pairs: list[SentencePair]) -> Path:
    path = folder / f"table{suffix}"
    if suffix == ".parquet":
        return parquet(path, columns(pairs))
    if suffix.startswith(".jsonl"):
        text = jsonl(pairs)
    elif suffix.startswith(".tsv"):
        text = tsv(pairs)
    else:
        quoted = [[cell.replace('"', '""') for cell in pair] for pair in pairs]
        text = "en,fr\n" + "".join(f'"{src}","{tgt}"\n' for src, tgt in quoted)
    raw = text.encode()
    return write(path, gzip.compress(raw) if suffix.endswith(".gz") else raw)


TRICKY = [
    SentencePair('"Hi", he said', "« Salut », dit-il"),
    SentencePair('a "b', 'b"'),
    SentencePair("NA", "null"),
    SentencePair("nan", "None"),
    SentencePair("12", "3.50"),
    SentencePair("001", "1e5"),
    SentencePair("true", "2020-01-01"),
    SentencePair("a\u2028b", "c\x85d"),
    SentencePair("'x'; # y", "\\n \\t"),
    SentencePair("", "empty on one side"),
    SentencePair(" spaces ", "é e\u0301"),
]


@pytest.mark.parametrize(
    "suffix", [".tsv", ".tsv.gz", ".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".parquet"]
)
def test_every_kind_of_table_keeps_the_text_as_it_is(tmp_path: Path, suffix: str) -> None:
    assert read_train(make_table(tmp_path, suffix, TRICKY)) == TRICKY


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".jsonl", ".parquet"])
def test_columns_can_be_named(tmp_path: Path, suffix: str) -> None:
    table = make_table(tmp_path, suffix, ROWS)
    swapped = read_train(table, src_column="fr", tgt_column="en")
    assert swapped == [SentencePair(tgt, src) for src, tgt in ROWS]


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".jsonl", ".parquet"])
def test_a_missing_column_is_named_with_those_there_are(tmp_path: Path, suffix: str) -> None:
    table = make_table(tmp_path, suffix, ROWS)
    with pytest.raises(DataError) as caught:
        read_train(table, src_column="english")
    message = str(caught.value)
    assert message.startswith(f"{table}: there is no column 'english', only ")
    assert message.endswith("en, fr; set data.src_column")


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("bom.tsv", b"\xef\xbb\xbfen\tfr\r\na\tb\r\n\r\nc\td"),
        ("bom.csv", b'\xef\xbb\xbfen,fr\r\na,"b"\r\n\r\nc,d'),
        ("bom.jsonl", b'\xef\xbb\xbf{"en": "a", "fr": "b"}\r\n\r\n{"fr": "d", "en": "c"}'),
        ("more.tsv", b"id\ten\tx\tfr\n1\ta\t?\tb\n2\tc\t?\td\n"),
        ("more.jsonl", b'{"en":"a","fr":"b","n":1}\n{"en":"c","fr":"d","n":2}\n'),
        ("nested.jsonl", b'{"translation":{"en":"a","fr":"b"}}\n' * 1
         + b'{"translation":{"en":"c","fr":"d"}}\n'),
    ],
)  # fmt: skip
def test_line_ends_marks_and_more_columns(tmp_path: Path, name: str, raw: bytes) -> None:
    assert read_train(write(tmp_path / name, raw)) == [("a", "b"), ("c", "d")]


@pytest.mark.parametrize("pieces", [1, 3, 100])
def test_a_dictionary_of_languages_in_parquet(tmp_path: Path, pieces: int) -> None:
    path = parquet(tmp_path / "t.parquet", translations(TRICKY), batch_size=pieces)
    assert read_train(path) == TRICKY
    with pytest.raises(DataError, match=r"no column 'de', only en, fr; set data\.tgt_column"):
        read_train(path, tgt_lang="de")


def test_half_a_surrogate_pair_is_no_text(tmp_path: Path) -> None:
    whole, half = '{"en":"\\ud83d\\ude00","fr":"b"}', '{"en":"\\ud83d","fr":"b"}'
    assert read_train(write(tmp_path / "t.jsonl", f"{whole}\n")) == [("\U0001f600", "b")]
    with pytest.raises(DataError, match=r"t\.jsonl:2: not valid JSON \(.*surrogates"):
        read_train(write(tmp_path / "t.jsonl", f"{whole}\n{half}\n"))


def test_a_quoted_csv_cell_may_hold_commas_and_a_line_end(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", 'en,fr\n"a, b\nc","d ""e"""\nf,g\n')
    assert read_train(path) == [("a, b\nc", 'd "e"'), ("f", "g")]


BAD_TABLES: dict[str, tuple[str, bytes | None, str]] = {
    "short_row": ("t.tsv", b"en\tfr\na\tb\nc\n", "t.tsv:3: the number of cells is 1, but"),
    "long_row": ("t.tsv", b"en\tfr\na\tb\n\nc\td\te\n", "t.tsv:4: the number of cells is 3, but"),
    "short_csv": ("t.csv", b"en,fr\na,b\nc\n", "t.csv:3: the number of cells is 1, but"),
    "open_quote": ("t.csv", b'en,fr\na,b\n"c,d\n', "t.csv:3: not valid CSV (unexpected end"),
    "late_quote": ("t.csv", b'en,fr\n"a" x,b\n', "t.csv:2: not valid CSV ("),
    "same_names": ("t.tsv", b"en\ten\na\tb\n", "t.tsv: two columns have the same name: en, en"),
    "only_header": ("t.tsv", b"en\tfr\n", "t.tsv: there are no rows"),
    "utf8_tsv": ("t.tsv", b"en\tfr\na\tb\n\xff\td\n", "t.tsv:3: not valid UTF-8 (byte 0xff"),
    "utf8_csv": ("t.csv", b"en,fr\na,b\nc,\xe9\n", "t.csv:3: not valid UTF-8 (byte 0xe9"),
    "utf8_gz": ("t.tsv.gz", gzip.compress(b"en\tfr\n\xff\tb\n"), "t.tsv.gz:2: not valid UTF-8"),
    "utf8_json": ("t.jsonl", b'{"en":"a","fr":"b"}\n{"en":"\xff"}\n', "t.jsonl:2: not valid UTF-8"),
    "bad_json": (
        "t.jsonl",
        b'{"en":"a","fr":"b"}\n{"en":"c",}\n',
        "t.jsonl:2: not valid JSON (",
    ),
    "cut_json": ("t.jsonl", b'{"en":"a","fr":"b"}\n{"en":"c"', "t.jsonl:2: not valid JSON ("),
    "json_list": ("t.jsonl", b'["a","b"]\n', "t.jsonl:1: must be a JSON object with a key"),
    "json_inner": ("t.jsonl", b'{"en":[1],"fr":2}\n', "t.jsonl: row 1 has no text in column 'en'"),
    "json_truth": ("t.jsonl", b'{"en":"a","fr":true}\n', "t.jsonl: row 1 has no text in column"),
    "json_array": ("t.jsonl", b'[{"en":"a","fr":"b"}]\n', "t.jsonl: is one JSON array, not"),
    "json_pretty": ("t.jsonl", b'[\n  {"en":"a","fr":"b"}\n]\n', "t.jsonl: is one JSON array, not"),
    "parquet_csv": ("t.csv", b"PAR1\x15\x04\x15", "t.csv: is a Parquet table; give it a name"),
    "no_header": ("t.tsv", b"A cat.\tUn chat.\n", "t.tsv: there is no column 'en', only A cat."),
    "no_parquet": ("t.parquet", b"en fr\n" * 9, "t.parquet: cannot be read as parquet (Parquet"),
    "empty_tsv": ("t.tsv", b"", "t.tsv: the file is empty"),
    "empty_json": ("t.jsonl", b"", "t.jsonl: the file is empty"),
    "empty_parquet": ("t.parquet", b"", "t.parquet: the file is empty"),
    "no_tsv": ("t.tsv", None, "t.tsv: there is no such file"),
    "no_jsonl": ("t.jsonl", None, "t.jsonl: there is no such file"),
    "parquet_missing": ("t.parquet", None, "t.parquet: there is no such file"),
    "cut_gz": (
        "t.jsonl.gz",
        gzip.compress(b'{"en":"a","fr":"b"}\n')[:-9],
        "t.jsonl.gz: cannot be read (Compressed file ended",
    ),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_a_bad_table_is_named_by_file_and_line(
    tmp_path: Path, case: str, capfd: pytest.CaptureFixture[str]
) -> None:
    name, content, message = BAD_TABLES[case]
    if content is not None:
        write(tmp_path / name, content)
    with pytest.raises(DataError) as caught:
        read_train(tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path}/{message}")
    assert capfd.readouterr() == ("", "")  # the libraries do not talk over us


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".jsonl", ".parquet"])
def test_a_folder_with_the_name_of_a_table(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t{suffix}"
    path.mkdir()
    with pytest.raises(DataError, match=f"t{suffix}: cannot be read"):
        read_train(path)


def test_a_null_in_parquet(tmp_path: Path) -> None:
    path = parquet(tmp_path / "t.parquet", [{"en": "a", "fr": "b"}, {"en": "c", "fr": None}])
    assert read_train(path) == [("a", "b"), ("c", "")]


@pytest.mark.parametrize("name", ["corpus.txt", "corpus", "corpus.gz", "corpus.en"])
def test_one_file_that_is_no_table(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"must be one of \.tsv, \.csv, \.jsonl, \.parquet"):
        read_train(write(tmp_path / name, GOOD))


# data sets


def save_dict(folder: Path, **splits: list[SentencePair]) -> Path:
    tables = {
        name: datasets.Dataset.from_list(translations(pairs)) for name, pairs in splits.items()
    }
    datasets.DatasetDict(tables).save_to_disk(str(folder))
    return folder


def opus_books(folder: Path) -> Path:
    """The layout of Helsinki-NLP/opus_books: a folder for each subset, listed in the card."""
    subsets = [f"- config_name: {s}\n  data_files:\n  - split: train\n    path: {s}/train-*\n"
               for s in ("en-fr", "en-it")]  # fmt: skip
    write(folder / "README.md", "---\nconfigs:\n" + "".join(subsets) + "---\n# OPUS Books\n")
    parquet(folder / "en-fr" / "train-00000-of-00001.parquet", translations(ROWS))
    parquet(folder / "en-it" / "train-00000-of-00001.parquet", translations(ROWS[:5]))
    return folder


def multi30k(folder: Path) -> Path:
    """The layout of bentrevett/multi30k."""
    for name, pairs in (("train", ROWS[:30]), ("val", ROWS[30:36]), ("test", ROWS[36:])):
        write(folder / f"{name}.jsonl", jsonl(pairs))
    write(folder / "README.md", "# Multi30k\n")
    return folder


def test_hub_layout_with_a_column_for_each_language(tmp_path: Path) -> None:
    corpus = load(dataset=str(multi30k(tmp_path / "multi30k")))
    assert (list(corpus.train), corpus.validation, corpus.test) == (
        ROWS[:30],
        ROWS[30:36],
        ROWS[36:],
    )
    assert corpus.notes == []


def test_hub_layout_with_a_translation_column(tmp_path: Path) -> None:
    corpus = load(dataset=str(opus_books(tmp_path / "opus_books")), subset="en-fr")
    assert sorted([*corpus.train, *corpus.validation, *corpus.test]) == sorted(ROWS)
    assert (len(corpus.validation), len(corpus.test)) == (3, 4)
    swapped = load(
        dataset=str(tmp_path / "opus_books"), subset="en-fr", src_lang="fr", tgt_lang="en"
    )
    assert {pair[::-1] for pair in (*swapped.train, *swapped.validation, *swapped.test)} == set(
        ROWS
    )


def test_hub_layout_with_parquet_files_in_data(tmp_path: Path) -> None:
    for name, pairs in (("train", ROWS[:30]), ("validation", ROWS[30:36]), ("test", ROWS[36:])):
        parquet(tmp_path / "d" / "data" / f"{name}-00000-of-00001.parquet", columns(pairs))
    corpus = load(dataset=str(tmp_path / "d"))
    assert (list(corpus.train), corpus.validation, corpus.test) == (
        ROWS[:30],
        ROWS[30:36],
        ROWS[36:],
    )


@pytest.mark.parametrize("layout", ["dict", "single"])
def test_folders_of_save_to_disk(tmp_path: Path, layout: str) -> None:
    folder = tmp_path / "saved"
    if layout == "dict":
        save_dict(folder, train=ROWS[:30], test=ROWS[30:])
    else:
        datasets.Dataset.from_list(columns(ROWS)).save_to_disk(str(folder))
    corpus = load(dataset=str(folder))
    assert sorted([*corpus.train, *corpus.validation, *corpus.test]) == sorted(ROWS)
    assert (corpus.test == ROWS[30:]) == (layout == "dict")
    assert len(corpus.notes) == (1 if layout == "dict" else 2)


def test_splits_can_be_named(tmp_path: Path) -> None:
    folder = str(multi30k(tmp_path / "m"))
    corpus = load(dataset=folder, train="validation", validation="test", test="train")
    assert (list(corpus.train), corpus.validation, corpus.test) == (
        ROWS[30:36],
        ROWS[36:],
        ROWS[:30],
    )


BAD_SETS: dict[str, tuple[Callable[[Path], object], dict[str, Any], type, str]] = {
    "split": (multi30k, {"test": "flickr"}, ConfigError, "has no split 'flickr', it has train"),
    "column": (multi30k, {"tgt_lang": "de"}, DataError, "no column 'de', only en, fr"),
    "language": (
        opus_books,
        {"tgt_lang": "de", "subset": "en-fr"},
        DataError,
        "no column 'de', only en, fr; set data.tgt_column",
    ),
    "subset": (
        opus_books,
        {"subset": "en-xx"},
        ConfigError,
        "set data.subset (BuilderConfig 'en-xx' not found. Available: ['en-fr', 'en-it'])",
    ),
    "no_subset": (
        opus_books,
        {},
        ConfigError,
        "set data.subset (Config name is missing. Please pick one among the available configs:"
        " ['en-fr', 'en-it'])",
    ),
    "no_train": (lambda d: save_dict(d, valid=ROWS), {}, ConfigError, "set data.train to one of"),
    "empty": (lambda d: d.mkdir(), {}, DataError, "doesn't contain any data files"),
    "junk": (lambda d: write(d / "train.parquet", b"junk"), {}, DataError, "cannot be loaded"),
    "junk_saved": (
        lambda d: write(d / "dataset_dict.json", b"junk"),
        {},
        DataError,
        "cannot be loaded",
    ),
}


@pytest.mark.parametrize("case", BAD_SETS)
def test_a_bad_data_set_is_named(
    tmp_path: Path, case: str, capfd: pytest.CaptureFixture[str]
) -> None:
    make, settings, kind, message = BAD_SETS[case]
    make(tmp_path / "set")
    capfd.readouterr()
    with pytest.raises(kind) as caught:
        load(dataset=str(tmp_path / "set"), **settings)
    assert message in str(caught.value)
    assert str(tmp_path / "set") in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request is refused at once; offline marks that our code makes are undone."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr("socket.getaddrinfo", refuse)


@pytest.mark.usefixtures("_no_network")
@pytest.mark.parametrize("name", ["nobody/nothing-at-all", "nothing-at-all", "./no/folder"])
def test_a_data_set_that_cannot_be_reached_is_said_soon(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    start = time.perf_counter()
    with pytest.raises(DataError) as caught:
        load(dataset=name)
    assert time.perf_counter() - start < 15  # the library alone takes 24 seconds
    assert str(caught.value).startswith(f"data set {name}: ")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


# the built-in corpus


@pytest.mark.parametrize("languages", [("en", "fr"), ("fr", "en")])
def test_the_phrasebook_goes_both_ways(
    languages: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = {"train": [("a", "b")], "validation": [("c", "d")], "test": [("e", "f")]}
    monkeypatch.setattr(phrasebook, "phrasebook_splits", lambda: splits)
    src_lang, tgt_lang = languages
    corpus = load(dataset="phrasebook", src_lang=src_lang, tgt_lang=tgt_lang)
    for name, ((english, french),) in splits.items():
        pair = (english, french) if src_lang == "en" else (french, english)
        assert getattr(corpus, name) == [pair]


@pytest.mark.parametrize("languages", [("en", "de"), ("fr", "fr")])
def test_the_phrasebook_has_two_languages(languages: tuple[str, str]) -> None:
    with pytest.raises(ConfigError, match="the phrasebook is English and French"):
        load(dataset="phrasebook", src_lang=languages[0], tgt_lang=languages[1])


# cutting missing splits


def sides(pairs: list[SentencePair]) -> tuple[set[str], set[str]]:
    return {p.src for p in pairs}, {p.tgt for p in pairs}


def repetitive_pairs() -> list[SentencePair]:
    """Sentences that occur with several translations, duplicates, and empty ones."""
    dice = random.Random(1)
    pairs = [SentencePair(f"s{dice.randrange(150)}", f"t{dice.randrange(150)}") for _ in range(300)]
    return [*pairs, *pairs[:20], SentencePair("", "t"), SentencePair("s", "")]


@pytest.mark.parametrize("given", [(), ("validation",), ("test",), ("validation", "test")])
def test_a_missing_split_is_cut_and_never_overlaps(tmp_path: Path, given: tuple[str, ...]) -> None:
    pairs = repetitive_pairs()
    train = str(write(tmp_path / "train.tsv", tsv(pairs)))
    other = str(write(tmp_path / "other.tsv", tsv([SentencePair("other", "autre")])))
    corpus = load(train=train, heldout_size=7, **dict.fromkeys(given, other))
    missing = [name for name in ("validation", "test") if name not in given]
    assert len(corpus.notes) == len(missing)
    for name in missing:
        cut = getattr(corpus, name)
        assert len(set(cut)) == len(cut) == 7
        assert set(cut) <= set(pairs)
        assert all(pair.src and pair.tgt for pair in cut)
        assert any(f"no {name} split given: 7 pairs were cut" in note for note in corpus.notes)
        for rest in {"train", "validation", "test"} - {name}:
            for ours, theirs in zip(sides(cut), sides(getattr(corpus, rest)), strict=True):
                assert ours.isdisjoint(theirs)
    if not missing:
        assert list(corpus.train) == pairs


@pytest.mark.parametrize("name", ["validation", "test"])
def test_a_split_can_be_had_alone(name: str, tmp_path: Path) -> None:
    """Without the others, which need not even be there; cut from train it is the same."""
    train = str(tmp_path / "nowhere.tsv")
    named: dict[str, Any] = {"src_lang": "en", "tgt_lang": "fr", "train": train}
    given: dict[str, Any] = {name: str(write(tmp_path / "a.tsv", tsv(ROWS[:3])))}
    assert load_split(PairsConfig(**named, **given), name) == ROWS[:3]
    write(tmp_path / "nowhere.tsv", tsv(ROWS))
    assert load_split(PairsConfig(**named), name) == getattr(load(train=train), name)
    saved = str(save_dict(tmp_path / "set", train=ROWS[:20], test=ROWS[20:]))
    alone = load_split(PairsConfig(src_lang="en", tgt_lang="fr", dataset=saved), name)
    assert alone == getattr(load(dataset=saved), name)
    book = PairsConfig(src_lang="en", tgt_lang="fr", dataset="phrasebook")
    assert load_split(book, name) == getattr(load_corpus(book), name)


def test_a_cut_depends_on_the_text_alone(tmp_path: Path) -> None:
    pairs = repetitive_pairs()
    first = load(train=str(write(tmp_path / "a.tsv", tsv(pairs))), heldout_size=9)
    random.Random(2).shuffle(pairs)
    second = load(train=str(write(tmp_path / "b.tsv", tsv(pairs))), heldout_size=9)
    assert (first.validation, first.test) == (second.validation, second.test)
    assert sorted(first.train) == sorted(second.train)
    smaller = load(train=str(tmp_path / "a.tsv"), heldout_size=4)
    assert smaller.test == first.test[:4]


def test_what_shares_a_sentence_with_a_cut_split_is_counted(tmp_path: Path) -> None:
    pairs = [SentencePair(f"s{i // 2}", f"t{i}") for i in range(40)]  # each source twice
    corpus = load(train=str(write(tmp_path / "a.tsv", tsv(pairs))), heldout_size=2)
    assert len(corpus.train) == 40 - 2 * 2 * 2
    assert all("(and 2 more that share a sentence with them dropped)" in n for n in corpus.notes)


@pytest.mark.parametrize("count", [1, 9])
def test_too_little_to_cut_from(tmp_path: Path, count: int) -> None:
    path = str(write(tmp_path / "a.tsv", tsv(ROWS[:count])))
    with pytest.raises(DataError, match=f"{count} training pairs are too few to cut a test split"):
        load(train=path)
    with pytest.raises(DataError, match=r"give data\.validation"):
        load(train=path, test=path)


def test_nothing_left_after_a_cut(tmp_path: Path) -> None:
    path = str(write(tmp_path / "a.tsv", tsv([SentencePair("s", f"t{i}") for i in range(20)])))
    with pytest.raises(DataError, match="nothing is left to train on"):
        load(train=path)


# through the program


def test_a_data_error_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    path = tiny_config_file(tmp_path)
    write(tmp_path / "train.tsv", b"en\tfr\na\tb\n\xff\n")
    result = tmt("build-tokenizer", "-c", path)
    assert result.exit_code == 1
    assert result.error == f"{tmp_path}/train.tsv:3: not valid UTF-8 (byte 0xff at column 1)"


def test_no_file_of_the_hub_is_asked_for_when_the_folder_is_there(tmp_path: Path) -> None:
    """In a new process, where every connection is an error."""
    multi30k(tmp_path / "multi30k")
    code = (
        "import socket\n"
        "def fail(*a, **k): raise SystemExit('connected')\n"
        "socket.getaddrinfo = socket.socket.connect = fail\n"
        "from transformer_mt.config.tasks import PairsConfig\n"
        "from transformer_mt.corpus.source import load_corpus\n"
        "c = PairsConfig(src_lang='en', tgt_lang='fr', dataset='multi30k')\n"
        "print(len(load_corpus(c).train))\n"
    )
    env = {**os.environ, "HF_HOME": str(tmp_path / "hf")}
    done = subprocess.run(
        python("-c", code), cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("30\n", "")
