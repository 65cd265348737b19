"""Who may import whom, read from the source; imports inside functions count too."""

import ast
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from helpers import python

import transformer_mt

PACKAGE = Path(transformer_mt.__file__).parent
FRONT = "__init__"  # offers what is in `api`; its version number is no import

CORE = {"config", "errors", "safe_files"}
LAYERS: dict[str, set[str]] = {  # a module or package -> those it may import
    "errors": set(),
    "plain_yaml": {"errors"},
    "safe_files": {"errors"},
    "user_cache": {"errors"},
    "weight_sizes": {"config", "errors"},
    "fast_paths": set(),
    "masks": set(),
    "metrics": set(),
    "phrasebook": set(),
    "processes": set(),
    "console": {"processes", "errors"},
    "device": {"errors"},
    "optional": {"errors"},
    "config": {"errors"},
    "config_file": CORE | {"plain_yaml"},
    "model": CORE | {"masks", "fast_paths"},
    "data": CORE | {"masks", "phrasebook", "console", "user_cache"},
    "decoding": {"errors", "fast_paths"},
    "analysis": CORE | {"data", "durable"},
    "translation": {"analysis"},
    "durable": {"errors"},
    "run_dir": CORE | {"config_file", "data", "durable"},
    "run_lock": {"run_dir", "durable", "errors"},
    "train_state": CORE | {"run_dir"},
    "checkpoint": CORE | {"durable", "run_dir", "train_state", "model", "data", "weight_sizes"},
    "formats": CORE | {"checkpoint", "model", "data", "optional", "weight_sizes"},
    "engines": CORE
    | {
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
    "workers": {"errors", "processes"},
    "sharded_translator": CORE
    | {"data", "engines", "processes", "translation", "translator", "workers"},
    "streams": {"translation", "data", "errors", "console"},
    "rescoring": {"decoding", "streams", "errors", "console"},
    "ngram": set(),
    "classifying": CORE | {"data", "model", "streams"},
    "pair_check": CORE | {"classifying", "data", "console", "streams"},
    "generator": CORE | {"engines", "decoding", "model", "data"},
    "doctor": CORE | {"data", "run_dir", "console"},
    "run_info": CORE | {"train_state", "run_dir", "config_file"},
    "evaluation": CORE | {"translator", "data", "metrics", "console"},
}
LAYERS["vocabulary"] = CORE | {"train_state", "run_dir", "run_lock", "data"}
LAYERS["training"] = (
    LAYERS["translator"]
    | {"translator", "train_state", "checkpoint", "model", "run_dir", "masks", "device"}
    | {"config_file", "metrics", "console", "fast_paths", "durable", "run_lock"}
    | {"processes", "sharded_translator", "workers"}
)  # fmt: skip
LAYERS["parity"] = CORE | {"translator", "data", "metrics", "console"}
LAYERS["model_card"] = CORE | {"checkpoint", "parity", "metrics", "run_info"}
LAYERS["exporting"] = (
    CORE
    | {"checkpoint", "data", "engines", "formats", "model_card", "parity"}
    | {"durable", "run_dir", "translator"}
)
LAYERS["importing"] = LAYERS["exporting"] | {"exporting", "phrasebook", "train_state"}
LAYERS["api"] = LAYERS.keys() - {"masks", "model", "decoding", "phrasebook", "streams"}
LAYERS[FRONT] = {"api"}
LAYERS["cli_options"] = {"console", "errors", "processes"}
LAYERS["cli"] = LAYERS.keys() - {"masks", "model", "decoding", "phrasebook", "metrics"}
LAYERS["__main__"] = {"cli"}

UNITS = sorted(LAYERS)
FILES = sorted(PACKAGE.rglob("*.py"))


def unit_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(tree: ast.AST) -> Iterator[str]:
    """Full names: of the module, and of what is taken from it, which may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_units(trees: Iterable[ast.AST]) -> set[str]:
    """Modules and packages of this program that are imported."""
    units = set()
    for tree in trees:
        for name in imported_modules(tree):
            package, _, rest = name.partition(".")
            if package == PACKAGE.name and rest != "__version__":
                unit = rest.split(".")[0]
                units.add(unit if unit in LAYERS else FRONT)
    return units


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
    assert imported_units([ast.parse(source)]) == {"model", "checkpoint", "data", "cli"}


def test_every_module_has_its_layer() -> None:
    assert {unit_of(path) for path in FILES} == set(UNITS)


@pytest.mark.parametrize("unit", UNITS)
def test_imports_stay_within_the_layers(unit: str) -> None:
    assert imported_units(trees_of(unit)) - {unit} <= LAYERS[unit]


def test_the_layers_have_no_cycle() -> None:
    left = dict(LAYERS)
    while left:
        lowest = {unit for unit, below in left.items() if not below & left.keys()}
        assert lowest, f"a cycle among {sorted(left)}"
        left = {unit: below for unit, below in left.items() if unit not in lowest}


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
COMMANDS = ("", "build-tokenizer", "train", "translate", "evaluate", "attention", "info", "doctor")

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
