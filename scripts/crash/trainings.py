"""Real trainings: each a process, in a folder of its own, small enough to be killed many times."""

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
"""Updates; the checkpoints do not fall together with the validations."""

_LIMIT = 300.0
"""Seconds that no training here takes, nor any part of it."""

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
    """A training did not do what it should; the message says what."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long an undisturbed training takes, in seconds."""

    loading: float
    training: float

    @property
    def whole(self) -> float:
        """From its start to its end."""
        return self.loading + self.training


class Process:
    """A training that runs; killed, if it still lives, at the end of a `with` block."""

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
        """True while it has not ended."""
        return self._process.poll() is None

    @property
    def said(self) -> str:
        """All that it wrote to stderr."""
        return self._stderr.read_text(encoding="utf-8", errors="replace")

    @property
    def killed(self) -> bool:
        """True when SIGKILL has ended it, whoever sent it."""
        return self._process.poll() == -signal.SIGKILL

    def send(self, number: signal.Signals) -> None:
        """A signal, unless it has ended."""
        self._process.send_signal(number)

    def kill(self) -> bool:
        """SIGKILL; True when that is what ended it, so that it lived until then."""
        self._process.kill()
        self._process.wait()
        return self.killed

    def wait(self) -> int:
        """The exit code.

        Raises:
            Failed: it does not end.
        """
        try:
            return self._process.wait(_LIMIT)
        except subprocess.TimeoutExpired:
            raise Failed(f"does not end; it said: {self.said}") from None

    def wait_until(self, condition: Callable[["Process"], bool], pause: float = 0.0005) -> bool:
        """False when the process has ended before the condition was found true."""
        deadline = time.monotonic() + _LIMIT
        while not condition(self):
            if not self.lives:
                return False
            if time.monotonic() > deadline:
                raise Failed(f"does not get anywhere; it said: {self.said}")
            time.sleep(pause)
        return True

    def sleep(self, seconds: float) -> None:
        """As long as this, or until it has ended."""
        end = time.monotonic() + seconds
        self.wait_until(lambda _: time.monotonic() >= end, pause=0.01)

    def last_words(self) -> str:
        """The end of what it said, on one line."""
        return " / ".join(self.said.strip().splitlines()[-3:])


class Training:
    """A run directory, its corpus, its cache, and the command that trains it.

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
        """`tmt train`, always the same command but for what is put after it or starts it."""
        settings = [f"--set={setting}" for setting in self.settings]
        return self.tmt("train", "--config", "config.yaml", *settings, *more, by=by or self.program)

    def tmt(self, name: str, *arguments: str, by: Sequence[str] = PROGRAM) -> Process:
        """Any command, on the CPU."""
        return Process([*by, name, *arguments, "--device", "cpu"], self.folder)

    def finish(self) -> Process:
        """Train to the end.

        Raises:
            Failed: it does not end well.
        """
        with self.start() as process:
            if code := process.wait():
                raise Failed(f"ends with exit code {code}: {process.last_words()}")
        return process


def _sentences(count: int, dice: Random) -> Iterator[list[str]]:
    for _ in range(count):
        yield [dice.choice(_WORDS) for _ in range(dice.randint(2, 6))]


def _environment(folder: Path) -> dict[str, str]:
    """One thread, a cache of its own, and the package that this script imports."""
    package = str(Path(transformer_mt.__file__).parents[1])
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(paths),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "HF_HUB_OFFLINE": "1",
    }


def read_json(path: Path) -> dict[str, Any]:
    """Empty when there is no such file or it is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def last_point(run: Path) -> dict[str, Any]:
    """The last whole line of metrics.jsonl; empty when there is none."""
    try:
        lines = (run / "metrics.jsonl").read_bytes().split(b"\n")[:-1]
    except OSError:
        return {}
    return json.loads(lines[-1]) if lines else {}
