"""Choice of the device: CUDA or Apple's MPS if available, else the CPU."""

import ctypes
import sys

import torch

from transformer_mt.errors import ConfigError

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt(3), whose values are bytes; the second is at most 2 ** 25."""


def choose_device(name: str = "auto") -> torch.device:
    """Return the device called `name`; "auto" selects CUDA, MPS or the CPU, in this order.

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
    """Return True if the hardware multiplies bfloat16 matrices faster than float32 ones."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":  # only private functions of torch report these two, as of 2.13
        names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        return any(getattr(torch.cpu, name, bool)() for name in names)
    return False


def keep_freed_memory() -> None:
    """Set the C library to keep the memory of freed tensors for the next step.

    glibc would return large blocks to the system, which clears every page before the next use: up
    to a tenth of the time of a training step. Other C libraries are left unchanged.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_MMAP_THRESHOLD, 2**25)
