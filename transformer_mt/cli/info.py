"""Command `tmt info`: what a run is."""

import json

from typer import Context

from transformer_mt.cli import models, options
from transformer_mt.cli.app import app
from transformer_mt.runtime.console import print_lines


@app.command()
def info(
    ctx: Context,
    run_dir: options.RunArgument = None,
    model: options.ModelDir = None,
    as_json: options.AsJson = False,
) -> None:
    """Show a run's settings, data, scores, training time and versions."""
    from transformer_mt.runs.info import describe_run

    description = describe_run(models.find_model(models.argument_or_model(ctx, run_dir, model)))
    if as_json:
        print_lines([json.dumps(description, indent=2, ensure_ascii=False)])
    else:
        print_lines([f"{name:<18}{value}" for name, value in description.items()])
