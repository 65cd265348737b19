"""Command `tmt generate`: text of a language model."""

from typing import Annotated

from typer import Argument, Option

from transformer_mt.cli import models, options
from transformer_mt.cli.app import app
from transformer_mt.runtime.console import standard_output, write_out


@app.command()
def generate(
    prompt: Annotated[
        str | None, Argument(help='Start of the text ("" for none); by default standard input.')
    ] = None,
    length: Annotated[int, Option(help="Most tokens to add.")] = 200,
    temperature: Annotated[
        float,
        Option(help="Randomness; below 1: likelier tokens, above 1: rarer ones, 0: the likeliest."),
    ] = 1.0,
    top_k: Annotated[
        int | None, Option(help="Sample from this number of likeliest tokens.")
    ] = None,
    top_p: Annotated[
        float, Option(help="Sample from the likeliest tokens whose probabilities sum to this.")
    ] = 1.0,
    seed: Annotated[
        int | None, Option(help="Random seed; the same seed gives the same text.")
    ] = None,
    model: options.ModelDir = None,
    device: options.Device = "auto",
) -> None:
    """Continue a text with a language model; tokens are printed as they are generated."""
    models.refuse_several_processes()
    from transformer_mt.cli.streams import argument_text, read_whole
    from transformer_mt.config.tasks import LanguageModelConfig
    from transformer_mt.inference.load import load_generator

    text = read_whole() if prompt is None else argument_text(prompt)
    generator = load_generator(models.find_model(model, LanguageModelConfig), device=device)
    pieces = generator.generate(
        text, length=length, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed
    )
    target = standard_output()
    write_out(target, text)
    for piece in pieces:
        write_out(target, piece)
    write_out(target, "\n")
