"""Training on several processes with one thread each, or one GPU each."""

import atexit
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import islice

from benchmarks.report import Cell
from benchmarks.settings import Settings
from benchmarks.text import write_corpus
from benchmarks.training import LEARNING_RATE, make_config
from benchmarks.worker import Answer, Clock, Contestant, ContestantError, Request, Worker, say

TOKENS = "Training on several processes, one thread or GPU each, real target tokens a second"
RATIOS = "Training on several processes, times the tokens a second of one"

_PAIRS = 12_000


def contestant(spec: Request) -> Contestant:
    """Load one process of a group, whose updates are made by all processes together."""
    import torch

    from transformer_mt.runtime.process_group import open_process_group
    from transformer_mt.training.loop import training_step, updates
    from transformer_mt.training.session import load_session

    os.environ |= spec["environment"]
    torch.set_num_threads(1)
    config = make_config(spec["shape"], spec["files"], spec["folder"], spec["batch_tokens"])
    stack = ExitStack()
    atexit.register(stack.close)
    group = stack.enter_context(open_process_group(spec["device"]))
    session = load_session(config, spec["device"], anew=True, group=group)
    coming = updates(session)

    def go(_: Request) -> Answer:
        chosen = list(islice(coming, spec["updates"]))
        group.sum(0.0)  # a barrier: all processes begin together
        with Clock("wall", session.device.type) as clock:
            for batches in chosen:
                training_step(session, batches, LEARNING_RATE)
        tokens = sum(batch.num_tokens for batches in chosen for batch in batches)
        return {"seconds": clock.seconds, "tokens": tokens}

    return go


def run(settings: Settings, machine: Sequence[Cell]) -> list[Cell]:  # noqa: ARG001
    """Measure both tables."""
    files = write_corpus(settings.folder, "scaling", _PAIRS)
    cells: list[Cell] = []
    for shape in ("tiny",) if settings.quick else ("tiny", "base"):
        spec = settings.spec(
            shape=shape,
            files=files,
            folder=str(settings.folder / "none"),
            batch_tokens=25_000 if settings.device == "cuda" else 4096,
            updates=4 if shape == "tiny" else 1,
        )
        try:
            cells += _measure(spec, _sizes(settings), settings.rounds)
        except ContestantError as error:
            say(f"{shape} on several processes is left out: {error}")
    one = {cell.column: cell.median for cell in cells if cell.row == _row(1)}
    several = [cell for cell in cells if cell.row != _row(1)]
    ratios = [Cell(RATIOS, c.row, c.column, (c.median / one[c.column],), "times") for c in several]
    return [*cells, *ratios]


def _measure(spec: Request, sizes: Sequence[int], rounds: int) -> Iterator[Cell]:
    """Measure all group sizes, alternating."""
    found: dict[int, list[float]] = {size: [] for size in sizes}
    with ExitStack() as stack:
        groups = {
            size: [stack.enter_context(worker) for worker in _group(spec, size)] for size in sizes
        }
        for group in groups.values():
            for worker in group:
                worker.ready()
        for number in range(rounds + 1):
            for size, group in groups.items():
                time.sleep(0.05)
                for worker in group:
                    worker.begin({})
                answers = [worker.end() for worker in group]
                if number:  # round 0 is the warm-up
                    found[size].append(answers[0]["tokens"] / answers[0]["seconds"])
    for size, rates in found.items():
        yield Cell(TOKENS, _row(size), f"{spec['shape']} fp32", tuple(rates), "tok/s")


def _group(spec: Request, size: int) -> list[Worker]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = str(listener.getsockname()[1])
    place = {"WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [
        Worker(
            "scaling",
            spec | {"environment": {**place, "RANK": str(rank), "LOCAL_RANK": str(rank)}},
        )
        for rank in range(size)
    ]


def _sizes(settings: Settings) -> list[int]:
    if settings.device != "cuda":
        return [1, 2]
    import torch

    return [size for size in (1, 2, 4, 8) if size <= torch.cuda.device_count()]


def _row(size: int) -> str:
    return "1 process" if size == 1 else f"{size} processes"
