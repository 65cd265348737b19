"""A tiny corpus, a tiny run, and the program in this process."""

import io
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch
import typer.main
import typer.testing

from transformer_mt.cli import app
from transformer_mt.config.tasks import (
    DecodingConfig,
    EncoderDecoderConfig,
    PairsConfig,
    PairTokenizerConfig,
    TranslationConfig,
)
from transformer_mt.corpus.source import Corpus, SentencePair
from transformer_mt.data.batching import BilingualDataset
from transformer_mt.data.vocabularies import build_tokenizers
from transformer_mt.runs import checkpoint, run_dir
from transformer_mt.runs.kinds import TRANSLATION
from transformer_mt.runs.ownership import claim
from transformer_mt.runs.run_dir import RunDir
from transformer_mt.runs.train_state import TrainState
from transformer_mt.training.tasks.translation import TranslationTask

PAIRS = [
    SentencePair(f"The {en_noun} is {en} .", f"Le {fr_noun} est {fr} .")
    for en_noun, fr_noun in (("cat", "chat"), ("dog", "chien"), ("bread", "pain"))
    for en, fr in (("big", "grand"), ("small", "petit"), ("red", "rouge"), ("new", "neuf"))
]

TINY_YAML = """\
run_dir: {run_dir}
data: {{src_lang: en, tgt_lang: fr, train: {train}, heldout_size: 1}}
tokenizer: {{min_frequency: 1}}
model: {{d_model: 8, num_heads: 2, d_ff: 8, num_encoder_layers: 1, num_decoder_layers: 1}}
"""


def write(path: Path, content: str | bytes) -> Path:
    """A file with exactly this content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def tsv(pairs: Sequence[SentencePair]) -> str:
    return "en\tfr\n" + "".join(f"{src}\t{tgt}\n" for src, tgt in pairs)


def tiny_config_file(folder: Path) -> Path:
    """A configuration of a run in `folder`/run on a small .tsv file."""
    train = write(folder / "train.tsv", tsv(PAIRS))
    return write(folder / "c.yaml", TINY_YAML.format(run_dir=folder / "run", train=train))


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
    claim(run)
    run_dir.save_config(run, config)
    run_dir.save_vocabulary(run, tokenizers)
    for folder in (run.best, run.last):
        checkpoint.save_weights(folder, weights, state)
    return path


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


def tmt(*args: str | Path, stdin: str | bytes = b"", env: dict[str, str] | None = None) -> Result:
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


def corpus_loss(model: Any, dataset: BilingualDataset, batch_tokens: int) -> float:
    """Mean cross-entropy for each target token of some pairs, as validation computes it."""
    nothing: Any = None  # what this needs of neither the configuration nor the tokenizers
    return TranslationTask(nothing, nothing).mean_loss(model, dataset, batch_tokens)
