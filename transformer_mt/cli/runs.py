"""Commands `tmt evaluate`, `tmt info`, `tmt export` and `tmt import`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from transformer_mt.cli.app import app
from transformer_mt.cli.models import (
    argument_or_model,
    check_output_file,
    find_model,
    is_translator,
    open_translator,
)
from transformer_mt.cli.options import (
    BatchTokens,
    BeamSize,
    Device,
    Engine,
    LanguageModelDir,
    LanguageModelWeight,
    LengthPenalty,
    ModelDir,
    Quantization,
    RunArgument,
)
from transformer_mt.errors import ConfigError
from transformer_mt.runtime.console import print_lines
from transformer_mt.runtime.launch import place

if TYPE_CHECKING:
    from transformer_mt.inference.evaluation import Evaluation
    from transformer_mt.training.evaluation import TaskEvaluation


@app.command()
def evaluate(
    model: ModelDir = None,
    source: Annotated[
        Path | None,
        typer.Option(help="File to translate and score, or to score another kind of model on."),
    ] = None,
    references: Annotated[
        list[Path] | None,
        typer.Option(
            "--reference", help="Reference translation of the file; several may be given."
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
    split: Annotated[
        str, typer.Option(help="Split of the run's own data: test or validation.")
    ] = "test",
    output_file: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the translations here.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    beam_size: BeamSize = None,
    length_penalty: LengthPenalty = None,
    batch_tokens: BatchTokens = 4096,
    device: Device = "auto",
    engine: Engine = "torch",
    quantization: Quantization = None,
    lm: LanguageModelDir = None,
    lm_weight: LanguageModelWeight = None,
) -> None:
    """Score a run on its test set or on files, or score existing translations."""
    if split not in ("test", "validation"):
        raise ConfigError(f"--split {split}: must be test or validation")
    if references and not (hypothesis or source):
        raise ConfigError("--reference needs --source (to translate) or --hypothesis")
    if lang is not None and not hypothesis:
        raise ConfigError("--lang is for --hypothesis: a run knows its target language")
    which: Literal["test", "validation"] = "validation" if split == "validation" else "test"
    if hypothesis:
        _refuse_model_options(source, output_file)
        from transformer_mt.inference.evaluation import evaluate_translations

        hypotheses, sides = _read_sides(hypothesis, references)
        found_scores = evaluate_translations(hypotheses, sides, language=lang, tokenize=tokenize)
        _show(found_scores, as_json)
        return
    run = find_model(model)

    if not is_translator(run):
        options: dict[str, object] = {
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
        _refuse_for_others(run, options)
        files = None if source is None else str(source)
        from transformer_mt.training.evaluation import evaluate_run

        found = evaluate_run(run, files, split=which, device=device, batch_tokens=batch_tokens)
        _show(found, as_json)
        return
    check_output_file(output_file, source, *(references or ()), *_own_files(run))
    texts = _read_sides(source, references) if source else (None, None)
    from transformer_mt.inference.evaluation import evaluate as evaluate_translator

    with open_translator(run, device, engine, quantization, lm, lm_weight) as translator:
        figures = evaluate_translator(
            translator,
            *texts,
            split=which,
            beam_size=beam_size,
            length_penalty=length_penalty,
            batch_tokens=batch_tokens,
            tokenize=tokenize,
        )
    if output_file and place().rank == 0:
        from transformer_mt.files.atomic import write_output

        text = "".join(f"{line}\n" for line in figures.translations)
        write_output(output_file, text.encode("utf-8"))
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


def _refuse_for_others(run: Path, options: dict[str, object]) -> None:
    """Check that no translator option is given for a language model or a classifier."""
    for option, value in options.items():
        if value is not None:
            raise ConfigError(f"{option} is for translators, and {run} is none")


def _show(figures: "Evaluation | TaskEvaluation", as_json: bool) -> None:
    print_lines([json.dumps(figures.to_dict(), indent=2)] if as_json else figures.lines())


@app.command()
def info(
    ctx: typer.Context,
    run_dir: RunArgument = None,
    model: ModelDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a run's settings, data, scores, training time and versions."""
    from transformer_mt.runs.info import describe_run

    description = describe_run(find_model(argument_or_model(ctx, run_dir, model)))
    print_lines(
        [json.dumps(description, indent=2, ensure_ascii=False)]
        if as_json
        else [f"{name:<18}{value}" for name, value in description.items()]
    )


@app.command("export")
def export_run(
    ctx: typer.Context,
    to: Annotated[str, typer.Option(help="ctranslate2 or transformers.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="New folder to write to.")],
    run_dir: RunArgument = None,
    model: ModelDir = None,
    quantization: Annotated[
        str, typer.Option(help="Number format of the weights; for ctranslate2 also int8 and more.")
    ] = "float32",
    no_verify: Annotated[
        bool, typer.Option("--no-verify", help="Skip the comparison with the original.")
    ] = False,
) -> None:
    """Export a model to another program's format, and compare its outputs with the original's."""
    from transformer_mt.config.tasks import TranslationConfig
    from transformer_mt.interop.export import export_model

    run = find_model(argument_or_model(ctx, run_dir, model), TranslationConfig)
    exported = export_model(run, output, to=to, quantization=quantization, verify=not no_verify)
    print_lines(exported.lines())


@app.command("import")
def import_folder(
    folder: Annotated[Path, typer.Argument(help="MarianMTModel checkpoint, such as OPUS-MT's.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="New run directory.")],
) -> None:
    """Import a MarianMT model as a run directory, to translate with or to train further."""
    from transformer_mt.interop.import_marian import import_model

    print_lines(import_model(folder, output).lines())
