"""Attention as a file: a page to explore, a picture to print, or numbers to compute with."""

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
"""What a file of each format that was written here has among its first _HEAD bytes."""
_HEAD = 2048


def render(attention: Sequence[AttentionMaps], path: str | Path) -> None:
    """Write attention in the format that the suffix of `path` names.

    A page (.html) and the numbers (.json, a list) hold every map, for example the hypotheses of a
    beam; a picture (.png, .svg) shows the first. The file appears complete or not at all.

    Raises:
        ConfigError: the suffix is another, or what exists there is no such file of ours.
        DataError: weights are not finite, or the place cannot be written to.
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
    # A lone surrogate (an undecodable byte of the command line) has no UTF-8. Written as the
    # escape \udc80 it is what JSON, also inside the page, wants anyway.
    data = content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
    write_output(path, data)


def check_place(path: Path) -> None:
    """Refuse (ConfigError) a name of none of the four formats, or of something else than attention.

    Of what exists, an earlier drawing alone is replaced: the name of a picture or a page is easily
    that of something made by hand.
    """
    if path.suffix.lower() not in _SIGNS:
        raise ConfigError(
            f"cannot write attention to {path}: its suffix is '{path.suffix}', "
            "and must be one of .html, .png, .svg and .json"
        )
    if os.path.lexists(path) and not _is_ours(path):
        raise ConfigError(f"{path}: exists and is no drawing of attention: choose another name")


def _is_ours(path: Path) -> bool:
    """Whether a file begins as those that are written here."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return _SIGNS[path.suffix.lower()] in file.read(_HEAD)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


# ---------------------------------------------------------------------------------- numbers


def _to_json(maps: list[AttentionMaps]) -> str:
    """One object per map, with the names of AttentionMaps."""
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
    """Nested lists whose numbers print with at most DECIMALS decimals, which keeps files small."""
    # float64 first: the float32 nearest to 0.1 prints as 0.10000000149011612.
    lists: list[Any] = weights.astype(np.float64).round(DECIMALS).tolist()
    return lists


# ------------------------------------------------------------------------------------- page


def _page(maps: list[AttentionMaps]) -> str:
    """One file that needs nothing else: the template with its title and data filled in."""
    template = resources.files("transformer_mt.figures").joinpath("attention.html")
    filled = {
        "__TITLE__": html.escape(maps[0].source),
        "__TRANSLATION__": html.escape(maps[0].translation),
        "__DATA__": _inside_script(_to_json([_as_shown(m) for m in maps])),
    }
    # One pass, so that a sentence that contains "__DATA__" stays a sentence.
    return re.sub("|".join(filled), lambda m: filled[m[0]], template.read_text("utf-8"))


def _as_shown(maps: AttentionMaps) -> AttentionMaps:
    """The same maps with tokens for a person to read; the numbers (.json) keep the real ones."""
    return replace(
        maps,
        src_tokens=tuple(map(without_joiner, maps.src_tokens)),
        tgt_in=tuple(map(without_joiner, maps.tgt_in)),
        tgt_out=tuple(map(without_joiner, maps.tgt_out)),
    )


def _inside_script(data: str) -> str:
    """The same JSON, without any character that could end a script element or a line of one."""
    return re.sub("[<>&\u2028\u2029]", lambda m: f"\\u{ord(m[0]):04x}", data)
