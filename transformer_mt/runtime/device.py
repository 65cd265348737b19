"""Where tensors live: CUDA or Apple's MPS when there is one, else the CPU."""

import ctypes
import sys

import torch

from transformer_mt.errors import ConfigError

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt(3): bytes; the second can be no greater than 2 ** 25."""


def choose_device(name: str = "auto") -> torch.device:
    """The device called `name`; "auto" takes the best one there is.

    Raises:
        ConfigError: the named device does not exist here.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next((device for device, there in available.items() if there), "cpu"))
    kind = name.partition(":")[0]
    try:
        device = torch.device(name)
    except RuntimeError:
        kind = ""
    if kind != "cpu" and not available.get(kind, False):
        raise ConfigError(f"--device {name}: there is no such device here; use auto or cpu")
    return device


def gains_from_bf16(device: torch.device) -> bool:
    """True where the hardware multiplies bfloat16 matrices faster than float32 ones."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":  # torch tells these two only by private names, as of 2.13
        names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        return any(getattr(torch.cpu, name, bool)() for name in names)
    return False


def keep_freed_memory() -> None:
    """Tell the C library to keep the memory that tensors free, for those of the next step.

    glibc would give large blocks back to the system, which clears every page of them before it
    lends them again: up to a tenth of the time of a step of training. Others are left alone.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_MMAP_THRESHOLD, 2**25)
