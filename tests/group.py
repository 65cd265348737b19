"""Processes that work as one, without torchrun: started once, as loading torch takes its time."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent


@dataclass(frozen=True)
class Answer:
    """What one process made of a command."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Surprise:
    """What happens in one process during a command."""

    rank: int
    action: str = ""
    """At the beginning of an update: "term", it gets the signal; "die", it ends."""
    step: int = 0
    losses: Sequence[float | None] = ()
    """Added to those of its first batches."""
    folder: Path | None = None
    """Where it works."""
    args: Sequence[str] = ()
    """Further ones."""


class Group:
    """Several processes, each of which takes the same commands."""

    def __init__(self, size: int = 2) -> None:
        self._processes = [start(rank, size) for rank in range(size)]

    def tmt(self, *args: object, surprise: Surprise | None = None) -> list[Answer | None]:
        """Run a command in all processes; None for one that has ended."""
        port = free_port()
        for rank, process in enumerate(self._processes):
            if process.poll() is not None:
                process.communicate()  # closes its pipes
                process = self._processes[rank] = start(rank, len(self._processes))
            own = surprise if surprise and surprise.rank == rank else Surprise(rank)
            request = {
                "port": port,
                "args": [*map(str, args), *own.args],
                "action": own.action,
                "step": own.step,
                "losses": own.losses,
                "folder": str(own.folder or Path.cwd()),
            }
            assert process.stdin is not None
            process.stdin.write(f"{json.dumps(request)}\n")
            process.stdin.flush()
        hurry = threading.Timer(100, self.kill)  # a test that hangs is to fail
        hurry.start()
        try:
            return [self._answer(process) for process in self._processes]
        finally:
            hurry.cancel()

    def _answer(self, process: "subprocess.Popen[str]") -> Answer | None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("ANSWER "):
                return Answer(**json.loads(line.removeprefix("ANSWER ")))
        return None

    def kill(self) -> None:
        for process in self._processes:
            process.kill()

    def close(self) -> None:
        self.kill()
        for process in self._processes:
            process.communicate()


def start(rank: int, size: int) -> "subprocess.Popen[str]":
    place = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size)}
    return subprocess.Popen(
        [sys.executable, str(TESTS / "group_worker.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=os.environ | place | {"MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": "1"},
    )


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
