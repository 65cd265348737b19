"""The shipped configurations of language models and classifiers train, on what they are for."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tiny_runs import random_line, texts, tmt

import transformer_mt

CONFIGS = Path(__file__).parents[2] / "configs"
TINY = {
    "model.d_model": 16,
    "model.num_heads": 2,
    "model.d_ff": 16,
    "model.num_layers": 1,
    "training.max_time": "null",
    "training.max_steps": 2,
    "training.validate_every": 2,
    "training.precision": "fp32",
}
"""As little of each as there can be."""


def save(folder: Path, features: Any, **splits: list[dict[str, Any]]) -> Path:
    """A data set in the library's own format, as `save_to_disk` leaves it."""
    import datasets

    tables = {
        name: datasets.Dataset.from_list(rows, features=features) for name, rows in splits.items()
    }
    datasets.DatasetDict(tables).save_to_disk(folder)
    return folder


def trained(tmp_path: Path, config: str, **settings: object) -> Path:
    """The run of a shipped configuration with a few settings changed."""
    run = tmp_path / "run"
    options = [f"--set={key}={value}" for key, value in (TINY | settings).items()]
    path = CONFIGS / f"{config}.yaml"
    result = tmt("train", "-q", "-c", path, f"--set=run_dir={run}", "--device=cpu", *options)
    assert result.exit_code == 0, result.stderr
    return run


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be asked for."""

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("the hub was asked")

    monkeypatch.setattr("datasets.load_dataset", fail)
    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", fail)


@pytest.mark.usefixtures("own_cache", "no_hub")
def test_imdb_classification(tmp_path: Path) -> None:
    """The format of stanfordnlp/imdb: numbered classes, a split without labels, no validation."""
    import datasets

    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])}
    )

    def rows(count: int, label: int | None = None) -> list[dict[str, Any]]:
        return [
            {"text": text, "label": n % 2 if label is None else label}
            for n, text in enumerate(texts(count, seed=count))
        ]

    splits = {"train": rows(80), "test": rows(20), "unsupervised": rows(10, label=-1)}
    folder = save(tmp_path / "imdb", features, **splits)
    run = trained(tmp_path, "imdb_classification", **{"data.dataset": folder})
    told = transformer_mt.describe_run(run)
    assert told["vocabulary"].endswith("2 labels")
    assert told["data"] == "72 training, 8 validation, 20 test examples"
    assert json.loads((run / "labels.json").read_text()) == ["neg", "pos"]
    found = json.loads(tmt("evaluate", "-q", "--json", "-m", run, "--device=cpu").stdout)
    assert sum(map(sum, found["counts"])) == 20
    classified = tmt("classify", "-q", "-m", run, "--device=cpu", "A good film", "")
    assert {line.split("\t")[0] for line in classified.stdout.splitlines()} <= {"neg", "pos"}
    assert classified.stdout.count("\n") == 2

    table = tmp_path / "more.jsonl"
    table.write_text('{"text": "red", "label": "pos"}\n', "utf-8")
    found = json.loads(tmt("evaluate", "-q", "--json", "-m", run, "--source", table).stdout)
    assert sum(map(sum, found["counts"])) == 1
    named = trained(
        tmp_path / "named",
        "imdb_classification",
        **{"data.dataset": folder, "data.validation": "test"},
    )
    again = tmt("evaluate", "-q", "--json", "-m", named, "--source", table)
    assert again.exit_code == 0, again.stderr  # "test" is no file


@pytest.mark.usefixtures("own_cache", "no_hub")
def test_lm_characters(tmp_path: Path) -> None:
    """The format of wikitext: lines with a space at each end, many of them empty."""
    import datasets

    features = datasets.Features({"text": datasets.Value("string")})
    dice = Random(2)

    def rows(count: int) -> list[dict[str, Any]]:
        kinds = ("", " = {} = \n", " {} \n")
        return [{"text": kinds[n % 3].format(random_line(dice))} for n in range(count)]

    splits = {"train": rows(60), "validation": rows(12), "test": rows(15)}
    folder = save(tmp_path / "wikitext", features, **splits)
    settings = {"data.dataset": folder, "data.subset": "null", "training.batch_tokens": 512}
    run = trained(tmp_path, "lm_characters", **settings)
    found = transformer_mt.evaluate_run(run, device="cpu").to_dict()
    assert 0 < found["bits_per_character"] < 12
    assert found["baselines"]["tri-gram bits per character"] > 0
    generated = tmt("generate", "-q", "-m", run, "--device=cpu", "--length=40", "red ")
    assert generated.exit_code == 0
    assert generated.stdout.startswith("red ")
    book = tmp_path / "book.txt"
    book.write_text("red blue\n\ngreen\n", "utf-8")
    told = transformer_mt.evaluate_run(run, str(book), device="cpu")
    assert told.baselines == {}


@pytest.mark.usefixtures("no_hub")
def test_lm_phrasebook(tmp_path: Path) -> None:
    run = trained(tmp_path, "lm_phrasebook", **{"training.batch_tokens": 512})
    assert transformer_mt.describe_run(run)["source"] == "phrasebook"
    assert transformer_mt.evaluate_run(run, device="cpu").baselines
    assert tmt("generate", "-q", "-m", run, "--device=cpu", "My sister ").exit_code == 0


@pytest.mark.slow
@pytest.mark.usefixtures("no_hub")
def test_the_shipped_classifier_learns_languages(tmp_path: Path) -> None:
    """At least 99 % of the held-out sentences, after a few hundred updates as shipped."""
    run = tmp_path / "run"
    arguments = ("train", "-q", "-c", CONFIGS / "language_id.yaml", f"--set=run_dir={run}")
    shorter = ("--set=training.max_time=null", "--set=training.max_steps=300")
    result = tmt(*arguments, *shorter, "--device=cpu")
    assert result.exit_code == 0, result.stderr
    assert transformer_mt.evaluate_run(run, device="cpu").found.figures["accuracy"] >= 99
    found = tmt("classify", "-q", "-m", run, "--device=cpu", "Where is it?", "Où est-ce ?")
    assert [line.split("\t")[0] for line in found.stdout.splitlines()] == ["en", "fr"]
