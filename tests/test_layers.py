"""Who may import whom, read from the source; imports inside functions count too."""

import ast
import subprocess

import pytest
from helpers import python
from module_diagram import (
    FRONT,
    PACKAGE,
    PICTURE,
    draw,
    imported_modules,
    imported_units,
    read_imports,
    reduced,
    unit_of,
)

CORE = {"config", "task_config", "errors", "limits", "safe_files"}
LAYERS: dict[str, set[str]] = {  # a module or package -> those it may import
    "errors": set(),
    "limits": {"errors"},
    "paths": {"limits"},
    "plain_yaml": set(),
    "safe_files": {"errors"},
    "user_cache": {"durable", "errors", "paths"},
    "weight_sizes": {"config", "errors"},
    "fast_paths": set(),
    "masks": set(),
    "metrics": {"data", "errors"},
    "ngram": set(),
    "rounding": set(),
    "phrasebook": set(),
    "processes": set(),
    "console": {"processes", "errors"},
    "device": {"errors"},
    "durations": set(),
    "optional": {"errors"},
    "config": {"errors", "limits", "paths"},
    "task_config": {"config", "errors"},
    "config_values": {"errors", "plain_yaml"},
    "config_file": CORE | {"plain_yaml", "config_values", "paths"},
    "model": CORE | {"masks", "fast_paths"},
    "data": CORE | {"phrasebook", "console", "user_cache"},
    "decoding": {"errors", "limits", "fast_paths"},
    "analysis": CORE | {"data", "durable", "rounding"},
    "translation": {"analysis"},
    "durable": {"errors"},
    "blueprint": CORE | {"model", "data"},
    "run_dir": CORE | {"config_file", "data", "durable"},
    "ownership": CORE | {"config_file", "data", "durable", "plain_yaml", "run_dir"},
    "run_lock": {"config", "run_dir", "ownership", "durable", "errors"},
    "train_state": CORE | {"run_dir"},
    "checkpoint": CORE
    | {"blueprint", "durable", "run_dir", "train_state", "model", "data", "weight_sizes"}
    | {"ownership"},
    "formats": CORE | {"checkpoint", "model", "data", "optional", "weight_sizes"},
    "engines": CORE
    | {
        "blueprint",
        "decoding",
        "model",
        "data",
        "durable",
        "run_dir",
        "optional",
        "checkpoint",
        "formats",
        "fast_paths",
        "user_cache",
    },
    "translator": CORE | {"engines", "decoding", "data", "analysis", "translation"},
    "generator": CORE | {"engines", "decoding", "data", "model"},
    "workers": {"errors", "processes"},
    "sharded_translator": CORE
    | {"data", "engines", "processes", "translation", "translator", "workers"},
    "streams": {"data", "errors", "console"},
    "translation_lines": {"rounding", "streams", "translation"},
    "classifying": CORE | {"data", "model", "rounding", "streams"},
    "pair_check": CORE | {"classifying", "data", "rounding", "streams", "console"},
    "rescoring": {"limits", "rounding", "streams", "errors", "console"},
    "doctor": CORE | {"data", "run_dir", "console", "phrasebook"},
    "run_info": CORE | {"durations", "train_state", "run_dir"},
    "evaluation": CORE | {"translator", "data", "metrics", "rounding", "console"},
}
LAYERS["vocabulary"] = CORE | {"train_state", "run_dir", "run_lock", "ownership", "data"}
LAYERS["tasks"] = (
    CORE
    | {"analysis", "data", "engines", "fast_paths", "generator", "metrics", "model", "ngram"}
    | {"sharded_translator", "translator", "workers"}
)
LAYERS["task_evaluation"] = CORE | {
    "tasks",
    "blueprint",
    "checkpoint",
    "data",
    "device",
    "rounding",
    "run_dir",
}
LAYERS["training"] = (
    CORE
    | {"tasks", "blueprint", "checkpoint", "train_state", "model", "data", "run_dir", "device"}
    | {"analysis", "config_file", "console", "durable", "durations", "ownership", "run_lock"}
    | {"processes", "workers"}
)
LAYERS["parity"] = CORE | {"translator", "data", "metrics", "console"}
LAYERS["model_card"] = CORE | {"checkpoint", "parity", "metrics", "run_info"}
LAYERS["exporting"] = (
    CORE
    | {"blueprint", "checkpoint", "data", "engines", "formats", "model_card", "parity"}
    | {"durable", "ownership", "run_dir", "translator"}
)
LAYERS["importing"] = LAYERS["exporting"] | {"exporting", "phrasebook", "train_state"}
_FAR_BELOW = {"masks", "model", "decoding", "phrasebook", "config_values", "plain_yaml"}
LAYERS["loading"] = (
    CORE
    | {"blueprint", "checkpoint", "classifying", "data", "device", "engines", "generator"}
    | {"paths", "run_dir", "translator"}
)
LAYERS["api"] = LAYERS.keys() - _FAR_BELOW - {"streams", "translation_lines"}
LAYERS[FRONT] = {"api"}
LAYERS["cli"] = LAYERS.keys() - _FAR_BELOW - {"metrics"}
LAYERS["__main__"] = {"cli"}

UNITS = sorted(LAYERS)
FILES = sorted(PACKAGE.rglob("*.py"))


def trees_of(unit: str) -> list[ast.AST]:
    return [ast.parse(path.read_text("utf-8")) for path in FILES if unit_of(path) == unit]


def test_the_imports_of_a_source_are_found() -> None:
    source = """
import transformer_mt.model.layers
from transformer_mt import __version__, checkpoint
from transformer_mt.data.batching import Batch
def f():
    from transformer_mt.cli import app
    import numpy, os.path
"""
    found = imported_units([ast.parse(source)], LAYERS)
    assert found == {"model", "checkpoint", "data", "cli"}


def test_every_module_has_its_layer() -> None:
    assert {unit_of(path) for path in FILES} == set(UNITS)


@pytest.mark.parametrize("unit", UNITS)
def test_imports_stay_within_the_layers(unit: str) -> None:
    assert imported_units(trees_of(unit), LAYERS) - {unit} <= LAYERS[unit]


def test_the_layers_have_no_cycle() -> None:
    left = dict(LAYERS)
    while left:
        lowest = {unit for unit, below in left.items() if not below & left.keys()}
        assert lowest, f"a cycle among {sorted(left)}"
        left = {unit: below for unit, below in left.items() if unit not in lowest}


def test_the_diagram_shows_the_modules_as_they_are() -> None:
    """`python scripts/module_diagram.py` draws it anew."""
    assert PICTURE.read_text("utf-8") == draw(read_imports())


def test_what_follows_from_other_arrows_is_not_drawn() -> None:
    imports = {"a": {"b", "c", "d"}, "b": {"c"}, "c": {"d"}, "d": set[str]()}
    assert reduced(imports) == {"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": set()}


def test_model_data_and_decoding_do_not_know_each_other() -> None:
    three = {"model", "data", "decoding"}
    assert all(LAYERS[unit].isdisjoint(three) for unit in three)


@pytest.mark.parametrize("unit", ["model", "decoding", "masks"])
def test_the_model_and_the_search_touch_no_files(unit: str) -> None:
    outside = {name.split(".")[0] for tree in trees_of(unit) for name in imported_modules(tree)}
    allowed = {"collections", "contextlib", "copy", "dataclasses", "functools", "math", "typing"}
    assert outside <= allowed | {"torch", PACKAGE.name}
    called = {
        node.func.id
        for tree in trees_of(unit)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert called.isdisjoint({"open", "print", "input"})


@pytest.mark.parametrize("unit", UNITS)
def test_only_the_command_line_prints(unit: str) -> None:
    if unit in ("console", "streams"):
        return
    for tree in trees_of(unit):
        for node in ast.walk(tree):
            assert not (isinstance(node, ast.Name) and node.id == "print")
            assert not (isinstance(node, ast.Attribute) and node.attr == "stdout") or unit == "cli"


HEAVY = ("torch", "numpy", "datasets", "tokenizers", "sacrebleu", "safetensors", "matplotlib")
COMMANDS = (
    "",
    *["build-tokenizer", "train", "translate", "evaluate", "attention", "info", "doctor"],
)
COMMANDS += ("generate", "classify", "rescore", "export", "import")

HELP = """
import sys
from transformer_mt.cli import main
sys.argv = ["tmt", *sys.argv[1:]]
try:
    main()
except SystemExit as exit:
    assert exit.code == 0, exit.code
print("LOADED", *sys.modules)
"""


@pytest.mark.parametrize("command", COMMANDS)
def test_help_loads_nothing_heavy(command: str) -> None:
    done = subprocess.run(
        python("-c", HELP, *command.split(), "--help"), capture_output=True, text=True, check=True
    )
    shown, _, loaded = done.stdout.rpartition("LOADED ")
    assert f"Usage: tmt {command}".rstrip() in shown
    assert done.stderr == ""
    assert "transformer_mt.cli" in loaded.split()
    assert set(HEAVY).isdisjoint(loaded.split())
