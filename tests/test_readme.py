"""What the READMEs say holds: examples run, commands and options exist, the front page is short."""

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import typer
from readmes import FRONT, READMES, ROOT, TEXTS, blocks, inline_code, shell_lines
from tiny_runs import reverse_pairs, write_lines

import transformer_mt as tmt
from transformer_mt.cli import app
from transformer_mt.config.load import load_config
from transformer_mt.config.tasks import CONFIGS
from transformer_mt.phrasebook import phrasebook_splits
from transformer_mt.phrasebook.corpus import words

pytestmark = pytest.mark.usefixtures("own_cache")

ALL = "\n".join(TEXTS.values())


def test_every_readme_is_read() -> None:
    folders = [ROOT / name for name in ("configs", "scripts", "tests", "transformer_mt")]
    found = {FRONT, *(path for folder in folders for path in folder.rglob("README.md"))}
    assert set(READMES) == found


def test_the_front_page_is_short() -> None:
    assert len(FRONT.read_bytes()) <= 10_000


# --- examples


def test_python_examples_run(
    trained_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As they stand, in order, in a folder like their reader's."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained_run, tmp_path / "runs" / "quickstart")
    pairs = reverse_pairs(300, seed=1)
    for side, suffix in (("src", "en"), ("tgt", "de")):
        write_lines(tmp_path / f"corpus.{suffix}", [getattr(pair, side) for pair in pairs])
    (tmp_path / "my.yaml").write_text(blocks(TEXTS["README.md"], "yaml")[0], encoding="utf-8")

    *with_tmt, with_transformers = (
        block for text in TEXTS.values() for block in blocks(text, "python")
    )
    names: dict[str, object] = {}
    for block in with_tmt:
        assert "transformers import" not in block
        exec(block.replace("training.max_time=30m", "training.max_time=2s"), names)
    printed = capsys.readouterr().out
    assert re.search(r"^BLEU +\d+\.\d\d ", printed, flags=re.MULTILINE)
    assert (tmp_path / "attention.html").is_file()

    pytest.importorskip("transformers")
    tmt.export_model("runs/my", "my-hf", to="transformers", verify=False)
    exec(with_transformers, {})
    assert capsys.readouterr().out.startswith("['")


def test_every_configuration_that_is_shown_is_valid(tmp_path: Path) -> None:
    shown = [block for text in TEXTS.values() for block in blocks(text, "yaml")]
    assert len(shown) >= 2
    for block in shown:
        (tmp_path / "shown.yaml").write_text(block, encoding="utf-8")
        load_config(tmp_path / "shown.yaml")


PLACEHOLDERS = {"A sentence.", "A sentence of yours.", "Your own sentence.", "..."}
"""What stands for a reader's own text."""


def test_sentences_that_are_translated_are_in_the_words_of_the_phrasebook() -> None:
    """The first model that a reader has knows no others."""
    known = {word for en, _ in phrasebook_splits()["train"] for word in words(en)}
    script = (ROOT / "scripts" / "quickstart.sh").read_text("utf-8")
    texts = ALL + script + (ROOT / "transformer_mt" / "__init__.py").read_text("utf-8")
    calls = re.findall(r"(?:tmt (?:translate|attention)|\.translate\().*", texts)
    sentences = re.findall(r'"([A-Z][^"$]*[.?!])"', "\n".join(calls))
    sentences += re.findall(r'^ {4}"([A-Z].*[.?!])"$', script, flags=re.MULTILINE)
    assert len(sentences) > 10
    unknown = {
        sentence: missing
        for sentence in set(sentences) - PLACEHOLDERS
        if (missing := set(words(sentence)) - known)
    }
    assert unknown == {}


def test_every_key_of_a_configuration_is_told() -> None:
    """In the table of configs/README.md, and no other key stands there."""
    keys = {
        key
        for task in CONFIGS.values()
        for name, field in task.__dataclass_fields__.items()
        for key in _keys(name, field.type)
    }
    rows = re.findall(r"^\| (`.*?) \|", TEXTS["configs/README.md"], flags=re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`([a-z0-9_.]+)`", row)}
    assert {name for name in told if not name.endswith(".yaml")} == keys


def _keys(name: str, kind: Any) -> list[str]:
    section = getattr(kind, "__dataclass_fields__", None)
    return [name] if section is None else [f"{name}.{key}" for key in section]


# --- commands


USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]
"""What the parser raises for an unknown command or option, or a missing argument."""


def commands_of(text: str) -> list[str]:
    """`tmt ...` on lines of code blocks and in running text, and the same under torchrun.

    A mere name of a command in running text is told by `names_of`.
    """
    lines = shell_lines(text)
    launched = [re.sub(r"^torchrun .* -m transformer_mt ", "tmt ", line) for line in lines]
    written = [code for code in inline_code(text) if len(code.split()) > 2]
    return [line for line in launched + written if line.startswith("tmt ")]


def names_of(text: str) -> set[str]:
    """The commands of which running text gives the name alone."""
    return {code[4:] for code in inline_code(text) if re.fullmatch(r"tmt [a-z-]+", code)}


def parse(command: str) -> None:
    """Parse a shell line as `tmt` would, running nothing.

    Raises:
        USAGE_ERROR: there is no such command or option, or an argument is missing.
    """
    group: Any = typer.main.get_command(app)
    context = group.make_context("tmt", ["info"])
    global_options = {option for param in group.params for option in param.opts}
    words = [word for word in without_redirections(command)[1:] if word not in global_options]
    if words:
        name, subcommand, rest = group.resolve_command(context, words)
        subcommand.make_context(name, rest, parent=context)


def without_redirections(command: str) -> list[str]:
    """The words of the first program in a shell line."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    tokens = iter(lexer)
    for token in tokens:
        if token in ("|", "&&", ";"):
            break
        if token in ("<", ">", ">>"):
            next(tokens)
        else:
            words.append(token)
    return words


@pytest.mark.parametrize("name", TEXTS)
def test_commands_exist(name: str) -> None:
    for command in commands_of(TEXTS[name]):
        try:
            parse(command)
        except USAGE_ERROR as error:
            pytest.fail(f"{name}: {command}: {error}")
    group: Any = typer.main.get_command(app)
    assert names_of(TEXTS[name]) <= set(group.commands)


def test_every_command_is_shown() -> None:
    group: Any = typer.main.get_command(app)
    assert {command.split()[1] for command in commands_of(ALL)} >= set(group.commands)
    table = re.findall(r"^\| `tmt ([a-z-]+)", TEXTS["README.md"], flags=re.MULTILINE)
    assert sorted(table) == sorted(group.commands)


@pytest.mark.parametrize("name", TEXTS)
def test_options_named_alone_are_of_some_program(name: str) -> None:
    """Such as `--dry-run` in running text: of `tmt`, of a script, or of a program named here."""
    group: Any = typer.main.get_command(app)
    known = {
        option
        for command in (group, *group.commands.values())
        for param in command.params
        for option in param.opts
    }
    scripts = [*(ROOT / "scripts").glob("*.py"), *(ROOT / "scripts").glob("*.sh")]
    known |= set(re.findall(r"--[a-z-]+", "\n".join(path.read_text("utf-8") for path in scripts)))
    named = {
        option
        for code in inline_code(TEXTS[name])
        if code.startswith("--")
        for option in re.findall(r"(?<!\S)--[a-z][a-z-]*", code)
    }
    assert named - known <= {"--ter-normalized", "--ter-asian-support", *OF_TORCHRUN}


OF_TORCHRUN = {"--shutdown-timeout", "--max-restarts", "--nnodes"}


@pytest.mark.parametrize("name", TEXTS)
def test_options_of_scripts_exist(name: str) -> None:
    found = re.findall(r"(?:bash|python) (scripts/\w+\.(?:sh|py))([^`\n#]*)", TEXTS[name])
    for script, options in found:
        text = (ROOT / script).read_text("utf-8")
        assert set(re.findall(r"--[a-z-]+", options)) <= set(re.findall(r"--[a-z-]+", text))


@pytest.mark.parametrize(
    "command",
    [
        "tmt trian --config x.yaml",
        "tmt train",
        "tmt train --config x.yaml --dryrun",
        "tmt translate --beam-size wide < in > out",
        "tmt attention 'a sentence'",
        "tmt export DIR --to ctranslate2",
    ],
)
def test_wrong_commands_would_be_found(command: str) -> None:
    with pytest.raises(USAGE_ERROR):
        parse(command)


def test_right_commands_pass() -> None:
    parse("tmt train -c x.yaml --set model.norm=pre -q # a comment")
    parse("tmt translate -b 3 < in.txt > out.txt | tee log")
    parse("tmt --version")
