"""`tmt export`: a run as a model folder of another program, compared with the original."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from transformer_mt.corpus.source import SentencePair, load_split
from transformer_mt.errors import ConfigError, TmtError
from transformer_mt.files.atomic import check_new_folder, filled_folder, write_text
from transformer_mt.files.paths import user_path
from transformer_mt.inference.ctranslate2.convert import write_ctranslate2
from transformer_mt.inference.ctranslate2.engine import CTranslate2Engine, check_quantization
from transformer_mt.inference.torch_engine import TorchEngine
from transformer_mt.inference.translator import Translator
from transformer_mt.interop.model_card import model_card
from transformer_mt.interop.parity import (
    Outcome,
    ParityReport,
    Runner,
    compare,
    translator_runner,
)
from transformer_mt.interop.to_transformers import write_transformers
from transformer_mt.interop.transformers_engine import TransformersEngine
from transformer_mt.runs.checkpoint import TranslatorRun, load_run
from transformer_mt.runs.kinds import TRANSLATION
from transformer_mt.runs.ownership import check_output
from transformer_mt.runs.run_dir import write_vocabulary

FORMATS = ("ctranslate2", "transformers")


@dataclass(frozen=True, slots=True)
class Export:
    """The result of an export."""

    folder: Path
    to: str
    quantization: str
    size: int
    """Size of all files in bytes."""
    parity: ParityReport | None
    """Difference of the exported model to the original; None if not requested."""

    def lines(self) -> list[str]:
        """Return the result as lines of text."""
        made = f"{self.folder}: {self.to}, {self.quantization}, {self.size / 1e6:.1f} MB"
        return [made, *(self.parity.lines() if self.parity else [])]


def export_model(
    run_dir: str | Path,
    output: str | Path,
    *,
    to: str,
    quantization: str = "float32",
    verify: bool = True,
) -> Export:
    """Export the best model of a run to another program's format, completely or not at all.

    Args:
        run_dir: a trained run.
        output: a new folder.
        to: format, one of FORMATS.
        quantization: number format of the weights.
        verify: load the folder in the other program and compare it with the run on the
            validation set.

    Raises:
        ConfigError: the format cannot hold this model or number format; `output` exists; the other
            program is not installed.
        DataError: the run or its validation set cannot be read; the exported model differs.
    """
    if to not in FORMATS:
        raise ConfigError(f"--to {to}: must be {' or '.join(FORMATS)}")
    check_quantization(quantization)
    if to == "transformers" and quantization != "float32":
        raise ConfigError(
            f"--quantization {quantization}: a transformers folder holds float32 weights, which"
            " from_pretrained(..., dtype=...) converts when it loads them"
        )
    path, output = user_path(run_dir, "run_dir"), user_path(output, "output")
    check_new_folder(output)
    check_output(output)
    run = load_run(path, torch.device("cpu"), TRANSLATION)
    with filled_folder(output) as folder:
        if to == "ctranslate2":
            write_ctranslate2(run, folder, quantization)
            write_vocabulary(folder, run.vocabulary)
        else:
            write_transformers(run, folder)
        parity = _parity(run, folder, to) if verify else None
        if parity and quantization == "float32":
            parity.check(str(output))
        card = model_card(path, run, to, quantization, parity)
        write_text(folder / "README.md", card)
        for file in folder.rglob("*.safetensors"):  # created readable by the owner only
            shutil.copymode(folder / "README.md", file)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return Export(output, to, quantization, size, parity)


def _parity(run: TranslatorRun, folder: Path, to: str) -> ParityReport:
    config, tokenizers = run.config, run.vocabulary
    try:
        pairs = load_split(config.data, "validation")[: config.training.validate_sentences]
    except TmtError as error:
        raise type(error)(f"{error} (to compare with; --no-verify does without)") from None
    ours = Translator(TorchEngine(run.model), tokenizers, config.data, config.decoding)
    if to == "ctranslate2":
        engine = CTranslate2Engine(folder, tokenizers, "cpu")
        other = translator_runner(Translator(engine, tokenizers, config.data, config.decoding))
    else:
        other = text_engine_runner(TransformersEngine.load(folder), ours)
    return compare(translator_runner(ours), other, pairs, config.data.tgt_lang)


def text_engine_runner(engine: TransformersEngine, ours: Translator) -> Runner:
    """Return a runner for the transformers library; `ours` gives the length limits."""

    def run(pairs: Sequence[SentencePair]) -> Outcome:
        sources, references = [pair.src for pair in pairs], [pair.tgt for pair in pairs]
        lengths = map(len, ours.tokenizers.src.encode_batch(sources))
        limits = [ours.decoding.length_limit(min(n, ours.data.max_length)) for n in lengths]
        return Outcome(
            log_probs=[*engine.token_log_probs(sources, references)],
            token_ids=engine.greedy(sources, limits),
            texts=[],
        )

    return run
