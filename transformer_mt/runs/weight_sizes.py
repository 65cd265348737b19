"""Size check of a weight file against a configuration, before memory is allocated."""

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path

from safetensors import SafetensorError, safe_open

from transformer_mt.config.sections import ModelConfig
from transformer_mt.errors import DataError

_MOST_HEADER = 1 << 23
"""Maximum header size in bytes: names and shapes of some ten thousand tensors."""

_KINDS = ("F64", "F32", "F16", "BF16")


def check_claims(file: Path, config: ModelConfig, vocab_size: int) -> None:
    """Check that a configuration describes no larger model than the weights.

    The library checks that the tensors fill the file, so the file size bounds the model size.
    `load_weights` later compares every name and shape.

    Args:
        file: a safetensors file.
        config: the configuration of the model.
        vocab_size: size of the larger vocabulary.

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
    """Read the shape of each tensor of a file by name, without the values.

    Raises:
        DataError: the file is missing or damaged, or holds a dtype that no weight has.
    """
    with weight_errors(file):
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


@contextlib.contextmanager
def weight_errors(file: Path) -> Iterator[None]:
    """Convert errors of reading a safetensors file to DataError."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{file}: there is no such file") from None
    except (OSError, SafetensorError) as error:
        raise DataError(f"{file}: is damaged or no safetensors file ({error})") from None
