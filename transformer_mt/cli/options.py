"""Options shared by the commands of `tmt`, and the handling of errors."""

import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

from transformer_mt.errors import SaidElsewhereError, TmtError
from transformer_mt.runtime.console import print_error
from transformer_mt.runtime.launch import place

ConfigFile = Annotated[
    Path,
    typer.Option(
        "--config", "-c", help="YAML file; paths in it are relative to the current folder."
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Replace a setting, as in model.norm=pre."),
]
ModelDir = Annotated[
    Path | None,
    typer.Option(
        "--model",
        "-m",
        envvar="TMT_MODEL",
        help="Run directory of `tmt train`; by default the newest finished one in runs/.",
    ),
]
RunArgument = Annotated[Path | None, typer.Argument(help="Run directory, as for --model.")]
Device = Annotated[
    str, typer.Option(help="auto, cpu, cuda or mps; auto takes a GPU if there is one.")
]
Engine = Annotated[
    str,
    typer.Option(help="torch or ctranslate2 (faster; the model is exported to it once)."),
]
Quantization = Annotated[
    str | None,
    typer.Option(
        help="Number format of ctranslate2's weights, such as int8; float32 if not given."
    ),
]
LanguageModelDir = Annotated[
    Path | None,
    typer.Option(
        help="Run directory of a language model of the target language, with the same tokens; its"
        " log-probabilities are added in the search."
    ),
]
LanguageModelWeight = Annotated[
    float | None,
    typer.Option(help="Weight of the language model's log-probabilities; the translator's is 1."),
]
BeamSize = Annotated[
    int | None, typer.Option("--beam-size", "-b", help="Hypotheses kept at each step; 1 is greedy.")
]
LengthPenalty = Annotated[
    float | None, typer.Option(help="Larger values prefer longer translations.")
]
BatchTokens = Annotated[
    int,
    typer.Option(
        help="Tokens in a batch; affects the speed, and at most the last digit of a score."
    ),
]

_GLOBAL_FLAGS = {"-q", "--quiet", "-v", "--verbose", "--debug"}


class Commands(typer.core.TyperGroup):
    """Command group that accepts global flags anywhere, and converts exceptions to exit codes."""

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
            _show_traceback(ctx)
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
            _show_traceback(ctx)
            print_error(f"{type(error).__name__}: {error} (--debug shows where)")
            raise typer.Exit(1) from None


def _show_traceback(ctx: Any) -> None:
    if ctx.params.get("debug"):
        traceback.print_exc()
