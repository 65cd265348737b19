"""Which of several processes this is, as torchrun tells it; no torch."""

import os
from dataclasses import dataclass

_NAMES = ("RANK", "LOCAL_RANK", "WORLD_SIZE")


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a process in its group; alone, unless told otherwise."""

    rank: int = 0
    """0 is the main process: it alone writes and speaks."""
    local_rank: int = 0
    """Among those of the same machine."""
    world_size: int = 1
    """Processes on all machines."""


def is_launched() -> bool:
    """True where torchrun has started this process, be it the only one."""
    return all(name in os.environ for name in _NAMES)


def may_start_again() -> bool:
    """True where torchrun repeats the command when a process has died."""
    return int(os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0")) > 0


def place() -> Place:
    """From the environment variables that torchrun sets; alone without them."""
    if not is_launched():
        return Place()
    return Place(*(int(os.environ[name]) for name in _NAMES))
