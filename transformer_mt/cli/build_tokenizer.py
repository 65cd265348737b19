"""Command `tmt build-tokenizer`: the tokenizers of a run, before its training."""

from typing import Annotated

from typer import Option

from transformer_mt.cli import options
from transformer_mt.cli.app import app
from transformer_mt.runtime.console import print_lines


@app.command()
def build_tokenizer(
    config: options.ConfigFile,
    overrides: options.Overrides = None,
    force: Annotated[bool, Option("--force", help="Replace different tokenizers.")] = False,
) -> None:
    """Build and save the tokenizers of a run, and report how well they cover the text."""
    from transformer_mt.runs.ownership import load_own_config
    from transformer_mt.training.build_tokenizer import build_and_save

    built = build_and_save(load_own_config(config, overrides or ()), force=force)
    print_lines(built.report)
