import dataclasses
import inspect
import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_runs import tiny_config_file, tmt, write

from transformer_mt.config.load import (
    differing_keys,
    load_config,
    to_dict,
    to_yaml,
)
from transformer_mt.config.sections import Config, parse_duration
from transformer_mt.config.tasks import (
    ClassificationConfig,
    LabelledConfig,
    LanguageModelConfig,
    PairsConfig,
    TextConfig,
    TranslationConfig,
)
from transformer_mt.errors import ConfigError

FOLDER = Path(__file__).parents[2] / "configs"
CONFIGS = sorted(FOLDER.glob("*.yaml"))
HEAD = "run_dir: r\ndata: {src_lang: en, tgt_lang: fr, dataset: phrasebook}\n"  # lines 1 and 2

HEAD_OF_TEXT = "task: language-model\nrun_dir: r\ndata: {dataset: phrasebook}\n"


def load(tmp_path: Path, text: str, *overrides: str) -> TranslationConfig:
    return load_config(write(tmp_path / "c.yaml", text), overrides, TranslationConfig)


def leaves(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= (
            leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        )
    return flat


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_shipped_config_loads(path: Path) -> None:
    config = load_config(path)
    assert config.run_dir == f"runs/{path.stem}"


def test_the_configurations_of_the_readme_are_shipped() -> None:
    names = "quickstart multi30k_en_de multi30k_tiny opus_books_en_it base big reference"
    assert {path.stem for path in CONFIGS} >= set(names.split())


REFERENCES: dict[str, Config] = {
    "reference": TranslationConfig(
        run_dir="r", data=PairsConfig(src_lang="a", tgt_lang="b", dataset="c")
    ),
    "reference_language_model": LanguageModelConfig(run_dir="r", data=TextConfig(dataset="c")),
    "reference_classification": ClassificationConfig(run_dir="r", data=LabelledConfig(dataset="c")),
}
CHOSEN = {"run_dir", "data.dataset", "data.src_lang", "data.tgt_lang", "data.text_column"}
"""What a reference sets, so that it can be trained."""


@pytest.mark.parametrize("name", REFERENCES)
def test_references_show_every_key_with_its_default(name: str) -> None:
    shown = leaves(yaml.safe_load((FOLDER / f"{name}.yaml").read_text()))
    expected = leaves(to_dict(REFERENCES[name]))
    assert shown.keys() == expected.keys()
    differing = {key for key in shown if shown[key] != expected[key]}
    assert {"run_dir", "data.dataset"} <= differing <= CHOSEN


def docstrings(cls: type) -> dict[str, str]:
    """Of the keys of a section, by name; a class may say it in its own words."""
    found: dict[str, str] = {}
    for each in reversed(cls.__mro__[:-1]):
        text = inspect.getsource(each)
        pattern = r"^    (\w+): [^\n]+\n    \"\"\"(.*?)\"\"\""
        found |= dict(re.findall(pattern, text, re.MULTILINE | re.DOTALL))
    return {name: " ".join(text.split()) for name, text in found.items()}


@pytest.mark.parametrize("name", REFERENCES)
def test_references_explain_every_key_in_the_words_of_its_docstring(name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text()
    comments = " ".join(" ".join(re.findall(r"^\s*# (.*)$", text, re.MULTILINE)).split())
    config = REFERENCES[name]
    sections = [
        value for field in fields(config) if is_dataclass(value := getattr(config, field.name))
    ]
    for section in (config, *sections):
        told = docstrings(type(section))
        assert told.keys() == {field.name for field in fields(section)}
        assert [key for key, words in told.items() if words not in comments] == []


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["data.train=[a.en, a.fr]", "data.dataset=null", 'run_dir="r/é: #1"', "seed=5"],
        ["training.learning_rate=4e-3", "training.adam_epsilon=1e-9", "training.max_time=90s"],
        ["tokenizer.joint=true", "model.tied_embeddings=all", "seed=0", 'data.src_lang="no"'],
        ["data.dataset=null", "init_from=runs/gone", "model.activation=gelu"],
    ],
)
def test_what_is_written_reads_back_equal(tmp_path: Path, overrides: list[str]) -> None:
    config = load(tmp_path, HEAD, *overrides)
    assert load(tmp_path, to_yaml(config)) == config


def test_set_beats_file_beats_default(tmp_path: Path) -> None:
    text = HEAD + "model: {d_model: 64, num_heads: 4}\ntraining:\n  max_steps: 7\n"
    config = load(tmp_path, text, "model.d_model=32", "model.d_model=16")
    assert config.model.d_model == 16  # the last --set wins
    assert config.model.num_heads == 4
    assert config.model.d_ff == 2048
    assert config.training.max_steps == 7


def test_flag_beats_set_beats_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tiny_config_file(tmp_path)
    path.write_text(path.read_text() + "training: {max_time: 3h, log_every: 7, patience: 8}\n")
    options = ("--set", "training.max_time=2h", "--set", "training.patience=9")
    result = tmt("train", "-c", path, "--dry-run", *options, "--max-time", "30m")
    assert result.exit_code == 0, result.stderr
    shown = yaml.safe_load(result.stdout.split("\n\n")[0])["training"]
    assert (shown["max_time"], shown["patience"], shown["log_every"]) == ("30m", 9, 7)


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("training.adam_epsilon=1e-9", "training.adam_epsilon", 1e-9),
        ("training.learning_rate=4e-3", "training.learning_rate", 0.004),
        ("training.learning_rate=1", "training.learning_rate", 1.0),
        ("training.learning_rate=null", "training.learning_rate", None),
        ("training.max_time=90", "training.max_time", "90"),
        ("run_dir=2024", "run_dir", "2024"),
        ("model.tied_embeddings=none", "model.tied_embeddings", "none"),
        ("model.activation=swish", "model.activation", "swish"),
        ("model.output_bias=true", "model.output_bias", True),
        ("tokenizer.lowercase=True", "tokenizer.lowercase", True),
        ("data.train=german", "data.train", "german"),
        ("init_from=2024", "init_from", "2024"),
        ("init_from=null", "init_from", None),
        (" model.norm = pre", "model.norm", "pre"),
    ],
)
def test_values_are_read_as_meant(tmp_path: Path, override: str, key: str, value: object) -> None:
    for config in (load(tmp_path, HEAD, override), load(tmp_path, HEAD, override, "seed=3")):
        found = leaves(to_dict(config))[key]
        assert found == value
        assert type(found) is type(value)


def test_numbers_in_a_file_are_numbers(tmp_path: Path) -> None:
    text = HEAD + "training:\n  adam_epsilon: 1e-9\n  learning_rate: 4e-3\n  clip_norm: 0\n"
    training = load(tmp_path, text).training
    assert (training.adam_epsilon, training.learning_rate) == (1e-9, 0.004)
    assert isinstance(training.clip_norm, float)


BAD_FILES = {  # what follows HEAD -> line, and parts of the message
    "modle: {norm: pre}": (3, "unknown key 'modle'", "did you mean 'model'"),
    "model:\n  num_head: 4": (4, "unknown key 'model.num_head'", "did you mean 'num_heads'"),
    "model:\n  warmup_steps: 4": (4, "'model.warmup_steps'", "mean 'training.warmup_steps'"),
    "vocab_size: 4": (3, "unknown key 'vocab_size'", "did you mean 'tokenizer.vocab_size'"),
    "model:\n  qqqqq: 1": (4, "unknown key 'model.qqqqq'", "keys here are d_model, num_heads"),
    "1: 2": (3, "unknown key '1'"),
    "[a, b]: 2": (3, "a key must be a word"),
    "model:\n  d_model: big": (4, "'model.d_model' must be a whole number, not 'big'"),
    "model:\n  d_model: 1.5": (4, "'model.d_model' must be a whole number, not 1.5"),
    "seed: true": (3, "'seed' must be a whole number, not true"),
    "model: {dropout: [1]}": (3, "'model.dropout' must be a number, not [1]"),
    "tokenizer: {joint: 1}": (3, "'tokenizer.joint' must be true or false, not 1"),
    "model: {norm: prenorm}": (3, "'model.norm' must be one of post, pre", "did you mean 'pre'"),
    "model: {activation: gleu}": (3, "must be one of relu, gelu, swish", "did you mean 'gelu'?"),
    "model: {output_bias: 0}": (3, "'model.output_bias' must be true or false, not 0"),
    "training: {max_time: 2020-01-01}": (3, "'training.max_time' must be a duration"),
    "seed: !!int x": (3, "not valid YAML: a tag"),
    "seed: !!python/name:os.system 1": (3, "not valid YAML: a tag"),
    "model:": (3, "'model' must be a mapping"),
    "model: 5": (3, "'model' must be a mapping"),
    "seed: 1\nseed: 2": (4, "'seed' is set twice"),
    "model: {norm: pre}\nmodel: {norm: post}": (4, "'model' is set twice"),
    "model: {norm: pre": (4, "not valid YAML"),
    "model:\n\tnorm: pre": (4, "not valid YAML"),
    "model: *x": (3, "not valid YAML", "undefined alias"),
    "---\na: 1": (3, "not valid YAML", "another document"),
    "\n\nseed: \x01": (5, "not valid YAML"),
    "init_from: [a]": (3, "'init_from' must be text or null, not [a]"),
    "init_from: ''": (3, "'init_from' must not be empty"),
    "seed: 1\ninit_from: ./r": (4, "'init_from' is the run itself: choose another run_dir"),
    "model:\n  norm: pre\n  d_model: 7": (5, "'model.num_heads' must divide model.d_model"),
    "model:\n  num_heads: 3": (4, "3 does not divide 512"),
    "model: {d_model: 9, num_heads: 9}": (3, "'model.d_model' must be even"),
    "model: {tied_embeddings: all}": (3, "'model.tied_embeddings'", "set tokenizer.joint"),
    "training:\n  max_time: soon": (4, "'training.max_time' must be a duration", "'soon'"),
}


@pytest.mark.parametrize("text", BAD_FILES)
def test_a_bad_file_is_refused_with_line_and_key(tmp_path: Path, text: str) -> None:
    line, *parts = BAD_FILES[text]
    path = write(tmp_path / "c.yaml", f"{HEAD}{text}\n")
    result = tmt("build-tokenizer", "-c", path)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.error.startswith(f"{path}:{line}: ")
    for part in parts:
        assert str(part) in result.error


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file must be a mapping of keys to values"),
        ("# only a comment\n", "the file must be a mapping of keys to values"),
        ("- a\n- b\n", "1: the file must be a mapping of keys to values"),
        ("hello\n", "1: the file must be a mapping of keys to values"),
        ("seed: 1\n", "the key 'run_dir' is missing"),
        ("run_dir: r\n", "the key 'data.src_lang' is missing"),
        ("run_dir: ''\n" + HEAD[11:], "1: 'run_dir' must not be empty"),
        (
            "run_dir: r\ndata:\n  src_lang: en\n  tgt_lang: fr\n  train: [a, b, c]\n",
            "5: 'data.train' must be text or a list of two file names or null, not [a, b, c]",
        ),
        (b"run_dir: r\nseed: \xff\n", "2: not valid UTF-8"),
    ],
)
def test_a_file_that_is_no_configuration(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    path = write(tmp_path / "c.yaml", content)
    result = tmt("train", "-c", path)
    assert result.exit_code == 2
    assert result.error.startswith(f"{path}:")
    assert message in result.error


@pytest.mark.parametrize(
    ("name", "part"), [("none.yaml", "there is no such"), ("", "cannot be read (Is a")]
)
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str, part: str) -> None:
    result = tmt("train", "-c", tmp_path / name)
    assert result.exit_code == 2
    assert str(tmp_path / name) in result.error
    assert part in result.error


BAD_OVERRIDES = {
    "model.norm": "write it as section.key=value",
    "=x": "write it as section.key=value",
    "": "write it as section.key=value",
    "model.norm=": "'model.norm' must be one of post, pre, not null",
    "model=3": "'model' is a section; name one of its keys",
    "model.norm.x=3": "'model.norm' is a single value, not a section",
    "seed.x=3": "'seed' is a single value, not a section",
    "model.nrom=pre": "unknown key 'model.nrom'; did you mean 'norm'",
    "modle.norm=pre": "unknown key 'modle'; did you mean 'model'",
    "warmup_steps=3": "unknown key 'warmup_steps'; did you mean 'training.warmup_steps'",
    "model.norm=[pre": "'[pre' is not a valid YAML value",
    "training.max_time=2024-02-31": "'training.max_time' must be a duration",
    "model.d_model=wide": "'model.d_model' must be a whole number, not 'wide'",
    "model.d_model=7": "'model.num_heads' must divide model.d_model: 8 does not divide 7",
    "tokenizer.joint=false": "'model.tied_embeddings' is 'all'",
    "data.train=[a, b]": "'data.train' names files, but there is a data.dataset",
    "model.norm=pre\nx": "'model.norm' must be one of post, pre",
}


@pytest.mark.parametrize("override", BAD_OVERRIDES)
def test_a_bad_override_is_named(tmp_path: Path, override: str) -> None:
    text = HEAD + "tokenizer: {joint: true}\nmodel: {tied_embeddings: all, num_heads: 8}\n"
    result = tmt("train", "-c", write(tmp_path / "c.yaml", text), "--set", override)
    assert result.exit_code == 2
    assert result.error.startswith(f"--set {override.splitlines()[0] if override else ''}")
    assert BAD_OVERRIDES[override] in result.error


@pytest.mark.parametrize(
    "time",
    [
        "soon",
        "",
        "0",
        "-1h",
        "1e999",
        "nan",
        "5 parsecs",
        "1:30",
        "1_000",
        "1h 30",
        "h",
        "1h-30m",
        "٣",
    ],
)
def test_a_bad_time_flag_is_named(tmp_path: Path, time: str) -> None:
    path = write(tmp_path / "c.yaml", HEAD)
    for option in ("--checkpoint-every", "--max-time"):
        result = tmt("train", "-c", path, f"{option}={time}")
        assert result.exit_code == 2
        assert result.error.startswith(f"'{option}' must be ")
    forms = "90s, 30m, 2h or 1h30m"
    assert result.error == f"'--max-time' must be a duration such as {forms}, not '{time}'"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("45s", 45),
        ("30m", 1800),
        ("1.5h", 5400),
        ("2d", 172800),
        ("90", 90),
        ("1e3", 1000),
        ("1h30m", 5400),
        (" 1d 2h 3m .5s ", 93780.5),
    ],
)
def test_durations_are_read_in_all_units(text: str, seconds: float) -> None:
    assert parse_duration(text, key="k") == seconds


def test_a_configuration_without_data_is_read_and_told_when_they_are_needed(
    tmp_path: Path,
) -> None:
    text = f"run_dir: {tmp_path}/run\ndata: {{src_lang: en, tgt_lang: fr}}\n"
    assert load(tmp_path, text).data == PairsConfig(src_lang="en", tgt_lang="fr")
    for command in ("train", "build-tokenizer"):
        result = tmt(command, "-c", tmp_path / "c.yaml")
        assert result.exit_code == 2
        assert result.error.startswith("'data.train' is missing: give two parallel files, one")
    assert not (tmp_path / "run").exists()


def test_differing_keys_are_the_ones_that_were_set(tmp_path: Path) -> None:
    base = load(tmp_path, HEAD)
    changed = load(tmp_path, HEAD, "model.norm=pre", "seed=2", "data.train=x")
    assert sorted(differing_keys(base, changed)) == ["data.train", "model.norm", "seed"]
    assert differing_keys(base, base) == []


def test_of_two_tasks_only_the_task_differs(tmp_path: Path) -> None:
    """Their keys are others: a run of another task in the same directory is refused by this."""
    other = HEAD_OF_TEXT.replace("language-model", "classification")
    first, second = (
        load_config(write(tmp_path / "c.yaml", text)) for text in (HEAD_OF_TEXT, other)
    )
    assert differing_keys(first, second) == differing_keys(second, first) == ["task"]


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("data.src_lang=en", "'data.src_lang' is a key of the task translation"),
        ("data.label_column=x", "'data.label_column' is a key of the task classification"),
        ("decoding.beam_size=3", "'decoding' is a key of the task translation"),
        ("data.block_sizes=3", "unknown key 'data.block_sizes'; did you mean 'block_size'?"),
    ],
)
def test_a_key_of_another_task_is_told(tmp_path: Path, override: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path / "c.yaml", HEAD_OF_TEXT), [override])
    assert str(caught.value) == f"--set {override}: {told}"


def test_a_config_cannot_be_changed_or_made_impossible(tmp_path: Path) -> None:
    config = load(tmp_path, HEAD)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.seed = 2  # type: ignore[misc]
    with pytest.raises(ConfigError, match="'seed' must be at least 0"):
        dataclasses.replace(config, seed=-1)


@pytest.mark.parametrize("value", ["language-model", '"language-model"', " language-model "])
def test_the_task_is_set_as_other_values_are(tmp_path: Path, value: str) -> None:
    text = "run_dir: r\ntask: classification\ndata: {dataset: phrasebook, block_size: 5}\n"
    path = write(tmp_path / "c.yaml", text)
    assert isinstance(load_config(path, [f"task={value}"]), LanguageModelConfig)


@pytest.mark.parametrize(
    ("value", "shown"), [("[a]", "[a]"), ("null", "null"), ("", "null"), ("3", "3"), ("lm", "'lm'")]
)
def test_a_task_that_is_none(tmp_path: Path, value: str, shown: str) -> None:
    with pytest.raises(ConfigError) as in_file:
        load(tmp_path, f"run_dir: r\ntask: {value}\n")
    with pytest.raises(ConfigError) as set_:
        load(tmp_path, "run_dir: r\n", f"task={value}")
    wrong = f"'task' must be one of translation, language-model, classification, not {shown}"
    assert str(in_file.value).startswith(f"{tmp_path / 'c.yaml'}:2: {wrong}")
    assert str(set_.value).startswith(f"--set task={value}: {wrong}")
