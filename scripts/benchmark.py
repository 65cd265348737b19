#!/usr/bin/env python
"""How fast this project is, side by side with its peers, on the machine at hand.

    pip install -e ".[bench]"
    python scripts/benchmark.py --quick

Every contestant is a process of its own, which loads once; their rounds take turns (A B A B ...),
so that whatever else the machine does meets all of them alike. Figures are medians of the rounds
after one that warms up, with half of the distance between the extremes. All contestants have the
same data, shapes, batches and threads, and in translation the same weights.

What is measured: `benchmarks/machine.py` (matrix products), `benchmarks/training.py`,
`benchmarks/scaling.py` (several processes), `benchmarks/translation.py`, `benchmarks/startup.py`,
`benchmarks/growth.py` (how cost grows with length, batch and corpus).

What was tried and did not pay
------------------------------
On a 2-core server with AVX-512 bf16 instructions and no matrix unit, torch 2.13, by CPU time on one
core, fast and plain taking turns:

- Training. A bf16 copy of the whole model beside fp32 masters: no faster than casting each weight
  where it is used. Softmax of the loss in bf16: no faster. Loss chunks of 256 positions: 12 %
  faster in the loss of base, 4 % slower in that of tiny. Torch's fused attention in bf16: its
  backward pass took 2 to 12 times as long as two products around a softmax. Transposing before the
  product of a weight gradient: slower. What is left in a step of base is products for three
  quarters, at four fifths of the best rate that oneDNN reaches here.
- Translation. MKL's packed weights: a gain for single rows only. oneDNN's packed weights: a tenth
  at 64 rows, a third at 5, but of the products alone. Products in chunks of rows, transposed
  weights, huge pages: no gain.
- Memory that glibc gives back and fetches again costs training a tenth (`keep_freed_memory`), and
  translation nothing.
- torch.compile was not tried again: it was known not to pay on a CPU with lengths that change.

Of the benchmark itself: to train the phrasebook model for so many seconds (on a slow machine it
never learned to end a sentence, and every translation took its whole limit); to start the commands
of the cold start from a process that has torch loaded (a new process begins with the memory of its
parent, so that all had the same peak); to compare beam searches with a length penalty alone (of a
poor model's translations every second was another, by the formula of the penalty and not by error).
"""

import argparse
import importlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import machine
from benchmarks.report import Cell, render
from benchmarks.settings import Settings
from benchmarks.worker import WORKER_OPTION, ContestantError, say, serve

from transformer_mt.errors import TmtError
from transformer_mt.runs.run_dir import RunDir, load_run_config

SECTIONS = ("training", "scaling", "translation", "startup", "growth")


def main(arguments: Sequence[str]) -> int:
    """The exit code."""
    if list(arguments) == [WORKER_OPTION]:
        serve()
        return 0
    options = _options(arguments)
    try:
        if options.run:
            load_run_config(RunDir(options.run))  # else it would be missed only much later
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            _set_environment(options.threads, folder)
            cells, facts = measure(options, Path(folder))
    except (TmtError, ContestantError, OSError) as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    print(render(cells))
    if options.json:
        lines = [cell.json_line(facts) for cell in cells]
        options.json.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.json and (options.json.is_dir() or not options.json.parent.is_dir()):
        parser.error(f"argument --json: {options.json} cannot be written")
    if options.clock == "cpu" and (options.threads > 1 or options.device == "cuda"):
        parser.error("argument --clock: cpu needs --threads 1 and a CPU")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        epilog="Tables go to standard output, progress to standard error.",
    )
    everything = ",".join(SECTIONS)
    parser.add_argument("--quick", action="store_true", help="less of everything: two minutes")
    parser.add_argument(
        "--only", type=_sections, default=SECTIONS, metavar="A,B", help=f"of {everything}"
    )
    parser.add_argument(
        "--threads", type=_positive, default=_cores(), metavar="N", help="all cores by default"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument(
        "--run", type=Path, help="a trained run: its corpus and model, in place of made-up ones"
    )
    parser.add_argument(
        "--pairs",
        type=_positive,
        default=1_000_000,
        metavar="N",
        help="of the largest corpus; a million takes two minutes, and more in proportion",
    )
    parser.add_argument(
        "--clock",
        choices=("wall", "cpu"),
        default="wall",
        help="cpu: seconds of work, for --threads 1 on a machine that does other things too",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures as JSON lines")
    return parser


def _sections(text: str) -> tuple[str, ...]:
    chosen = tuple(text.split(","))
    if unknown := set(chosen) - set(SECTIONS):
        raise argparse.ArgumentTypeError(f"'{unknown.pop()}' is none of {', '.join(SECTIONS)}")
    return chosen


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no positive number")
    return int(text)


def _cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _set_environment(threads: int, folder: str) -> None:
    """For all processes that are started: so many threads, a cache of their own, no network."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = str(threads)
    os.environ |= {"XDG_CACHE_HOME": folder, "HF_HUB_OFFLINE": "1"}


def measure(options: argparse.Namespace, folder: Path) -> tuple[list[Cell], dict[str, object]]:
    """Every section that is wanted, and the facts of the machine."""
    settings = Settings(
        threads=options.threads,
        device=options.device,
        quick=options.quick,
        clock=options.clock,
        folder=folder,
        pairs=options.pairs,
        run=options.run,
    )
    say("machine")
    facts = machine.facts(settings)
    settings = replace(settings, device=facts["device"], bf16=facts["bf16"])
    say(json.dumps(facts))
    rates = machine.run(settings)
    cells = list(rates)
    for name in options.only:
        say(name)
        begin = time.perf_counter()
        cells += _section(name)(settings, rates)
        say(f"{name} took {time.perf_counter() - begin:.0f} s")
    return cells, facts


def _section(name: str) -> Callable[[Settings, Sequence[Cell]], list[Cell]]:
    """What measures it; imported only now, because a section may load torch."""
    module = importlib.import_module(f"benchmarks.{name}")
    run: Callable[[Settings, Sequence[Cell]], list[Cell]] = module.run
    return run


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
