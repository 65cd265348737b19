"""The commands of `tmt`: each parses, calls one function, and prints.

Nothing heavy is imported before a command runs, so that `--help` answers at once.
"""

import gc
import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from transformer_mt import __version__
from transformer_mt.cli_options import (
    BatchTokens,
    BeamSize,
    Commands,
    ConfigFile,
    Device,
    Engine,
    LengthPenalty,
    ModelDir,
    Overrides,
    Quantization,
)
from transformer_mt.console import prepare_streams, print_lines, print_note, set_up_logging
from transformer_mt.errors import ConfigError
from transformer_mt.processes import may_start_again, place

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from transformer_mt.data.corpus import SentencePair
    from transformer_mt.translator import Translator

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="-q, -v and --debug may stand after the command too. Results go to stdout, the rest to"
    " stderr. Exit codes: 0 done, 1 data or run-time error, 2 wrong usage or configuration.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print_lines([f"tmt {__version__}"])
        raise typer.Exit


@app.callback()
def _global_options(
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only warnings and errors.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,  # noqa: ARG001
    version: Annotated[  # noqa: ARG001
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version and stop."
        ),
    ] = False,
) -> None:
    """Train your own translator, the Transformer of "Attention Is All You Need"."""
    set_up_logging(quiet=quiet, verbose=verbose)


@app.command()
def doctor(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Two parallel text files, or --config.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Examine the corpus of this YAML file.")
    ] = None,
    overrides: Overrides = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell everything that is wrong with a corpus: exit code 1 if training would refuse it."""
    files = files or []
    if len(files) != (0 if config else 2):
        raise ConfigError("give --config, or two parallel text files: source and target")
    if overrides and not config:
        raise ConfigError("--set changes a configuration: give --config with it")
    from transformer_mt import api
    from transformer_mt.config_file import load_config

    if config is not None:
        found = api.examine(load_config(config, overrides or ()))
    else:
        found = api.examine((files[0], files[1]))
    print_lines(
        [json.dumps(found.to_dict(), indent=2, ensure_ascii=False)] if as_json else found.lines()
    )
    raise typer.Exit(found.exit_code)


@app.command("build-tokenizer")
def build_tokenizer(
    config: ConfigFile,
    overrides: Overrides = None,
    force: Annotated[bool, typer.Option("--force", help="Replace different tokenizers.")] = False,
) -> None:
    """Build and save the tokenizers of both languages, and tell how well they cover the text."""
    from transformer_mt.config_file import load_config
    from transformer_mt.vocabulary import build_and_save

    built = build_and_save(load_config(config, overrides or ()), force=force)
    print_lines(built.report)


@app.command()
def train(
    config: ConfigFile,
    overrides: Overrides = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Forget an earlier run in the same directory.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show settings, sizes and a time estimate; no more.")
    ] = False,
    max_time: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="End after this time (30m, 2h), the schedule fitted."),
    ] = None,
    checkpoint_every: Annotated[
        str | None,
        typer.Option(
            metavar="N|TIME", help="Save after so many updates (500), or so much time (10m), too."
        ),
    ] = None,
    no_rescue: Annotated[
        bool, typer.Option("--no-rescue", help="Stop at the first loss that is no number.")
    ] = False,
    device: Device = "auto",
) -> None:
    """Train a model; run it again to go on after an interruption."""
    from transformer_mt.config import parse_duration
    from transformer_mt.config_file import load_config, to_yaml
    from transformer_mt.training.signals import Interrupted

    if overwrite and may_start_again():
        raise ConfigError(
            "--overwrite: torchrun would overwrite the run again at each restart; leave out"
            " --max-restarts, or remove the run directory yourself"
        )
    flags = []
    if max_time is not None:
        parse_duration(max_time, key="--max-time")
        flags.append(f"training.max_time={max_time}")
    if checkpoint_every is not None:
        if not checkpoint_every.isdecimal():
            parse_duration(checkpoint_every, key="--checkpoint-every")
        flags.append(f"training.checkpoint_every={checkpoint_every}")
    if no_rescue:
        flags.append("training.rescue=false")
    settings = load_config(config, [*(overrides or ()), *flags])
    if dry_run:
        from transformer_mt.training.plan import plan_training

        print_lines([to_yaml(settings), *plan_training(settings, device).lines()])
        return
    from transformer_mt.training.loop import train as run_training

    try:
        run_training(settings, device=device, overwrite=overwrite)
    except Interrupted as interrupted:
        again = "the same command without --overwrite" if overwrite else "the same command again"
        print_note(f"stopped by {interrupted}; saved: run {again} to go on")
        raise typer.Exit(interrupted.exit_code) from None


@app.command()
def translate(
    sentences: Annotated[
        list[str] | None,
        typer.Argument(help="Sentences, each in quotation marks; none: read standard input."),
    ] = None,
    model: ModelDir = None,
    input_file: Annotated[
        Path | None, typer.Option("--input", "-i", help="Translate this file, line by line.")
    ] = None,
    output_file: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write here, not to standard output.")
    ] = None,
    beam_size: BeamSize = None,
    greedy: Annotated[bool, typer.Option("--greedy", help="The same as --beam-size 1.")] = False,
    length_penalty: LengthPenalty = None,
    n_best: Annotated[int, typer.Option(min=1, help="Translations of each line.")] = 1,
    scores: Annotated[bool, typer.Option("--scores", help="Show scores with the text.")] = False,
    layout: Annotated[
        str, typer.Option("--format", help="text (one line a line), jsonl or tsv.")
    ] = "text",
    batch_tokens: BatchTokens = 4096,
    device: Device = "auto",
    engine: Engine = "torch",
    quantization: Quantization = None,
) -> None:
    """Translate sentences, a file or standard input: one line in, one line out."""
    if layout not in ("text", "jsonl", "tsv"):
        raise ConfigError(f"--format {layout}: must be text, jsonl or tsv")
    if sentences and input_file:
        raise ConfigError("give sentences or --input, not both")
    if input_file and output_file and _is_same_file(input_file, output_file):
        raise ConfigError(f"--output {output_file} is the input file")
    if greedy and beam_size not in (None, 1):
        raise ConfigError(f"--greedy and --beam-size {beam_size} contradict each other")
    _check_beam(1 if greedy else beam_size, n_best)
    if place().world_size > 1 and input_file is None:
        raise ConfigError("several processes translate a file: name it with --input")
    from transformer_mt import streams
    from transformer_mt.sharded_translator import spread

    interactive = not sentences and input_file is None and streams.is_prompted()
    with (
        _open(model, device, engine, quantization) as translator,
        streams.open_input(input_file) as source,
        streams.open_output(output_file if place().rank == 0 else Path(os.devnull)) as target,
    ):
        if sentences:
            chunks = iter([[streams.argument_line(sentence) for sentence in sentences]])
        elif interactive:
            chunks = ([line] for line in streams.prompt_lines("> "))
        else:
            chunks = streams.read_chunks(source)
        streams.translate_chunks(
            partial(
                translator.translate,
                beam_size=1 if greedy else beam_size,
                length_penalty=length_penalty,
                n_best=n_best,
                details=layout == "jsonl",
                batch_tokens=batch_tokens,
            ),
            spread(translator, chunks),
            target,
            layout=layout,
            scores=scores,
            show_progress=input_file is not None,
        )


@app.command()
def evaluate(
    model: ModelDir = None,
    source: Annotated[Path | None, typer.Option(help="Translate and score this file.")] = None,
    reference: Annotated[Path | None, typer.Option(help="Its translation by a person.")] = None,
    hypothesis: Annotated[
        Path | None, typer.Option(help="Score these translations; no model is needed.")
    ] = None,
    split: Annotated[str, typer.Option(help="Of the run's own data: test or validation.")] = "test",
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
) -> None:
    """Score a run on its test set, or on files, or score translations made elsewhere."""
    if split not in ("test", "validation"):
        raise ConfigError(f"--split {split}: must be test or validation")
    if hypothesis and source:
        raise ConfigError("give --hypothesis or --source, not both")
    if (hypothesis or source) and not reference:
        raise ConfigError("--reference is missing: the file with the right translations")
    if reference and not (hypothesis or source):
        raise ConfigError("--reference needs --source (to translate) or --hypothesis")
    if hypothesis and output_file:
        raise ConfigError("--output is for the model's translations: --hypothesis has none")
    from transformer_mt import api
    from transformer_mt.data.corpus import read_parallel

    if hypothesis and reference:
        from transformer_mt.evaluation import evaluate_translations

        figures = evaluate_translations(*_sides(read_parallel(hypothesis, reference)))
    else:
        given = _sides(read_parallel(source, reference)) if source and reference else (None, None)
        with _open(model, device, engine, quantization) as translator:
            figures = api.evaluate(
                translator,
                *given,
                split="validation" if split == "validation" else "test",
                beam_size=beam_size,
                length_penalty=length_penalty,
                batch_tokens=batch_tokens,
            )
        if output_file and place().rank == 0:
            from transformer_mt.durable import write_text

            write_text(output_file, "".join(f"{line}\n" for line in figures.translations))
    print_lines([json.dumps(figures.to_dict(), indent=2)] if as_json else figures.lines())


@app.command()
def attention(
    sentence: Annotated[str, typer.Argument(help="What to translate.")],
    output_file: Annotated[
        Path, typer.Option("--output", "-o", help="A file ending in .html, .png, .svg or .json.")
    ],
    model: ModelDir = None,
    beam_size: BeamSize = None,
    length_penalty: LengthPenalty = None,
    n_best: Annotated[int, typer.Option(min=1, help="Translations to show.")] = 1,
    device: Device = "auto",
) -> None:
    """Draw what the model attends to while it translates a sentence, in every layer and head."""
    _check_beam(beam_size, n_best)
    from transformer_mt.analysis.render import check_suffix, render
    from transformer_mt.streams import argument_line

    check_suffix(output_file)
    translation = _load(model, device).translate(
        argument_line(sentence),
        beam_size=beam_size,
        length_penalty=length_penalty,
        n_best=n_best,
        details=False,
        attention=True,
    )
    if not translation.src_ids:
        raise ConfigError("the sentence is empty: there is nothing to attend to")
    render([maps for c in translation.candidates if (maps := c.attention)], output_file)
    print_lines([translation.text])


@app.command()
def info(
    run_dir: Annotated[Path, typer.Argument(help="Run directory of `tmt train`.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell what a run is: languages, sizes, data, scores, training time, versions."""
    from transformer_mt.run_info import describe_run

    description = describe_run(run_dir)
    print_lines(
        [json.dumps(description, indent=2, ensure_ascii=False)]
        if as_json
        else [f"{name:<18}{value}" for name, value in description.items()]
    )


@app.command("export")
def export_run(
    run_dir: Annotated[Path, typer.Argument(help="Run directory of `tmt train`.")],
    to: Annotated[str, typer.Option(help="ctranslate2 or transformers.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A new folder.")],
    quantization: Annotated[
        str, typer.Option(help="Number format of the weights; for ctranslate2 also int8 and more.")
    ] = "float32",
    no_verify: Annotated[
        bool, typer.Option("--no-verify", help="Do not compare it with the run.")
    ] = False,
) -> None:
    """Write a model for another program, and compare it there with the original."""
    from transformer_mt import api

    exported = api.export_model(
        run_dir, output, to=to, quantization=quantization, verify=not no_verify
    )
    print_lines(exported.lines())


@app.command("import")
def import_folder(
    folder: Annotated[Path, typer.Argument(help="A MarianMTModel checkpoint, such as OPUS-MT's.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A new run directory.")],
) -> None:
    """Make a run of a model made elsewhere, to translate with or to train further (init_from)."""
    from transformer_mt import api

    print_lines(api.import_model(folder, output).lines())


def _is_same_file(first: Path, second: Path) -> bool:
    return first.exists() and second.exists() and first.samefile(second)


def _find_model(model: Path | None) -> Path:
    """The run that was asked for, else the newest finished one, which is named on stderr."""
    if model is not None:
        return model
    import logging

    from transformer_mt.train_state import newest_run

    found = newest_run(Path("runs"))
    logging.getLogger("transformer_mt").info("model: %s", found)
    return found


def _load(
    model: Path | None, device: str, engine: str = "torch", quantization: str | None = None
) -> "Translator":
    from transformer_mt import api

    if engine not in ("torch", "ctranslate2"):
        raise ConfigError(f"--engine {engine}: must be torch or ctranslate2")
    if quantization and engine == "torch":
        raise ConfigError("--quantization is for --engine ctranslate2")
    return api.load(
        _find_model(model),
        device=device,
        engine="torch" if engine == "torch" else "ctranslate2",
        quantization=quantization,
    )


def _open(
    model: Path | None, device: str, engine: str, quantization: str | None
) -> "AbstractContextManager[Translator]":
    """As `_load`; where torchrun has started several processes, they share the work."""
    from transformer_mt.sharded_translator import open_translator

    return open_translator(lambda own: _load(model, own, engine, quantization), device)


def _check_beam(beam_size: int | None, n_best: int) -> None:
    if beam_size is not None and beam_size < n_best:
        raise ConfigError(f"--n-best {n_best} needs a --beam-size of at least {n_best}")


def _sides(pairs: "Sequence[SentencePair]") -> tuple[list[str], list[str]]:
    return [pair.src for pair in pairs], [pair.tgt for pair in pairs]


def main() -> None:
    """The program `tmt`."""
    # What is imported stays: to look for garbage in it again and again took a tenth of the start.
    gc.set_threshold(100_000, 50, 50)
    prepare_streams()
    app(prog_name="tmt")
