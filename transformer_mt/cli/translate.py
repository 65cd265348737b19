"""Command `tmt translate`: sentences, files and standard input."""

import os
from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from transformer_mt.cli import models, options
from transformer_mt.cli.app import app
from transformer_mt.errors import ConfigError
from transformer_mt.runtime.launch import place


@app.command()
def translate(
    sentences: Annotated[
        list[str] | None,
        Argument(help="Sentences, each in quotation marks; by default standard input."),
    ] = None,
    input_file: options.InputFile = None,
    output_file: options.OutputFile = None,
    layout: Annotated[
        str, Option("--format", help="text (one line per input line), jsonl or tsv.")
    ] = "text",
    scores: Annotated[bool, Option("--scores", help="Show scores with the text.")] = False,
    n_best: options.NBest = 1,
    beam_size: options.BeamSize = None,
    greedy: Annotated[bool, Option("--greedy", help="The same as --beam-size 1.")] = False,
    length_penalty: options.LengthPenalty = None,
    model: options.ModelDir = None,
    quantization: options.Quantization = None,
    lm: options.LanguageModelDir = None,
    lm_weight: options.LanguageModelWeight = None,
    device: options.Device = "auto",
    engine: options.Engine = "torch",
    batch_tokens: options.BatchTokens = 4096,
) -> None:
    """Translate sentences, a file or standard input: one line in, one line out.

    A line is one sentence, as in the training data: of several sentences in a line, some get lost.
    """
    if layout not in ("text", "jsonl", "tsv"):
        raise ConfigError(f"--format {layout}: must be text, jsonl or tsv")
    if sentences and input_file:
        raise ConfigError("give sentences or --input, not both")
    models.check_output_file(output_file, input_file)
    if greedy and beam_size not in (None, 1):
        raise ConfigError(f"--greedy and --beam-size {beam_size} contradict each other")
    beam_size = 1 if greedy else beam_size
    models.check_beam(beam_size, n_best)
    if place().world_size > 1 and input_file is None:
        raise ConfigError("several processes translate a file: name it with --input")
    from transformer_mt.cli import streams
    from transformer_mt.cli.translation_lines import translate_chunks
    from transformer_mt.inference.distributed import broadcast_chunks

    interactive = not sentences and input_file is None and streams.is_prompted()
    with (
        streams.open_chunks(sentences, input_file) as chunks,
        models.open_translator(model, device, engine, quantization, lm, lm_weight) as translator,
        streams.open_output(output_file if place().rank == 0 else Path(os.devnull)) as target,
    ):
        if interactive:
            chunks = ([line] for line in streams.prompt_lines("> "))
        translate_chunks(
            partial(
                translator.translate,
                beam_size=beam_size,
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
