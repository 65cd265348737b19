"""Rank of this process, from the environment that torchrun sets; imports no torch."""

import os
from dataclasses import dataclass

_NAMES = ("RANK", "LOCAL_RANK", "WORLD_SIZE")


@dataclass(frozen=True, slots=True)
class Place:
    """Ranks of a process; by default the only process."""

    rank: int = 0
    """Global rank; rank 0 is the main process: it alone writes files and prints."""
    local_rank: int = 0
    """Rank among the processes of the same machine."""
    world_size: int = 1
    """Number of processes on all machines."""


def is_launched() -> bool:
    """Return True if torchrun started this process, even as the only one."""
    return all(name in os.environ for name in _NAMES)


def may_start_again() -> bool:
    """Return True if torchrun restarts the command when a process has died."""
    return int(os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0")) > 0


def place() -> Place:
    """Return the ranks of this process from the environment; without torchrun, rank 0 of 1."""
    if not is_launched():
        return Place()
    return Place(*(int(os.environ[name]) for name in _NAMES))
