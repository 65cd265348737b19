"""`tmt info`: what a run is, in a few lines."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from transformer_mt.checkpoint import TrainState, load_state
from transformer_mt.config import Config
from transformer_mt.errors import DataError
from transformer_mt.run_dir import RunDir, load_run_config


def describe_run(path: Path) -> dict[str, Any]:
    """Name to value, in the order to be shown.

    Raises:
        DataError: this is no run directory.
    """
    run = RunDir(path)
    config = load_run_config(run)
    state = load_state(run.last) if run.last.is_dir() else TrainState()
    description: dict[str, Any] = {
        "run": str(path),
        "languages": f"{config.data.src_lang} -> {config.data.tgt_lang}",
        "status": _status(state),
        "model": _shape(config),
        "tokenizer": config.tokenizer.type + (", joint" if config.tokenizer.joint else ""),
        "source": _source(config),
    }
    if run.info.is_file():
        description |= _recorded(run.info)
    if state.step:
        description["trained"] = (
            f"{state.step:,} updates, {state.epoch + 1} epochs, {state.tokens:,} target tokens,"
            f" {timedelta(seconds=round(state.seconds))} hours"
        )
    if run.best.is_dir():
        figures = load_state(run.best).scores.items()
        description["best checkpoint"] = (
            f"update {state.best_step:,}, by {config.training.best_metric}"
        )
        description["validation"] = ", ".join(f"{name} {value:.2f}" for name, value in figures)
    return description


def _status(state: TrainState) -> str:
    if state.finished:
        return f"finished ({state.finished})"
    return f"interrupted after update {state.step:,}" if state.step else "not trained yet"


def _source(config: Config) -> str:
    data = config.data
    if data.dataset is not None:
        return data.dataset if data.subset is None else f"{data.dataset} ({data.subset})"
    return data.train if isinstance(data.train, str) else ", ".join(data.train or ())


def _shape(config: Config) -> str:
    model = config.model
    return (
        f"{model.num_encoder_layers}+{model.num_decoder_layers} layers, d_model {model.d_model},"
        f" {model.num_heads} heads, d_ff {model.d_ff}, {model.norm}-norm,"
        f" tied embeddings: {model.tied_embeddings}"
    )


def _recorded(path: Path) -> dict[str, str]:
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        data, (src, tgt) = saved["data"], saved["vocabulary"]
        return {
            "parameters": f"{saved['parameters']:,}",
            "vocabularies": f"{src:,} source, {tgt:,} target tokens",
            "data": f"{data['kept']:,} training, {data['validation']:,} validation,"
            f" {data['test']:,} test pairs",
            "device": saved["device"],
            "versions": ", ".join(f"{name} {value}" for name, value in saved["versions"].items()),
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: cannot be read ({error!r})") from None
