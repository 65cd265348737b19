"""Command classes of `tmt`: checks common to all options, the help, and errors."""

import os
import traceback
from pathlib import Path
from typing import Any

import typer

from transformer_mt.config.limits import LIMITS, check_number, limits_of
from transformer_mt.errors import ConfigError, SaidElsewhereError, TmtError
from transformer_mt.files.paths import expand_home
from transformer_mt.runtime.console import print_error
from transformer_mt.runtime.launch import place

PANELS = {
    "Input and output": "config overrides overwrite force input_file output_file output to layout"
    " as_json all_lines scores n_best top pairs languages threshold split source references"
    " hypothesis lang tokenize",
    "Search": "beam_size greedy length_penalty",
    "Sampling": "length temperature top_k top_p seed",
    "Model": "model quantization lm lm_weight",
    "Machine": "device engine batch_tokens",
}
"""Names of the options in each group of a command's help; the others are in the last group."""
PANEL_OF = {name: panel for panel, names in PANELS.items() for name in names.split()}
_GLOBAL_FLAGS = {"-q", "--quiet", "-v", "--verbose", "--debug"}


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
                first, mark, rest = param.help.removesuffix(".").partition(";")
                param.help = f"{first} ({limits_of(param.name).range}){mark}{rest}."

    def get_params(self, ctx: Any) -> list[Any]:
        return _arranged(super().get_params(ctx), others="Other")

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


class Commands(typer.core.TyperGroup):
    """Command group that accepts global flags anywhere, and converts exceptions to exit codes."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _arranged(super().get_params(ctx), others="Options")

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        flags = [arg for arg in args[:end] if arg in _GLOBAL_FLAGS]
        others = [arg for arg in args[:end] if arg not in _GLOBAL_FLAGS]
        return super().parse_args(ctx, [*flags, *others, *args[end:]])

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except TmtError as error:
            if ctx.params.get("debug"):
                traceback.print_exc()
            if place().local_rank == 0 and not isinstance(error, SaidElsewhereError):
                print_error(str(error))
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            if place().local_rank == 0:
                print_error("interrupted")
            raise typer.Exit(130) from None
        except BrokenPipeError:  # the reader of the pipe has ended: no error
            raise typer.Exit(0) from None
        except (OSError, RuntimeError, MemoryError, UnicodeError) as error:
            if ctx.params.get("debug"):
                traceback.print_exc()
            print_error(f"{type(error).__name__}: {error} (--debug shows where)")
            raise typer.Exit(1) from None


def _arranged(params: list[Any], others: str) -> list[Any]:
    """Group the options for the help, and show no type beside a flag, which takes no value."""
    for param in params:
        if param.param_type_name == "option":
            param.rich_help_panel = PANEL_OF.get(param.name, others)
            param.metavar = "" if param.is_flag else param.metavar
    return params


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
