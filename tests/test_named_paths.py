"""Every file of the project that READMEs, comments, docstrings or configurations name exists."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from readmes import FRONT, READMES, ROOT, TEXTS, inline_code

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
FOLDERS_MADE = {"last/", "previous/", "runs/", "target_tokenizer/"}
"""Names of folders that the program makes."""
FILES = [
    *READMES,
    ROOT / "pyproject.toml",
    ROOT / ".pre-commit-config.yaml",
    *sorted(ROOT.glob(".github/**/*.yaml")),
    *sorted(ROOT.glob(".ci/*")),
    *(
        path
        for folder in ("transformer_mt", "scripts", "tests")
        for path in (ROOT / folder).rglob("*")
        if path.name != "README.md"
    ),
    *sorted(ROOT.glob("configs/*.yaml")),
]
SUFFIXES = {"", ".md", ".toml", ".yaml", ".sh", ".py", ".html", ".txt"}


def prose_of(path: Path) -> str:
    """A README whole; of a program its comments and docstrings, of other files the comments."""
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
        names |= {link.partition("#")[0] for link in LINK.findall(prose)}
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


def broken_links(path: Path, text: str) -> Iterator[str]:
    """Links of a README that lead to no file, or to no heading of it, from where it stands."""
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        read = target.read_text("utf-8") if name and target.is_file() and anchor else text
        if not target.exists() or (anchor and anchor not in anchors(read)):
            yield link


def anchors(text: str) -> set[str]:
    """Of the headings of a README, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", READMES, ids=list(TEXTS))
def test_links_of_readmes_lead_somewhere(path: Path) -> None:
    assert list(broken_links(path, path.read_text("utf-8"))) == []


@pytest.mark.parametrize("link", ["no.md", "#no-such-heading", "tests/README.md#no", "tests/no/"])
def test_broken_links_are_found(link: str) -> None:
    text = f"[good](tests/README.md#tests) [here](#here) [{link}]({link})\n\n# Here\n"
    assert list(broken_links(FRONT, text)) == [link]


@pytest.mark.parametrize("path", READMES, ids=list(TEXTS))
def test_folders_that_readmes_name_exist(path: Path) -> None:
    codes = inline_code(path.read_text("utf-8"))
    named = {code for code in codes if re.fullmatch(r"[\w.][\w./-]*/", code)}
    bases = [ROOT, ROOT / "transformer_mt", path.parent]
    lost = {name for name in named if not any((base / name).is_dir() for base in bases)}
    assert lost - FOLDERS_MADE == set()


def test_every_folder_is_in_the_tree_of_the_front_page() -> None:
    tree = re.findall(r"^(?:\d| ) {2}(\w+) {2,}\S", TEXTS["README.md"], flags=re.MULTILINE)
    package = ROOT / "transformer_mt"
    folders = {path.parent.name for path in package.glob("*/__init__.py")}
    assert len(tree) == len(set(tree))
    assert set(tree) == folders


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
    assert len(list(missing(FRONT, prose))) == 1


def test_what_exists_is_not_complained_of() -> None:
    prose = (
        "`fast/loss.py`, scripts/test.sh (configs/base.yaml; big.yaml) transformer_mt.corpus.rows."
    )
    assert not list(missing(FRONT, prose + " `tests/*.py` $RUN/x.py https://a.b/c.md"))
