"""What the processes of one training share: its state, its batches, its random numbers."""

from collections.abc import Callable
from dataclasses import asdict, replace
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
from transformer_mt.runtime.process_group import Workers
from transformer_mt.text.vocabularies import Vocabulary
from transformer_mt.training.progress import Clock
from transformer_mt.training.signals import StopSignals
from transformer_mt.training.tasks.task import B, M, Task

V = TypeVar("V", bound=Vocabulary)


def vocabulary_of_main(workers: Workers, kind: type[V], find: Callable[[], V]) -> V:
    """What the main process finds or builds."""
    return workers.by_main(
        find,
        lambda found: found.texts(),
        lambda texts: kind.of_texts(texts, Path("process 0")),
    )


def state_of_main(workers: Workers, find: Callable[[], TrainState | None]) -> TrainState | None:
    """What the main process finds."""
    return workers.by_main(
        find,
        lambda found: None if found is None else asdict(found),
        lambda figures: None if figures is None else TrainState(**figures),
    )


def copy_from_main(workers: Workers, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Give all processes the weights, and the state of the optimiser, of the main one."""
    if workers.world_size == 1:
        return
    weights = workers.broadcast_tensors(checkpoint.weights_of(model))
    checkpoint.load_weights(model, weights, Path("process 0"))
    tensors = workers.broadcast_tensors(checkpoint.optimizer_tensors(optimizer))
    checkpoint.restore_optimizer(optimizer, tensors)


def own_batch(workers: Workers, task: Task[M, B, Row], dataset: Dataset, rows: RowNumbers) -> B:
    """The rows of a batch that fall to this process, perhaps none; `num_tokens` is that of all.

    Rows are in the order of their lengths, so each process gets short and long ones.
    """
    batch = task.batch(dataset, rows[workers.rank :: workers.world_size])
    return replace(batch, num_tokens=task.num_answers(dataset, rows))


def save_training(
    workers: Workers,
    run: RunDir,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    state: TrainState,
) -> None:
    """Write the checkpoint to go on from, with the random numbers of all processes."""
    random = _all_random_states(workers)
    workers.by_main(lambda: checkpoint.save_training(run, model, optimizer, state, random))


def _all_random_states(workers: Workers) -> dict[str, Tensor]:
    """Of all processes, for a checkpoint; the names of all but the main one's end in the rank."""
    return {
        name if rank == 0 else f"{name}.{rank}": state
        for rank, states in enumerate(workers.gather_tensors(checkpoint.random_states()))
        for name, state in states.items()
    }


def draw_own_numbers(workers: Workers, saved: dict[str, Tensor], seed: int, step: int) -> None:
    """Let each process go on with random numbers of its own; the main one's stay as they are.

    Args:
        workers: the group.
        saved: what the main process finds in the checkpoint; others give nothing.
        seed: of the run. Where nothing is saved for a process, because there were fewer, its
            numbers depend on the seed, its rank and the step.
        step: updates made.
    """
    if workers.world_size == 1:
        return
    end = f".{workers.rank}"
    states = workers.broadcast_tensors(saved).items()
    own = {name.removesuffix(end): state for name, state in states if name.endswith(end)}
    if not workers.is_main:
        mixed = np.random.SeedSequence((seed, workers.rank, step)).generate_state(1, np.uint64)
        torch.manual_seed(int(mixed[0]))  # of every generator, also one that is not in `own`
    if own:
        checkpoint.restore_random_states(own)


class SharedClock:
    """The main process's time, and the signals of all: what all have to act upon as one."""

    def __init__(self, workers: Workers, stop: StopSignals) -> None:
        self._workers, self._stop, self._clock = workers, stop, Clock()
        self.stopped: int | None = None
        """The signal that any process had received at the end of the last lap."""

    def lap(self) -> float:
        """Seconds since the last lap."""
        seconds, self.stopped = self._workers.agree(self._clock.lap(), self._stop.received)
        return seconds
