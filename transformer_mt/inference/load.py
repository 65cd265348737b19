"""Loading the best model of a run for inference, for each task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from transformer_mt.config.limits import check_numbers
from transformer_mt.config.tasks import TranslationConfig
from transformer_mt.errors import ConfigError
from transformer_mt.files.paths import user_path
from transformer_mt.inference.translator import Translator
from transformer_mt.runs.run_dir import (
    RunDir,
    load_run_config,
    load_usual_lines,
    load_vocabulary,
)
from transformer_mt.text.tokenizer import Tokenizers

if TYPE_CHECKING:
    from transformer_mt.inference.classifier import TextClassifier
    from transformer_mt.inference.generator import TextGenerator
    from transformer_mt.inference.text_scorer import TorchLanguageModel

EngineName = Literal["torch", "ctranslate2"]


def load(
    run_dir: str | Path,
    *,
    device: str = "auto",
    engine: EngineName = "torch",
    quantization: str | None = None,
    lm: str | Path | None = None,
    lm_weight: float = 0.2,
) -> Translator:
    """Load the best model of a run as a translator.

    Args:
        run_dir: a run directory of `tmt train` or `tmt import`.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps" (torch only).
        engine: "torch", or "ctranslate2": faster, and starts without torch; the model is exported
            once, into the user's cache.
        quantization: number format of CTranslate2's weights: "float32" (None), "int8", ...
        lm: a run directory of a language model of the target language, with the same tokens; it is
            used at every step of the search (shallow fusion).
        lm_weight: weight of the language model's log-probabilities.

    Raises:
        DataError: `run_dir` is no run directory, or is not trained yet.
        ConfigError: no such device, engine or quantization; ctranslate2 is not installed; the
            language model has other tokens.
    """
    check_numbers(lm_weight=lm_weight)
    run = RunDir(user_path(run_dir, "run_dir"))
    if lm is not None and engine != "torch":
        raise ConfigError(f"engine {engine}: only torch's search asks a language model")
    config = load_run_config(run, TranslationConfig)
    usual = load_usual_lines(run)
    if engine == "ctranslate2":
        from transformer_mt.inference.ctranslate2 import engine as ctranslate2_engine
        from transformer_mt.inference.ctranslate2.cache import exported_model

        quantization = ctranslate2_engine.check_quantization(quantization or "float32")
        ctranslate2_engine.check_device(device)  # before anything is exported
        tokenizers = load_vocabulary(run, Tokenizers)
        with exported_model(run, config, quantization) as folder:
            exported = ctranslate2_engine.CTranslate2Engine(folder, tokenizers, device)
        return Translator(exported, tokenizers, config.data, config.decoding, usual)
    if engine != "torch":
        raise ConfigError(f"engine '{engine}': must be torch or ctranslate2")
    if quantization is not None:
        raise ConfigError(f"quantization {quantization}: only the engine ctranslate2 has one")
    from transformer_mt.inference.torch_engine import TorchEngine
    from transformer_mt.runs.checkpoint import load_run
    from transformer_mt.runs.kinds import TRANSLATION
    from transformer_mt.runtime.device import choose_device

    loaded = load_run(run.path, choose_device(device), TRANSLATION)
    fusion = None
    if lm is not None:
        fusion = load_language_model(lm, device=device).fusion(lm_weight, loaded.vocabulary.tgt)
    engine_ = TorchEngine(loaded.model, fusion)
    return Translator(engine_, loaded.vocabulary, config.data, config.decoding, usual)


def load_language_model(run_dir: str | Path, *, device: str = "auto") -> TorchLanguageModel:
    """Load the best model of a language model run, to score texts.

    Args:
        run_dir: a run directory of `tmt train`.
        device: "auto", "cpu", "cuda" or "mps".

    Raises:
        DataError: `run_dir` is no run directory of a language model, or is not trained yet.
    """
    from transformer_mt.inference.text_scorer import TorchLanguageModel
    from transformer_mt.runs.checkpoint import load_run
    from transformer_mt.runs.kinds import LANGUAGE_MODEL
    from transformer_mt.runtime.device import choose_device

    run = load_run(user_path(run_dir, "run_dir"), choose_device(device), LANGUAGE_MODEL)
    return TorchLanguageModel(run.model, run.vocabulary.tokenizer, run.config.data)


def load_generator(run_dir: str | Path, *, device: str = "auto") -> TextGenerator:
    """Load the best model of a language model run, to generate texts.

    Args, Raises: see `load_language_model`.
    """
    from transformer_mt.inference.generator import TextGenerator

    lm = load_language_model(run_dir, device=device)
    return TextGenerator(lm.model, lm.tokenizer, lm.data)


def load_classifier(run_dir: str | Path, *, device: str = "auto") -> TextClassifier:
    """Load the best model of a classifier run.

    Args:
        run_dir: a run directory of `tmt train`.
        device: "auto", "cpu", "cuda" or "mps".

    Raises:
        DataError: `run_dir` is no run directory of a classifier, or is not trained yet.
    """
    from transformer_mt.inference.classifier import TextClassifier
    from transformer_mt.runs.checkpoint import load_run
    from transformer_mt.runs.kinds import CLASSIFICATION
    from transformer_mt.runtime.device import choose_device

    run = load_run(user_path(run_dir, "run_dir"), choose_device(device), CLASSIFICATION)
    return TextClassifier(run.model, run.vocabulary, run.config.data.max_length)
