"""A worker process for each contestant, which loads once and then runs a round per request.

So the rounds of several contestants can alternate, each has a separate memory peak, and a failure
stops no other. The parent writes lines of JSON to the process and reads one answer to each: the
first line specifies what to load, every other line is a round.
"""

import contextlib
import importlib
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Request = dict[str, Any]
Answer = dict[str, Any]
Contestant = Callable[[Request], Answer]

WORKER_OPTION = "--worker"
_PROGRAM = Path(__file__).parents[1] / "benchmark.py"
_REST = 0.05
"""Seconds between two rounds, in which the spinning threads of the last contestant stop."""


class ContestantError(Exception):
    """An error of a contestant; the message is a sentence."""


class Worker:
    """A worker process, as the parent sees it.

    Args:
        module: module of this package whose function `contestant` is called.
        spec: argument of `contestant`.

    Raises:
        ContestantError: the contestant failed; raised by `ready`, `go` and `end`.
    """

    def __init__(self, module: str, spec: Request) -> None:
        self.stderr = tempfile.TemporaryFile(  # noqa: SIM115 - closed in __exit__
            "w+", encoding="utf-8", errors="replace"
        )
        self.process = subprocess.Popen(
            [sys.executable, str(_PROGRAM), WORKER_OPTION],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            text=True,
            encoding="utf-8",
        )
        self._write({"module": module, "spec": spec})

    def ready(self) -> Answer:
        """Wait until the contestant is loaded."""
        return self._read()

    def go(self, request: Request) -> Answer:
        """Run one round."""
        self.begin(request)
        return self.end()

    def begin(self, request: Request) -> None:
        """Begin a round, without waiting; call `end` later."""
        self._write(request)

    def end(self) -> Answer:
        """Wait for the end of the round; return the answer."""
        return self._read()

    def _write(self, line: Request) -> None:
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):  # `_read` reports the failure
            self.process.stdin.write(json.dumps(line) + "\n")
            self.process.stdin.flush()

    def _read(self) -> Answer:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            self.stderr.seek(0)
            said = self.stderr.read().strip().splitlines()
            raise ContestantError(f"ended with exit code {code} ({said[-1] if said else 'silent'})")
        answer: Answer = json.loads(line)
        if "error" in answer:
            raise ContestantError(answer["error"])
        return answer

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        with contextlib.suppress(BrokenPipeError), self.process:
            pass  # `with` waits for the process and closes the pipes
        self.stderr.close()


def say(message: str) -> None:
    """Print a progress message to standard error."""
    print(message, file=sys.stderr, flush=True)


def interleave(
    module: str,
    specs: Mapping[str, Request],
    plan: Sequence[tuple[str, Request]],
    rounds: int,
) -> list[list[Answer]]:
    """Run contestants alternately, A B A B ..., after a warm-up round.

    Args:
        module: module of the contestants.
        specs: argument of `contestant` for each name.
        plan: name and request of each step; a round is one pass through this list.
        rounds: number of measured rounds.

    Returns:
        The answers of the rounds for each step of the plan; none if the contestant failed, which
        is reported.
    """
    answers: list[list[Answer]] = [[] for _ in plan]
    with contextlib.ExitStack() as stack:
        workers = {
            name: stack.enter_context(Worker(module, spec | {"rounds": rounds + 1}))
            for name, spec in specs.items()
        }
        for name in specs:
            with _left_out_if_it_fails(name, workers):
                workers[name].ready()
        for number in range(rounds + 1):
            for row, (name, request) in enumerate(plan):
                with _left_out_if_it_fails(name, workers):
                    if name in workers:
                        time.sleep(_REST)
                        answer = workers[name].go(request | {"round": number})
                        answers[row] += [answer] if number else []
    return [found if len(found) == rounds else [] for found in answers]


@contextlib.contextmanager
def _left_out_if_it_fails(name: str, workers: dict[str, Worker]) -> Iterator[None]:
    """Remove a contestant that fails within the block, with a message."""
    try:
        yield
    except ContestantError as error:
        workers.pop(name).process.kill()
        say(f"{name} is left out: {error}")


class Clock:
    """A context manager that measures a block in seconds.

    Args:
        kind: "wall", or "cpu": CPU time of all threads of this process, which with one thread is
            the wall time on an idle machine.
        device: with "cuda", the GPU is synchronised before and after.
    """

    def __init__(self, kind: str, device: str) -> None:
        self._now = {"wall": time.perf_counter, "cpu": time.process_time}[kind]
        self._device = device
        self.seconds = 0.0

    def __enter__(self) -> "Clock":
        self._finish_work()
        self._start = self._now()
        return self

    def __exit__(self, *_: object) -> None:
        self._finish_work()
        self.seconds = self._now() - self._start

    def _finish_work(self) -> None:
        if self._device == "cuda" and "torch" in sys.modules:
            sys.modules["torch"].cuda.synchronize()


def serve() -> None:
    """Run the worker process: load, then answer each line of standard input."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # prints of libraries go to standard error

    def answer(content: Answer) -> None:
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    task = json.loads(sys.stdin.readline())
    device = task["spec"].get("device", "cpu")
    try:
        module = importlib.import_module(f"benchmarks.{task['module']}")
        contestant: Contestant = module.contestant(task["spec"])
        answer({})
        for line in sys.stdin:
            _forget_peak(device)
            answer({"memory": 0} | contestant(json.loads(line)) | {"memory": _peak(device)})
    except Exception as error:
        answer({"error": _sentence(error)})


def _sentence(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    text = lines[0] if lines else ""
    is_for_people = type(error).__module__.startswith("transformer_mt")
    return text if is_for_people else f"{type(error).__name__}: {text}"


def _forget_peak(device: str) -> None:
    """Reset the peak memory, if the system supports it."""
    if device == "cuda" and "torch" in sys.modules:
        sys.modules["torch"].cuda.reset_peak_memory_stats()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak(device: str) -> float:
    """Return the peak memory in MiB: resident memory; on a GPU, memory allocated by torch."""
    if device == "cuda" and "torch" in sys.modules:
        return float(sys.modules["torch"].cuda.max_memory_allocated() / 2**20)
    with contextlib.suppress(OSError):
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        if found := re.search(r"VmHWM:\s+(\d+)", status):
            return int(found[1]) / 2**10
    return max_rss(resource.getrusage(resource.RUSAGE_SELF))


def max_rss(usage: resource.struct_rusage) -> float:
    """Return the maximum resident memory in MiB; macOS reports bytes, Linux KiB."""
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
