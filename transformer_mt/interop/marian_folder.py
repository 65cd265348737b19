"""Reading and checking of OPUS-MT model folders."""

import re
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple

import torch

from transformer_mt.errors import DataError
from transformer_mt.files.untrusted import read_json
from transformer_mt.interop.marian_safety import (
    check_claims,
    check_folder,
    check_tokenizer_settings,
)
from transformer_mt.interop.quiet import quiet_transformers
from transformer_mt.model.embedding import sinusoids
from transformer_mt.text.tokenizer import SPECIAL_TOKENS

ACTIVATIONS: dict[str, Literal["relu", "gelu", "swish"]] = {
    "relu": "relu",
    "gelu": "gelu",
    "swish": "swish",
    "silu": "swish",
}
"""Our name of each supported activation function, by Marian's name."""

_MOST_BYTES = 1 << 26
"""Maximum size of a JSON file, such as a vocabulary."""

_POSITION_TOLERANCE = 1e-3
"""Tolerance of the position table, which some folders hold in half precision."""

_PAD, _UNK, _EOS = "<pad>", "<unk>", "</s>"
"""Special tokens of Marian's vocabularies."""


class Vocabulary(NamedTuple):
    """The tokens in our order, SPECIAL_TOKENS first, and Marian's id of each.

    Marian has no [SOS]: the id is that of the decoder's start token.
    """

    tokens: tuple[str, ...]
    rows: tuple[int, ...]


def load_marian(folder: Path) -> Any:
    """Load the MarianMTModel of a folder in evaluation mode and float32.

    Only known settings of MarianConfig are used: others could load code.

    Raises:
        ConfigError: the transformers library is not installed.
        DataError: a file is missing or damaged, or our model cannot represent the model.
    """
    settings = _read_json(folder / "config.json")
    kind = settings.get("model_type")
    if kind != "marian":
        raise DataError(
            f"{folder}: holds a model of type {kind}; only marian (OPUS-MT) can be imported"
        )
    check_folder(folder)
    with quiet_transformers() as transformers:
        config = _check_settings(transformers, settings, folder / "config.json")
        check_claims(config, folder)
        try:
            model, report = transformers.MarianMTModel.from_pretrained(
                folder,
                config=config,
                dtype=torch.float32,
                use_safetensors=True,
                local_files_only=True,
                ignore_mismatched_sizes=True,  # reported below instead
                output_loading_info=True,
            )
        except Exception as error:  # three libraries raise errors of many types
            reason = str(error).partition("\n")[0]
            raise DataError(f"{folder}: the model cannot be loaded ({reason})") from None
    sizes = {name for name, *_ in report["mismatched_keys"]}
    faults = {"missing": report["missing_keys"] - sizes, "of another size": sizes}
    for fault, names in (faults | {"unexpected": report["unexpected_keys"]}).items():
        if names:
            raise DataError(
                f"{folder}: the weights do not fit config.json"
                f" ({fault}: {min(names)}{' and others' if len(names) > 1 else ''})"
            )
    return model.eval()


def _check_settings(transformers: ModuleType, settings: dict[str, Any], path: Path) -> Any:
    """Return the MarianConfig of the settings; raise DataError if our model cannot represent it."""
    known = transformers.MarianConfig().to_dict()
    try:
        config = transformers.MarianConfig.from_dict(
            {name: value for name, value in settings.items() if name in known}
        )
    except Exception as error:  # the library has its own error type
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: is no configuration of a model ({reason})") from None
    if config.activation_function not in ACTIVATIONS:
        raise DataError(
            f"{path}: the activation_function {config.activation_function} cannot be imported,"
            f" only {', '.join(ACTIVATIONS)}"
        )
    for name in ("attention_heads", "ffn_dim"):
        sizes = [getattr(config, f"{side}_{name}") for side in ("encoder", "decoder")]
        if sizes[0] != sizes[1]:
            raise DataError(
                f"{path}: the model cannot be imported: encoder_{name} is {sizes[0]}, but"
                f" decoder_{name} {sizes[1]}, and ours are equal"
            )
    return config


def check_positions(marian: Any, folder: Path) -> None:
    """Check that the positions of a model are sinusoids.

    Raises:
        DataError: the positions are learned.
    """
    for side in (marian.model.encoder, marian.model.decoder):
        table = side.embed_positions.weight.detach()
        if not torch.allclose(table, sinusoids(*table.shape), rtol=0, atol=_POSITION_TOLERANCE):
            raise DataError(f"{folder}: has learned positions; ours are always sines and cosines")


def read_vocabularies(marian: Any, folder: Path) -> list[Vocabulary]:
    """Read the source and target vocabularies, which are equal if there is only vocab.json.

    Raises:
        DataError: a file is missing, or does not fit the model.
    """
    separate = _tokenizer_settings(folder).get("separate_vocabs", False)
    if separate and marian.config.share_encoder_decoder_embeddings:
        raise DataError(f"{folder}: has separate vocabularies, but one embedding for both")
    names = ("vocab.json", "target_vocab.json" if separate else "vocab.json")
    sizes = (len(marian.model.encoder.embed_tokens.weight), len(marian.lm_head.weight))
    return [
        _read_vocabulary(folder / name, size, marian)
        for name, size in zip(names, sizes, strict=True)
    ]


def _read_vocabulary(path: Path, size: int, marian: Any) -> Vocabulary:
    """Read a vocabulary file and check that it has `size` tokens, as the embedding has rows."""
    ids = _read_json(path)
    start = _special(marian, "decoder_start_token_id")
    numbers = sorted(number for number in ids.values() if isinstance(number, int))
    if len(ids) != size or numbers != list(range(size)):
        raise DataError(f"{path}: does not fit the weights, which have {size} tokens")
    for token, name in ((_PAD, "pad_token_id"), (_EOS, "eos_token_id")):
        if ids.get(token) != _special(marian, name):
            raise DataError(f"{path}: {token} is not the {name} of config.json")
    if _UNK not in ids or start not in numbers:
        raise DataError(f"{path}: has no token {_UNK if _UNK not in ids else start}")
    for token in SPECIAL_TOKENS:
        if token in ids:
            raise DataError(f"{path}: has a token {token}, which is the name of a special one here")
    others = [
        token for token in sorted(ids, key=ids.__getitem__) if token not in (_PAD, _UNK, _EOS)
    ]
    specials = (ids[_PAD], ids[_UNK], start, ids[_EOS])
    return Vocabulary((*SPECIAL_TOKENS, *others), (*specials, *(ids[token] for token in others)))


def _special(marian: Any, name: str) -> Any:
    """Return a special id from the generation settings, else from the model settings."""
    of_generation = getattr(marian.generation_config, name)
    return getattr(marian.config, name) if of_generation is None else of_generation


def languages(folder: Path) -> tuple[str, str]:
    """Return the languages by tokenizer settings or a name like opus-mt-en-de, else src, tgt."""
    settings = _tokenizer_settings(folder)
    languages = settings.get("source_lang"), settings.get("target_lang")
    if all(languages):
        return str(languages[0]), str(languages[1])
    for name in (_read_json(folder / "config.json").get("_name_or_path"), folder.resolve().name):
        found = re.search(r"opus-mt-(?:tc-[a-z]+-)?([^-/]+)-([^-/]+)/?$", str(name))
        if found:
            return found[1], found[2]
    return "src", "tgt"


def _tokenizer_settings(folder: Path) -> dict[str, Any]:
    path = folder / "tokenizer_config.json"
    settings = _read_json(path) if path.exists() else {}
    check_tokenizer_settings(settings, path)
    return settings


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path, _MOST_BYTES)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; every OPUS-MT folder has one") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    if not isinstance(content, dict):
        raise DataError(f"{path}: is damaged (it should hold names and values)")
    return content
