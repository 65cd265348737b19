"""Run directories: what is on disk, written atomically; nothing in them is executed on loading."""

import contextlib
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from transformer_mt.config import Config
from transformer_mt.data.tokenizer import PAD_ID, Tokenizers
from transformer_mt.errors import DataError
from transformer_mt.model.transformer import Transformer
from transformer_mt.run_dir import MODEL_FILE, RunDir, load_run_config, load_tokenizers
from transformer_mt.train_state import STATE_FILE, TrainState, load_state, save_state
from transformer_mt.weight_sizes import check_sizes

log = logging.getLogger(__name__)

_TRAINING_FILE = "training_state.safetensors"


@dataclass(frozen=True, slots=True)
class LoadedRun:
    """A trained model with all that it takes to use it."""

    config: Config
    tokenizers: Tokenizers
    model: Transformer
    state: TrainState


def make_model(config: Config, tokenizers: Tokenizers) -> Transformer:
    """An untrained model of the right sizes."""
    return Transformer(
        config.model, tokenizers.src.vocab_size, tokenizers.tgt.vocab_size, pad_id=PAD_ID
    )


def load_run(path: Path, device: torch.device, checkpoint: str = "best") -> LoadedRun:
    """A run's model in evaluation mode on `device`, with its tokenizers and configuration.

    Raises:
        DataError: this is no run directory, it is not trained yet, or a file does not fit.
    """
    run = RunDir(path)
    config = load_run_config(run)
    tokenizers = load_tokenizers(run)
    folder = _whole_folder(run.path / checkpoint)
    if folder is None:
        raise DataError(f"{path}: has no checkpoint '{checkpoint}' yet; run tmt train first")
    check_sizes(folder / MODEL_FILE, config.model, partial(make_model, config, tokenizers))
    model = make_model(config, tokenizers)
    load_weights(model, _load_tensors(folder / MODEL_FILE), folder / MODEL_FILE)
    model.to(device).eval()
    return LoadedRun(config, tokenizers, model, load_state(folder))


def load_weights(model: Transformer, weights: dict[str, Tensor], origin: Path) -> None:
    """Copy named tensors into a model.

    Raises:
        DataError: names or shapes do not fit.
    """
    parameters = dict(model.named_parameters())  # tied weights once
    wrong = sorted(parameters.keys() ^ weights.keys()) or sorted(
        name for name, value in weights.items() if value.shape != parameters[name].shape
    )
    if wrong:
        raise DataError(f"{origin}: does not fit this model (first difference: {wrong[0]})")
    with torch.no_grad():
        for name, value in weights.items():
            parameters[name].copy_(value)


def weights_of(model: Transformer) -> dict[str, Tensor]:
    """All parameters by name, tied ones once, on the CPU."""
    return {name: p.detach().cpu().contiguous() for name, p in model.named_parameters()}


def save_weights(folder: Path, weights: dict[str, Tensor], state: TrainState) -> None:
    """Write a checkpoint to translate with: `best`, or one of those kept for averaging."""
    with _new_folder(folder) as partial:
        save_file(weights, partial / MODEL_FILE)
        save_state(partial, state)


def save_training(
    folder: Path, model: Transformer, optimizer: torch.optim.Optimizer, state: TrainState
) -> None:
    """Write a checkpoint to go on from: weights, optimiser, random states, position."""
    with _new_folder(folder) as partial:
        save_file(weights_of(model), partial / MODEL_FILE)
        save_file(_optimizer_tensors(optimizer) | _random_states(), partial / _TRAINING_FILE)
        save_state(partial, state)


def load_training(
    folder: Path, model: Transformer, optimizer: torch.optim.Optimizer
) -> TrainState | None:
    """Restore what `save_training` wrote; None when there is no such checkpoint."""
    whole = _whole_folder(folder)
    if whole is None:
        return None
    load_weights(model, _load_tensors(whole / MODEL_FILE), whole / MODEL_FILE)
    tensors = _load_tensors(whole / _TRAINING_FILE)
    try:
        _restore_optimizer(optimizer, tensors)
        torch.set_rng_state(tensors["random.cpu"])
        if "random.cuda" in tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(tensors["random.cuda"])
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise DataError(
            f"{whole / _TRAINING_FILE}: does not hold the state of a training ({error!r})"
        ) from None
    return load_state(whole)


def average_weights(folders: Sequence[Path]) -> dict[str, Tensor]:
    """The mean of several checkpoints' weights (Vaswani et al. 2017, section 6.1)."""
    total: dict[str, Tensor] = {}
    for folder in folders:
        for name, value in _load_tensors(folder / MODEL_FILE).items():
            total[name] = total[name] + value if name in total else value.clone()
    return {name: value / len(folders) for name, value in total.items()}


def kept_checkpoints(run: RunDir) -> list[Path]:
    """The checkpoints kept for averaging, oldest first."""
    return sorted(run.checkpoints.glob("step-*")) if run.checkpoints.is_dir() else []


def keep_checkpoint(run: RunDir, weights: dict[str, Tensor], state: TrainState, keep: int) -> None:
    """Add a checkpoint and remove all but the last `keep`."""
    save_weights(run.checkpoints / f"step-{state.step:08d}", weights, state)
    for folder in kept_checkpoints(run)[:-keep]:
        shutil.rmtree(folder)


def recover(run: RunDir) -> None:
    """Put a checkpoint back that a crash left between the two renames of `_new_folder`."""
    for folder in (run.best, run.last):
        whole = _whole_folder(folder)
        if whole is not None and whole != folder and not folder.exists():
            whole.rename(folder)


def remove_run(run: RunDir) -> None:
    """Remove what training wrote, and nothing else that may stand in the folder."""
    for folder in (run.best, run.last, run.checkpoints, run.tensorboard, run.engines):
        for each in (folder, *_beside(folder)):
            shutil.rmtree(each, ignore_errors=True)
    for file in (run.config, run.metrics, run.info, run.tokenizer("src"), run.tokenizer("tgt")):
        file.unlink(missing_ok=True)


@contextlib.contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill that then takes the place of `folder`; until then the old one is whole."""
    partial, old = _beside(folder)
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        for file in partial.iterdir():
            shutil.copymode(partial / STATE_FILE, file)  # safetensors lets nobody else read its own
            _flush(file)
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
            folder.rename(old)
        partial.rename(folder)
        log.debug("saved %s", folder)
        shutil.rmtree(old, ignore_errors=True)
    except (OSError, SafetensorError) as error:
        raise DataError(f"{folder}: the checkpoint cannot be written ({error})") from None


def _whole_folder(folder: Path) -> Path | None:
    """The folder, or what `_new_folder` left of it when it was cut off between two renames."""
    _, old = _beside(folder)
    return next((f for f in (folder, old) if (f / STATE_FILE).is_file()), None)


def _beside(folder: Path) -> tuple[Path, Path]:
    """Where the next checkpoint is written, and where the one before it waits to be removed."""
    return folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")


def _flush(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _load_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: is damaged or no safetensors file ({error})") from None


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    return {
        f"optimizer.{index}.{name}": value.cpu()
        for index, values in optimizer.state_dict()["state"].items()
        for name, value in values.items()
    }


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".")
            state.setdefault(int(index), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _random_states() -> dict[str, Tensor]:
    states = {"random.cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["random.cuda"] = torch.cuda.get_rng_state()
    return states
