"""Every file of the project that README, comments, docstrings or configurations name exists."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PATH = re.compile(
    r"(?<![\w/.$<{*~-])"
    r"((?:\.\.?/)*(?:[\w.-]+/)*[\w.-]*\w\.(?:py|sh|ya?ml|html|toml|svg|png|md|cfg|ini))"
    r"(?![\w/*-])"
)
LINK = re.compile(r"\]\((?!https?:|#)([^)\s]+)\)")
MODULE = re.compile(r"\btransformer_mt\.([a-z_]\w*)")
MADE = {
    "c.yaml",
    "README.md",
    "attention.png",
    "my.yaml",
    "lm_de.yaml",
    "config.yaml",
    "out.html",
    "attention.html",
}
"""Names of files that a reader makes, or that the program writes."""
FILES = [
    ROOT / "README.md",
    ROOT / "pyproject.toml",
    ROOT / ".pre-commit-config.yaml",
    *sorted(ROOT.glob(".github/**/*.yaml")),
    *sorted(ROOT.glob(".ci/*")),
    *(
        path
        for folder in ("transformer_mt", "scripts", "tests")
        for path in (ROOT / folder).rglob("*")
    ),
    *sorted(ROOT.glob("configs/*.yaml")),
]
SUFFIXES = {"", ".md", ".toml", ".yaml", ".sh", ".py", ".html", ".txt"}


def prose_of(path: Path) -> str:
    """The README whole; of a program its comments and docstrings, of other files the comments."""
    text = path.read_text("utf-8")
    if path.suffix in (".md", ".html"):
        return text
    if path.suffix != ".py":
        return "\n".join(re.findall(r"#.*", text))
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    strings = [
        node.value.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]
    return "\n".join([*comments, *strings])


def missing(path: Path, prose: str) -> Iterator[str]:
    """What is named there and found neither from the root, nor the package, nor the file itself."""
    bases = [ROOT, ROOT / "transformer_mt", ROOT / "configs", ROOT / "scripts", *path.parents]
    names = set(PATH.findall(prose))
    if path.suffix == ".md":
        names |= set(LINK.findall(prose))
    for name in sorted(names - MADE):
        if not any((base / name).is_file() for base in bases):
            yield name
    for name in sorted(set(MODULE.findall(prose))):
        if not any((ROOT / "transformer_mt" / f"{name}{end}").exists() for end in (".py", "")):
            yield f"transformer_mt.{name}"


def test_every_file_that_is_named_exists() -> None:
    read = [path for path in FILES if path.is_file() and path.suffix in SUFFIXES]
    assert len(read) > 200
    wrong = {str(path.relative_to(ROOT)): list(missing(path, prose_of(path))) for path in read}
    assert {path: names for path, names in wrong.items() if names} == {}


@pytest.mark.parametrize(
    "prose",
    [
        "the loss (`training/loss.py`)",
        "see scripts/no.sh.",
        "configs/no.yaml: the",
        "../no.md",
        "![picture](.github/no.png)",
        "[the rules](NOTICE)",
        "`transformer_mt.nothing` has",
        "at the head of no.py,",
    ],
)
def test_what_is_missing_is_found(prose: str) -> None:
    assert len(list(missing(ROOT / "README.md", prose))) == 1


def test_what_exists_is_not_complained_of() -> None:
    prose = (
        "`fast/loss.py`, scripts/test.sh (configs/base.yaml; big.yaml) transformer_mt.corpus.rows."
    )
    assert not list(missing(ROOT / "README.md", prose + " `tests/*.py` $RUN/x.py https://a.b/c.md"))
