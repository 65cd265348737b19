"""Program `tmt`: global options and start-up."""

import gc
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer
from typer import Option

from transformer_mt._version import __version__
from transformer_mt.cli.command import Command, Commands
from transformer_mt.runtime.console import (
    ignore_absurd_sizes,
    prepare_streams,
    print_lines,
    set_up_logging,
)

F = TypeVar("F", bound=Callable[..., Any])


class App(typer.Typer):
    """Typer application whose commands all are of the class `Command`."""

    def command(self, name: str | None = None, **options: Any) -> Callable[[F], F]:
        return super().command(name, cls=Command, **options)


app = App(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="-q, -v and --debug may stand after the command too. Results go to stdout, the rest to"
    " stderr. Exit codes: 0 done, 1 data or run-time error, 2 wrong usage or configuration.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print_lines([f"tmt {__version__}"])
        raise typer.Exit


@app.callback()
def _global_options(
    quiet: Annotated[bool, Option("--quiet", "-q", help="Only warnings and errors.")] = False,
    verbose: Annotated[bool, Option("--verbose", "-v", help="Show details.")] = False,
    debug: Annotated[bool, Option("--debug", help="Show tracebacks of errors.")] = False,  # noqa: ARG001
    version: Annotated[  # noqa: ARG001
        bool,
        Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version and stop."
        ),
    ] = False,
) -> None:
    """Train your own translator, language model or classifier: the Transformer, from scratch."""
    set_up_logging(quiet=quiet, verbose=verbose)


def main() -> None:
    """Run the program `tmt`."""
    # Imported modules are never freed: repeated garbage collection took a tenth of the start-up.
    gc.set_threshold(100_000, 50, 50)
    ignore_absurd_sizes()
    prepare_streams()
    app(prog_name="tmt")
