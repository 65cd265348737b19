"""Every number that can be set is refused outside its limits, at every gate, in one sentence."""

import inspect
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
from tiny_runs import tmt, write

import transformer_mt
from transformer_mt.cli import app
from transformer_mt.config.limits import (
    LIMITS,
    Limits,
    check_number,
    limits_of,
)
from transformer_mt.config.load import load_config, to_yaml
from transformer_mt.config.sections import Config
from transformer_mt.config.tasks import (
    ClassificationConfig,
    DecodingConfig,
    LabelledConfig,
    LanguageModelConfig,
    PairsConfig,
    TextConfig,
    TranslationConfig,
)
from transformer_mt.decoding.fusion import LanguageModelFusion
from transformer_mt.doctor.with_classifier import check_pairs
from transformer_mt.errors import ConfigError
from transformer_mt.inference import rescoring
from transformer_mt.inference.batches import batches
from transformer_mt.inference.classifier import Classification, TextClassifier
from transformer_mt.inference.generator import TextGenerator
from transformer_mt.inference.text_scorer import TorchLanguageModel
from transformer_mt.inference.translator import Translator

RUNS: dict[str, Config] = {
    "translation": TranslationConfig(run_dir="r", data=PairsConfig(src_lang="a", tgt_lang="b")),
    "language-model": LanguageModelConfig(run_dir="r", data=TextConfig()),
    "classification": ClassificationConfig(run_dir="r", data=LabelledConfig()),
}


def is_number(hint: Any) -> bool:
    return bool({int, float} & {hint, *get_args(hint)})


def numeric_keys(config: Config) -> Iterator[str]:
    for field in fields(config):
        value = getattr(config, field.name)
        if is_dataclass(value):
            yield from (f"{field.name}.{f.name}" for f in fields(value) if is_number(f.type))
        elif is_number(field.type):
            yield field.name


KEYS = sorted({key: task for task, run in RUNS.items() for key in numeric_keys(run)}.items())
OPTIONS = [
    (info.name or info.callback.__name__, name)
    for info in app.registered_commands
    if info.callback
    for name, hint in get_type_hints(info.callback).items()
    if is_number(hint)
]


def bad_numbers(limits: Limits) -> list[Any]:
    """What is outside, and what is no number that can be computed with."""
    outside = [10**30, -(10**30), math.nan, math.inf, -math.inf]
    outside += [] if limits.contain(0) else [0]
    outside += [] if limits.contain(-1) else [-1]
    outside += [] if limits.most_counts else [int(limits.most)]
    return [*outside, limits.most * 2, *([1.5] if limits.whole else [])]


def written(number: Any) -> str:
    """In YAML."""
    return {"nan": ".nan", "inf": ".inf", "-inf": "-.inf"}.get(str(number), str(number))


def with_value(config: Config, key: str, value: Any) -> Config:
    section, _, name = key.rpartition(".")
    change = (
        {name: value}
        if not section
        else {section: replace(getattr(config, section), **{name: value})}
    )
    return replace(config, **change)


def test_there_is_something_to_check() -> None:
    assert len(KEYS) > 30
    assert {name for _, name in OPTIONS} == {
        *("beam_size", "length_penalty", "n_best", "batch_tokens", "lm_weight"),
        *("length", "temperature", "top_k", "top_p", "seed", "top", "threshold"),
    }


def test_every_limit_belongs_to_a_setting() -> None:
    arguments = {name for _, name in OPTIONS} | {
        name for names in ARGUMENTS.values() for name in names
    }
    settings = {key for key, _ in KEYS} | {key.rpartition(".")[2] for key, _ in KEYS} | arguments
    assert LIMITS.keys() <= settings


@pytest.mark.parametrize(("key", "task"), KEYS)
def test_a_configuration_refuses_numbers_outside_their_limits(
    tmp_path: Path, key: str, task: str
) -> None:
    config, limits = RUNS[task], limits_of(key)
    path = write(tmp_path / "c.yaml", to_yaml(config))
    for bad in [*bad_numbers(limits), True, "x", "'3'", [3], "1_000", 10**400]:
        if key == "training.checkpoint_every" and bad in ("'3'", 1.5):
            continue  # a time
        with pytest.raises(ConfigError) as refused:
            load_config(path, [f"{key}={written(bad)}"])
        assert str(refused.value).startswith(f"--set {key}={written(bad)}: '{key}' must be ")
        if isinstance(bad, list | str):
            continue
        with pytest.raises(ConfigError, match=f"'{key}' must be ") as refused:
            with_value(config, key, bad)
        assert "\n" not in str(refused.value)
    for good in (limits.least if limits.least_counts else limits.most, limits.most):
        if limits.contain(good) and key not in ("model.num_heads", "model.d_model"):
            number = int(good) if limits.whole else float(good)
            assert load_config(path, [f"{key}={number}"]) == with_value(config, key, number)


def test_a_file_refuses_a_wrong_number_with_its_line(tmp_path: Path) -> None:
    text = "run_dir: r\ndata: {src_lang: en, tgt_lang: fr}\ndecoding:\n  length_penalty: .nan\n"
    path = write(tmp_path / "c.yaml", text)
    for bad, why in (
        (".nan", "must be a number, not .nan"),
        ("400", "must be at least 0 and at most 10, not 400"),
    ):
        path.write_text(text.replace(".nan", bad))
        with pytest.raises(ConfigError) as refused:
            load_config(path)
        assert str(refused.value) == f"{path}:4: 'decoding.length_penalty' {why}"


NEEDED = {"rescore": ["--lm", "r"], "attention": ["x", "-o", "x.json"]}


@pytest.mark.parametrize(("command", "name"), OPTIONS)
def test_an_option_refuses_numbers_outside_its_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    option = f"--{name.replace('_', '-')}"
    for bad in [*bad_numbers(limits_of(name))[::2], "x", "9" * 5000]:
        result = tmt(command, *NEEDED.get(command, []), f"{option}={bad}")
        assert (result.exit_code, result.stdout) == (2, "")
        assert option in result.stderr
        assert "Traceback" not in result.stderr


def test_help_tells_the_limits() -> None:
    shown = " ".join(tmt("translate", "--help").stdout.replace("│", " ").split())
    assert "(1 to 1,000)" in shown
    assert "(0 to 10)" in shown


TOKENIZER: Any = SimpleNamespace(encode_batch=lambda lines: [[5] for _ in lines])
NOTHING: Any = None
TRANSLATOR = Translator(
    NOTHING,
    SimpleNamespace(src=TOKENIZER, tgt=TOKENIZER),  # type: ignore[arg-type]
    PairsConfig(src_lang="a", tgt_lang="b"),
    DecodingConfig(),
)


CALLS: dict[Callable[..., Any], Callable[..., Any]] = {  # what is called, and how
    Translator.translate: lambda **a: TRANSLATOR.translate("x", **a),
    Translator.score: lambda **a: TRANSLATOR.score(["x"], ["y"], **a),
    transformer_mt.evaluate: lambda **a: transformer_mt.evaluate(TRANSLATOR, ["x"], ["y"], **a),
    transformer_mt.load: lambda **a: transformer_mt.load("r", **a),
    TextGenerator.generate: lambda **a: TextGenerator(NOTHING, NOTHING, NOTHING).generate(**a),
    TextClassifier.classify: lambda batch_tokens: next(batches([], batch_tokens)),
    Classification.line: lambda top: Classification("x", "y", {"y": 1.0}).line(1, "text", top),
    TorchLanguageModel.log_probs: lambda batch_tokens: next(batches([1], batch_tokens)),
    check_pairs: lambda **a: check_pairs(NOTHING, (Path("x"), Path("y")), **a),
}
NOT_SET = {"number"}
"""A number that counts, and is not a person's choice."""


def numeric_arguments(function: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    numeric = [p.name for p in parameters if re.search(r"\b(int|float)\b", str(p.annotation))]
    return [name for name in numeric if name not in NOT_SET]


ARGUMENTS = {function: numeric_arguments(function) for function in CALLS}


@pytest.mark.parametrize("function", CALLS, ids=lambda function: function.__qualname__)
def test_a_function_refuses_numbers_outside_their_limits(function: Callable[..., Any]) -> None:
    for name in ARGUMENTS[function]:
        for bad in [*bad_numbers(limits_of(name)), True, "3", [3], 10**5000]:
            with pytest.raises(ConfigError, match=f"'{name}' must be ") as refused:
                CALLS[function](**{name: bad})
            assert isinstance(refused.value, ValueError)


def test_every_function_with_numbers_is_tried() -> None:
    public = [getattr(transformer_mt, name) for name in transformer_mt.__all__]
    functions = [each for each in public if inspect.isfunction(each)]
    elsewhere = {transformer_mt.evaluate_run}  # batch_tokens is that of its configuration
    for function in functions:
        if function not in elsewhere and numeric_arguments(function):
            assert function in CALLS


def test_a_weight_of_a_language_model_is_checked_where_it_is_used() -> None:
    for bad in bad_numbers(limits_of("lm_weight")):
        with pytest.raises(ConfigError, match="'lm_weight' must be"):
            LanguageModelFusion(NOTHING, bad, 0)
        with pytest.raises(ConfigError, match="'lm_weight' must be"):
            rescoring.rescore_lists(
                NOTHING, [], NOTHING, weight=bad, layout="text", show_progress=False
            )


def test_numbers_of_numpy_are_numbers() -> None:
    for number in (np.int64(3), np.float32(0.5), np.float64(2)):
        check_number(number, "length_penalty")
    check_number(np.int64(3), "beam_size")


@pytest.mark.parametrize("text", ["", "a\nb", "a\0b", "a\rb"])
def test_texts_are_of_one_line_and_not_empty(tmp_path: Path, text: str) -> None:
    run = RUNS["translation"]
    path = write(tmp_path / "c.yaml", to_yaml(run))
    for key in ("run_dir", "init_from", "data.src_lang", "data.train", "data.dataset"):
        for value in (text, (text, "b")) if key == "data.train" else (text,):
            with pytest.raises(ConfigError, match=f"'{key}' must "):
                with_value(run, key, value)
            with pytest.raises(ConfigError, match=f"'{key}' must "):
                load_config(path, [f"{key}={json.dumps(value)}"])
