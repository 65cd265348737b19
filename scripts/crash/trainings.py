"""Small real trainings: each is a process in a separate folder."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import yaml

import transformer_mt

MAX_STEPS, VALIDATE_EVERY, CHECKPOINT_EVERY = 60, 12, 5
"""Numbers of updates; checkpoints and validations are at different updates."""

_LIMIT = 300.0
"""Timeout in seconds of a training, or of waiting for a part of it."""

PROGRAM = (sys.executable, "-m", "transformer_mt")
ANY_RATE = (sys.executable, "-P", str(Path(__file__).with_name("any_rate.py")))

_WORDS = ("red", "blue", "green", "white", "black", "pink", "grey", "brown")
_SETTINGS: dict[str, Any] = {
    "run_dir": "run",
    "data": {
        "src_lang": "src",
        "tgt_lang": "tgt",
        **{name: [f"{name}.src", f"{name}.tgt"] for name in ("train", "validation", "test")},
    },
    "model": {
        "d_model": 32,
        "num_heads": 2,
        "d_ff": 64,
        "num_encoder_layers": 1,
        "num_decoder_layers": 1,
        "norm": "pre",
        "dropout": 0.2,
        "attention_dropout": 0.2,
    },
    "training": {
        "batch_tokens": 64,
        "accumulate": 2,
        "max_steps": MAX_STEPS,
        "learning_rate": 0.01,
        "warmup_steps": 10,
        "schedule": "linear",
        "precision": "fp32",
        "validate_every": VALIDATE_EVERY,
        "checkpoint_every": CHECKPOINT_EVERY,
        "validate_sentences": 4,
        "keep_checkpoints": 2,
        "patience": 0,
        "log_every": 1,
    },
}


class Failed(Exception):  # noqa: N818 - a finding, not a fault of this script
    """An unexpected behaviour of a training, described by the message."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The duration of an undisturbed training, in seconds."""

    loading: float
    training: float

    @property
    def whole(self) -> float:
        """Seconds from start to end."""
        return self.loading + self.training


class Process:
    """A running training, which is killed at the end of a `with` block."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.folder, self.run = folder, folder / "run"
        number = len(list(folder.glob("stderr.*")))
        self._stderr = folder / f"stderr.{number}.txt"
        self.began = time.time()
        with self._stderr.open("wb") as file:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=_environment(folder),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=file,
            )
        self.pid = self._process.pid

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def lives(self) -> bool:
        """True while the process has not ended."""
        return self._process.poll() is None

    @property
    def said(self) -> str:
        """Text that the process wrote to standard error."""
        return self._stderr.read_text(encoding="utf-8", errors="replace")

    @property
    def killed(self) -> bool:
        """True if SIGKILL has ended the process."""
        return self._process.poll() == -signal.SIGKILL

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        self._process.send_signal(number)

    def kill(self) -> bool:
        """Send SIGKILL; return whether SIGKILL ended the process."""
        self._process.kill()
        self._process.wait()
        return self.killed

    def wait(self) -> int:
        """Wait for the end; return the exit code.

        Raises:
            Failed: the process does not end in time.
        """
        try:
            return self._process.wait(_LIMIT)
        except subprocess.TimeoutExpired:
            raise Failed(f"does not end; it said: {self.said}") from None

    def wait_until(self, condition: Callable[["Process"], bool], pause: float = 0.0005) -> bool:
        """Wait until the condition is true; return False if the process ends before."""
        deadline = time.monotonic() + _LIMIT
        while not condition(self):
            if not self.lives:
                return False
            if time.monotonic() > deadline:
                raise Failed(f"does not get anywhere; it said: {self.said}")
            time.sleep(pause)
        return True

    def sleep(self, seconds: float) -> None:
        """Wait some seconds, or until the process has ended."""
        end = time.monotonic() + seconds
        self.wait_until(lambda _: time.monotonic() >= end, pause=0.01)

    def last_words(self) -> str:
        """Return the last lines of standard error, on one line."""
        return " / ".join(self.said.strip().splitlines()[-3:])


class Training:
    """A folder with configuration, corpus, cache and run directory of a training.

    All paths in the configuration are relative to the folder, so that two trainings with the same
    settings must end with the same files.
    """

    def __init__(self, folder: Path, *settings: str) -> None:
        self.folder, self.settings = folder, settings
        self.run = folder / "run"
        diverges = any(setting.startswith("training.learning_rate=") for setting in settings)
        self.program = ANY_RATE if diverges else PROGRAM
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.yaml").write_text(yaml.safe_dump(_SETTINGS), encoding="utf-8")
        for seed, (name, count) in enumerate({"train": 400, "validation": 12, "test": 12}.items()):
            lines = list(_sentences(count, Random(seed)))
            for side, order in (("src", 1), ("tgt", -1)):
                text = "".join(" ".join(words[::order]) + "\n" for words in lines)
                (folder / f"{name}.{side}").write_text(text, encoding="utf-8")

    def start(self, *more: str, by: Sequence[str] | None = None) -> Process:
        """Start `tmt train` with the settings and `more` arguments, by a program."""
        settings = [f"--set={setting}" for setting in self.settings]
        return self.tmt("train", "--config", "config.yaml", *settings, *more, by=by or self.program)

    def tmt(self, name: str, *arguments: str, by: Sequence[str] = PROGRAM) -> Process:
        """Start any `tmt` command on the CPU."""
        return Process([*by, name, *arguments, "--device", "cpu"], self.folder)

    def finish(self) -> Process:
        """Train to the end.

        Raises:
            Failed: the exit code is not 0.
        """
        with self.start() as process:
            if code := process.wait():
                raise Failed(f"ends with exit code {code}: {process.last_words()}")
        return process


def _sentences(count: int, dice: Random) -> Iterator[list[str]]:
    for _ in range(count):
        yield [dice.choice(_WORDS) for _ in range(dice.randint(2, 6))]


def _environment(folder: Path) -> dict[str, str]:
    """Return the environment: one thread, a private cache, the same package as this script."""
    package = str(Path(transformer_mt.__file__).parents[1])
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(paths),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "HF_HUB_OFFLINE": "1",
    }


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; return an empty one if the file is missing or damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def last_point(run: Path) -> dict[str, Any]:
    """Return the last whole line of metrics.jsonl; empty if there is none."""
    try:
        lines = (run / "metrics.jsonl").read_bytes().split(b"\n")[:-1]
    except OSError:
        return {}
    return json.loads(lines[-1]) if lines else {}
