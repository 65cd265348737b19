"""Tiny corpora, configurations and runs of every task, and the program in this process."""

import io
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Literal, cast

import pytest
import torch
import typer.main
import typer.testing
import yaml
from torch import Tensor

from transformer_mt.cli import app
from transformer_mt.config.load import load_config
from transformer_mt.config.sections import Config
from transformer_mt.config.tasks import (
    DecodingConfig,
    EncoderDecoderConfig,
    PairsConfig,
    PairTokenizerConfig,
    TranslationConfig,
)
from transformer_mt.corpus.source import Corpus, SentencePair
from transformer_mt.data.batching import Batch, BilingualDataset, PairBatch
from transformer_mt.data.vocabularies import build_tokenizers
from transformer_mt.inference.torch_engine import TorchEngine
from transformer_mt.inference.translator import Translator
from transformer_mt.model.transformer import Transformer
from transformer_mt.runs import checkpoint, run_dir
from transformer_mt.runs.kinds import TRANSLATION
from transformer_mt.runs.run_dir import RunDir
from transformer_mt.runs.train_state import TrainState
from transformer_mt.training import loop
from transformer_mt.training.session import Session
from transformer_mt.training.tasks.translation import TranslationTask

WORDS = ("red", "blue", "green", "white", "black", "pink", "grey", "brown")
TMT = str(Path(sys.executable).with_name("tmt"))
SPEEDS = ("seconds", "validation_seconds")
Task = Literal["translation", "language-model", "classification"]
TASKS: tuple[Task, ...] = ("translation", "language-model", "classification")
SIZES = {"train": 60, "validation": 12, "test": 14}
SHAPE = {"d_model": 16, "num_heads": 2, "d_ff": 24}


# --- text

LINES = ["The cat is big .", "", "   ", "Le zebra 42 .", "The dog", "\t", "new new new bread"]

"""Of all kinds that `make_run` can translate."""

PAIRS = [
    SentencePair(f"The {en_noun} is {en} .", f"Le {fr_noun} est {fr} .")
    for en_noun, fr_noun in (("cat", "chat"), ("dog", "chien"), ("bread", "pain"))
    for en, fr in (("big", "grand"), ("small", "petit"), ("red", "rouge"), ("new", "neuf"))
]


def write(path: Path, content: str | bytes) -> Path:
    """A file with exactly this content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def tsv(pairs: Sequence[SentencePair]) -> str:
    return "en\tfr\n" + "".join(f"{src}\t{tgt}\n" for src, tgt in pairs)


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


COULEURS = ("rouge", "bleu", "vert", "blanc", "noir", "rose", "gris", "brun")

FRENCH = dict(zip(WORDS, COULEURS, strict=True))


def french(line: str) -> str:
    return " ".join(FRENCH[word] for word in line.split())


def texts(count: int, seed: int) -> list[str]:
    return [pair.src for pair in reverse_pairs(count, seed)]


def label_of(text: str) -> str:
    """A rule that a classifier can learn."""
    return "long" if len(text.split()) > 4 else "red" if "red" in text.split() else "short"


def labelled(lines: Sequence[str]) -> list[str]:
    """A table with a head."""
    return ["text\tlabel", *(f"{line}\t{label_of(line)}" for line in lines)]


def random_line(dice: Random, most: int = 9) -> str:
    return " ".join(dice.choice(WORDS) for _ in range(dice.randint(1, most)))


def files(folder: Path) -> dict[str, bytes]:
    """All below a folder, by their names from there."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def flip(file: Path) -> None:
    """Another number in the middle."""
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 1
    file.write_bytes(raw)


# --- configurations

TINY_YAML = """\
run_dir: {run_dir}
data: {{src_lang: en, tgt_lang: fr, train: {train}, heldout_size: 1}}
tokenizer: {{min_frequency: 1}}
model: {{d_model: 8, num_heads: 2, d_ff: 8, num_encoder_layers: 1, num_decoder_layers: 1}}
"""


def tiny_config_file(folder: Path) -> Path:
    """A configuration of a run in `folder`/run on a small .tsv file."""
    train = write(folder / "train.tsv", tsv(PAIRS))
    return write(folder / "c.yaml", TINY_YAML.format(run_dir=folder / "run", train=train))


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


def _data(folder: Path, task: Task) -> dict[str, Any]:
    """The files of a task, as `data` names them; all of the same sentences."""
    if task == "translation":
        names = {name: write_pairs(folder, name, _pairs(name)) for name in SIZES}
        return {"src_lang": "src", "tgt_lang": "tgt", **names}
    if task == "language-model":
        names = {
            name: [str(write_lines(folder / f"{name}.txt", texts(size, len(name))))]
            for name, size in SIZES.items()
        }
        return {"block_size": 12, **names}
    return {
        name: str(write_lines(folder / f"{name}.tsv", labelled(texts(size, len(name)))))
        for name, size in SIZES.items()
    }


def _pairs(name: str) -> Any:
    return reverse_pairs(SIZES[name], len(name))


def task_file(folder: Path, task: Task) -> Path:
    """The configuration of a run in `folder`/run that is trained within half a second."""
    settings = yaml.safe_load(write_config(folder).read_text("utf-8"))
    layers = ("num_encoder_layers", "num_decoder_layers")
    depth = dict.fromkeys(layers if task == "translation" else ("num_layers",), 1)
    if task != "translation":
        del settings["training"]["validate_sentences"]
    settings |= {
        "task": task,
        "data": _data(folder / "data", task),
        "model": {**SHAPE, **depth, "dropout": 0.2, "attention_dropout": 0.2},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False), "utf-8")
    return path


def task_config(folder: Path, task: Task, *overrides: str) -> Config:
    """`task_file`, read back, with "section.key=value" in the place of some settings."""
    folder.mkdir(parents=True, exist_ok=True)
    return load_config(task_file(folder, task), overrides)


# --- runs

MODELS: dict[str, Task] = {
    "translator": "translation",
    "lm": "language-model",
    "other_lm": "language-model",
    "classifier": "classification",
}

"""Runs that the tests of the command line share."""


def make_run(
    path: Path,
    finished: str | None = "all updates made",
    attention: Literal["narrow", "wide"] = "narrow",
    **data: Any,
) -> Path:
    """A run directory with an untrained model: it translates, though badly.

    Its tokenizers know the words of PAIRS; lines of more than 20 tokens are cut.
    """
    config = TranslationConfig(
        run_dir=str(path),
        data=PairsConfig(src_lang="en", tgt_lang="fr", max_length=20, **{"train": "-", **data}),
        tokenizer=PairTokenizerConfig(min_frequency=1),
        model=EncoderDecoderConfig(
            d_model=16,
            num_heads=2,
            attention=attention,
            d_ff=16,
            num_encoder_layers=1,
            num_decoder_layers=1,
        ),
        decoding=DecodingConfig(beam_size=3),
    )
    run, tokenizers = RunDir(path), build_tokenizers(config, Corpus(PAIRS, PAIRS, PAIRS))
    torch.manual_seed(1)
    weights = checkpoint.weights_of(TRANSLATION.make_model(config, tokenizers))
    state = TrainState(step=1, best_step=1, finished=finished, scores={"bleu": 12.5, "loss": 3.5})
    run_dir.save_config(run, config)
    run_dir.save_vocabulary(run, tokenizers)
    for folder in (run.best, run.last):
        checkpoint.save_weights(folder, weights, state)
    return path


def metrics(run: Path, kind: str) -> list[dict[str, Any]]:
    """The points of metrics.jsonl of one kind, "train" or "validation"."""
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [point for point in map(json.loads, lines) if point["kind"] == kind]


def read_state(checkpoint: Path) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads((checkpoint / "state.json").read_text("utf-8")))


def result_of(run: Path) -> dict[str, object]:
    """All that a run directory holds, but for measures of time, by file."""

    def without_speeds(text: str) -> dict[str, Any]:
        return {k: v for k, v in json.loads(text).items() if k not in SPEEDS}

    found: dict[str, object] = {}
    for path in sorted(run.rglob("*")):
        name = str(path.relative_to(run))
        if path.is_dir() or name.startswith(("tensorboard", "previous")):
            continue
        if path.name == "state.json":
            found[name] = without_speeds(path.read_text("utf-8"))
        elif path.name == "SHA256SUMS":  # of state.json, too
            found[name] = len(path.read_text("utf-8").splitlines())
        elif path.name != "config.yaml":  # names the directory
            found[name] = path.read_bytes()
    return found


def assert_same_result(run: Path, reference: Path) -> None:
    found, wanted = result_of(run), result_of(reference)
    assert found.keys() == wanted.keys()
    for name, content in found.items():
        assert content == wanted[name], f"{name} differs"


def model_of(translator: Translator) -> Transformer:
    """The model that a translator runs with torch."""
    assert isinstance(translator.engine, TorchEngine)
    return translator.engine.model


def corpus_loss(model: Any, dataset: BilingualDataset, batch_tokens: int) -> float:
    """Mean cross-entropy for each target token of some pairs, as validation computes it."""
    nothing: Any = None  # what this needs of neither the configuration nor the tokenizers
    return TranslationTask(nothing, nothing).mean_loss(model, dataset, batch_tokens)


def finish(config: Config) -> Path:
    """Train to the end."""
    loop.train(config, device="cpu")
    return Path(config.run_dir)


# --- what happens in a training


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


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


# --- programs

# Typer builds all commands of an app anew for each call, which takes longer than most calls.
typer.testing._get_command = cache(typer.main.get_command)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Result:
    """What the program did."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def error(self) -> str:
        """The message, which must be the only line of stderr."""
        lines = self.stderr.splitlines()
        assert len(lines) == 1, self.stderr
        assert lines[0].startswith("error: "), self.stderr
        return lines[0].removeprefix("error: ")


def tmt(*args: object, stdin: str | bytes = b"", env: dict[str, str] | None = None) -> Result:
    """Run `tmt` in this process; exceptions that are no exits are failures of the program."""
    with own_logging():
        result = typer.testing.CliRunner().invoke(
            app,
            [str(arg) for arg in args],
            input=stdin,
            env=env,
            catch_exceptions=False,
            prog_name="tmt",
        )
    return Result(result.exit_code, result.stdout_bytes.decode(), result.stderr_bytes.decode())


def said(result: Result) -> str:
    """What a command printed that went well."""
    assert result.exit_code == 0, result.stderr
    return result.stdout


def refused(result: Result, code: int = 2) -> str:
    """The one sentence of a command that went no further."""
    assert (result.exit_code, result.stdout) == (code, ""), result.stderr
    return result.error


@contextmanager
def own_logging() -> Iterator[None]:
    """Undo what the program sets up for its own process."""
    logger = logging.getLogger("transformer_mt")
    before = (logger.handlers, logger.level, logger.propagate)
    try:
        yield
    finally:
        logger.handlers, logger.level, logger.propagate = before


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def python(*args: str) -> list[str]:
    return [sys.executable, *args]


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


def run_sacrebleu(
    folder: Path, hypotheses: list[str], references: list[list[str]], digits: int, *options: str
) -> dict[str, str]:
    files = [
        write_lines(folder / f"references{number or ''}", lines)
        for number, lines in enumerate(references)
    ]
    source = write_lines(folder / "hypotheses", hypotheses)
    command = [sys.executable, "-m", "sacrebleu", *files, "-i", source, "-w", digits, *options]
    done = subprocess.run(
        [*map(str, command), "-m", "bleu", "chrf", "ter"],
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    return {
        record["name"]: f"{record['score']:.{digits}f} {record['signature']}"
        for record in json.loads(done.stdout)
    }
