"""Who may import whom, read from the source; imports inside functions count too."""

import ast
import re
import subprocess
from functools import cache

import pytest
from module_diagram import (
    FRONT,
    PACKAGE,
    PICTURE,
    draw,
    imported_modules,
    imported_rooms,
    read_imports,
    reduced,
    room_of,
)
from tiny_runs import python

LAYERS: list[set[str]] = [  # a room imports from the layers before its own
    {"fast", "files", "languages", "phrasebook", "runtime"},
    {"config", "metrics"},
    {"corpus", "decoding", "model", "text"},
    {"data", "figures", "runs"},
    {"doctor", "inference"},
    {"interop", "training"},
    {"cli", FRONT, "__main__"},
]
EVERYWHERE = {"errors", "_version"}
"""May be imported by every room; they import none."""
ALLOWED = {
    room: set().union(EVERYWHERE, *LAYERS[:n]) for n, layer in enumerate(LAYERS) for room in layer
}
ALLOWED |= {name: set() for name in EVERYWHERE}
ALLOWED["__main__"] |= {"cli"}

ROOMS = sorted(ALLOWED)
FILES = sorted(PACKAGE.rglob("*.py"))


@cache
def trees_of(room: str) -> list[ast.AST]:
    return [ast.parse(path.read_text("utf-8")) for path in FILES if room_of(path) == room]


def test_the_imports_of_a_source_are_found() -> None:
    source = """
import transformer_mt.model.layers
from transformer_mt import load
from transformer_mt.runs import checkpoint, run_dir
def f():
    from transformer_mt.cli import app
    import numpy, os.path
"""
    found = imported_rooms([ast.parse(source)], ALLOWED)
    assert found == {"model", FRONT, "runs", "cli"}


def test_every_file_stands_in_a_room_that_has_its_layer() -> None:
    assert {room_of(path) for path in FILES} == set(ROOMS)
    loose = {path.stem for path in FILES if path.parent == PACKAGE}
    assert loose == {"__init__", "__main__", "_version", "errors"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_from_lower_layers_only(room: str) -> None:
    assert imported_rooms(trees_of(room), ALLOWED) - {room} <= ALLOWED[room]


def test_the_diagram_shows_the_modules_as_they_are() -> None:
    """`python scripts/module_diagram.py` draws it anew."""
    assert PICTURE.read_text("utf-8") == draw(read_imports())


def test_what_follows_from_other_arrows_is_not_drawn() -> None:
    imports = {"a": {"b", "c", "d"}, "b": {"c"}, "c": {"d"}, "d": set[str]()}
    assert reduced(imports) == {"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": set()}


@pytest.mark.parametrize("room", ["model", "decoding"])
def test_the_model_and_the_search_touch_no_files(room: str) -> None:
    outside = {name.split(".")[0] for tree in trees_of(room) for name in imported_modules(tree)}
    allowed = {"collections", "contextlib", "copy", "dataclasses", "functools", "math", "typing"}
    assert outside <= allowed | {"torch", PACKAGE.name}
    called = {
        node.func.id
        for tree in trees_of(room)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert called.isdisjoint({"open", "print", "input"})


@pytest.mark.parametrize("room", ROOMS)
def test_only_the_command_line_prints(room: str) -> None:
    for tree in trees_of(room):
        for node in ast.walk(tree):
            assert not (isinstance(node, ast.Name) and node.id == "print")
            assert not (isinstance(node, ast.Attribute) and node.attr == "stdout") or room in (
                "cli",
                "runtime",
            )


HEAVY = ("torch", "numpy", "datasets", "tokenizers", "sacrebleu", "safetensors", "matplotlib")
COMMANDS = (
    "",
    *["build-tokenizer", "train", "translate", "evaluate", "attention", "info", "doctor"],
)
COMMANDS += ("generate", "classify", "rescore", "export", "import")

HELP = """
import sys
from transformer_mt.cli import main
for command in sys.argv[1:]:
    sys.argv = ["tmt", *command.split(), "--help"]
    try:
        main()
    except SystemExit as exit:
        assert exit.code == 0, exit.code
    print("LOADED", *sys.modules)
"""


def test_no_help_loads_anything_heavy() -> None:
    done = subprocess.run(python("-c", HELP, *COMMANDS), capture_output=True, text=True, check=True)
    assert done.stderr == ""
    told = re.findall(r"(.*?)^LOADED (.*?)$", done.stdout, re.MULTILINE | re.DOTALL)
    for command, (shown, loaded) in zip(COMMANDS, told, strict=True):
        assert f"Usage: tmt {command}".rstrip() in shown
        assert "transformer_mt.cli" in loaded.split()
        assert set(HEAVY).isdisjoint(loaded.split()), command
