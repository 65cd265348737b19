"""Command `tmt evaluate`: scores of a run, or of existing translations."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Context, Option

from transformer_mt.cli import models, options
from transformer_mt.cli.app import app
from transformer_mt.errors import ConfigError
from transformer_mt.runtime.console import print_lines
from transformer_mt.runtime.launch import place

if TYPE_CHECKING:
    from transformer_mt.inference.evaluation import Evaluation
    from transformer_mt.training.evaluation import TaskEvaluation

_FOR_TRANSLATORS = {"references", "tokenize", "output_file", "beam_size", "length_penalty"}
_FOR_TRANSLATORS |= {"quantization", "lm", "lm_weight", "engine"}


@app.command()
def evaluate(
    ctx: Context,
    split: Annotated[str, Option(help="Split of the run's own data: test or validation.")] = "test",
    source: Annotated[
        Path | None,
        Option(help="File to translate and score, or to score another kind of model on."),
    ] = None,
    references: Annotated[
        list[Path] | None,
        Option("--reference", metavar="FILE", help="Reference translation; several may be given."),
    ] = None,
    hypothesis: Annotated[
        Path | None, Option(help="Score these translations; no model is needed.")
    ] = None,
    lang: Annotated[
        str | None, Option(help="With --hypothesis: target language, for BLEU's tokenizer.")
    ] = None,
    tokenize: Annotated[
        str | None,
        Option(help="Name of sacrebleu's tokenizer for BLEU; by default the language's."),
    ] = None,
    output_file: Annotated[
        Path | None, Option("--output", "-o", help="Write the translations here.")
    ] = None,
    as_json: options.AsJson = False,
    beam_size: options.BeamSize = None,
    length_penalty: options.LengthPenalty = None,
    model: options.ModelDir = None,
    quantization: options.Quantization = None,
    lm: options.LanguageModelDir = None,
    lm_weight: options.LanguageModelWeight = None,
    device: options.Device = "auto",
    engine: options.Engine = "torch",
    batch_tokens: options.BatchTokens = 4096,
) -> None:
    """Score a run on its test set or on files, or score existing translations."""
    if split not in ("test", "validation"):
        raise ConfigError(f"--split {split}: must be test or validation")
    if references and not (hypothesis or source):
        raise ConfigError("--reference needs --source (to translate) or --hypothesis")
    if hypothesis and source:
        raise ConfigError("give --hypothesis or --source, not both")
    if hypothesis and output_file:
        raise ConfigError("--output is for the model's translations: --hypothesis has none")
    if lang is not None and not hypothesis:
        raise ConfigError("--lang is for --hypothesis: a run knows its target language")
    found: Evaluation | TaskEvaluation
    if hypothesis:
        from transformer_mt.inference.evaluation import evaluate_translations

        texts = _read_sides(hypothesis, references)
        found = evaluate_translations(*texts, language=lang, tokenize=tokenize)
    elif models.is_translator(run := models.find_model(model)):
        models.check_output_file(output_file, source, *(references or ()), *_own_files(run))
        sides = _read_sides(source, references) if source else (None, None)
        from transformer_mt.inference.evaluation import evaluate as evaluate_translator

        with models.open_translator(run, device, engine, quantization, lm, lm_weight) as translator:
            found = evaluate_translator(
                translator,
                *sides,
                split="test" if split == "test" else "validation",
                beam_size=beam_size,
                length_penalty=length_penalty,
                batch_tokens=batch_tokens,
                tokenize=tokenize,
            )
        _write(found.translations, output_file)
    else:
        _refuse_for_others(ctx, run)
        from transformer_mt.training.evaluation import evaluate_run

        found = evaluate_run(
            run,
            None if source is None else str(source),
            split="test" if split == "test" else "validation",
            device=device,
            batch_tokens=batch_tokens,
        )
    print_lines([json.dumps(found.to_dict(), indent=2)] if as_json else found.lines())


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
    named = (data.train, data.validation, data.test)
    sides = [[each] if isinstance(each, str) else each or () for each in named]
    return [Path(file) for side in sides for file in side]


def _refuse_for_others(ctx: Context, run: Path) -> None:
    """Check that no translator option is given for a language model or a classifier."""
    for param in ctx.command.params:
        value = ctx.params[param.name] if param.name in _FOR_TRANSLATORS else None
        if value not in (None, (), [], param.default):
            raise ConfigError(f"{param.opts[0]} is for translators, and {run} is none")


def _write(translations: tuple[str, ...], output_file: Path | None) -> None:
    """Write translations to a file if one is given; the main process alone writes."""
    from transformer_mt.files.atomic import write_output

    if output_file and place().rank == 0:
        write_output(output_file, "".join(f"{line}\n" for line in translations).encode("utf-8"))
