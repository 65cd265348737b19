"""Checkpoints of a run directory: written atomically; loading one executes no code from it."""

import contextlib
import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from transformer_mt.config.tasks import TranslationConfig
from transformer_mt.errors import DataError
from transformer_mt.files.atomic import (
    DamagedError,
    is_whole,
    readable_folder,
    remove_folder,
    sealed_folder,
    verify,
)
from transformer_mt.files.untrusted import check_names
from transformer_mt.model.transformer import Transformer
from transformer_mt.runs.kinds import (
    C,
    M,
    RunKind,
    V,
)
from transformer_mt.runs.ownership import is_checkpoint
from transformer_mt.runs.run_dir import (
    MODEL_FILE,
    TRAINING_FILE,
    RunDir,
    damaged,
    load_run_config,
    load_vocabulary,
    remove_vocabulary,
)
from transformer_mt.runs.train_state import TrainState, load_state, save_state
from transformer_mt.runs.weight_sizes import check_claims, weight_errors
from transformer_mt.text.tokenizer import Tokenizers

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadedRun(Generic[C, V, M]):
    """A trained model with configuration, vocabulary and training state."""

    config: C
    vocabulary: V
    model: M
    state: TrainState


TranslatorRun = LoadedRun[TranslationConfig, Tokenizers, Transformer]


def load_run(
    path: Path, device: torch.device, kind: RunKind[C, V, M], checkpoint: str = "best"
) -> LoadedRun[C, V, M]:
    """Load the model of a run onto `device` in evaluation mode, with vocabulary and configuration.

    If the best checkpoint is damaged, the newest whole one is loaded instead, with a warning.

    Raises:
        DataError: `path` is no run directory or one of another task, the run is not trained yet,
            or a file is damaged or does not fit.
    """
    run = RunDir(path)
    config = load_run_config(run, kind.config)
    vocabulary = load_vocabulary(run, kind.vocabulary)
    folder = readable_folder(run.path / checkpoint)
    if folder is None:
        raise DataError(f"{path}: has no checkpoint '{checkpoint}' yet; run tmt train first")
    try:
        verify(folder)
    except DamagedError as damage:
        folder = newest_whole(run) if checkpoint == "best" else None
        if folder is None:
            raise
        log.warning("%s; %s is used instead", damage, folder)
    check_claims(folder / MODEL_FILE, config.model, max(vocabulary.sizes))
    model = kind.make_model(config, vocabulary)
    load_weights(model, _load_tensors(folder / MODEL_FILE), folder / MODEL_FILE)
    model.to(device).eval()
    return LoadedRun(config, vocabulary, model, load_state(folder))


def load_weights(model: nn.Module, weights: dict[str, Tensor], origin: Path) -> None:
    """Copy named tensors into the parameters of a model.

    Raises:
        DataError: names or shapes do not match.
    """
    parameters = dict(model.named_parameters())  # tied weights once
    wrong = sorted(parameters.keys() ^ weights.keys()) or sorted(
        f"{name} of shape {tuple(value.shape)}, not {tuple(parameters[name].shape)}"
        for name, value in weights.items()
        if value.shape != parameters[name].shape
    )
    if wrong:
        raise DataError(f"{origin}: does not fit this model (first difference: {wrong[0]})")
    with torch.no_grad():
        for name, value in weights.items():
            parameters[name].copy_(value)


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """Return all parameters by name, tied ones once, on the CPU."""
    return {name: p.detach().cpu().contiguous() for name, p in model.named_parameters()}


def save_weights(folder: Path, weights: dict[str, Tensor], state: TrainState) -> None:
    """Write a checkpoint for inference: `best`, or one that is kept for averaging."""
    with sealed_folder(folder) as new:
        save_file(weights, new / MODEL_FILE)
        save_state(new, state)


def save_training(
    run: RunDir,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    state: TrainState,
    random: dict[str, Tensor] | None = None,
) -> None:
    """Write the checkpoint to resume from: weights, optimiser, random states, position.

    The checkpoint that was `last` becomes `previous`. `random` holds the random states of all
    processes where there are several.
    """
    with sealed_folder(run.last, run.previous) as new:
        save_file(weights_of(model), new / MODEL_FILE)
        save_file(optimizer_tensors(optimizer) | (random or random_states()), new / TRAINING_FILE)
        save_state(new, state)
    log.debug("saved %s after update %d", run.last, state.step)


def update_state(run: RunDir, state: TrainState) -> None:
    """Replace the training state of the last checkpoint and keep the tensors.

    Raises:
        DamagedError: the tensors are damaged; new checksums would hide the damage.
    """
    verify(run.last)
    with sealed_folder(run.last) as new:
        for name in (MODEL_FILE, TRAINING_FILE):
            _link(run.last / name, new / name)
        save_state(new, state)


def load_training(
    run: RunDir, model: nn.Module, optimizer: torch.optim.Optimizer
) -> TrainState | None:
    """Restore the checkpoint that `save_training` wrote; None when there is no such checkpoint."""
    if not run.last.is_dir():
        return None
    load_weights(model, _load_tensors(run.last / MODEL_FILE), run.last / MODEL_FILE)
    tensors = _load_tensors(run.last / TRAINING_FILE)
    try:
        restore_optimizer(optimizer, tensors)
        restore_random_states(tensors)
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise DataError(
            f"{run.last / TRAINING_FILE}: does not hold the state of a training ({error!r})"
        ) from None
    return load_state(run.last)


def average_weights(folders: Sequence[Path]) -> dict[str, Tensor]:
    """Return the mean weights of several checkpoints (Vaswani et al. 2017, section 6.1)."""
    total: dict[str, Tensor] = {}
    for folder in folders:
        for name, value in _load_tensors(folder / MODEL_FILE).items():
            total[name] = total[name] + value if name in total else value.clone()
    return {name: value / len(folders) for name, value in total.items()}


def kept_checkpoints(run: RunDir) -> list[Path]:
    """Return the checkpoints kept for averaging, oldest first."""
    return [path for path in run.steps() if path.name[0] != "." and is_checkpoint(path)]


def whole_checkpoints(run: RunDir) -> list[Path]:
    """Return the undamaged checkpoints of `kept_checkpoints`; warn of each damaged one."""
    whole = []
    for folder in kept_checkpoints(run):
        try:
            verify(folder)
            whole.append(folder)
        except DamagedError as damage:
            log.warning("%s; the average does without this checkpoint", damage)
    return whole


def keep_checkpoint(run: RunDir, weights: dict[str, Tensor], state: TrainState, keep: int) -> None:
    """Add a checkpoint for averaging and remove all but the last `keep`."""
    save_weights(run.checkpoints / f"step-{state.step:08d}", weights, state)
    for folder in kept_checkpoints(run)[:-keep]:
        remove_folder(folder)


def newest_whole(run: RunDir) -> Path | None:
    """Return the newest undamaged checkpoint: a kept one, else `last`, else `previous`.

    Raises:
        DataError: names below `checkpoints` lead out of the run directory.
    """
    check_names(run.path, [run.checkpoints, *run.checkpoints.rglob("*")])
    candidates = [*kept_checkpoints(run)[::-1], run.last, run.previous]
    return next((folder for folder in candidates if is_whole(folder)), None)


def remove_run(run: RunDir) -> None:
    """Remove the files that training wrote, except the configuration, which is replaced later.

    Call `check_place` first: it refuses files of others under these names.
    """
    for folder in (run.previous, run.last, run.best):  # `previous` would take the place of `last`
        remove_folder(folder)
        remove_folder(damaged(folder))
    remove_kept(run)
    _remove_events(run)
    remove_vocabulary(run)
    for file in (run.metrics, run.info):
        file.unlink(missing_ok=True)


def remove_kept(run: RunDir) -> None:
    """Remove the checkpoints kept for averaging, and no other files."""
    for folder in run.steps():
        if folder.name[0] == "." and is_checkpoint(folder):  # left by a crash
            shutil.rmtree(folder, ignore_errors=True)
        elif is_checkpoint(folder):
            remove_folder(folder)
    _remove_if_empty(run.checkpoints)


def _remove_events(run: RunDir) -> None:
    """Remove TensorBoard's files, unless the folder is a link: other runs may log there too."""
    if run.tensorboard.is_symlink():
        return
    for file in run.tensorboard.glob("events.out.tfevents.*"):
        file.unlink(missing_ok=True)
    _remove_if_empty(run.tensorboard)


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # the folder is missing, a link, or not empty
        folder.rmdir()


def _link(file: Path, copy: Path) -> None:
    """Hard-link a file, or copy it where the file system has no hard links."""
    try:
        os.link(file, copy)
    except OSError:
        shutil.copyfile(file, copy)


def _load_tensors(path: Path) -> dict[str, Tensor]:
    with weight_errors(path):
        return load_file(path)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the state tensors of an optimiser by name, on the CPU."""
    return {
        f"optimizer.{index}.{name}": value.cpu()
        for index, values in optimizer.state_dict()["state"].items()
        for name, value in values.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Restore the optimiser state that `optimizer_tensors` returned."""
    state: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".")
            state.setdefault(int(index), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def saved_random_states(run: RunDir) -> dict[str, Tensor]:
    """Read the random states of all training processes from the last checkpoint."""
    with safe_open(run.last / TRAINING_FILE, framework="pt") as tensors:
        names = [name for name in tensors.keys() if name.startswith("random.")]  # noqa: SIM118
        return {name: tensors.get_tensor(name) for name in names}


def random_states() -> dict[str, Tensor]:
    """Return the states of the random generators of this process, which dropout uses."""
    states = {"random.cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["random.cuda"] = torch.cuda.get_rng_state()
    if torch.backends.mps.is_available():
        states["random.mps"] = torch.mps.get_rng_state()
    return states


def restore_random_states(tensors: dict[str, Tensor]) -> None:
    """Restore the generator states that `random_states` returned."""
    torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random.cuda"])
    if "random.mps" in tensors and torch.backends.mps.is_available():
        torch.mps.set_rng_state(tensors["random.mps"])
