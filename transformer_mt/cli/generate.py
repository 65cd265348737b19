"""Command `tmt generate`: text of a language model."""

from typing import Annotated

import typer

from transformer_mt.cli import models, options
from transformer_mt.cli.app import app
from transformer_mt.runtime.console import standard_output, write_out


@app.command()
def generate(
    prompt: Annotated[
        str | None,
        typer.Argument(help='Beginning of the text ("" for none); by default standard input.'),
    ] = None,
    length: Annotated[int, typer.Option(help="Most tokens to add.")] = 200,
    temperature: Annotated[
        float,
        typer.Option(
            help="Randomness; below 1: likelier tokens; above 1: rarer tokens; 0: always the"
            " likeliest."
        ),
    ] = 1.0,
    top_k: Annotated[
        int | None, typer.Option(help="Sample from this number of likeliest tokens.")
    ] = None,
    top_p: Annotated[
        float,
        typer.Option(help="Sample from the likeliest tokens whose probabilities sum to this."),
    ] = 1.0,
    seed: Annotated[
        int | None, typer.Option(help="Random seed; the same seed gives the same text.")
    ] = None,
    model: options.ModelDir = None,
    device: options.Device = "auto",
) -> None:
    """Continue a text with a language model; tokens are printed as they are generated."""
    models.refuse_several_processes()
    from transformer_mt.cli.streams import argument_text, read_whole

    text = read_whole() if prompt is None else argument_text(prompt)
    generator = models.load_generator(model, device)
    pieces = generator.generate(
        text, length=length, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed
    )
    target = standard_output()
    write_out(target, text)
    for piece in pieces:
        write_out(target, piece)
    write_out(target, "\n")
