"""The form of a file is known by its content; tables without a header; cells that are no text."""

import bz2
import csv
import gzip
import io
import json
import logging
import lzma
import os
import tarfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import pytest
import zstandard
from tiny_runs import write

from transformer_mt.cli.streams import open_input, read_chunks
from transformer_mt.config.tasks import LabelledConfig, PairsConfig, TextConfig
from transformer_mt.corpus.source import load_corpus
from transformer_mt.doctor.reading import Split, open_corpus
from transformer_mt.doctor.report import Finding
from transformer_mt.errors import DataError
from transformer_mt.files.lines import read_text
from transformer_mt.files.packed import unpacked

LINES = ["Günaydin", "おはよう", "(a) BZh", "", "x" * 200_000, "end"]
RAW = "\n".join(LINES).encode()
PACK: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda raw: lzma.compress(raw, format=lzma.FORMAT_ALONE),
    "zstd": zstandard.compress,
}
PACKED = [form for form in PACK if form != "plain"]
NAMES = ("x", "x.txt", "x.gz", "x.GZ", "x y é.xz")


def splits_of(config: PairsConfig, found: list[Finding]) -> list[Split]:
    return open_corpus(config, found.append)


def doctor(config: PairsConfig) -> tuple[list[tuple[str, ...]], list[Finding]]:
    """The pairs of train as `doctor` reads them, and what it says of reading."""
    found: list[Finding] = []
    sides: tuple[list[str], list[str]] = ([], [])
    for split in splits_of(config, found):
        for block in split.read(found.append, lambda _: None):
            if split.name == "train":
                sides[block.side].extend(block.texts)
    return list(zip(*sides, strict=False)), found


def pairs(file: Path, **settings: Any) -> PairsConfig:
    files = dict.fromkeys(("train", "validation", "test"), str(file))
    return PairsConfig(**{"src_lang": "en", "tgt_lang": "fr"} | files | settings)


def read_pairs(config: PairsConfig) -> list[tuple[str, ...]]:
    return [tuple(row) for row in load_corpus(config).train]


@pytest.mark.parametrize("form", PACK)
@pytest.mark.parametrize("name", NAMES)
def test_text_is_read_whatever_its_form_and_name(tmp_path: Path, form: str, name: str) -> None:
    path = write(tmp_path / name, PACK[form](RAW))
    assert list(read_text(path)) == LINES
    link = tmp_path / "link"
    link.symlink_to(path)
    with open_input(link) as file:
        assert [line for chunk in read_chunks(file) for line in chunk] == LINES
    read, found = doctor(
        pairs(path, **dict.fromkeys(("train", "validation", "test"), (path, path)))
    )
    assert ([src for src, _ in read], found) == (LINES, [])


@pytest.mark.parametrize("form", PACKED)
def test_members_follow_each_other(tmp_path: Path, form: str) -> None:
    raw = b"".join(
        PACK["gzip" if form == "lzma" else form](part) for part in (b"a\nb", b"", b"c\n")
    )
    assert list(read_text(write(tmp_path / "x", raw))) == ["a", "bc"]


@pytest.mark.parametrize("form", PACKED)
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_what_is_cut_off_is_an_error(tmp_path: Path, form: str, share: float) -> None:
    whole = PACK[form](os.urandom(50_000).hex().encode())
    path = write(tmp_path / "x", whole[: int(len(whole) * share)])
    with pytest.raises(DataError, match=r"x: cannot be read \("):
        list(read_text(path))
    with open_input(path) as file, pytest.raises(DataError, match="cannot be read after line"):
        list(read_chunks(file))


@pytest.mark.parametrize("form", PACK)
def test_a_pipe_is_read_that_gives_few_bytes_at_a_time(form: str) -> None:
    packed = PACK[form](b"one\ntwo\n")
    out, into = os.pipe()

    def fill() -> None:
        with os.fdopen(into, "wb", buffering=0) as pipe:
            for byte in packed:
                pipe.write(bytes([byte]))

    threading.Thread(target=fill).start()
    with os.fdopen(out, "rb") as raw:
        assert unpacked(raw, "pipe").read() == b"one\ntwo\n"


def test_a_short_line_is_not_kept_waiting() -> None:
    out, into = os.pipe()
    with os.fdopen(out, "rb") as raw, os.fdopen(into, "wb", buffering=0) as pipe:
        pipe.write(b"B\n")
        assert unpacked(raw, "pipe").readline() == b"B\n"


@pytest.mark.parametrize(
    "line", ["BZh9 is a word", "PK", "(", "%PDF", "PAR1S", "7z", "GIF89", "Rar!", "]"]
)
def test_text_that_begins_like_another_form(tmp_path: Path, line: str) -> None:
    assert list(read_text(write(tmp_path / "x.gz", f"{line}\n".encode()))) == [line]


def _zip(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, "text")
    return file.getvalue()


def _tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"), io.BytesIO())
    return file.getvalue()


FOREIGN = {
    "a zip archive; unpack it": _zip("a.txt"),
    "an office document": _zip("word/document.xml"),
    "a tar archive; unpack it": _tar(),
    "a 7z archive; unpack it": b"7z\xbc\xaf\x27\x1c\0\4",
    "a PDF document": b"%PDF-1.7\n",
    "an SQLite database": b"SQLite format 3\0",
    "compressed with lz4": b"\x04\x22\x4d\x18x",
    "UTF-16 text": "Привет\n".encode("utf-16"),
    "UTF-32 text": "Привет\n".encode("utf-32"),
    "UTF-16 text (LE, without": "Grüße aus Köln\n".encode("utf-16-le"),
    "UTF-16 text (BE, without": "Grüße aus Köln\n".encode("utf-16-be"),
    "compressed twice": gzip.compress(lzma.compress(b"x")),
}


@pytest.mark.parametrize("what", FOREIGN)
@pytest.mark.parametrize("form", ["plain", "gzip"])
def test_what_is_no_text_is_named(tmp_path: Path, what: str, form: str) -> None:
    path = write(tmp_path / "x.txt", PACK[form](FOREIGN[what]))
    message = "compressed twice" if form == "gzip" and "twice" in what else what
    with pytest.raises(DataError) as caught:
        list(read_text(path))
    assert str(caught.value).startswith(f"{path}: is {message}")
    with open_input(path) as file, pytest.raises(DataError) as caught:
        list(read_chunks(file))
    assert str(caught.value).startswith(f"{path}: is {message}")


TABLE = [("a", "1"), ("", "b"), ("c", ""), ("2.5", "d")]
JSON = [{"en": "a", "fr": 1}, {"en": None, "fr": "b"}, {"en": "c"}, {"en": 2.5, "fr": "d"}]


def make_table(path: Path) -> Path:
    if ".jsonl" in path.name:
        return write(path, "".join(f"{json.dumps(row)}\n" for row in JSON))
    tab = "\t" if ".tsv" in path.name else ","
    return write(path, "".join(f"{tab.join(row)}\n" for row in [("en", "fr"), *TABLE]))


@pytest.mark.parametrize("form", ["gzip", "xz", "zstd", "plain"])
@pytest.mark.parametrize("name", ["t.tsv.xz", "t.csv.zst", "t.jsonl.bz2", "t.JSONL", "t.tsv"])
def test_cells_are_the_same_in_every_table(tmp_path: Path, name: str, form: str) -> None:
    path = make_table(tmp_path / name.lower()).rename(tmp_path / name)
    path.write_bytes(PACK[form](path.read_bytes()))
    assert read_pairs(pairs(path)) == TABLE
    assert doctor(pairs(path)) == (TABLE, [])


def test_cells_of_parquet(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"en": ["a", None], "fr": [1.5, float("nan")]}).to_parquet(path)
    expected = [("a", "1.5"), ("", "")]
    assert read_pairs(pairs(path)) == expected
    assert doctor(pairs(path)) == (expected, [])
    path.write_bytes(zstandard.compress(path.read_bytes()))
    assert read_pairs(pairs(path)) == expected


@pytest.mark.parametrize("name", ["t.tsv", "t.csv"])
def test_a_table_without_a_header(tmp_path: Path, name: str) -> None:
    tab = "\t" if name == "t.tsv" else ","
    rows = [("Good day.", "Bonjour.", "17"), ("Yes.", "Oui.", "18")]
    path = write(tmp_path / name, "".join(f"{tab.join(row)}\n" for row in rows))
    expected = [row[:2] for row in rows]
    assert read_pairs(pairs(path, header=False)) == expected
    assert doctor(pairs(path, header=False)) == (expected, [])
    numbered = pairs(path, header=False, src_column="3", tgt_column="1")
    assert read_pairs(numbered) == [(row[2], row[0]) for row in rows]
    with pytest.raises(DataError, match=r"or data\.header to false if the first line is a row"):
        read_pairs(pairs(path))
    assert "data.header to false" in doctor(pairs(path))[1][0].message
    with pytest.raises(DataError, match=r"no column '4', only 1, 2, 3; set data\.tgt_column$"):
        read_pairs(pairs(path, header=False, tgt_column="4"))
    files: dict[str, Any] = dict.fromkeys(("train", "validation", "test"), str(path))
    text = load_corpus(TextConfig(header=False, **files))
    assert [tuple(row) for row in text.train] == [row[:1] for row in rows]
    labelled = load_corpus(LabelledConfig(header=False, **files, label_column="3"))
    assert [tuple(row) for row in labelled.train] == [(row[0], row[2]) for row in rows]
    short = write(tmp_path / name, path.read_text("utf-8") + "x\n")
    with pytest.raises(
        DataError, match=f"{name}:3: the number of cells is 1, but the first line has 3"
    ):
        read_pairs(pairs(short, header=False))
    assert doctor(pairs(short, header=False))[1][0].examples[0].line == 3


def test_quoted_tsv_is_noticed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = pd.DataFrame({"en": ["plain", 'the "word" here'], "fr": ["a", "b"]})
    path = tmp_path / "t.tsv"
    rows.to_csv(path, sep="\t", index=False)
    with caplog.at_level(logging.WARNING):
        read_pairs(pairs(path))
    assert f"{path}:3: cells quoted as in CSV" in caplog.text
    (finding, *_) = doctor(pairs(path))[1]
    assert (finding.code, finding.examples[0].line) == ("quoted", 3)
    caplog.clear()
    rows.to_csv(path, sep="\t", index=False, quoting=csv.QUOTE_NONE)
    assert read_pairs(pairs(path))[1] == ('the "word" here', "b")
    assert not caplog.text
    rows["fr"] = ["a\nb", "c"]
    rows.to_csv(path, sep="\t", index=False)
    with pytest.raises(DataError, match=r"t\.tsv:3: .*cells quoted as in CSV"):
        read_pairs(pairs(path))
    assert {finding.code for finding in doctor(pairs(path))[1]} == {"quoted", "cells"}


@pytest.mark.parametrize("cell", ['"Hi," he said, "come."', '"Hi."', '"', '""', 'a ""b""'])
def test_a_sentence_with_quotation_marks_is_text(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, cell: str
) -> None:
    path = write(tmp_path / "t.tsv", f"en\tfr\n{cell}\tx\n")
    assert read_pairs(pairs(path)) == [(cell, "x")]
    assert not caplog.text
    assert doctor(pairs(path))[1] == []
