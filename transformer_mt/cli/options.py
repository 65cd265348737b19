"""What the commands of `tmt` share: their options, and how errors end them."""

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
RunArgument = Annotated[Path | None, typer.Argument(help="The same as --model, which see.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps; auto takes the best there is.")]
Engine = Annotated[
    str,
    typer.Option(help="torch or ctranslate2, which is faster; the model is exported to it once."),
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
        help="Run directory of a language model of the target language, with the same tokens, that"
        " has a say in the search."
    ),
]
LanguageModelWeight = Annotated[
    float | None,
    typer.Option(help="What the language model's word counts, the translator's being 1."),
]
BeamSize = Annotated[
    int | None, typer.Option("--beam-size", "-b", help="Hypotheses kept; 1 is greedy.")
]
LengthPenalty = Annotated[
    float | None, typer.Option(help="Larger values prefer longer translations.")
]
BatchTokens = Annotated[
    int,
    typer.Option(
        help="Tokens read together; changes the speed, and of a score the last digit shown."
    ),
]

_GLOBAL_FLAGS = {"-q", "--quiet", "-v", "--verbose", "--debug"}


class Commands(typer.core.TyperGroup):
    """Lets global flags stand anywhere, and turns exceptions into one sentence and an exit code."""

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
        except BrokenPipeError:  # the reader has gone; what it wanted, it has
            raise typer.Exit(0) from None
        except (OSError, RuntimeError, MemoryError, UnicodeError) as error:
            _show_traceback(ctx)
            print_error(f"{type(error).__name__}: {error} (--debug shows where)")
            raise typer.Exit(1) from None


def _show_traceback(ctx: Any) -> None:
    if ctx.params.get("debug"):
        traceback.print_exc()
