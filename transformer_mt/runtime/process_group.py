"""A group of processes that train or translate together, on torch.distributed and torchrun.

What has to be the same is made so by construction: every process knows the rows of every batch and
takes each world_size-th of them, the loss is divided by the tokens of the whole update, which all
know without asking, and the gradients are summed. So a group of any size makes the updates that one
process makes, up to rounding: no sentence is lost or seen twice, and the last, smaller batch counts
as it should. DistributedDataParallel instead takes the mean over processes, wants each to have a
batch, and puts another module around the model, with other names for the parameters.

Tensors on a GPU go by NCCL, all else by gloo. Objects travel as pickles, by torch.distributed's own
functions: the processes of one torchrun trust each other.
"""

import contextlib
import hashlib
import itertools
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from transformer_mt.errors import ConfigError, SaidElsewhereError, TmtError
from transformer_mt.runtime.launch import Place, place

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

T = TypeVar("T")

_TIMEOUT = timedelta(hours=2)
"""Timeout of an exchange, long enough for the first preparation of a large corpus. A process that
ends is noticed at once, a machine that no longer answers after this time."""


class ProcessGroup:
    """A group of processes, seen from one of them; a single process exchanges nothing."""

    def __init__(self, own: Place | None = None) -> None:
        own = own or Place()
        self.rank, self.local_rank = own.rank, own.local_rank
        self.world_size = own.world_size
        self._ended = False  # by an error that all know of

    @property
    def is_main(self) -> bool:
        """True in the main process (rank 0), which alone reads and writes the run directory."""
        return self.rank == 0

    def device_name(self, name: str) -> str:
        """Return the device of this process: a GPU of its own, or the CPU.

        Raises:
            ConfigError: there are more processes than GPUs, or the device cannot be shared.
        """
        kind, _, index = name.partition(":")
        if self.world_size == 1 or kind not in ("auto", "cuda", "mps"):
            return name
        if kind == "mps" or index:
            raise ConfigError(
                f"--device {name}: is one device for several processes; use cuda or cpu"
            )
        count = torch.cuda.device_count()
        if not count and kind == "auto":
            return "cpu"
        if self.local_rank >= count:
            raise ConfigError(
                f"process {self.local_rank + 1} of this machine has no GPU, there are {count}:"
                f" start fewer with --nproc-per-node, or use --device cpu"
            )
        return f"cuda:{self.local_rank}"

    def check_same(self, own: str, what: str) -> None:
        """Raise ConfigError where a process has another text than the main one: it `what`."""
        with self.fail_together():
            if self.broadcast(own) != own:
                raise ConfigError(
                    f"process {self.rank} {what} than process 0: give all machines the same files,"
                    " configuration and options"
                )

    def sum_gradients(self, model: nn.Module, loss: Tensor) -> Tensor:
        """Sum the gradients of all processes in one exchange, and return the sum of their losses.

        A process that had no row of the update contributes zeros.
        """
        if self.world_size == 1:
            return loss
        parameters = list(model.parameters())
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([*(g.flatten() for g in gradients), loss.view(1)])
        with self._exchange():
            dist.all_reduce(flat)
        *sums, total = flat.split([*(p.numel() for p in parameters), 1])
        for parameter, gradient in zip(parameters, sums, strict=True):
            parameter.grad = gradient.view_as(parameter)
        return total[0]

    def sum(self, *values: float) -> list[float]:
        """Return the sum of each value over all processes."""
        return self._reduce(values, dist.ReduceOp.SUM) if self.world_size > 1 else list(values)

    def sync_clock(self, seconds: float, signal: int | None) -> tuple[float, int | None]:
        """Return the main process's seconds, and the signal that any process has received."""
        if self.world_size == 1:
            return seconds, signal
        own = (seconds if self.is_main else 0.0, float(signal or 0))
        seconds, received = self._reduce(own, dist.ReduceOp.MAX)
        return seconds, int(received) or None

    def gather(self, value: T) -> list[T]:
        """Return the values of all processes, by rank."""
        if self.world_size == 1:
            return [value]
        values: list[Any] = [None] * self.world_size
        with self._exchange():
            dist.all_gather_object(values, value)
        return values

    def broadcast(self, value: T) -> T:
        """Return the main process's value; the values of the others are ignored."""
        if self.world_size == 1:
            return value
        values = [value if self.is_main else None]
        with self._exchange():
            dist.broadcast_object_list(values, 0, device=torch.device("cpu"))
        return values[0]  # type: ignore[return-value]  # it is the main process's

    def broadcast_tensors(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the main process's tensors (on the CPU); those of the others are ignored."""
        if self.world_size == 1:
            return tensors
        kinds = self.broadcast({name: (t.shape, t.dtype) for name, t in tensors.items()})
        if not self.is_main:
            tensors = {
                name: torch.empty(shape, dtype=dtype) for name, (shape, dtype) in kinds.items()
            }
        with self._exchange():
            for name in kinds:
                tensors[name] = tensors[name].contiguous()
                dist.broadcast(tensors[name], 0)
        return tensors

    @contextlib.contextmanager
    def fail_together(self) -> Iterator[None]:
        """Run a block that all processes leave together, or in which all fail with one error.

        The main process then reports it; the others end with a SaidElsewhereError. An exception
        that is no TmtError is a fault of the program: it ends its process at once, which ends the
        exchanges of the others. The block must exchange nothing.
        """
        if self.world_size == 1:
            yield
            return
        failure: TmtError | None = None
        try:
            yield
        except TmtError as error:
            if self._ended:
                raise
            failure = error
        found = self.gather((str(failure), failure.exit_code) if failure else None)
        errors = [each for each in found if each is not None]
        if not errors:
            return
        self._ended = True
        if failure is not None and self.is_main:
            raise failure
        agreed = (TmtError if self.is_main else SaidElsewhereError)(errors[0][0])
        agreed.exit_code = errors[0][1]
        raise agreed

    def broadcast_chunks(self, chunks: Iterator[list[str]]) -> Iterator[list[str]]:
        """Yield to all processes the lines that the main one reads, as many chunks as processes.

        Raises:
            TmtError: the main process cannot read on; the lines before that are yielded first.
        """
        failure: TmtError | None = None
        while True:
            lines: list[str] = []
            if self.is_main:
                try:
                    for chunk in itertools.islice(chunks, self.world_size):
                        lines += chunk
                except TmtError as error:
                    failure = error
            with self.fail_together():
                if failure is not None and not lines:
                    raise failure
            lines = self.broadcast(lines)
            if not lines:
                return
            yield lines

    def own_slice(self, count: int) -> slice:
        """Return the part of `count` consecutive items that belongs to this process."""
        ends = [count * rank // self.world_size for rank in (self.rank, self.rank + 1)]
        return slice(*ends)

    def _reduce(self, values: Sequence[float], operation: Any) -> list[float]:
        tensor = torch.tensor(values, dtype=torch.float64)
        with self._exchange():
            dist.all_reduce(tensor, operation)
        return tensor.tolist()

    @contextlib.contextmanager
    def _exchange(self) -> Iterator[None]:
        """Convert the failure of an exchange to an error: another process has ended."""
        try:
            yield
        except RuntimeError as error:
            self._ended = True
            raise (TmtError if self.is_main else SaidElsewhereError)(
                "another process of the group has ended, or does not answer: see its own error, or"
                " what torchrun says of it"
            ) from error


ALONE = ProcessGroup()
"""The group of a single process."""


@contextlib.contextmanager
def open_process_group(device: str = "auto") -> Iterator[ProcessGroup]:
    """Join the processes that torchrun has started, and leave them at the end.

    Args:
        device: name of the device given to all processes, as for `ProcessGroup.device_name`.
    """
    own = place()
    if own.world_size == 1:
        yield ALONE
        return
    with_gpus = torch.cuda.is_available() and device != "cpu"
    if with_gpus and own.local_rank < torch.cuda.device_count():
        torch.cuda.set_device(own.local_rank)
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if with_gpus else "gloo",
        store=_own_store(own),
        rank=own.rank,
        world_size=own.world_size,
        timeout=_TIMEOUT,
    )
    try:
        yield ProcessGroup(own)
    finally:
        dist.destroy_process_group()


def _own_store(own: Place) -> "Store":
    """Return a part of torchrun's key-value store that only the living processes write to.

    After a restart torchrun (2.13) hands out the same store again, where the dead have left
    addresses that would be waited for in vain. So each process writes a new name under its rank,
    and beside its name what names it sees; all are of this start when all see the same names, as
    none of an earlier one has ever seen these.
    """
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    store, _, _ = next(rendezvous("env://", own.rank, own.world_size, timeout=_TIMEOUT))
    name = uuid.uuid4().hex
    store.set(f"name of {own.rank}", name)
    while True:
        names = [
            each.decode() for each in store.multi_get(_keys("name of ", range(own.world_size)))
        ]
        seen = hashlib.sha256(" ".join(names).encode()).hexdigest()
        store.set(f"seen by {name}", seen)
        views = _keys("seen by ", names)
        if store.check(views) and {each.decode() for each in store.multi_get(views)} == {seen}:
            return PrefixStore(seen, store)
        time.sleep(0.05)


def _keys(start: str, ends: Iterable[object]) -> list[str]:
    return [f"{start}{end}" for end in ends]
