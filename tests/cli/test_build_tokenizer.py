"""`tmt build-tokenizer`, and `tmt train` with `--dry-run` after it."""

from pathlib import Path

import pytest
from tiny_runs import TASKS, Task, said, task_file, tiny_config_file, tmt, write

from transformer_mt.config.load import load_config
from transformer_mt.text.tokenizer import Tokenizer


def test_build_tokenizer_writes_tells_and_repeats_itself(tmp_path: Path) -> None:
    config = tiny_config_file(tmp_path)
    first = tmt("build-tokenizer", "-c", config)
    assert (first.exit_code, first.stderr) == (0, "")
    files = {path.name: path.read_bytes() for path in (tmp_path / "run").glob("*.json")}
    assert files.keys() == {"tokenizer.src.json", "tokenizer.tgt.json"}
    for side, language in (("src", "en"), ("tgt", "fr")):
        size = Tokenizer.load(tmp_path / "run" / f"tokenizer.{side}.json").vocab_size
        assert f"{language}: {size} tokens -> " in first.stdout
    second = tmt("build-tokenizer", "-c", config)
    assert second.stdout == first.stdout
    assert {p.name: p.read_bytes() for p in (tmp_path / "run").glob("*.json")} == files
    saved = load_config(tmp_path / "run" / "config.yaml")
    assert saved == load_config(config)


def test_build_tokenizer_tells_coverage_and_unknown_words(tmp_path: Path) -> None:
    config = tiny_config_file(tmp_path)
    validation = write(tmp_path / "v.tsv", "en\tfr\nThe zebra, a cat .\tLe chat .\n")
    data = f"data.validation={validation}"
    result = tmt("build-tokenizer", "-c", config, "--set", data)
    english, french = result.stdout.split("fr: ")
    assert "training text: 100.00 % of the tokens are in the vocabulary" in english
    assert "validation text: 50.00 %, UNK rate 50.00 %" in english  # zebra , a of six
    words = english.split("most frequent unknown words: ")[1].splitlines()[0].split(", ")
    assert {word.replace(",", "") for word in words if word} >= {"zebra (1)", "a (1)"}
    assert "UNK rate 0.00 %" in french
    assert "most frequent unknown words: none" in french


def test_build_tokenizer_replaces_others_by_force_alone(tmp_path: Path) -> None:
    config = tiny_config_file(tmp_path)
    assert tmt("build-tokenizer", "-c", config).exit_code == 0
    path = tmp_path / "run" / "tokenizer.src.json"
    before = path.read_bytes()
    change = ("--set", "tokenizer.lowercase=true")
    refused = tmt("build-tokenizer", "-c", config, *change)
    assert refused.exit_code == 2
    assert refused.error == f"{path}: holds another tokenizer; --force replaces it"
    assert path.read_bytes() == before
    assert tmt("build-tokenizer", "-c", config, *change, "--force").exit_code == 0
    assert path.read_bytes() != before


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_build_tokenizer_with_too_small_a_vocabulary(tmp_path: Path, kind: str) -> None:
    options = ("--set", f"tokenizer.type={kind}", "--set", "tokenizer.vocab_size=9")
    result = tmt("build-tokenizer", "-c", tiny_config_file(tmp_path), *options)
    assert result.exit_code == 2
    assert result.error.startswith("tokenizer.vocab_size is 9, but the training text has more")


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    config = tiny_config_file(tmp_path)
    result = tmt("train", "-c", config, "--dry-run")
    assert result.exit_code == 0
    assert "run_dir: " in result.stdout
    assert "pairs read" in result.stdout
    assert "parameters on " in result.stdout
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("among_runs")
@pytest.mark.parametrize("task", TASKS)
def test_dry_run_and_vocabulary_of_every_task_are_what_training_takes(
    tmp_path: Path, task: Task
) -> None:
    config = task_file(tmp_path, task)
    plan = said(tmt("train", "-q", "--dry-run", "-c", config, "--device", "cpu"))
    assert plan.startswith(f"task: {task}\n")
    read_back = tmp_path / "resolved.yaml"
    read_back.write_text(plan.split("\n\n")[0], "utf-8")
    assert load_config(read_back) == load_config(config)
    answers = {"translation": "target tokens", "language-model": "tokens"}.get(task, "texts")
    assert f" {answers} a second" in plan
    assert "parameters on cpu" in plan
    assert not (tmp_path / "run").exists()

    built = said(tmt("build-tokenizer", "-q", "-c", config))
    assert built.count("100.00 %, UNK rate 0.00 %") == 1 + (task == "translation")
    names = {p.name for p in (tmp_path / "run").iterdir() if not p.name.startswith(".")}
    sides = {"tokenizer.src.json", "tokenizer.tgt.json"}
    wanted = sides if task == "translation" else {"tokenizer.json"}
    wanted |= {"labels.json"} if task == "classification" else set()
    assert names == {"config.yaml", "SHA256SUMS"} | wanted
    before = {name: (tmp_path / "run" / name).read_bytes() for name in wanted}
    result = tmt("train", "-q", "-c", config, "--device=cpu", "--set=training.max_steps=1")
    assert result.exit_code == 0, result.stderr
    assert before == {name: (tmp_path / "run" / name).read_bytes() for name in wanted}
