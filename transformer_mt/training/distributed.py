"""What the processes of one training share: its state, its batches, its random numbers."""

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
    """Give all processes the weights, and the state of the optimiser, of the main one."""
    if group.world_size == 1:
        return
    weights = group.broadcast_tensors(checkpoint.weights_of(model))
    checkpoint.load_weights(model, weights, Path("process 0"))
    tensors = group.broadcast_tensors(checkpoint.optimizer_tensors(optimizer))
    checkpoint.restore_optimizer(optimizer, tensors)


def own_batch(group: ProcessGroup, task: Task[M, B, Row], dataset: Dataset, rows: RowNumbers) -> B:
    """The rows of a batch that fall to this process, perhaps none; `num_tokens` is that of all.

    Rows are in the order of their lengths, so each process gets short and long ones.
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
    """Write the checkpoint to go on from, with the random numbers of all processes."""
    random = _all_random_states(group)
    with group.fail_together():
        if group.is_main:
            checkpoint.save_training(run, model, optimizer, state, random)


def _all_random_states(group: ProcessGroup) -> dict[str, Tensor]:
    """Of all processes, for a checkpoint; the names of all but the main one's end in the rank."""
    return {
        name if rank == 0 else f"{name}.{rank}": state
        for rank, states in enumerate(group.gather(checkpoint.random_states()))
        for name, state in states.items()
    }


def draw_own_numbers(group: ProcessGroup, saved: dict[str, Tensor], seed: int, step: int) -> None:
    """Let each process go on with random numbers of its own; the main one's stay as they are.

    Args:
        group: the group.
        saved: what the main process finds in the checkpoint; others give nothing.
        seed: of the run. Where nothing is saved for a process, because there were fewer, its
            numbers depend on the seed, its rank and the step.
        step: updates made.
    """
    if group.world_size == 1:
        return
    end = f".{group.rank}"
    states = group.broadcast(saved).items()
    own = {name.removesuffix(end): state for name, state in states if name.endswith(end)}
    if not group.is_main:
        mixed = np.random.SeedSequence((seed, group.rank, step)).generate_state(1, np.uint64)
        torch.manual_seed(int(mixed[0]))  # of every generator, also one that is not in `own`
    if own:
        checkpoint.restore_random_states(own)


class SharedClock:
    """The main process's time, and the signals of all: what all have to act upon as one."""

    def __init__(self, group: ProcessGroup, stop: StopSignals) -> None:
        self._group, self._stop, self._clock = group, stop, Clock()
        self.stopped: int | None = None
        """The signal that any process had received at the end of the last lap."""

    def lap(self) -> float:
        """Seconds since the last lap."""
        seconds, self.stopped = self._group.sync_clock(self._clock.lap(), self._stop.received)
        return seconds
