"""Command `tmt train`: training and dry runs."""

from typing import Annotated

from typer import Exit, Option

from transformer_mt.cli import options
from transformer_mt.cli.app import app
from transformer_mt.errors import ConfigError
from transformer_mt.runtime.console import print_lines, print_note
from transformer_mt.runtime.launch import may_start_again


@app.command()
def train(
    config: options.ConfigFile,
    overrides: options.Overrides = None,
    overwrite: Annotated[
        bool,
        Option("--overwrite", help="Remove an earlier run in the run directory; other files stay."),
    ] = False,
    device: options.Device = "auto",
    dry_run: Annotated[
        bool,
        Option(
            "--dry-run", help="Check and show settings, sizes and a time estimate; write nothing."
        ),
    ] = False,
    max_time: Annotated[
        str | None,
        Option(
            metavar="TIME", help="End after this time (30m, 2h), with the schedule fitted to it."
        ),
    ] = None,
    checkpoint_every: Annotated[
        str | None,
        Option(
            metavar="N|TIME", help="Also save a checkpoint every N updates (500) or TIME (10m)."
        ),
    ] = None,
    no_rescue: Annotated[
        bool, Option("--no-rescue", help="Stop at the first loss that is not finite.")
    ] = False,
) -> None:
    """Train a model; run the command again to resume after an interruption."""
    from transformer_mt.config.load import to_yaml
    from transformer_mt.runs.ownership import load_own_config
    from transformer_mt.training.signals import Interrupted

    if overwrite and may_start_again():
        raise ConfigError(
            "--overwrite: torchrun would overwrite the run again at each restart; leave out"
            " --max-restarts, or remove the run directory yourself"
        )
    flags = _as_overrides(max_time, checkpoint_every, no_rescue)
    settings = load_own_config(config, [*(overrides or ()), *flags])
    if dry_run:
        from transformer_mt.training.dry_run import plan_training

        plan = plan_training(settings, device, overwrite=overwrite)
        finished = f"{settings.run_dir}: finished; nothing to do"
        print_lines([to_yaml(settings), *(plan.lines() if plan else [finished])])
        return
    from transformer_mt.training.loop import train as run_training

    try:
        run_training(settings, device=device, overwrite=overwrite)
    except Interrupted as interrupted:
        again = "the same command without --overwrite" if overwrite else "the same command again"
        print_note(f"stopped by {interrupted}; saved: run {again} to go on")
        raise Exit(interrupted.exit_code) from None


def _as_overrides(max_time: str | None, every: str | None, no_rescue: bool) -> list[str]:
    """Return the options that replace settings in the form of --set."""
    from transformer_mt.config.limits import check_number
    from transformer_mt.config.sections import parse_duration

    found = ["training.rescue=false"] if no_rescue else []
    if max_time is not None:
        parse_duration(max_time, key="--max-time")
        found += [f"training.max_time={max_time}", "training.time_limit=null"]
    if every is not None:
        if every.isascii() and every.isdecimal():
            check_number(int(every[:100]), "checkpoint_every", "--checkpoint-every")
        else:
            parse_duration(every, key="--checkpoint-every")
        found.append(f"training.checkpoint_every={every}")
    return found
