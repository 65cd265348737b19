"""Command `tmt rescore`: n-best lists in a new order."""

from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Option

from transformer_mt.cli import models, options
from transformer_mt.cli.app import app
from transformer_mt.errors import ConfigError


@app.command()
def rescore(
    lm: Annotated[Path, Option(help="Run directory of a language model.")],
    input_file: options.InputFile = None,
    output_file: options.OutputFile = None,
    layout: Annotated[
        str, Option("--format", help="text (the best translations) or list (all, re-ranked).")
    ] = "text",
    lm_weight: Annotated[
        float, Option(help="Weight of its log-probabilities; the translator's is 1.")
    ] = 0.2,
    batch_tokens: options.BatchTokens = 4096,
    device: options.Device = "auto",
) -> None:
    """Re-rank n-best lists with a language model.

    Input lines are those of `tmt translate --format jsonl --n-best N`, or of Moses:
    `id ||| text ||| features ||| score`.
    """
    if layout not in ("text", "list"):
        raise ConfigError(f"--format {layout}: must be text or list")
    models.check_output_file(output_file, input_file)
    models.refuse_several_processes()
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
