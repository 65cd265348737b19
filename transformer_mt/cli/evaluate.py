"""Command `tmt evaluate`: scores of a run, or of existing translations."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from transformer_mt.cli import models, options
from transformer_mt.cli.app import app
from transformer_mt.errors import ConfigError
from transformer_mt.runtime.console import print_lines
from transformer_mt.runtime.launch import place

if TYPE_CHECKING:
    from transformer_mt.inference.evaluation import Evaluation
    from transformer_mt.training.evaluation import TaskEvaluation


@app.command()
def evaluate(
    split: Annotated[
        str, typer.Option(help="Split of the run's own data: test or validation.")
    ] = "test",
    source: Annotated[
        Path | None,
        typer.Option(help="File to translate and score, or to score another kind of model on."),
    ] = None,
    references: Annotated[
        list[Path] | None,
        typer.Option(
            "--reference",
            metavar="<path>",
            help="Reference translation of the file; several may be given.",
        ),
    ] = None,
    hypothesis: Annotated[
        Path | None, typer.Option(help="Score these translations; no model is needed.")
    ] = None,
    lang: Annotated[
        str | None,
        typer.Option(help="With --hypothesis: target language, which selects BLEU's tokenizer."),
    ] = None,
    tokenize: Annotated[
        str | None,
        typer.Option(
            help="BLEU's tokenizer, by sacrebleu's name; by default that of the language."
        ),
    ] = None,
    output_file: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the translations here.")
    ] = None,
    as_json: options.AsJson = False,
    beam_size: options.BeamSize = None,
    length_penalty: options.LengthPenalty = None,
    model: options.ModelDir = None,
    lm: options.LanguageModelDir = None,
    lm_weight: options.LanguageModelWeight = None,
    device: options.Device = "auto",
    engine: options.Engine = "torch",
    quantization: options.Quantization = None,
    batch_tokens: options.BatchTokens = 4096,
) -> None:
    """Score a run on its test set or on files, or score existing translations."""
    if split not in ("test", "validation"):
        raise ConfigError(f"--split {split}: must be test or validation")
    if references and not (hypothesis or source):
        raise ConfigError("--reference needs --source (to translate) or --hypothesis")
    if lang is not None and not hypothesis:
        raise ConfigError("--lang is for --hypothesis: a run knows its target language")
    if hypothesis:
        _refuse_model_options(source, output_file)
        from transformer_mt.inference.evaluation import evaluate_translations

        texts = _read_sides(hypothesis, references)
        _show(evaluate_translations(*texts, language=lang, tokenize=tokenize), as_json)
        return
    run = models.find_model(model)
    which: Literal["test", "validation"] = "validation" if split == "validation" else "test"
    if not models.is_translator(run):
        for_translators = {
            "--reference": references or None,
            "--tokenize": tokenize,
            "--output": output_file,
            "--beam-size": beam_size,
            "--length-penalty": length_penalty,
            "--engine": None if engine == "torch" else engine,
            "--quantization": quantization,
            "--lm": lm,
            "--lm-weight": lm_weight,
        }
        _refuse_for_others(run, for_translators)
        from transformer_mt.training.evaluation import evaluate_run

        file = None if source is None else str(source)
        found = evaluate_run(run, file, split=which, device=device, batch_tokens=batch_tokens)
        _show(found, as_json)
        return
    models.check_output_file(output_file, source, *(references or ()), *_own_files(run))
    sides = _read_sides(source, references) if source else (None, None)
    from transformer_mt.inference.evaluation import evaluate as evaluate_translator

    with models.open_translator(run, device, engine, quantization, lm, lm_weight) as translator:
        figures = evaluate_translator(
            translator,
            *sides,
            split=which,
            beam_size=beam_size,
            length_penalty=length_penalty,
            batch_tokens=batch_tokens,
            tokenize=tokenize,
        )
    if output_file and place().rank == 0:
        from transformer_mt.files.atomic import write_output

        write_output(output_file, "".join(f"{t}\n" for t in figures.translations).encode("utf-8"))
    _show(figures, as_json)


def _refuse_model_options(source: Path | None, output_file: Path | None) -> None:
    """Check that no option of a model is given with --hypothesis."""
    if source:
        raise ConfigError("give --hypothesis or --source, not both")
    if output_file:
        raise ConfigError("--output is for the model's translations: --hypothesis has none")


def _read_sides(text: Path, references: list[Path] | None) -> tuple[list[str], list[list[str]]]:
    """Read a text and its references, which must have as many lines."""
    if not references:
        raise ConfigError("--reference is missing: the file with the right translations")
    from transformer_mt.corpus.source import read_parallel

    read = [read_parallel(text, reference) for reference in references]
    return [pair.src for pair in read[0]], [[pair.tgt for pair in pairs] for pairs in read]


def _own_files(run: Path) -> list[Path]:
    """Return the files of a run's own corpus."""
    from transformer_mt.runs.run_dir import RunDir, load_run_config

    data = load_run_config(RunDir(run)).data
    files: list[Path] = []
    for named in (data.train, data.validation, data.test):
        files += map(Path, (named,) if isinstance(named, str) else named or ())
    return files


def _refuse_for_others(run: Path, given: dict[str, object]) -> None:
    """Check that no translator option is given for a language model or a classifier."""
    for option, value in given.items():
        if value is not None:
            raise ConfigError(f"{option} is for translators, and {run} is none")


def _show(figures: "Evaluation | TaskEvaluation", as_json: bool) -> None:
    print_lines([json.dumps(figures.to_dict(), indent=2)] if as_json else figures.lines())
