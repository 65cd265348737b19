"""Commands `tmt translate`, `tmt rescore` and `tmt attention`."""

import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from transformer_mt.cli.app import app
from transformer_mt.cli.models import (
    check_output_file,
    load_translator,
    open_translator,
    refuse_several_processes,
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
)
from transformer_mt.errors import ConfigError
from transformer_mt.runtime.console import print_lines
from transformer_mt.runtime.launch import place


@app.command()
def translate(
    sentences: Annotated[
        list[str] | None,
        typer.Argument(help="Sentences, each in quotation marks; by default standard input."),
    ] = None,
    model: ModelDir = None,
    input_file: Annotated[
        Path | None, typer.Option("--input", "-i", help="Translate this file, line by line.")
    ] = None,
    output_file: Annotated[
        Path | None, typer.Option("--output", "-o", help="Output file; by default standard output.")
    ] = None,
    beam_size: BeamSize = None,
    greedy: Annotated[bool, typer.Option("--greedy", help="The same as --beam-size 1.")] = False,
    length_penalty: LengthPenalty = None,
    n_best: Annotated[
        int,
        typer.Option(help="Number of translations of each line (fewer if the beam finds fewer)."),
    ] = 1,
    scores: Annotated[bool, typer.Option("--scores", help="Show scores with the text.")] = False,
    layout: Annotated[
        str, typer.Option("--format", help="text (one line per input line), jsonl or tsv.")
    ] = "text",
    batch_tokens: BatchTokens = 4096,
    device: Device = "auto",
    engine: Engine = "torch",
    quantization: Quantization = None,
    lm: LanguageModelDir = None,
    lm_weight: LanguageModelWeight = None,
) -> None:
    """Translate sentences, a file or standard input: one line in, one line out.

    A line is one sentence, as in the training data: of several sentences in a line, some get lost.
    """
    if layout not in ("text", "jsonl", "tsv"):
        raise ConfigError(f"--format {layout}: must be text, jsonl or tsv")
    if sentences and input_file:
        raise ConfigError("give sentences or --input, not both")
    check_output_file(output_file, input_file)
    if greedy and beam_size not in (None, 1):
        raise ConfigError(f"--greedy and --beam-size {beam_size} contradict each other")
    _check_beam(1 if greedy else beam_size, n_best)
    if place().world_size > 1 and input_file is None:
        raise ConfigError("several processes translate a file: name it with --input")
    from transformer_mt.cli import streams
    from transformer_mt.cli.translation_lines import translate_chunks
    from transformer_mt.inference.distributed import broadcast_chunks

    interactive = not sentences and input_file is None and streams.is_prompted()
    with (
        streams.open_chunks(sentences, input_file) as chunks,
        open_translator(model, device, engine, quantization, lm, lm_weight) as translator,
        streams.open_output(output_file if place().rank == 0 else Path(os.devnull)) as target,
    ):
        if interactive:
            chunks = ([line] for line in streams.prompt_lines("> "))
        translate_chunks(
            partial(
                translator.translate,
                beam_size=1 if greedy else beam_size,
                length_penalty=length_penalty,
                n_best=n_best,
                details=layout == "jsonl",
                batch_tokens=batch_tokens,
            ),
            broadcast_chunks(translator, chunks),
            target,
            layout=layout,
            scores=scores,
            show_progress=input_file is not None,
        )


@app.command()
def rescore(
    lm: Annotated[Path, typer.Option(help="Run directory of a language model.")],
    lm_weight: Annotated[
        float, typer.Option(help="Weight of its log-probabilities; the translator's is 1.")
    ] = 0.2,
    input_file: Annotated[
        Path | None, typer.Option("--input", "-i", help="N-best lists; by default standard input.")
    ] = None,
    output_file: Annotated[
        Path | None, typer.Option("--output", "-o", help="Output file; by default standard output.")
    ] = None,
    layout: Annotated[
        str, typer.Option("--format", help="text (the best translations) or list (all, re-ranked).")
    ] = "text",
    batch_tokens: BatchTokens = 4096,
    device: Device = "auto",
) -> None:
    """Re-rank n-best lists with a language model.

    Input lines are those of `tmt translate --format jsonl --n-best N`, or of Moses:
    `id ||| text ||| features ||| score`.
    """
    if layout not in ("text", "list"):
        raise ConfigError(f"--format {layout}: must be text or list")
    check_output_file(output_file, input_file)
    refuse_several_processes()
    from transformer_mt.cli import streams
    from transformer_mt.inference.load import load_language_model
    from transformer_mt.inference.rescoring import rescore_lists

    with streams.open_chunks(None, input_file) as chunks:
        model = load_language_model(lm, device=device)
        with streams.open_output(output_file) as target:
            rescore_lists(
                partial(model.log_probs, batch_tokens=batch_tokens),
                chunks,
                target,
                weight=lm_weight,
                layout="text" if layout == "text" else "list",
                show_progress=input_file is not None,
            )


@app.command()
def attention(
    sentence: Annotated[str, typer.Argument(help="Sentence to translate.")],
    output_file: Annotated[
        Path, typer.Option("--output", "-o", help="File ending in .html, .png, .svg or .json.")
    ],
    model: ModelDir = None,
    beam_size: BeamSize = None,
    length_penalty: LengthPenalty = None,
    n_best: Annotated[int, typer.Option(help="Number of translations to show.")] = 1,
    device: Device = "auto",
) -> None:
    """Draw the attention weights of a sentence's translation, in every layer and head."""
    _check_beam(beam_size, n_best)
    from transformer_mt.cli.streams import argument_line
    from transformer_mt.figures.render import check_place, render

    check_place(output_file)
    check_output_file(output_file)
    translation = load_translator(model, device).translate(
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


def _check_beam(beam_size: int | None, n_best: int) -> None:
    if beam_size is not None and beam_size < n_best:
        raise ConfigError(f"--n-best {n_best} needs a --beam-size of at least {n_best}")
