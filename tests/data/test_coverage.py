"""What the vocabulary does not know is told before it does harm, by every command and task."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tiny_runs import tmt, write

from transformer_mt.config.sections import TokenizerConfig
from transformer_mt.data.coverage import Coverage, UnknownCounter, saved_coverages
from transformer_mt.data.encoding import encode_texts
from transformer_mt.text.tokenizer import Tokenizer

pytestmark = pytest.mark.usefixtures("own_cache")

TINY: dict[str, Any] = {"d_model": 8, "num_heads": 2, "d_ff": 8}
TRAINING = {"max_steps": 2, "validate_every": 2, "warmup_steps": 2, "batch_tokens": 200}
ENGLISH = ["a red cat sat here .", "the blue dog ran there .", "a cat ran .", "the dog sat ."] * 6
OTHER = ["bir kirmizi kedi oturdu .", "mavi kopek kostu .", "kedi kostu .", "kopek oturdu ."] * 6


def settings(folder: Path, task: str, texts: list[str], **tokenizer: Any) -> Path:
    """A configuration whose training and validation text is this one."""
    data: dict[str, Any]
    layers = {"num_layers": 1}
    if task == "translation":
        write(folder / "en", "\n".join(texts) + "\n")
        data = {"src_lang": "en", "tgt_lang": "en-GB", "train": [f"{folder}/en", f"{folder}/en"]}
        layers = {"num_encoder_layers": 1, "num_decoder_layers": 1}
    elif task == "language-model":
        write(folder / "en", "\n".join(texts) + "\n")
        data = {"train": f"{folder}/en"}
    else:
        rows = "".join(f"{text}\t{i % 2}\n" for i, text in enumerate(texts))
        write(folder / "en.tsv", f"text\tlabel\n{rows}")
        data = {"train": f"{folder}/en.tsv"}
    config = {
        "task": task,
        "run_dir": f"{folder}/run",
        "data": data | {"validation": data["train"], "test": data["train"]},
        "tokenizer": tokenizer,
        "model": TINY | layers,
        "training": TRAINING,
    }
    return write(folder / "c.yaml", json.dumps(config))


def train(path: Path, *more: str) -> Any:
    return tmt("train", "-c", path, "--device=cpu", *more)


TASKS = ["translation", "language-model", "classification"]


@pytest.mark.parametrize("task", TASKS)
def test_train_warns_of_many_unknown_tokens(tmp_path: Path, task: str) -> None:
    texts = [*ENGLISH, *(f"a rare{'x' * i} cat ." for i in range(12))]
    done = train(settings(tmp_path, task, texts))
    assert done.exit_code == 0, done.stderr
    for split in ("train", "validation"):
        assert f"{split}: " in done.stderr
    unknown, tokens = 12, sum(len(text.split()) for text in texts)
    assert f"{100 * unknown / tokens:.1f} % of the " in done.stderr
    assert "are unknown, such as rare" in done.stderr
    assert "set tokenizer.type to bpe" in done.stderr.replace("\n", " ")


@pytest.mark.parametrize("task", TASKS)
def test_nothing_is_said_where_all_is_known(tmp_path: Path, task: str) -> None:
    done = train(settings(tmp_path, task, ENGLISH), "--dry-run")
    assert done.exit_code == 0, done.stderr
    assert "unknown, such as" not in done.stderr


@pytest.mark.parametrize("kind", ["word", "character"])
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("command", ["train", "build-tokenizer"])
def test_an_empty_vocabulary_is_refused_and_nothing_written(
    tmp_path: Path, task: str, kind: str, command: str
) -> None:
    texts = [chr(ord("a") + i) for i in range(12)]
    path = settings(tmp_path, task, texts, type=kind, min_frequency=40 if kind == "word" else 50)
    done = tmt(command, *(["-q"] if command == "train" else []), "-c", path)
    assert done.exit_code == 2, done.stderr
    assert "is empty" in done.error
    assert "tokenizer.min_frequency" in done.error
    assert not (tmp_path / "run").exists()


def child(folder: Path, parent: Path, texts: list[str]) -> Path:
    """More training of a parent, on text of other languages."""
    config = yaml.safe_load((parent / "c.yaml").read_text())
    write(folder / "tr", "\n".join(texts) + "\n")
    files = [str(parent / "en"), str(folder / "tr")]
    config["data"] |= {"tgt_lang": "tr", **dict.fromkeys(("train", "validation", "test"), files)}
    config |= {"init_from": f"{parent}/run", "run_dir": f"{folder}/run"}
    del config["model"]
    return write(folder / "c.yaml", json.dumps(config))


def test_other_languages_than_the_parents_are_named(tmp_path: Path) -> None:
    parent, folder = tmp_path / "parent", tmp_path / "child"
    parent.mkdir()
    folder.mkdir()
    assert train(settings(parent, "translation", ENGLISH)).exit_code == 0
    path = child(folder, parent, OTHER)
    done = train(path)
    assert done.exit_code == 0, done.stderr
    assert f"{parent}/run was trained for en-en-GB; this data is en-tr" in done.stderr
    assert "% of the target tokens (tr) are unknown, such as " in done.stderr
    assert f"the vocabulary is that of {parent}/run" in done.stderr
    found = tmt("doctor", "-c", path, "--json", f"--set=run_dir={folder}/other")
    codes = {finding["code"] for finding in json.loads(found.stdout)["findings"]}
    assert {"other-languages", "unknown-tokens"} <= codes


def test_text_of_which_nothing_is_known_is_refused(tmp_path: Path) -> None:
    parent, folder = tmp_path / "parent", tmp_path / "child"
    parent.mkdir()
    folder.mkdir()
    assert train(settings(parent, "translation", ENGLISH)).exit_code == 0
    path = child(folder, parent, [text.replace(" .", "") for text in OTHER])
    for more in ((), ("--dry-run",)):
        done = train(path, *more)
        assert done.exit_code == 1
        error = done.stderr.splitlines()[-1]
        assert "error: train: 100.0 % of the target tokens (tr) are unknown" in error
        assert not (folder / "run").exists()
    found = tmt("doctor", "-c", path)
    assert found.exit_code == 1
    assert "[unknown-tokens]" in found.stdout


@pytest.mark.parametrize("kind", ["word", "bpe"])
def test_words_of_a_script_without_spaces_are_warned_of(tmp_path: Path, kind: str) -> None:
    path = settings(tmp_path, "translation", ["今天天气很好。", "我有一个苹果。"] * 10, type=kind)
    sentence = "en is written without spaces, so that tokenizer.type word finds no words in it"
    for command in ("doctor", "build-tokenizer", "train"):
        done = tmt(command, "-c", path, *(["--device=cpu"] if command == "train" else []))
        said = (done.stdout + done.stderr).replace("\n", " ")
        assert (sentence in said) == (kind == "word"), (command, said)


@given(texts=st.lists(st.text(st.sampled_from("abcd"), max_size=5), max_size=30))
def test_unknown_tokens_are_counted_as_one_would_by_hand(texts: list[str]) -> None:
    tokenizer = Tokenizer.build(["ab"], TokenizerConfig(type="character", min_frequency=1))
    counter = UnknownCounter(tokenizer)
    for part in np.array_split(np.arange(len(texts)), 3):
        some = [texts[row] for row in part]
        counter.see(some, encode_texts(tokenizer, some))
    found, letters = counter.coverage(), "".join(texts)
    assert found.tokens == len(letters)
    assert dict(found.commonest) == {c: letters.count(c) for c in "cd" if c in letters}
    assert found.unknown == sum(count for _, count in found.commonest)


def test_counts_come_back_from_json() -> None:
    coverages = {"train": (Coverage(10, 2, (("x", 2),)),)}
    saved = {"train": [{"tokens": 10, "unknown": 2, "commonest": [["x", 2]]}]}
    assert saved_coverages(json.loads(json.dumps(saved))) == coverages
