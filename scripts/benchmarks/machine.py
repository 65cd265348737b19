"""Facts of the machine, and the speed of matrix products."""

import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.report import Cell
from benchmarks.settings import OURS, Settings
from benchmarks.worker import Answer, Clock, Contestant, Request, Worker, interleave

TABLE = "Machine: matrix products, GFLOP/s"
PRODUCTS = {  # positions of a batch, width in, width out
    "large: 2048 x 2048 x 2048": (2048, 2048, 2048),
    "tiny: 4096 x 128 x 256": (4096, 128, 256),
    "base: 4096 x 512 x 2048": (4096, 512, 2048),
    "output of tiny: 4096 x 128 x 10000": (4096, 128, 10000),
}

_SECONDS = 0.1
"""Approximate seconds of a round of one product."""


def contestant(spec: Request) -> Contestant:
    """Load a contestant that measures matrix products, torch's and ours, and returns facts."""
    import torch

    from transformer_mt.fast.linear import product
    from transformer_mt.runtime.device import choose_device, gains_from_bf16

    name = spec["device"]
    if name == "auto":  # not every contestant supports other devices
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = choose_device(name)
    types = {"fp32": torch.float32, "bf16": torch.bfloat16}

    def go(request: Request) -> Answer:
        if "product" not in request:
            is_gpu = device.type == "cuda"
            return {
                "device": device.type,
                "model": torch.cuda.get_device_name() if is_gpu else _cpu_model(),
                "torch": torch.__version__,
                "bf16": gains_from_bf16(device),
            }
        rows, inner, columns = PRODUCTS[request["product"]]
        left, right = (
            torch.randn(shape, device=device, dtype=types[request["precision"]])
            for shape in ((rows, inner), (inner, columns))
        )
        multiply: Callable[[Any, Any], Any] = product if request["by"] == OURS else torch.matmul
        start, count = time.perf_counter(), 1
        multiply(left, right)
        while True:
            with Clock(spec["clock"], device.type) as clock:
                for _ in range(count):
                    multiply(left, right)
            if time.perf_counter() - start > _SECONDS:
                break
            count *= 2
        return {"rate": 2e-9 * rows * inner * columns * count / clock.seconds}

    return go


def facts(settings: Settings) -> dict[str, Any]:
    """Return the facts of the machine that are in every JSON line."""
    with Worker("machine", settings.spec()) as worker:
        worker.ready()
        found = worker.go({})
    del found["memory"]
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        "threads": settings.threads,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "clock": settings.clock,
        **found,
    }


def run(settings: Settings) -> list[Cell]:
    """Measure the rates of matrix products."""
    precisions = ("fp32", "bf16") if settings.bf16 else ("fp32",)
    plan = [(name, p, by) for name in PRODUCTS for p in precisions for by in ("torch", OURS)]
    answers = interleave(
        "machine",
        {"matrix products": settings.spec()},
        [("matrix products", {"product": n, "precision": p, "by": by}) for n, p, by in plan],
        settings.rounds,
    )
    return [
        Cell(TABLE, name, f"{precision}, {by}", tuple(each["rate"] for each in found), "GFLOP/s")
        for (name, precision, by), found in zip(plan, answers, strict=True)
        if found
    ]


def _cpu_model() -> str:
    """Return the system's name of the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
