"""Safety checks of an untrusted model folder, before a library reads it."""

from pathlib import Path
from typing import Any

from transformer_mt.errors import DataError
from transformer_mt.files.untrusted import check_names
from transformer_mt.runs.weight_sizes import read_shapes

_WEIGHTS = "model.safetensors"
_MOST_POSITIONS = 1 << 14

_OTHER_PLACES = ("source_spm", "target_spm", "vocab", "target_vocab_file", "sp_model_kwargs")
"""Tokenizer settings that would make the library read files of other names."""


def check_folder(folder: Path) -> None:
    """Refuse paths that lead out of the folder, and weights that are not one safetensors file.

    A pickle is never read, because it can execute code.

    Raises:
        DataError: the folder is unsafe; the message names the file.
    """
    check_names(folder, folder.rglob("*"), _blobs(folder))
    if (folder / "adapter_config.json").exists():
        raise DataError(f"{folder / 'adapter_config.json'}: a model with adapters is not imported")
    if (folder / _WEIGHTS).is_file():
        return
    pickles = sorted(path.name for path in folder.glob("*.bin"))
    if pickles:
        raise DataError(
            f"{folder / pickles[0]}: is a pickle, which can hold a program and is never read;"
            f" convert it to {_WEIGHTS} where you trust it (save_pretrained of the transformers"
            " library writes that)"
        )
    raise DataError(f"{folder}: has no weights ({_WEIGHTS}, in one file)")


def _blobs(folder: Path) -> Path | None:
    """Return the blob folder that files in a Hugging Face hub cache link to, if it is one."""
    snapshots = folder.resolve().parent
    return snapshots.parent / "blobs" if snapshots.name == "snapshots" else None


def check_tokenizer_settings(settings: dict[str, Any], path: Path) -> None:
    """Refuse tokenizer settings that name files of other names.

    Raises:
        DataError: such a setting is set; the message names it.
    """
    for name in _OTHER_PLACES:
        if settings.get(name):
            raise DataError(f"{path}: '{name}' is set; files of other names are not read")


def check_claims(config: Any, folder: Path) -> None:
    """Refuse a configuration of a larger model than the weights, before memory is allocated.

    Args:
        config: a MarianConfig.
        folder: folder of the weights.

    Raises:
        DataError: the model would be larger than the weights, or the weights are damaged.
    """
    path = folder / _WEIGHTS
    count = len(read_shapes(path))
    layers = config.encoder_layers + config.decoder_layers
    width, inner = config.d_model, config.encoder_ffn_dim + config.decoder_ffn_dim
    vocab = config.vocab_size + (config.decoder_vocab_size or 0)
    numbers = layers * width * (4 * width + inner) + vocab * width
    if layers > count or numbers > 8 * path.stat().st_size:
        raise DataError(
            f"{folder}: the weights do not fit config.json ({count} tensors in"
            f" {path.stat().st_size:,} bytes are no {layers} layers of width {width})"
        )
    if config.max_position_embeddings > _MOST_POSITIONS:
        raise DataError(
            f"{folder / 'config.json'}: max_position_embeddings is"
            f" {config.max_position_embeddings}, but at most {_MOST_POSITIONS} can be imported"
        )
