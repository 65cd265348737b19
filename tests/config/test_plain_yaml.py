"""What is written in YAML is read as YAML 1.2 has it, and text as it is written."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tiny_runs import tmt, write

from transformer_mt.config.load import load_config, load_saved_config, to_yaml
from transformer_mt.config.tasks import (
    ClassificationConfig,
    LabelledConfig,
    PairsConfig,
    TranslationConfig,
)
from transformer_mt.config.values import PlainLoader, as_node, plain
from transformer_mt.errors import ConfigError

HEAD = "run_dir: r\ndata: {src_lang: en, tgt_lang: fr, dataset: phrasebook}\n"
WORDS = (
    "no yes on off n y No YES true false null ~ 0123 010 0o14 0x10 1e3 1e-9 .5 1. +3 -0 1_000 1:30"
    " 1:30:00 190:20:30 2024-01-01 2024-02-31 = << .nan .inf -.Inf NULL 0b1 ١٢ nein"
)
TRAPS = WORDS.split()
"""Texts that one version of YAML or another takes for something else."""


def read(text: str) -> Any:
    return plain(yaml.compose(text, Loader=PlainLoader))


@pytest.mark.parametrize(
    ("text", "value"),
    [  # section 10.3.2 of the YAML 1.2.2 specification, and what 1.1 had for numbers and truth
        ("[null, Null, NULL, ~, ]", [None] * 4),
        ("[true, True, false, FALSE]", [True, True, False, False]),
        ("[0, 0o7, 0x3A, -19]", [0, 7, 58, -19]),
        ("[0., -0.0, .5, +12e03, -2E+05]", [0.0, -0.0, 0.5, 12000.0, -200000.0]),
        ("[.inf, -.Inf, +.INF]", [float("inf"), -float("inf"), float("inf")]),
        ("[0123, 010, +3, 1., 1e-9]", [123, 10, 3, 1.0, 1e-9]),
        ("[yes, no, on, off, y, n]", ["yes", "no", "on", "off", "y", "n"]),
        ("[1:30, 1_000, 0b1, 2024-01-01, =]", ["1:30", "1_000", "0b1", "2024-01-01", "="]),
        ("['1', \"true\", 'null']", ["1", "true", "null"]),
    ],
)
def test_the_core_schema(text: str, value: list[Any]) -> None:
    found = read(text)
    assert found == value
    assert [type(each) for each in found] == [type(each) for each in value]


finite = st.floats(allow_nan=False, allow_infinity=False)
flat = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | finite | st.text("abc né1.0:~")


@given(st.lists(flat) | st.dictionaries(st.text("abc", min_size=1), flat))
def test_json_is_yaml(value: Any) -> None:
    """YAML 1.2 contains JSON, whose numbers and words are thus an oracle."""
    assert read(json.dumps(value)) == value


@pytest.mark.parametrize("text", TRAPS)
@pytest.mark.parametrize("quoted", [False, True])
def test_text_is_what_is_written(tmp_path: Path, text: str, quoted: bool) -> None:
    given = f'"{text}"' if quoted else text
    head = "run_dir: r\ndata: {src_lang: en, tgt_lang: fr, dataset: phrasebook}\n"
    path = write(tmp_path / "c.yaml", head)
    if text in ("~", "null", "NULL") and not quoted:
        with pytest.raises(ConfigError, match=r"'data\.tgt_lang' must be text, not null"):
            load_config(path, [f"data.tgt_lang={given}"])
        return
    assert load_config(path, [f"data.tgt_lang={given}"]).data.tgt_lang == text  # type: ignore[attr-defined]
    in_file = write(tmp_path / "d.yaml", f"run_dir: {given}\n{head[11:]}") if text != "~" else path
    assert load_config(in_file).run_dir == (text if text != "~" else "r")
    labels = f"task: classification\nrun_dir: r\ndata: {{train: [a, b], labels: [{given}, x]}}\n"
    config = load_config(write(tmp_path / "e.yaml", labels), (), ClassificationConfig)
    assert config.data.labels == (text, "x")


@pytest.mark.parametrize("text", TRAPS)
def test_what_is_saved_reads_back(tmp_path: Path, text: str) -> None:
    data = PairsConfig(
        src_lang=text, tgt_lang="fr", src_column=text, train=(f"./{text}", f"x{text}")
    )
    labelled = LabelledConfig(train=("a", "b"), labels=(text, "x"), text_column=text)
    for config in (
        TranslationConfig(
            run_dir=f"runs/{text}",
            data=replace(data, train=None, dataset=text if text != "~" else None),
        ),
        ClassificationConfig(run_dir="r", data=labelled),
    ):
        path = write(tmp_path / "c.yaml", to_yaml(config))
        assert load_saved_config(path, type(config)) == load_config(path) == config


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\n\r$~"), min_size=1)


@given(name=names, other=names, number=st.floats(0, 10), steps=st.integers(1, 10**12))
def test_every_saved_configuration_reads_back(
    tmp_path_factory: pytest.TempPathFactory, name: str, other: str, number: float, steps: int
) -> None:
    data = PairsConfig(src_lang=name, tgt_lang=other, train=(name, other))
    config = TranslationConfig(run_dir=name, data=data)
    config = replace(
        config,
        training=replace(config.training, max_steps=steps),
        decoding=replace(config.decoding, length_penalty=number),
    )
    path = write(tmp_path_factory.getbasetemp() / "saved.yaml", to_yaml(config))
    assert load_config(path) == config
    assert plain(as_node([name, number, steps])) == [name, number, steps]


def test_what_earlier_versions_saved(tmp_path: Path) -> None:
    """As PyYAML wrote it: quotation marks where YAML 1.1 needed them, floats with a point."""
    text = (
        "task: translation\nrun_dir: '83'\nseed: 8\ninit_from: null\ndata:\n  dataset: phrasebook\n"
        "  src_lang: en\n  tgt_lang: 'no'\n  max_length_ratio: 9.0\ntokenizer:\n  joint: true\n"
        "training:\n  max_time: '5400'\n  adam_epsilon: 1.0e-09\n  checkpoint_every: 10m\n"
    )
    config = load_saved_config(write(tmp_path / "config.yaml", text), TranslationConfig)
    assert (config.run_dir, config.seed, config.data.tgt_lang) == ("83", 8, "no")
    assert (config.training.max_time, config.training.adam_epsilon) == ("5400", 1e-9)
    assert config.tokenizer.joint is True


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("training.max_steps=010", "max_steps", 10),
        ("training.max_steps=0x10", "max_steps", 16),
        ("training.max_steps=0o14", "max_steps", 12),
        ("training.max_steps=+3", "max_steps", 3),
        ("training.learning_rate=.5", "learning_rate", 0.5),
        ("training.learning_rate=1.", "learning_rate", 1.0),
        ("training.learning_rate=01", "learning_rate", 1.0),
        ("training.adam_epsilon=1e-9", "adam_epsilon", 1e-9),
        ("training.max_time=90", "max_time", "90"),
        ("training.max_time=1h30m", "max_time", "1h30m"),
        ("training.checkpoint_every=0500", "checkpoint_every", 500),
    ],
)
def test_numbers_are_those_of_1_2(tmp_path: Path, override: str, key: str, value: Any) -> None:
    found = getattr(load_config(write(tmp_path / "c.yaml", HEAD), [override]).training, key)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("training.max_steps=1_000", "must be a whole number, not '1_000'; write 1000"),
        ("training.max_steps=1e3", "must be a whole number, not 1000.0"),
        ('training.max_steps="5"', "must be a whole number, not '5'"),
        ("training.max_steps=1:30", "must be a whole number, not '1:30'"),
        ('model.dropout="0.1"', "must be a number, not '0.1'"),
        ("tokenizer.lowercase=yes", "must be true or false, not 'yes'; write true"),
        ("tokenizer.lowercase=Off", "must be true or false, not 'Off'; write false"),
        ("tokenizer.lowercase='true'", "must be true or false, not 'true'"),
        ("model.tied_embeddings=no", "not 'no'; did you mean 'none'?"),
        ("training.max_time=1:30", "such as 90s, 30m, 2h or 1h30m, not '1:30'"),
        ("data.tgt_lang=null", "must be text, not null"),
        ("data.tgt_lang=", "must be text, not null"),
        ("data.tgt_lang=[a]", "must be text, not [a]"),
        ("data.tgt_lang=!!str no", "is not a valid YAML value"),
        ("data.tgt_lang=[[[[[[[[[[[[a]]]]]]]]]]]]", "is not a valid YAML value"),
    ],
)
def test_what_is_no_such_value_is_told(tmp_path: Path, override: str, told: str) -> None:
    result = tmt("train", "-c", write(tmp_path / "c.yaml", HEAD), "--set", override)
    assert result.exit_code == 2
    assert result.error.startswith(f"--set {override}: ")
    assert told in result.error


TWICE = [
    (["translate", "x", "-m", "a", "--model", "b"], "--model"),
    (["translate", "x", "-o", "a", "--output=b"], "--output"),
    (["translate", "x", "--beam-size", "3", "-b", "3"], "--beam-size"),
    (["evaluate", "--split", "test", "--split", "test"], "--split"),
    (["classify", "--pairs", "a", "b", "--pairs", "c", "d"], "--pairs"),
    (["train", "-c", "a", "-c", "b"], "--config"),
    (["train", "-c", "a", "--max-time=2h", "-q", "--max-time", "3h"], "--max-time"),
    (["export", "r", "--to", "a", "-o", "b", "--to", "c"], "--to"),
    (["generate", "--seed=1", "-v", "--seed=2"], "--seed"),
    (["doctor", "--config", "a", "--config", "a"], "--config"),
    (["import", "a", "-o", "b", "-o", "c"], "--output"),
    (["build-tokenizer", "-c", "a", "--config", "b"], "--config"),
    (["attention", "x", "-o", "a.png", "-o", "b.png"], "--output"),
    (["rescore", "--lm", "a", "--lm", "b"], "--lm"),
]


@pytest.mark.parametrize(("arguments", "option"), TWICE, ids=lambda case: str(case))
def test_a_value_is_given_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], option: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = tmt(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.error == f"{option} is given twice, but takes one value"
    assert not list(tmp_path.iterdir())


def test_what_may_be_given_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists, flags, a variable beside an option, and words after `--`."""
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "c.yaml", HEAD)
    several = ["--set", "seed=3", "--set", "seed=x", "--dry-run", "--dry-run", "-q", "-q"]
    result = tmt("train", "-c", path, *several)
    assert result.error == "--set seed=x: 'seed' must be a whole number, not 'x'"
    gone = tmt("translate", "-m", "gone", "--", "-m", "x", "-m", "y", env={"TMT_MODEL": "other"})
    assert gone.exit_code == 1
    assert gone.error.startswith("gone: there is no such run directory")
