"""Whether weights fit a model, from their header alone: before memory is taken for either."""

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from transformer_mt.config import ModelConfig
from transformer_mt.errors import DataError

_MOST_HEADER = 1 << 23
"""Bytes: names and shapes of some ten thousand tensors."""

_KINDS = ("F64", "F32", "F16", "BF16")


def check_sizes(file: Path, config: ModelConfig, make: Callable[[], nn.Module]) -> None:
    """Refuse weights whose names and shapes are not those of a model.

    The library checks that they fill the file, so that the file's size bounds what they claim.

    Args:
        file: of safetensors.
        config: what the model is to be made with.
        make: makes it; called only when the layers are no more than the tensors of the file, and
            so that its tensors take no memory.

    Raises:
        DataError: the file is missing or damaged, or does not fit.
    """
    found = read_shapes(file)
    layers = config.num_encoder_layers + config.num_decoder_layers
    if layers > len(found):
        raise DataError(
            f"{file}: does not fit this model (it has {len(found)} tensors, but the configuration"
            f" {layers} layers)"
        )
    try:
        with torch.device("meta"):
            model = make()
    except (RuntimeError, TypeError, ValueError, OverflowError):
        raise DataError(f"{file}: does not fit this model (no model is so large)") from None
    expected = {name: tuple(value.shape) for name, value in model.named_parameters()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise DataError(
                f"{file}: does not fit this model (first difference: {name}, of shape"
                f" {_show(found.get(name))} there, {_show(expected.get(name))} by the"
                " configuration and the vocabularies)"
            )


def read_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """The tensors of a file by name; none is read.

    Raises:
        DataError: the file is missing or damaged, or holds what no weight is.
    """
    try:
        with file.open("rb") as opened:
            header = int.from_bytes(opened.read(8), "little")
        if header > _MOST_HEADER:
            raise DataError(f"{file}: is damaged or no safetensors file (header of {header} bytes)")
        with safe_open(file, framework="numpy") as tensors:
            slices = {name: tensors.get_slice(name) for name in tensors.keys()}  # noqa: SIM118
            for name, value in slices.items():
                if value.get_dtype() not in _KINDS:
                    raise DataError(
                        f"{file}: '{name}' holds {value.get_dtype()}, which no weight is"
                    )
            return {name: tuple(value.get_shape()) for name, value in slices.items()}
    except FileNotFoundError:
        raise DataError(f"{file}: there is no such file") from None
    except (OSError, SafetensorError) as error:
        raise DataError(f"{file}: is damaged or no safetensors file ({error})") from None


def _show(shape: tuple[int, ...] | None) -> str:
    return "none" if shape is None else "x".join(map(str, shape)) or "1"
