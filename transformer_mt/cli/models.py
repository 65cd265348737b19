"""Choice and loading of a command's run directory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from transformer_mt.errors import ConfigError
from transformer_mt.runtime.launch import place

if TYPE_CHECKING:
    from transformer_mt.config.sections import Config
    from transformer_mt.inference.translator import Translator


def find_model(model: Path | None, kind: "type[Config] | None" = None) -> Path:
    """Return the given run directory, else the newest finished one (of a task), and log it."""
    if model is not None:
        return model
    import logging

    from transformer_mt.runs.train_state import newest_run

    found = newest_run(Path("runs"), kind)
    logging.getLogger("transformer_mt").info("model: %s", found)
    return found


def argument_or_model(ctx: typer.Context, argument: Path | None, model: Path | None) -> Path | None:
    """Return the run directory given as an argument, else that given with --model.

    An argument wins over $TMT_MODEL, as --model does.

    Raises:
        ConfigError: both are given.
    """
    if argument is None:
        return model
    source = ctx.get_parameter_source("model")
    if source is not None and source.name == "COMMANDLINE":
        raise ConfigError("give the run as an argument or with --model, not both")
    return argument


def is_translator(run: Path) -> bool:
    """Return True if a run directory holds a translator."""
    from transformer_mt.config.tasks import TranslationConfig
    from transformer_mt.runs.run_dir import RunDir, load_run_config

    return isinstance(load_run_config(RunDir(run)), TranslationConfig)


def load_translator(
    model: Path | None,
    device: str,
    engine: str = "torch",
    quantization: str | None = None,
    lm: Path | None = None,
    lm_weight: float | None = None,
) -> "Translator":
    """Load a translator with an engine, optionally with a language model."""
    from transformer_mt.config.tasks import TranslationConfig
    from transformer_mt.inference.load import load

    if engine not in ("torch", "ctranslate2"):
        raise ConfigError(f"--engine {engine}: must be torch or ctranslate2")
    if quantization and engine == "torch":
        raise ConfigError("--quantization is for --engine ctranslate2")
    if lm_weight is not None and lm is None:
        raise ConfigError("--lm-weight is that of a language model: name one with --lm")
    return load(
        find_model(model, TranslationConfig),
        device=device,
        engine="torch" if engine == "torch" else "ctranslate2",
        quantization=quantization,
        lm=lm,
        **({} if lm_weight is None else {"lm_weight": lm_weight}),
    )


@contextmanager
def open_translator(
    model: Path | None,
    device: str,
    engine: str,
    quantization: str | None,
    lm: Path | None = None,
    lm_weight: float | None = None,
) -> "Iterator[Translator]":
    """Load a translator; where torchrun has started several processes, they share the work."""
    if place().world_size == 1:  # without torch, which another engine has no use for
        yield load_translator(model, device, engine, quantization, lm, lm_weight)
        return
    from transformer_mt.inference.distributed import DistributedTranslator
    from transformer_mt.runtime.process_group import open_process_group

    with open_process_group(device) as group:
        for first in (True, False):  # on each machine one process fills the cache of exports
            with group.fail_together():
                if (group.local_rank == 0) == first:
                    own = group.device_name(device)
                    loaded = load_translator(model, own, engine, quantization, lm, lm_weight)
        yield DistributedTranslator(group, loaded)


def check_beam(beam_size: int | None, n_best: int) -> None:
    """Check that a given beam is wide enough for the number of translations to show."""
    if beam_size is not None and beam_size < n_best:
        raise ConfigError(f"--n-best {n_best} needs a --beam-size of at least {n_best}")


def refuse_several_processes() -> None:
    """Check that there is one process: several would all repeat the work and the output."""
    if place().world_size > 1:
        raise ConfigError("several processes train, translate a file and evaluate, no more")


def check_output_file(target: Path | None, *sources: Path | None) -> None:
    """Check that an output path is no folder, input file or file of a run."""
    if target is None or str(target) == "-":
        return
    from transformer_mt.runs.ownership import check_output

    if target.is_dir():
        raise ConfigError(f"--output {target} is a folder: name a file")
    for source in sources:
        if source and source.exists() and target.exists() and source.samefile(target):
            raise ConfigError(f"--output {target} is the input file")
    check_output(target)
