#!/usr/bin/env python
"""Crash test: real trainings, killed or damaged in many ways, must end as if undisturbed.

    python scripts/crash_test.py

Every training is a process in a separate folder, and small: one encoder and one decoder layer, with
dropout, accumulated batches, and a checkpoint every few updates. The final files are compared, bit
for bit, with the files of an undisturbed training with equal settings: weights, optimiser, random
states, training curves, the best checkpoint and the checkpoints kept for averaging; only times may
differ.

The parts: `crash/kills.py` (SIGKILL at random moments, classified by `crash/stages.py`),
`crash/operations.py` (SIGKILL before chosen file operations), `crash/elastic.py` (under torchrun),
`crash/disk.py` (a full disk), `crash/corruption.py` (truncated and bit-flipped checkpoints),
`crash/interference.py` (locks, signals), `crash/divergence.py`. The seed determines the random
choices, but not the instruction at which a signal arrives, so runs are not reproducible.

The folder of a trial that lost something is kept.
"""

import argparse
import importlib
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from crash.plan import Plan, Row, render
from crash.trainings import Failed

CASES = ("kills", "operations", "elastic", "disk", "corruption", "interference", "divergence")


def main(arguments: Sequence[str]) -> int:
    """Run the crash test; return the exit code, 1 if anything was lost."""
    options = _options(arguments)
    folder = Path(tempfile.mkdtemp(prefix="crash-test-"))
    plan = Plan(
        folder=folder,
        seed=options.seed,
        kills=options.kills,
        quick=options.quick,
        jobs=options.jobs,
        every_operation=options.every_operation,
    )
    _say(f"seed {plan.seed}, {plan.jobs} at a time, in {folder}")
    begin, rows = time.monotonic(), []
    try:
        for name in options.only:
            rows += _run(name, plan)
    except KeyboardInterrupt:
        return 130
    finally:
        if not any(row.lost for row in rows):
            shutil.rmtree(folder, ignore_errors=True)
    print(render(rows))
    lost = [problem for row in rows for problem in row.lost]
    for problem in lost:
        print(f"LOST: {problem}")
    _say(f"{time.monotonic() - begin:.0f} s; {'SOMETHING' if lost else 'nothing'} was lost")
    return 1 if lost else 0


def _run(name: str, plan: Plan) -> list[Row]:
    try:
        rows: list[Row] = importlib.import_module(f"crash.{name}").run(plan)
    except Failed as failure:
        return [Row(name, "none", "an undisturbed training", (f"{name}: {failure}",))]
    return rows


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        epilog="The table goes to standard output, progress to standard error.",
    )
    parser.add_argument("--kills", type=_count, metavar="N", help="50 by default")
    parser.add_argument(
        "--seed", type=_count, default=secrets.randbelow(10**6), metavar="S", help="else random"
    )
    parser.add_argument("--quick", action="store_true", help="10 kills, and fewer other trials")
    parser.add_argument(
        "--every-operation", action="store_true", help="all operations on files, not some: slow"
    )
    parser.add_argument(
        "--only", type=_cases, default=CASES, metavar="A,B", help=f"of {','.join(CASES)}"
    )
    parser.add_argument(
        "--jobs",
        type=_count,
        default=os.cpu_count() or 1,
        metavar="N",
        help="trainings at the same time; one for each core by default",
    )
    options = parser.parse_args(arguments)
    if options.kills is None:
        options.kills = 10 if options.quick else 50
    options.jobs = max(options.jobs, 1)
    return options


def _cases(text: str) -> tuple[str, ...]:
    chosen = tuple(text.split(","))
    if unknown := set(chosen) - set(CASES):
        raise argparse.ArgumentTypeError(f"'{unknown.pop()}' is none of {', '.join(CASES)}")
    return chosen


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is no number")
    return int(text)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
