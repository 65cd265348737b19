"""The first line of a docstring is a phrase that a newcomer can read alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted([*(ROOT / "transformer_mt").rglob("*.py"), *(ROOT / "scripts").rglob("*.py")])
PRONOUNS = {"Both", "In", "Of", "That", "Those", "What", "Whether", "Which"}
"""First words that leave the object of a docstring unnamed."""


def first_lines(source: str) -> Iterator[str]:
    """Of modules, classes and functions, and of the strings below constants and fields."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if text := ast.get_docstring(node):
                yield text.splitlines()[0]
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for named, below in zip(node.body, node.body[1:], strict=False):
                if isinstance(named, ast.Assign | ast.AnnAssign):
                    match below:
                        case ast.Expr(value=ast.Constant(value=str(text))):
                            yield text.strip().splitlines()[0]


def is_phrase(line: str) -> bool:
    words = line.split()
    return len(words) >= 3 and words[0].strip("`,.:") not in PRONOUNS


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_docstring_begins_with_a_phrase(path: Path) -> None:
    unclear = [line for line in first_lines(path.read_text("utf-8")) if not is_phrase(line)]
    assert unclear == []


@pytest.mark.parametrize(
    ("source", "clear"),
    [
        ('"""Return the length of both states."""', True),
        ('"""In both."""', False),
        ('class A:\n    """Whether it is so, at last."""', False),
        ('ROWS = 3\n"""Of its many rows."""', False),
        ('ROWS = 3\n"""Number of validation rows."""', True),
        ('def f():\n    """Both begin."""', False),
    ],
)
def test_what_is_unclear_is_found(source: str, clear: bool) -> None:
    (line,) = first_lines(source)
    assert is_phrase(line) == clear
