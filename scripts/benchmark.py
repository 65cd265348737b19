#!/usr/bin/env python
"""Benchmark of this project against its peers on the current machine.

    pip install -e ".[bench]"
    python scripts/benchmark.py --quick

Every contestant is a separate process, which loads once; the rounds of the contestants alternate
(A B A B ...), so that other load of the machine affects all alike. Figures are medians of the
rounds after a warm-up round, with half of the range. All contestants have the same data, shapes,
batches and threads, and in translation the same weights.

The sections: `benchmarks/machine.py` (matrix products), `benchmarks/training.py`,
`benchmarks/scaling.py` (several processes), `benchmarks/translation.py`, `benchmarks/startup.py`,
`benchmarks/growth.py` (cost by length, batch and corpus size).

Optimisations that were tried without success
---------------------------------------------
On a 2-core server with AVX-512 bf16 instructions and no matrix unit, torch 2.13, by CPU time on one
core, fast and plain code alternating:

- Training. A bf16 copy of the whole model beside fp32 masters: no faster than casting each weight
  where it is used. Softmax of the loss in bf16: no faster. Loss chunks of 256 positions: the loss
  is 12 % faster in base and 4 % slower in tiny. Torch's fused attention in bf16: the backward pass
  took 2 to 12 times as long as two products around a softmax. Transposing before the product of a
  weight gradient: slower. Three quarters of the remaining time of a step of base are matrix
  products, at four fifths of the best rate that oneDNN reaches here.
- Translation. MKL's packed weights: faster for single rows only. oneDNN's packed weights: products
  are a tenth faster at 64 rows and a third at 5, the whole is not. Products in chunks of rows,
  transposed weights, huge pages: no faster.
- Memory that glibc returns to the system and requests again costs a tenth of the training time
  (`keep_freed_memory`), and no translation time.
- torch.compile was not tried again: it is known to be no faster on a CPU with varying lengths.

Mistakes in the benchmark itself: training the phrasebook model for a fixed time (on a slow machine
the model never learned to end a sentence, and every translation reached the length limit); starting
the commands of the cold start from a process with torch loaded (a new process begins with the
memory of the parent, so all had the same peak); comparing beam searches only with a length penalty
(every second translation of a poor model differed because of the penalty formula, not by error).
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
    """Run the benchmark, or one contestant; return the exit code."""
    if list(arguments) == [WORKER_OPTION]:
        serve()
        return 0
    options = _options(arguments)
    try:
        if options.run:
            load_run_config(RunDir(options.run))  # else an error would be raised only much later
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
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _set_environment(threads: int, folder: str) -> None:
    """Set threads, a private cache and no network for all processes that are started."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = str(threads)
    os.environ |= {"XDG_CACHE_HOME": folder, "HF_HUB_OFFLINE": "1"}


def measure(options: argparse.Namespace, folder: Path) -> tuple[list[Cell], dict[str, object]]:
    """Run every requested section; also return the facts of the machine."""
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
    """Return the `run` function of a section, imported late because it may import torch."""
    module = importlib.import_module(f"benchmarks.{name}")
    run: Callable[[Settings, Sequence[Cell]], list[Cell]] = module.run
    return run


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
