"""Sharing of weights, batches, random numbers and time between the processes of one training."""

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from transformer_mt.corpus.rows import Row
from transformer_mt.data.batching import Dataset
from transformer_mt.data.sequences import RowNumbers
from transformer_mt.runs import checkpoint
from transformer_mt.runs.run_dir import RunDir
from transformer_mt.runs.train_state import TrainState
from transformer_mt.runtime.process_group import ProcessGroup
from transformer_mt.text.vocabularies import Vocabulary
from transformer_mt.training.progress import Clock
from transformer_mt.training.signals import StopSignals
from transformer_mt.training.tasks.task import B, M, Task

V = TypeVar("V", bound=Vocabulary)


def copy_from_main(group: ProcessGroup, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Copy the weights and the optimizer state of the main process to all processes."""
    if group.world_size == 1:
        return
    weights = group.broadcast_tensors(checkpoint.weights_of(model))
    checkpoint.load_weights(model, weights, Path("process 0"))
    tensors = group.broadcast_tensors(checkpoint.optimizer_tensors(optimizer))
    checkpoint.restore_optimizer(optimizer, tensors)


def own_batch(group: ProcessGroup, task: Task[M, B, Row], dataset: Dataset, rows: RowNumbers) -> B:
    """Return the rows of a batch for this process, perhaps none; `num_tokens` counts all rows.

    Each process takes every world_size-th row; rows are sorted by length, so each gets short and
    long ones.
    """
    batch = task.batch(dataset, rows[group.rank :: group.world_size])
    return replace(batch, num_tokens=task.num_answers(dataset, rows))


def save_training(
    group: ProcessGroup,
    run: RunDir,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    state: TrainState,
) -> None:
    """Save the checkpoint for resuming, with the random states of all processes."""
    random = _all_random_states(group)
    with group.fail_together():
        if group.is_main:
            checkpoint.save_training(run, model, optimizer, state, random)


def _all_random_states(group: ProcessGroup) -> dict[str, Tensor]:
    """Gather the random states of all ranks; names of rank r > 0 end in ".r"."""
    return {
        name if rank == 0 else f"{name}.{rank}": state
        for rank, states in enumerate(group.gather(checkpoint.random_states()))
        for name, state in states.items()
    }


def draw_own_numbers(group: ProcessGroup, saved: dict[str, Tensor], seed: int, step: int) -> None:
    """Restore or seed the random state of each rank but the main one, whose state is kept.

    Args:
        group: process group.
        saved: random states of the checkpoint, read by the main process; ignored on the others.
        seed: random seed of the run. A rank without a saved state (there were fewer processes)
            is seeded by the seed, the rank and the step.
        step: number of updates made.
    """
    if group.world_size == 1:
        return
    end = f".{group.rank}"
    states = group.broadcast(saved).items()
    own = {name.removesuffix(end): state for name, state in states if name.endswith(end)}
    if not group.is_main:
        mixed = np.random.SeedSequence((seed, group.rank, step)).generate_state(1, np.uint64)
        torch.manual_seed(int(mixed[0]))  # seeds every generator, also one without a saved state
    if own:
        checkpoint.restore_random_states(own)


class SharedClock:
    """Clock of the main process, and the stop signals of all processes, equal on all of them."""

    def __init__(self, group: ProcessGroup, stop: StopSignals) -> None:
        self._group, self._stop, self._clock = group, stop, Clock()
        self.stopped: int | None = None
        """Signal number that any process had received at the end of the last lap, or None."""

    def lap(self) -> float:
        """Return the seconds since the last lap, by the main process's clock."""
        seconds, self.stopped = self._group.sync_clock(self._clock.lap(), self._stop.received)
        return seconds
