"""Validation of tokenizer files: only components that this package writes are accepted.

The `tokenizers` library does not validate files: some settings make the library abort the program
or allocate any amount of memory.
"""

import base64
import json
from typing import Any

MOST_BYTES = 1 << 26
"""Maximum size of a tokenizer file in bytes: several hundred thousand tokens."""

_PARTS = {
    "normalizer": {
        "Sequence",
        "NFC",
        "NFKC",
        "Lowercase",
        "Replace",
        "Strip",
        "Prepend",
        "Precompiled",
    },
    "pre_tokenizer": {"Sequence", "WhitespaceSplit", "Metaspace", "Split", "ByteLevel"},
    "decoder": {"Sequence", "WordPiece", "Fuse", "Replace", "Metaspace", "ByteLevel"},
}
_MEMBERS = {
    "normalizer": "normalizers",
    "pre_tokenizer": "pretokenizers",
    "decoder": "decoders",
}
_UNUSED = ("truncation", "padding", "post_processor", "added_tokens")


def check_tokenizer(text: str, unknown: str) -> None:
    """Refuse a tokenizer with components or settings that this package never writes.

    Args:
        text: content of the tokenizer file (JSON).
        unknown: the required unknown token, [UNK].

    Raises:
        ValueError: the file is refused; the message names the reason.
    """
    try:
        saved = json.loads(text)
        used = [name for name in _UNUSED if saved.get(name)]
        for part, allowed in _PARTS.items():
            _check_part(saved.get(part), part, allowed)
        _check_model(saved["model"], unknown)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except (KeyError, TypeError, AttributeError, IndexError):
        raise ValueError("its parts are not those of a tokenizer") from None
    if used:
        raise ValueError(f"it has {used[0]}, which no tokenizer of ours has")


def _check_part(saved: dict[str, Any] | None, part: str, allowed: set[str]) -> None:
    if saved is None:
        raise ValueError("it lacks rules to split and join text")
    kind = saved["type"]
    if kind not in allowed:
        raise ValueError(f"its {part} is of type {kind}, which no tokenizer of ours has")
    if kind == "Sequence":
        for member in saved[_MEMBERS[part]]:
            _check_part(member, part, allowed)
    if kind == "Precompiled":
        check_charsmap(base64.b64decode(saved["precompiled_charsmap"]))


def check_charsmap(raw: bytes) -> None:
    """Check SentencePiece's normalisation table: trie size, trie of 32-bit units, UTF-8 texts.

    Raises:
        ValueError: the table is damaged.
    """
    size = int.from_bytes(raw[:4], "little")
    if size == 0 or size % 4 or 4 + size > len(raw):
        raise ValueError("its table of normalisation is damaged")
    raw[4 + size :].decode("utf-8")


def _check_model(model: dict[str, Any], unknown: str) -> None:
    kind, vocab = model["type"], model["vocab"]
    if kind == "Unigram":
        known = vocab[model["unk_id"]][0]
        numbers = list(range(len(vocab)))
    elif kind in ("WordLevel", "BPE"):
        known = model["unk_token"]
        numbers = sorted(vocab.values())
    else:
        raise ValueError(f"its model is of type {kind}, which no tokenizer of ours has")
    if known != unknown:
        raise ValueError(f"its token for the unknown is {known}, not {unknown}")
    if numbers != list(range(len(vocab))):
        raise ValueError("its tokens are not numbered 0, 1, 2 ...")
    if model.get("dropout"):
        raise ValueError("its tokens are left to chance (dropout)")
