"""Trained model of the translation benchmark: training, export, scoring."""

import shutil
import subprocess
import sys
from itertools import chain
from pathlib import Path

from benchmarks.settings import Settings
from benchmarks.worker import Answer, Contestant, ContestantError, Request, Worker, say
from transformer_mt.errors import TmtError

FORMATS = ("transformers", "float32", "int8")
"""Export formats of the model; the last two are CTranslate2's."""


def trained_run(settings: Settings) -> Path:
    """Return the run of the command line, or train one of the tiny shape on the phrasebook.

    The number of updates is fixed, not the time, so that the model is equally good on all machines.

    Raises:
        ContestantError: training failed.
    """
    if settings.run is not None:
        return settings.run
    path = settings.folder / "phrasebook"
    if path.is_dir():
        return path
    updates = 150 if settings.quick else 600
    say(f"training on the phrasebook, {updates} updates")
    configuration = Path(__file__).parents[2] / "configs" / "quickstart.yaml"
    changed = (
        f"run_dir={path}",
        "model.num_encoder_layers=4",
        "model.num_decoder_layers=4",
        "training.max_time=null",
        f"training.max_steps={updates}",
        f"training.warmup_steps={updates // 4}",
        f"training.validate_every={updates}",
        "training.validate_sentences=1",
    )
    command = [sys.executable, "-m", "transformer_mt", "--quiet", "train"]
    command += ["--config", str(configuration), "--device", settings.device]
    command += chain.from_iterable(("--set", each) for each in changed)
    done = subprocess.run(command, stdout=subprocess.DEVNULL)
    if done.returncode:
        raise ContestantError(f"training on the phrasebook failed (exit code {done.returncode})")
    return path


def exports(settings: Settings, trained: Path) -> dict[str, Path]:
    """Export the model; return the folder of each format whose program is installed."""
    folders = {name: settings.folder / f"export-{name}" for name in FORMATS}
    missing = [name for name, folder in folders.items() if not folder.is_dir()]
    if missing:
        with Worker("weights", settings.spec(trained=str(trained))) as worker:
            worker.ready()
            for name in missing:
                answer = worker.go({"format": name, "folder": str(folders[name])})
                if answer["failure"]:
                    say(f"{name} is left out: {answer['failure']}")
                    del folders[name]
    return folders


def mean_scores(
    settings: Settings, trained: Path, pairs: list[tuple[list[list[int]], list[list[int]]]]
) -> list[float]:
    """Return our model's mean score of each list of sources and targets."""
    with Worker("weights", settings.spec(trained=str(trained))) as worker:
        worker.ready()
        answers = [worker.go({"sources": src, "targets": tgt}) for src, tgt in pairs]
    return [answer["score"] for answer in answers]


def contestant(spec: Request) -> Contestant:
    """Load a contestant that writes an export or scores translations."""
    import torch

    from transformer_mt.decoding.hypothesis import length_normalization
    from transformer_mt.inference.ctranslate2.convert import write_ctranslate2
    from transformer_mt.inference.torch_engine import TorchEngine
    from transformer_mt.interop.to_transformers import write_transformers
    from transformer_mt.runs.checkpoint import load_run
    from transformer_mt.runs.kinds import TRANSLATION

    run = load_run(Path(spec["trained"]), torch.device("cpu"), TRANSLATION)

    def export(name: str, folder: Path) -> None:
        folder.mkdir()
        try:
            if name == "transformers":
                write_transformers(run, folder)
            else:
                write_ctranslate2(run, folder, name)
        except TmtError:
            shutil.rmtree(folder)
            raise

    def go(request: Request) -> Answer:
        if "format" in request:
            try:
                export(request["format"], Path(request["folder"]))
            except TmtError as error:
                return {"failure": str(error)}
            return {"failure": ""}
        told = TorchEngine(run.model).token_log_probs(request["sources"], request["targets"])
        alpha = run.config.decoding.length_penalty
        scores = [sum(each) / length_normalization(len(each), alpha) for each in told]
        return {"score": sum(scores) / len(scores)}

    return go
