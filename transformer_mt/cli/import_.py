"""Command `tmt import`: models of another program."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from transformer_mt.cli.app import app
from transformer_mt.runtime.console import print_lines


@app.command("import")
def import_folder(
    folder: Annotated[Path, Argument(help="MarianMTModel checkpoint, such as OPUS-MT's.")],
    output: Annotated[Path, Option("--output", "-o", help="New run directory.")],
) -> None:
    """Import a MarianMT model as a run directory, to translate with or to train further."""
    from transformer_mt.interop.import_marian import import_model

    print_lines(import_model(folder, output).lines())
