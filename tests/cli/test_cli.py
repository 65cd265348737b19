import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from tiny_runs import Result, make_run, python, tmt, write

import transformer_mt
from transformer_mt.cli import app
from transformer_mt.cli.command import PANEL_OF
from transformer_mt.runs.run_dir import RunDir

LINES = ["The cat is big .", "", "   ", "Le zebra 42 .", "The dog", "\t", "new new new bread"]


def translate(run: Path, *args: str | Path, stdin: str | bytes = b"") -> Result:
    return tmt("translate", "--model", run, *args, stdin=stdin)


# the program


@pytest.mark.parametrize("args", [["--help"], ["-h"], ["translate", "-h"], ["train", "--help"]])
def test_help_is_no_error(args: list[str]) -> None:
    result = tmt(*args)
    assert result.exit_code == 0
    assert "Usage: " in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("columns", ["80", "120"])
def test_help_groups_the_options(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    options = {param.name for command in commands.values() for param in command.params}
    assert set(PANEL_OF) <= options
    for name in commands:
        shown = tmt(name, "--help").stdout
        panels = re.findall(r"╭─ ([A-Z][a-z ]+) ─", shown)
        assert panels[-1] == "Other", name
        assert len(panels) == len(set(panels)), name
        assert set(panels) <= {"Arguments", *PANEL_OF.values(), "Other"}, name
        assert ("Sampling" in panels) == (name == "generate")
        assert "<bool>" not in shown, name


def test_version_is_that_of_the_package() -> None:
    result = tmt("--version")
    assert (result.exit_code, result.stdout) == (0, f"tmt {transformer_mt.__version__}\n")


def test_no_arguments_shows_help_and_is_no_success() -> None:
    result = tmt()
    assert result.exit_code == 2
    assert "Usage: tmt" in result.stdout + result.stderr
    assert "translate" in result.stdout + result.stderr


@pytest.mark.parametrize(
    "args",
    [
        ["bogus"],
        ["translate", "--bogus"],
        ["train"],
        ["attention", "a sentence"],
        ["translate", "x", "--beam-size", "many"],
    ],
)
def test_wrong_usage_is_exit_code_2(args: list[str]) -> None:
    result = tmt(*args)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage: tmt" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_module_is_the_program() -> None:
    done = subprocess.run(
        python("-m", "transformer_mt", "--version"), capture_output=True, text=True, check=True
    )
    assert done.stdout == f"tmt {transformer_mt.__version__}\n"


@pytest.mark.parametrize("args", [["--quiet", "translate"], ["translate", "-q"]])
def test_global_flags_stand_anywhere(run: Path, args: list[str]) -> None:
    command = [*args, "The cat", "--model", str(run)]
    make_run(Path("runs") / "a")
    newest = tmt(*args, "The cat")
    assert (newest.exit_code, newest.stderr) == (0, "")  # else the model would be named
    assert tmt(*command).exit_code == 0
    assert "model: " in tmt("translate", "The cat").stderr


def test_after_two_dashes_flags_are_text(run: Path) -> None:
    result = translate(run, "--", "-q", "--debug")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 2


def test_debug_shows_where() -> None:
    result = tmt("info", "nowhere", "--debug")
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert result.stderr.endswith("error: nowhere: there is no such run directory\n")


# which model


def test_the_model_comes_from_the_environment(run: Path, expected: dict[str, str]) -> None:
    result = tmt("translate", "The dog", env={"TMT_MODEL": str(run)})
    assert (result.stdout, result.stderr) == (f"{expected['The dog']}\n", "")
    other = tmt("translate", "The dog", "-m", run, env={"TMT_MODEL": "nowhere"})
    assert other.stdout == result.stdout


def test_the_newest_finished_run_is_taken_and_named() -> None:
    for age, (name, finished) in enumerate(
        [("a", None), ("b", "all updates made"), ("c", "time is up"), ("d", "time is up")]
    ):
        state = RunDir(make_run(Path("runs") / name, finished)).last / "state.json"
        os.utime(state, (1e9 - age, 1e9 - age))
    write(Path("runs/e/last/state.json"), "junk")
    write(Path("runs/notes.txt"), "no run")
    result = tmt("translate", "The dog")
    assert result.exit_code == 0
    assert result.stderr == "model: runs/b\n"


@pytest.mark.parametrize("finished", [None, "not there"])
def test_no_finished_run(finished: str | None) -> None:
    if finished is None:
        make_run(Path("runs/a"), None)
    result = tmt("translate", "The dog")
    assert result.exit_code == 2
    wanted = "no finished run of task translation in runs/: train one, or name one with --model"
    assert result.error.startswith(wanted)


def drop(path: Path) -> None:
    path.unlink()


def change(path: Path, old: str, new: str) -> None:
    write(path, path.read_text().replace(old, new))


def cut(*paths: Path) -> None:
    for path in paths:
        path.write_bytes(path.read_bytes()[:99])


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {  # what is done, what must be said
    "run": (shutil.rmtree, "there is no such run directory"),
    "config": (lambda run: drop(run / "config.yaml"), "is not a run directory (it has no config"),
    "key": (
        lambda run: change(run / "config.yaml", "seed:", "sead:"),
        "unknown key 'sead'; did you mean 'seed'?",
    ),
    "no_tokenizer": (
        lambda run: drop(run / "tokenizer.tgt.json"),
        "tokenizer.tgt.json: there is no such file",
    ),
    "untrained": (lambda run: shutil.rmtree(run / "best"), "has no checkpoint 'best' yet; run tmt"),
    "all": (
        lambda run: cut(*run.rglob("model.safetensors")),
        "best/model.safetensors: is damaged (its checksum is not that in SHA256SUMS)",
    ),
    "last": (lambda run: write(run / "last" / "state.json", "[]"), "state.json: cannot be read"),
    "info": (lambda run: write(run / "info.json", "[]"), "info.json: cannot be read"),
}


def spoiled(what: str) -> tuple[Path, str]:
    """A run with one damage, and what must be said of it."""
    spoil, message = DAMAGES[what]
    run = make_run(Path("spoiled"))
    spoil(run)
    return run, message


@pytest.mark.parametrize("what", [what for what in DAMAGES if what not in ("last", "info")])
def test_a_spoiled_run_is_named(what: str) -> None:
    run, message = spoiled(what)
    result = translate(run, "The dog")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.error.startswith("spoiled")
    assert message in result.error


# as a process


@pytest.fixture
def coprocess(run: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`tmt translate` that has answered one line and waits for the next."""
    process = subprocess.Popen(
        python("-m", "transformer_mt", "translate", "-m", str(run)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    killer = signal.getsignal(signal.SIGALRM)
    signal.signal(signal.SIGALRM, lambda *_: process.kill())  # a deadlock ends the reads below
    signal.alarm(50)
    with process:
        yield process
        process.kill()
    signal.alarm(0)
    signal.signal(signal.SIGALRM, killer)


def ask(process: subprocess.Popen[bytes], line: str) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{line}\n".encode())
    process.stdin.flush()
    return process.stdout.readline().decode().removesuffix("\n")


def test_a_coprocess_answers_line_by_line_and_stops_quietly_at_ctrl_c(
    coprocess: subprocess.Popen[bytes], expected: dict[str, str]
) -> None:
    for line in ("The dog", "", "The cat is big ."):
        assert ask(coprocess, line) == expected[line]
    coprocess.send_signal(signal.SIGINT)
    assert coprocess.wait() == 130
    assert coprocess.stderr is not None
    assert coprocess.stderr.read() == b"error: interrupted\n"


@pytest.mark.parametrize(
    ("args", "exit_code", "lines", "stderr"),
    [
        (["train", "--config", "none.yaml"], 2, 0, "error: none.yaml: there is no such conf"),
        (["translate", "-m", "{run}", "caf\udce9", "The dog"], 0, 2, ""),
    ],
)
def test_exit_codes_of_the_process(
    run: Path, args: list[str], exit_code: int, lines: int, stderr: str
) -> None:
    command = [arg.format(run=run) for arg in args]
    done = subprocess.run(
        python("-m", "transformer_mt", *command),
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == exit_code
    assert done.stdout.count("\n") == lines
    assert done.stderr.startswith(stderr)
    assert done.stderr.count("\n") == bool(stderr)
