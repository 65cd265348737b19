"""Attention weights as a file: an HTML page, a picture, or JSON."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from transformer_mt.errors import ConfigError, DataError
from transformer_mt.figures.attention import PROGRAM, draw_picture
from transformer_mt.figures.fonts import without_joiner
from transformer_mt.figures.maps import check_finite
from transformer_mt.files.atomic import write_output
from transformer_mt.files.paths import user_path
from transformer_mt.runtime.rounding import DECIMALS, rounded

if TYPE_CHECKING:
    from transformer_mt.figures.maps import AttentionMaps

_SIGNS = {
    ".html": b"<title>Attention: ",
    ".png": PROGRAM.encode(),
    ".svg": PROGRAM.encode(),
    ".json": b'[{"source":',
}
"""Signature, by suffix, within the first _HEAD bytes of a file written by `render`."""
_HEAD = 2048


def render(attention: Sequence[AttentionMaps], path: str | Path) -> None:
    """Write attention weights in the format that the suffix of `path` names.

    A page (.html) and the numbers (.json, a list) hold every map, for example the hypotheses of a
    beam; a picture (.png, .svg) shows the first. The file appears complete or not at all.

    Raises:
        ConfigError: the suffix is unknown, or an existing file was not written by `render`.
        DataError: weights are not finite, or the path cannot be written to.
        ValueError: there are no maps.
    """
    maps, path = list(attention), user_path(path, "path")
    if not maps:
        raise ValueError("nothing to render: no attention maps")
    check_place(path)
    content: str | bytes
    match path.suffix.lower():
        case ".html":
            content = _page(maps)
        case ".json":
            content = _to_json(maps)
        case suffix:
            content = draw_picture(maps[0], suffix[1:])
    # A lone surrogate (an undecodable byte of the command line) has no UTF-8. The escape
    # \udc80 written instead is valid in JSON, also inside the page.
    data = content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
    write_output(path, data)


def check_place(path: Path) -> None:
    """Check that a path has one of the four suffixes, and is new or written by `render`.

    Other existing files are never replaced: a file made by hand may have the name of a picture.

    Raises:
        ConfigError: the path is refused.
        DataError: an existing file cannot be read.
    """
    if path.suffix.lower() not in _SIGNS:
        raise ConfigError(
            f"cannot write attention to {path}: its suffix is '{path.suffix}', "
            "and must be one of .html, .png, .svg and .json"
        )
    if os.path.lexists(path) and not _is_ours(path):
        raise ConfigError(f"{path}: exists and is no drawing of attention: choose another name")


def _is_ours(path: Path) -> bool:
    """Return True if a file has the signature of a file written by `render`."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return _SIGNS[path.suffix.lower()] in file.read(_HEAD)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


# ---------------------------------------------------------------------------------- numbers


def _to_json(maps: list[AttentionMaps]) -> str:
    """Return JSON: a list with one object per map, with the field names of AttentionMaps."""
    return json.dumps([_as_dict(m) for m in maps], ensure_ascii=False, separators=(",", ":"))


def _as_dict(maps: AttentionMaps) -> dict[str, Any]:
    check_finite(maps)
    return {
        "source": maps.source,
        "translation": maps.translation,
        "score": rounded(maps.score),
        "src_tokens": maps.src_tokens,
        "tgt_in": maps.tgt_in,
        "tgt_out": maps.tgt_out,
        "encoder": _rounded(maps.encoder),
        "decoder": _rounded(maps.decoder),
        "cross": _rounded(maps.cross),
    }


def _rounded(weights: np.ndarray) -> list[Any]:
    """Return nested lists of numbers with at most DECIMALS decimals, which keeps files small."""
    # float64 first: the float32 nearest to 0.1 prints as 0.10000000149011612.
    return weights.astype(np.float64).round(DECIMALS).tolist()


# ------------------------------------------------------------------------------------- page


def _page(maps: list[AttentionMaps]) -> str:
    """Return the HTML page: the template with title and data filled in, without other files."""
    template = resources.files("transformer_mt.figures").joinpath("attention.html")
    filled = {
        "__TITLE__": html.escape(maps[0].source),
        "__TRANSLATION__": html.escape(maps[0].translation),
        "__DATA__": _inside_script(_to_json([_as_shown(m) for m in maps])),
    }
    # One pass, so that a sentence that contains "__DATA__" stays a sentence.
    return re.sub("|".join(filled), lambda m: filled[m[0]], template.read_text("utf-8"))


def _as_shown(maps: AttentionMaps) -> AttentionMaps:
    """Return maps with readable tokens for the page; the JSON file keeps the original ones."""
    return replace(
        maps,
        src_tokens=tuple(map(without_joiner, maps.src_tokens)),
        tgt_in=tuple(map(without_joiner, maps.tgt_in)),
        tgt_out=tuple(map(without_joiner, maps.tgt_out)),
    )


def _inside_script(data: str) -> str:
    """Escape characters of JSON that could end a script element or a JavaScript line."""
    return re.sub("[<>&\u2028\u2029]", lambda m: f"\\u{ord(m[0]):04x}", data)
