"""Command `tmt attention`: pictures of the attention weights."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from transformer_mt.cli import models, options
from transformer_mt.cli.app import app
from transformer_mt.errors import ConfigError
from transformer_mt.runtime.console import print_lines


@app.command()
def attention(
    sentence: Annotated[str, Argument(help="Sentence to translate.")],
    output_file: Annotated[
        Path, Option("--output", "-o", help="File ending in .html, .png, .svg or .json.")
    ],
    beam_size: options.BeamSize = None,
    length_penalty: options.LengthPenalty = None,
    n_best: options.NBest = 1,
    model: options.ModelDir = None,
    device: options.Device = "auto",
) -> None:
    """Draw the attention weights of a sentence's translation, in every layer and head."""
    models.check_beam(beam_size, n_best)
    from transformer_mt.cli.streams import argument_line
    from transformer_mt.figures.render import check_place, render

    check_place(output_file)
    models.check_output_file(output_file)
    translation = models.load_translator(model, device).translate(
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
