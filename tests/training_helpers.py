"""Tiny corpora, settings, and ways to run things, for the tests of training and its results."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
import yaml
from torch import Tensor
from typer.testing import CliRunner, Result

from transformer_mt.cli import app
from transformer_mt.config.load import load_config
from transformer_mt.config.tasks import TranslationConfig
from transformer_mt.corpus.source import SentencePair
from transformer_mt.data.batching import Batch, PairBatch
from transformer_mt.inference.torch_engine import TorchEngine
from transformer_mt.inference.translator import Translator
from transformer_mt.model.transformer import Transformer
from transformer_mt.training import loop
from transformer_mt.training.session import Session

WORDS = ("red", "blue", "green", "white", "black", "pink", "grey", "brown")
TMT = str(Path(sys.executable).with_name("tmt"))


def reverse_pairs(count: int, seed: int, *, names: bool = False) -> list[SentencePair]:
    """Distinct sentences of 2 to 6 known words, and the same read backwards.

    With `names`, most have one word that occurs nowhere else: outside every vocabulary.
    """
    dice = Random(seed)
    sources: dict[str, None] = {}
    while len(sources) < count:
        words = [dice.choice(WORDS) for _ in range(dice.randint(2, 6))]
        if names and dice.random() < 0.7:
            words[dice.randrange(len(words))] = f"Name{seed}n{len(sources)}"
        sources[" ".join(words)] = None
    return [SentencePair(src, " ".join(reversed(src.split()))) for src in sources]


def write_lines(path: Path, lines: Sequence[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def write_pairs(folder: Path, name: str, pairs: Sequence[SentencePair]) -> list[str]:
    """Two parallel files, as `data.train` names them."""
    return [
        str(write_lines(folder / f"{name}.{side}", [getattr(pair, side) for pair in pairs]))
        for side in ("src", "tgt")
    ]


def write_config(folder: Path, train: Sequence[SentencePair] | None = None) -> Path:
    """A configuration that trains within a second, with its corpus; the run is `folder`/run."""
    splits = {
        "train": train or reverse_pairs(60, seed=1),
        "validation": reverse_pairs(12, seed=2),
        "test": reverse_pairs(12, seed=3),
    }
    files = {name: write_pairs(folder / "data", name, pairs) for name, pairs in splits.items()}
    settings = {
        "run_dir": str(folder / "run"),
        "data": {"src_lang": "src", "tgt_lang": "tgt", **files},
        "model": {
            "d_model": 32,
            "num_heads": 2,
            "d_ff": 64,
            "num_encoder_layers": 1,
            "num_decoder_layers": 1,
            "norm": "pre",
        },
        "training": {
            "batch_tokens": 64,
            "max_steps": 8,
            "learning_rate": 0.01,
            "warmup_steps": 4,
            "schedule": "linear",
            "precision": "fp32",
            "validate_every": 4,
            "validate_sentences": 4,
            "keep_checkpoints": 2,
            "patience": 0,
            "log_every": 1,
        },
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


def make_config(folder: Path, *overrides: str) -> TranslationConfig:
    """`write_config`, read back, with "section.key=value" in the place of some settings."""
    folder.mkdir(parents=True, exist_ok=True)
    return load_config(write_config(folder), overrides, TranslationConfig)


def metrics(run: Path, kind: str) -> list[dict[str, Any]]:
    """The points of metrics.jsonl of one kind, "train" or "validation"."""
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [point for point in map(json.loads, lines) if point["kind"] == kind]


def read_state(checkpoint: Path) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads((checkpoint / "state.json").read_text("utf-8")))


@contextmanager
def at_update(step: int, action: Callable[[], object]) -> Iterator[None]:
    """While active, `action` is called when training begins update `step`."""
    real = loop.training_step

    def training_step(session: Session, batches: Sequence[Batch], lr: float) -> tuple[float, float]:
        if session.state.step + 1 == step:
            action()
        return real(session, batches, lr)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "training_step", training_step)
        yield


@contextmanager
def scripted_loss(*values: float | None) -> Iterator[None]:
    """Add something to the loss of each of the first batches; None leaves one as it is."""
    real, coming = loop._loss, list(values)

    def loss(session: Session, batch: PairBatch) -> Tensor:
        value = coming.pop(0) if coming else None
        return real(session, batch) if value is None else real(session, batch) + value

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "_loss", loss)
        yield


@contextmanager
def logged() -> Iterator[list[str]]:
    """The messages that the package logs meanwhile; does not depend on how logging is set up."""
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("transformer_mt")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield messages
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def model_of(translator: Translator) -> Transformer:
    """The model that a translator runs with torch."""
    assert isinstance(translator.engine, TorchEngine)
    return translator.engine.model


def tmt(*args: object, stdin: str | None = None) -> Result:
    """The command line, in this process; logging is left as it was found."""
    logger = logging.getLogger("transformer_mt")
    level, propagate, handlers = logger.level, logger.propagate, logger.handlers
    try:
        arguments = [str(argument) for argument in args]
        return CliRunner().invoke(app, arguments, input=stdin, catch_exceptions=False)
    finally:
        logger.level, logger.propagate, logger.handlers = level, propagate, handlers


def start_tmt(*args: object) -> subprocess.Popen[str]:
    """The real program, on one thread."""
    return subprocess.Popen(
        [TMT, *map(str, args)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
