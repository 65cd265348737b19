"""Cold start: time of a command from the start of the process to the end."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import Cell
from benchmarks.settings import OURS, Settings
from benchmarks.weights import exports, trained_run
from benchmarks.worker import Answer, Contestant, Request, interleave, max_rss

SECONDS = "Cold start, seconds"
MEMORY = "Cold start, peak memory, MiB"
_GENERATE_ROW = "Hugging Face generate"
_TORCH = "python -c 'import torch'"
_SENTENCE = "Where is the station?"

_GENERATE = """
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained({folder!r})
model = AutoModelForSeq2SeqLM.from_pretrained({folder!r})
outputs = model.generate(**tokenizer([{sentence!r}], return_tensors="pt"), num_beams=5)
print(outputs.tolist())
"""
_TRANSLATE_BATCH = """
import ctranslate2
translator = ctranslate2.Translator({folder!r})
print(translator.translate_batch([{sentence!r}.split()], beam_size=5)[0].hypotheses)
"""


def commands(trained: Path, folders: dict[str, Path]) -> dict[str, list[str]]:
    """Return the command lines to start, by row name."""
    python = [sys.executable, "-c"]
    script = Path(sys.executable).with_name("tmt")
    tmt = [str(script)] if script.is_file() else [sys.executable, "-m", OURS]
    translate = [
        *tmt,
        "translate",
        "--model",
        str(trained),
        "--quiet",
        "--device",
        "cpu",
        _SENTENCE,
    ]
    found = {
        _TORCH: [*python, "import torch"],
        "tmt --help": [*tmt, "--help"],
        "tmt translate": translate,
    }
    if "float32" in folders:
        found["tmt translate --engine ctranslate2"] = [*translate, "--engine", "ctranslate2"]
        text = _TRANSLATE_BATCH.format(folder=str(folders["float32"]), sentence=_SENTENCE)
        found["CTranslate2, without a tokenizer"] = [*python, text]
    if "transformers" in folders:
        text = _GENERATE.format(folder=str(folders["transformers"]), sentence=_SENTENCE)
        found[_GENERATE_ROW] = [*python, text]
    return found


def contestant(spec: Request) -> Contestant:
    """Load a contestant that runs a command to the end.

    A separate small process starts the command, because a new process begins with the memory of
    the parent.
    """

    def go(request: Request) -> Answer:
        begin = time.perf_counter()
        process = subprocess.Popen(
            request["command"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)  # os.wait4 has reaped it
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, request["command"])
        if spec["clock"] == "cpu":
            seconds = usage.ru_utime + usage.ru_stime
        return {"seconds": seconds, "peak": max_rss(usage)}

    return go


def run(settings: Settings, machine: Sequence[Cell]) -> list[Cell]:  # noqa: ARG001
    """Measure each command; the warm-up round fills the caches of the file system and of tmt."""
    trained = trained_run(settings)
    wanted = commands(trained, exports(settings, trained))
    if settings.quick:
        wanted.pop(_GENERATE_ROW, None)
    answers = interleave(
        "startup",
        {row: settings.spec() for row in wanted},
        [(row, {"command": command}) for row, command in wanted.items()],
        settings.rounds,
    )
    measured = {row: found for row, found in zip(wanted, answers, strict=True) if found}
    cells = [
        Cell(SECONDS, row, "seconds", tuple(answer["seconds"] for answer in found), "s")
        for row, found in measured.items()
    ]
    reference = next((cell.median for cell in cells if cell.row == _TORCH), None)
    times = [
        Cell(SECONDS, cell.row, "times import torch", (cell.median / reference,), "times")
        for cell in cells
        if reference
    ]
    memory = [
        Cell(MEMORY, row, "MiB", (max(answer["peak"] for answer in found),), "MiB")
        for row, found in measured.items()
    ]
    return [*cells, *times, *memory]
