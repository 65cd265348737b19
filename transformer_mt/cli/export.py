"""Command `tmt export`: a model in the format of another program."""

from pathlib import Path
from typing import Annotated

from typer import Context, Option

from transformer_mt.cli import models, options
from transformer_mt.cli.app import app
from transformer_mt.runtime.console import print_lines


@app.command()
def export(
    ctx: Context,
    to: Annotated[str, Option(help="ctranslate2 or transformers.")],
    output: Annotated[Path, Option("--output", "-o", help="New folder to write to.")],
    run_dir: options.RunArgument = None,
    model: options.ModelDir = None,
    quantization: Annotated[
        str, Option(help="Number format of the weights; for ctranslate2 also int8 and more.")
    ] = "float32",
    no_verify: Annotated[
        bool, Option("--no-verify", help="Skip the comparison with the original.")
    ] = False,
) -> None:
    """Export a model to another program's format, and compare its outputs with the original's."""
    from transformer_mt.config.tasks import TranslationConfig
    from transformer_mt.interop.export import export_model

    run = models.find_model(models.argument_or_model(ctx, run_dir, model), TranslationConfig)
    exported = export_model(run, output, to=to, quantization=quantization, verify=not no_verify)
    print_lines(exported.lines())
