"""What surrounds a command: the terminal's size, closed streams, and which run it takes."""

import os
import subprocess
from pathlib import Path

import pytest
from tiny_runs import make_run, python, tmt

from transformer_mt.runtime.console import ignore_absurd_sizes

ABSURD = ["0", "1", "-80", "abc", "8e1", "", " ", "99999999999999999999", "²"]


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TMT_MODEL", raising=False)


# the terminal


@pytest.mark.parametrize("name", ["COLUMNS", "LINES", "TERMINAL_WIDTH"])
@pytest.mark.parametrize("value", [*ABSURD, "80", "10", "9999"])
def test_sizes_that_no_terminal_has_do_not_count(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    ignore_absurd_sizes()
    assert os.environ.get(name) == (None if value in ABSURD else value)


@pytest.mark.parametrize(
    ("sizes", "args"),
    [
        ({"COLUMNS": "0", "LINES": "0"}, ["--help"]),
        ({"COLUMNS": "0"}, ["train"]),  # lacks --config
        ({"TERMINAL_WIDTH": "wide"}, ["info", "--help"]),
    ],
)
def test_help_and_errors_are_those_of_a_usual_terminal(
    sizes: dict[str, str], args: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("COLUMNS", "LINES", "TERMINAL_WIDTH"):
        monkeypatch.delenv(name, raising=False)

    def run() -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            python("-m", "transformer_mt", *args),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )

    usual = run()
    for name, value in sizes.items():
        monkeypatch.setenv(name, value)
    odd = run()
    assert (odd.stdout, odd.stderr) == (usual.stdout, usual.stderr)
    assert b"Usage: tmt" in usual.stdout + usual.stderr


# standard input

CLOSED = "import os, sys; os.close(0); os.execvp(sys.argv[1], sys.argv[1:])"


@pytest.mark.parametrize(
    "command", ["translate", "classify", "generate", "rescore --lm run", "translate -i -"]
)
def test_a_closed_standard_input_is_an_error_as_with_cat(command: str) -> None:
    cat = subprocess.run(python("-c", CLOSED, "cat"), capture_output=True, check=False)
    program = python("-c", CLOSED, *python("-m", "transformer_mt", *command.split()))
    done = subprocess.run(program, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (cat.returncode, b"") == (1, b"")
    assert done.stderr == b"error: standard input is closed: there is nothing to read\n"


def test_an_empty_standard_input_is_none_and_arguments_need_none() -> None:
    run = make_run(Path("run"))
    command = python("-m", "transformer_mt", "translate", "-m", str(run))
    empty = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    assert (empty.stdout, empty.stderr) == (b"", b"")
    closed = python("-c", CLOSED, *command, "The cat")
    done = subprocess.run(closed, capture_output=True, check=True)
    assert (done.stdout.count(b"\n"), done.stderr) == (1, b"")


# the run


OF_A_RUN = {
    "info": [],
    "export": ["--to", "ctranslate2", "-o", "out", "--no-verify"],
    "translate": ["The cat"],
    "attention": ["The cat", "-o", "out.json"],
    "evaluate": [],
}


@pytest.mark.parametrize("command", OF_A_RUN)
def test_every_command_finds_its_run_by_one_rule(command: str) -> None:
    """--model (or the argument), else TMT_MODEL, else the newest finished one in runs/."""

    def taken(*options: str, environment: str | None = None) -> str:
        """The run that a command looked for: it is not there, so the error names it."""
        env = {} if environment is None else {"TMT_MODEL": environment}
        result = tmt(command, *OF_A_RUN[command], *options, env=env)
        assert result.exit_code != 0
        return result.error

    assert taken("--model", "a", environment="b") == "a: there is no such run directory"
    assert taken("-m", "a") == "a: there is no such run directory"
    assert taken(environment="b") == "b: there is no such run directory"
    assert "no finished run" in taken()
    if command in ("info", "export"):
        assert taken("a", environment="b") == "a: there is no such run directory"
        assert "not both" in taken("a", "--model", "b")


def test_info_and_export_take_the_newest_run_too() -> None:
    make_run(Path("runs/new"))
    told = tmt("info")
    assert (told.exit_code, told.stderr) == (0, "model: runs/new\n")
    assert told.stdout.split()[:2] == ["run", "runs/new"]
    assert tmt("info", env={"TMT_MODEL": "runs/new"}).stdout == told.stdout
    made = tmt("export", *OF_A_RUN["export"])
    assert made.exit_code == 0, made.stderr
    assert Path("out/README.md").is_file()
