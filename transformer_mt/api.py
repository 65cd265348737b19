"""What a program can do with transformer_mt; `import transformer_mt` offers all of it.

The command line is a thin layer over these functions. Errors that a user can put right are
`TmtError`s, whose text is one sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from transformer_mt.config.load import load_config
from transformer_mt.config.sections import Config
from transformer_mt.config.tasks import TranslationConfig
from transformer_mt.corpus.source import load_split
from transformer_mt.errors import TmtError
from transformer_mt.files.paths import user_path
from transformer_mt.inference.evaluation import Evaluation, evaluate_model, evaluate_translations
from transformer_mt.inference.load import (
    load,
    load_classifier,
    load_generator,
    load_language_model,
)
from transformer_mt.inference.results import Candidate, Translation
from transformer_mt.inference.translator import Translator
from transformer_mt.metrics.translation import References, reference_lists
from transformer_mt.text.vocabularies import Vocabulary

if TYPE_CHECKING:
    from transformer_mt.doctor.report import Examination
    from transformer_mt.figures.maps import AttentionMaps
    from transformer_mt.interop.export import Export
    from transformer_mt.interop.import_marian import Import
    from transformer_mt.runs.train_state import TrainState
    from transformer_mt.training.evaluation import TaskEvaluation

__all__ = [
    "Candidate",
    "Config",
    "TmtError",
    "Translation",
    "Translator",
    "build_tokenizers",
    "describe_run",
    "evaluate",
    "evaluate_run",
    "evaluate_translations",
    "examine",
    "export_model",
    "import_model",
    "load",
    "load_classifier",
    "load_config",
    "load_generator",
    "load_language_model",
    "render",
    "train",
]


def train(
    config: Config | str | Path, *, device: str = "auto", overwrite: bool = False
) -> TrainState:
    """Train until done; go on where an earlier session with the same configuration stopped.

    Args:
        config: the run, or its YAML file; its `run_dir` receives everything.
        device: "auto", "cpu", "cuda" or "mps".
        overwrite: forget an earlier run in this directory.

    Returns:
        How far training came; `finished` tells why it ended.

    Raises:
        DataError: the corpus cannot be used.
        ConfigError: the configuration is wrong, or the directory holds a run with other settings.
        TrainingError: the loss is no longer a number.
        Interrupted: by Ctrl-C or SIGTERM, after saving.
    """
    from transformer_mt.training.loop import train as run_training

    return run_training(_config(config), device=device, overwrite=overwrite)


def evaluate(
    model: Translator | str | Path,
    sources: Sequence[str] | None = None,
    references: References | None = None,
    *,
    split: Literal["test", "validation"] = "test",
    beam_size: int | None = None,
    length_penalty: float | None = None,
    batch_tokens: int = 4096,
    tokenize: str | None = None,
) -> Evaluation:
    """Translate a test set and score it: BLEU, chrF, TER (sacrebleu), loss, unknown words.

    Args:
        model: a translator, or a run directory to load.
        sources: sentences to translate; None takes a split of the run's own data.
        references: a translation of each by a person, or several such lists; of these the first
            alone has a loss and unknown words.
        split: of the run's own data.
        beam_size: None: the run's own.
        length_penalty: None: the run's own.
        batch_tokens: source positions translated together.
        tokenize: BLEU's tokenizer, by sacrebleu's name; None: that of the target language.

    Raises:
        ConfigError: sacrebleu has no such tokenizer.
        DataError: the run's data cannot be read, or the tokenizer cannot be used here.
        ValueError: sources without references, not equally many or none; no such split.
    """
    translator = load(model) if isinstance(model, str | Path) else model
    if (sources is None) != (references is None):
        raise ValueError("sources and references belong together")
    if split not in ("test", "validation"):
        raise ValueError(f"split must be test or validation, not {split}")
    if sources is None or references is None:
        pairs = load_split(translator.data, split)
        sources, references = [pair.src for pair in pairs], [pair.tgt for pair in pairs]
    for side in reference_lists(references):
        if len(side) != len(sources):
            raise ValueError(f"{len(sources)} sources for {len(side)} references")
    if not sources:
        raise ValueError("there are no sentences to translate")
    return evaluate_model(
        translator,
        sources,
        references,
        beam_size=beam_size,
        length_penalty=length_penalty,
        batch_tokens=batch_tokens,
        tokenize=tokenize,
    )


def evaluate_run(
    run_dir: str | Path,
    files: str | Sequence[str] | None = None,
    *,
    split: Literal["test", "validation"] = "test",
    device: str = "auto",
    batch_tokens: int = 4096,
) -> TaskEvaluation:
    """Measure a language model or classifier on a split of its own data, or on files.

    Args:
        run_dir: a run directory of `tmt train`.
        files: as `data.test` of its configuration would name them.
        split: of the run's own data, where no files are given.
        device: "auto", "cpu", "cuda" or "mps".
        batch_tokens: positions read together; changes speed and memory alone.

    Raises:
        DataError: the run or the text cannot be read.
    """
    from transformer_mt.training import evaluation

    named = files if files is None or isinstance(files, str) else tuple(files)
    return evaluation.evaluate_run(
        user_path(run_dir, "run_dir"),
        split=split,
        files=named,
        device=device,
        batch_tokens=batch_tokens,
    )


def build_tokenizers(config: Config | str | Path, *, force: bool = False) -> Vocabulary:
    """Learn what text is read and written with, and save it in the run directory.

    Args:
        config: the run, or its YAML file.
        force: replace different tokenizers that are there, unless a model was trained with them.

    Raises:
        ConfigError: other tokenizers are there.
        DataError: the corpus cannot be used.
    """
    from transformer_mt.training.build_tokenizer import build_and_save

    return build_and_save(_config(config), force=force).vocabulary


def examine(
    corpus: TranslationConfig | str | Path | tuple[str | Path, str | Path],
    *,
    all_lines: bool = False,
) -> Examination:
    """Look for everything that is wrong with a corpus, before anything is trained on it.

    Args:
        corpus: a run, or its YAML file, or two parallel text files: source and target.
        all_lines: tell the `places` of each finding: the numbers of all its lines, by file.

    Returns:
        Its `findings`, the worst first; `exit_code` is 1 if training would refuse the corpus.

    Raises:
        ConfigError: the configuration is wrong, or names no corpus.
    """
    from transformer_mt.doctor import examine as doctor

    if isinstance(corpus, tuple):
        files = (user_path(file, "corpus") for file in corpus)
        return doctor.examine_files(*files, all_lines=all_lines)
    if isinstance(corpus, str | Path):
        corpus = load_config(corpus, (), TranslationConfig)
    return doctor.examine(corpus, all_lines=all_lines)


def describe_run(run_dir: str | Path) -> dict[str, Any]:
    """What a run is: languages, sizes, data, scores, training time, versions; name to value.

    Raises:
        DataError: this is no run directory.
    """
    from transformer_mt.runs import info

    return info.describe_run(user_path(run_dir, "run_dir"))


def export_model(
    run_dir: str | Path,
    output: str | Path,
    *,
    to: str,
    quantization: str = "float32",
    verify: bool = True,
) -> Export:
    """Write the best model of a run for another program, whole or not at all.

    Args:
        run_dir: a trained run.
        output: a new folder, which is then complete in itself: model, tokenizers, model card.
        to: "ctranslate2" or "transformers".
        quantization: number format of CTranslate2's weights: "float32", "int8", ...
        verify: load the folder in that program and compare it with the run on the validation set.

    Returns:
        Where, how large, and how far from the original.

    Raises:
        ConfigError: the format cannot hold this model; something is at `output`; the other
            program is not installed.
        DataError: the run or its validation set cannot be read; the exported model differs.
    """
    from transformer_mt.interop import export

    return export.export_model(
        user_path(run_dir, "run_dir"),
        user_path(output, "output"),
        to=to,
        quantization=quantization,
        verify=verify,
    )


def import_model(folder: str | Path, output: str | Path) -> Import:
    """Make a run of a MarianMTModel folder (the OPUS-MT family), whole or not at all.

    Args:
        folder: the checkpoint as the transformers library saves it.
        output: a new run directory, to `load`, or to name in a configuration's `init_from`.

    Returns:
        The languages, and how far the run is from the original.

    Raises:
        ConfigError: something is at `output`; the transformers library is not installed.
        DataError: the folder cannot be read, or holds what our model cannot.
    """
    from transformer_mt.interop import import_marian

    return import_marian.import_model(user_path(folder, "folder"), user_path(output, "output"))


def render(attention: Sequence[AttentionMaps], path: str | Path) -> None:
    """Draw attention that `Translator.translate(..., attention=True)` told.

    Args:
        attention: of one or more candidates of a sentence, best first.
        path: a file ending in .html, .png, .svg or .json.

    Raises:
        ConfigError: the path ends otherwise.
        DataError: the file cannot be written.
    """
    from transformer_mt.figures.render import render as render_maps

    render_maps(list(attention), user_path(path, "path"))


def _config(config: Config | str | Path) -> Config:
    """Of a run that is to be written, which must leave the YAML file as it is."""
    from transformer_mt.runs.ownership import check_config_file
    from transformer_mt.runs.run_dir import RunDir

    if isinstance(config, Config):
        return config
    settings = load_config(config)
    check_config_file(user_path(config, "config"), RunDir(Path(settings.run_dir)))
    return settings
