"""Whether weights can be those of a model, from their header alone: before memory is taken."""

import math
from pathlib import Path

from safetensors import SafetensorError, safe_open

from transformer_mt.config.sections import ModelConfig
from transformer_mt.errors import DataError

_MOST_HEADER = 1 << 23
"""Bytes: names and shapes of some ten thousand tensors."""

_KINDS = ("F64", "F32", "F16", "BF16")


def check_claims(file: Path, config: ModelConfig, vocab_size: int) -> None:
    """Refuse a configuration of a larger model than the weights are of.

    The library checks that they fill the file, so that the file's size bounds what they claim. What
    passes may be made; `load_weights` then compares every name and shape.

    Args:
        file: of safetensors.
        config: what the model is to be made with.
        vocab_size: of the larger vocabulary.

    Raises:
        DataError: the file is missing or damaged, or does not fit.
    """
    found = read_shapes(file)
    numbers = sum(math.prod(shape) for shape in found.values())
    layers, width, heads = config.depth, config.d_model, config.num_heads * config.head_dim
    least = layers * (4 * heads + 2 * config.d_ff) * width + vocab_size * width
    if layers > len(found) or least > numbers:
        raise DataError(
            f"{file}: does not fit this model ({len(found)} tensors of {numbers:,} numbers are no"
            f" {layers} layers of width {width} and {config.d_ff})"
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
