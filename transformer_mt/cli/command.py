"""Command class of `tmt`, with the checks common to all options."""

import os
from pathlib import Path
from typing import Any

import typer.core

from transformer_mt.config.limits import LIMITS, check_number, limits_of
from transformer_mt.errors import ConfigError
from transformer_mt.files.paths import expand_home


class Command(typer.core.TyperCommand):
    """Command that checks numbers, expands `~` in paths, and refuses an option given twice.

    The limits of a number are those of the option's name in `config/limits.py`, and help shows
    them. An option with one value is given once. A shell leaves the `~` of `--model=~/run`
    unexpanded.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        params: list[Any] = list(self.params)
        for param in params:
            if param.name in LIMITS and param.metavar is None:
                param.help = f"{param.help.removesuffix('.')} ({limits_of(param.name).range})."

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        written, _, order = self.make_parser(ctx).parse_args(args=list(args))
        _refuse_repetition(order)
        rest = super().parse_args(ctx, args)
        params: list[Any] = list(self.params)
        for param in params:
            value = ctx.params.get(param.name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                check_number(value, param.name, _name(param))
            if isinstance(value, Path | tuple | list):
                given = written.get(param.name) or os.environ.get(param.envvar or "")
                ctx.params[param.name] = _at_home(value, given, _name(param))
        return rest


def _refuse_repetition(order: list[Any]) -> None:
    """Check that no option with one value is given twice; a flag may be."""
    seen = set()
    for param in order:
        takes_one = param.param_type_name == "option" and not (param.multiple or param.is_flag)
        if takes_one and param.name in seen:
            raise ConfigError(f"{_name(param)} is given twice, but takes one value")
        seen.add(param.name)


def _name(param: Any) -> str:
    """Return a parameter's name as the user writes it."""
    return str(max(param.opts, key=len))


def _at_home(value: Any, given: Any, name: str) -> Any:
    """Return a path, or each of several paths, with `~` expanded; other values unchanged."""
    if isinstance(value, tuple | list):
        texts = given if given and not isinstance(given, str) else [None] * len(value)
        return type(value)(_at_home(*pair, name) for pair in zip(value, texts, strict=True))
    if not isinstance(value, Path):
        return value
    path = Path(expand_home(given or str(value), name))
    # A `Path` drops the ./ of ./~, which distinguishes it from the home folder.
    return path.absolute() if str(path).startswith("~") else path
