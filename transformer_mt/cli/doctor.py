"""Command `tmt doctor`: errors of a corpus."""

import json
from pathlib import Path
from typing import Annotated

from typer import Argument, Exit, Option

from transformer_mt.cli import options
from transformer_mt.cli.app import app
from transformer_mt.errors import ConfigError
from transformer_mt.runtime.console import print_lines


@app.command()
def doctor(
    files: Annotated[
        list[Path] | None, Argument(help="Two parallel text files, or --config.")
    ] = None,
    config: Annotated[
        Path | None, Option("--config", "-c", help="Examine the corpus of this YAML file.")
    ] = None,
    overrides: options.Overrides = None,
    all_lines: Annotated[
        bool, Option("--all", help="List every line of each finding, not the first three.")
    ] = False,
    as_json: Annotated[
        bool, Option("--json", help="Print JSON, with every line of each finding.")
    ] = False,
) -> None:
    """Check a corpus for errors; exit code 1 if training would refuse it."""
    files = files or []
    if len(files) != (0 if config else 2):
        raise ConfigError("give --config, or two parallel text files: source and target")
    if overrides and not config:
        raise ConfigError("--set changes a configuration: give --config with it")
    from transformer_mt.config.load import load_config
    from transformer_mt.config.tasks import TranslationConfig
    from transformer_mt.doctor.examine import examine

    settings = load_config(config, overrides or (), TranslationConfig) if config else None
    found = examine(settings or (files[0], files[1]), all_lines=all_lines or as_json)
    print_lines(
        [json.dumps(found.to_dict(), indent=2, ensure_ascii=False)] if as_json else found.lines()
    )
    raise Exit(found.exit_code)
