"""Text of one column, and labelled text, from everything that it can be read from."""

import gzip
import json
from pathlib import Path
from typing import Any

import datasets
import pytest
from tiny_runs import write

from transformer_mt.config.tasks import LabelledConfig, TextConfig
from transformer_mt.corpus.source import (
    Corpus,
    LabelledText,
    Source,
    Text,
    load_corpus,
    load_split,
)
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.phrasebook import phrasebook_splits

pytestmark = pytest.mark.usefixtures("own_caches")

TEXTS = [f"text {i} , é\u2028 {'x' * (i % 3)}" for i in range(60)]
LABELLED = [LabelledText(text, ("neg", "pos")[i % 2]) for i, text in enumerate(TEXTS)]


def text(**settings: Any) -> Corpus[Text]:
    return load_corpus(TextConfig(**settings))


def labelled(**settings: Any) -> Corpus[LabelledText]:
    return load_corpus(LabelledConfig(**settings))


def everywhere(files: Any) -> dict[str, Any]:
    return dict.fromkeys(("train", "validation", "test"), files)


def lines(texts: list[str]) -> str:
    return "".join(f"{each}\n" for each in texts)


def make_table(path: Path, rows: list[dict[str, Any]]) -> str:
    if path.suffix == ".parquet":
        datasets.Dataset.from_list(rows).to_parquet(str(path))
        return str(path)
    if ".jsonl" in path.name:
        written = "".join(json.dumps(row) + "\n" for row in rows)
    else:
        tab = "\t" if ".tsv" in path.name else ","
        cells = [list(rows[0]), *([str(cell) for cell in row.values()] for row in rows)]
        quote = "" if tab == "\t" else '"'
        written = "".join(tab.join(f"{quote}{c}{quote}" for c in row) + "\n" for row in cells)
    raw = written.encode()
    return str(write(path, gzip.compress(raw) if path.suffix == ".gz" else raw))


TABLES = ("t.tsv", "t.tsv.gz", "t.csv", "t.csv.gz", "t.jsonl", "t.jsonl.gz", "t.parquet")


# running text


@pytest.mark.parametrize("name", ["a", "a.txt", "a.en", "a.md", "a.txt.gz"])
def test_a_text_file_of_any_name_is_lines(tmp_path: Path, name: str) -> None:
    raw = "one\n\n  two \nthree\u2028\x0b".encode()
    path = write(tmp_path / name, gzip.compress(raw) if name.endswith(".gz") else raw)
    found = text(**everywhere(str(path)))
    assert list(found.train) == [("one",), ("",), ("  two ",), ("three\u2028\x0b",)]
    assert all(isinstance(row, Text) for row in [*found.train, *found.validation])


def test_several_text_files_follow_each_other(tmp_path: Path) -> None:
    names = tuple(str(write(tmp_path / name, f"{name}\nx")) for name in ("b", "a", "c.gz.txt"))
    found = text(**everywhere(names))
    assert [row.text for row in found.train] == ["b", "x", "a", "x", "c.gz.txt", "x"]
    assert text(**everywhere(names[:1])).validation == [("b",), ("x",)]


@pytest.mark.parametrize("name", TABLES)
def test_one_column_of_a_table(tmp_path: Path, name: str) -> None:
    path = make_table(tmp_path / name, [{"id": str(i), "it": t} for i, t in enumerate(TEXTS)])
    assert [row.text for row in text(**everywhere(path), text_column="it").train] == TEXTS
    with pytest.raises(DataError, match=r"no column 'text', only id, it; set data\.text_column"):
        text(**everywhere(path))


def test_a_table_among_text_files_is_refused(tmp_path: Path) -> None:
    paths = tuple(str(write(tmp_path / name, "x\n")) for name in ("a.txt", "b.tsv"))
    with pytest.raises(ConfigError, match=r"b\.tsv: is a table: give it alone"):
        text(**everywhere(paths))


@pytest.mark.parametrize("column", ["text", "en"])
def test_one_column_of_a_saved_data_set(tmp_path: Path, column: str) -> None:
    nested = [{"n": 1, "translation": {"en": each, "fr": "-"}} for each in TEXTS]
    rows = nested if column == "en" else [{"text": each} for each in TEXTS]
    splits = dict.fromkeys(("train", "validation", "test"), datasets.Dataset.from_list(rows))
    datasets.DatasetDict(splits).save_to_disk(str(tmp_path / "set"))
    found = text(dataset=str(tmp_path / "set"), text_column=column)
    assert [row.text for row in found.test] == TEXTS


@pytest.mark.parametrize(("column", "side"), [("en", 0), ("fr", 1)])
def test_a_side_of_the_phrasebook(column: str, side: int) -> None:
    found = text(dataset="phrasebook", text_column=column)
    for split, pairs in phrasebook_splits().items():
        assert list(getattr(found, split)) == [(pair[side],) for pair in pairs]


def test_the_phrasebook_has_two_columns() -> None:
    with pytest.raises(ConfigError, match=r"set data\.text_column to en or fr, not 'text'"):
        text(dataset="phrasebook")


def test_blocks_are_held_out_from_the_end(tmp_path: Path) -> None:
    """Running text stays whole, also where sentences occur twice."""
    path = str(write(tmp_path / "a", lines([*TEXTS[:50], *TEXTS[:10]])))
    found = text(train=path, heldout_size=4)
    parts = [[row.text for row in part] for part in (found.train, found.validation, found.test)]
    assert [len(part) for part in parts] == [52, 4, 4]
    assert [line for part in parts for line in part] == [*TEXTS[:50], *TEXTS[:10]]
    assert found.notes == [
        "no test split given: 4 lines were cut from the end of train",
        "no validation split given: 4 lines were cut from the end of train",
    ]
    assert len(text(train=path).test) == 6  # a tenth
    assert text(train=path, validation=path, heldout_size=4).test == found.test


def test_lines_are_held_out_by_their_text(tmp_path: Path) -> None:
    """The same choice in any order; no sentence stands in two splits."""
    splits = []
    for number, order in enumerate(([*TEXTS, *TEXTS[:20]], [*TEXTS[:20], *TEXTS[::-1]])):
        path = str(write(tmp_path / str(number), lines(order)))
        splits.append(text(train=path, examples="lines", heldout_size=5))
    first, second = splits
    assert first.test == second.test
    assert first.validation == second.validation
    assert len({*first.train, *first.validation, *first.test}) == 60
    assert not {*first.validation, *first.test} & {*first.train}
    assert first.notes[0].startswith("no test split given: 5 lines were cut from train (and ")


@pytest.mark.parametrize("examples", ["blocks", "lines"])
def test_too_few_lines_to_cut_from(tmp_path: Path, examples: Any) -> None:
    path = str(write(tmp_path / "a", "one\ntwo\n"))
    with pytest.raises(DataError, match="2 training lines are too few to cut a test split from"):
        text(train=path, examples=examples)


def test_a_missing_file_of_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: there is no such file"):
        text(train=str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match=r"give text files, one table, or a 'data\.dataset'"):
        text()


def test_one_split_of_text_is_read_alone(tmp_path: Path) -> None:
    path = str(write(tmp_path / "a", lines(TEXTS)))
    settings = TextConfig(train=str(tmp_path / "nowhere"), test=path)
    assert load_split(settings, "test") == [(each,) for each in TEXTS]
    assert load_split(TextConfig(train=path), "validation") == text(train=path).validation


def test_text_has_the_fingerprint_of_its_files(tmp_path: Path) -> None:
    path = write(tmp_path / "a", lines(TEXTS))
    source = Source(TextConfig(train=str(path)))
    assert source.fingerprint == Source(TextConfig(train=str(path))).fingerprint
    path.write_text(lines(TEXTS[1:]))
    assert source.current_fingerprint() != source.fingerprint


# labelled text


@pytest.mark.parametrize("name", TABLES)
def test_two_columns_of_a_table(tmp_path: Path, name: str) -> None:
    rows = [{"n": "1", "it": row.text, "class": row.label} for row in LABELLED]
    path = make_table(tmp_path / name, rows)
    found = labelled(**everywhere(path), text_column="it", label_column="class")
    assert list(found.train) == found.test == LABELLED
    assert all(isinstance(row, LabelledText) for row in [*found.train, *found.validation])
    with pytest.raises(DataError, match=r"no column 'label', only n, it, class; set data\.label_c"):
        labelled(**everywhere(path), text_column="it")


@pytest.mark.parametrize("name", TABLES)
def test_numbers_are_labels(tmp_path: Path, name: str) -> None:
    path = make_table(tmp_path / name, [{"text": t, "label": i - 1} for i, t in enumerate("abc")])
    assert list(labelled(**everywhere(path)).train) == [("a", "-1"), ("b", "0"), ("c", "1")]


@pytest.mark.parametrize("name", ["t.jsonl", "t.parquet"])
@pytest.mark.parametrize("bad", [0.5, ["a"]])
def test_what_is_no_label_is_named(tmp_path: Path, name: str, bad: Any) -> None:
    path = make_table(tmp_path / name, [{"text": "a", "label": bad}] * 3)
    with pytest.raises(DataError, match=r"row 1 has no text or whole number in column 'label'"):
        labelled(**everywhere(path))


def test_a_file_for_each_label(tmp_path: Path) -> None:
    """Though train is in order of label, every split has all labels."""
    paths = tuple(
        str(write(tmp_path / label, lines([f"{label} {i}" for i in range(100)])))
        for label in ("en", "de", "fr")
    )
    found = labelled(train=paths, labels=("en", "de", "other"), heldout_size=20)
    everything = [*found.train, *found.validation, *found.test]
    assert len(everything) == 300
    assert all(
        row.text.split()[0] == {"other": "fr"}.get(row.label, row.label) for row in everything
    )
    for split in (found.validation, found.test):
        assert {row.label for row in split} == {"en", "de", "other"}
    assert found.notes[0].startswith("no test split given: 20 texts were cut from train (and 0 ")


def test_rows_without_text_or_label_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = [*LABELLED, ("", "pos"), (" \t", "pos"), ("text", ""), ("", "")]
    path = make_table(tmp_path / "t.csv", [{"text": t, "label": label} for t, label in rows])
    found = labelled(train=path, validation=path, heldout_size=2)
    assert found.validation == LABELLED
    assert len(list(found.train)) == len(LABELLED) - 2
    assert found.notes[:2] == [
        "train: left out of the rows: 3 without text, 1 without a label",
        "validation: left out of the rows: 3 without text, 1 without a label",
    ]


def saved_classes(folder: Path, numbers: dict[str, list[int]]) -> str:
    """A data set as imdb is: numbers whose names the data set knows."""
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])}
    )
    tables = {
        split: datasets.Dataset.from_dict(
            {"text": [f"{split} {i}" for i in range(len(labels))], "label": labels}, features
        )
        for split, labels in numbers.items()
    }
    datasets.DatasetDict(tables).save_to_disk(str(folder))
    return str(folder)


def test_a_data_set_of_the_hub_knows_the_names_of_its_classes(tmp_path: Path) -> None:
    folder = saved_classes(
        tmp_path / "set", {"train": [0, 1] * 20, "test": [1, 0, -1], "unsupervised": [-1] * 9}
    )
    found = labelled(dataset=folder, heldout_size=4)
    assert found.test == [("test 0", "pos"), ("test 1", "neg")]
    assert {row.label for row in found.train} == {"neg", "pos"}
    assert len(found.validation) == 4
    assert found.notes[0] == "test: left out of the rows: 0 without text, 1 without a label"
    with pytest.raises(DataError, match=r"\(unsupervised\): there are no rows"):
        labelled(dataset=folder, train="unsupervised")


def test_rows_that_are_all_left_out_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "text,label\n,a\n  ,b\nc,\n")
    with pytest.raises(DataError) as caught:
        labelled(train=str(path))
    why = "(train: left out of the rows: 2 without text, 1 without a label)"
    assert str(caught.value) == f"{path}: there are no rows {why}"


def test_the_phrasebook_is_a_task_of_two_languages() -> None:
    found = labelled(dataset="phrasebook")
    for split, pairs in phrasebook_splits().items():
        expected = {
            (pair[side], label) for pair in pairs for side, label in enumerate(("en", "fr"))
        }
        rows = list(getattr(found, split))
        assert set(rows) == expected
        assert len(rows) == 2 * len(pairs)


def test_what_labelled_text_must_be_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give one table, or text files with a label for each"):
        labelled()
    with pytest.raises(ConfigError, match=r"a\.txt: a single file must be one of .*data\.labels"):
        labelled(**everywhere(str(write(tmp_path / "a.txt", "a\n"))))


def test_no_text_stands_in_two_splits_whatever_its_label(tmp_path: Path) -> None:
    rows = [*LABELLED, *(LabelledText(row.text, "other") for row in LABELLED)]
    path = make_table(tmp_path / "t.jsonl", [row._asdict() for row in rows])
    found = labelled(train=path, heldout_size=6)
    train = {row.text for row in found.train}
    assert not train & {row.text for row in (*found.validation, *found.test)}
