"""Where tensors live: CUDA or Apple's MPS when there is one, else the CPU."""

import torch

from transformer_mt.errors import ConfigError


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
