"""Made-up parallel text: as many words and pairs, of such lengths, as one wants."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_SYLLABLES = [c + v for c in "bdfgklmnprstvwz" for v in "aeiou"]
_PIECE = 100_000
"""Pairs that are in memory at a time."""


def words(count: int) -> list[str]:
    """Different words of two or more syllables."""
    base = len(_SYLLABLES)
    found = []
    for index in range(count):
        rest, text = divmod(index, base)[0], _SYLLABLES[index % base]
        text += _SYLLABLES[rest % base]
        while rest := rest // base:
            text += _SYLLABLES[rest % base]
        found.append(text)
    return found


def write_corpus(
    folder: Path, name: str, pairs: int, *, length: int | None = None, vocabulary: int = 9_996
) -> tuple[str, str]:
    """Write two parallel files; the same arguments give the same text.

    Words are as frequent as in a language (Zipf's law); each occurs at least once, if there is
    room for all.

    Args:
        folder: receives `name`.src and `name`.tgt.
        name: also the seed, so to speak.
        pairs: how many lines.
        length: words of every sentence; None: lengths as those of image captions, around 13.
        vocabulary: how many words there are, the same on both sides.

    Returns:
        The paths of the files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = str(folder / f"{name}.src"), str(folder / f"{name}.tgt")
    dice = np.random.default_rng(list(name.encode()))
    known = words(vocabulary)
    frequency = 1 / (np.arange(vocabulary) + 2.7)
    upto = np.cumsum(frequency / frequency.sum())
    every = dice.permutation(vocabulary)
    with Path(paths[0]).open("w") as src_file, Path(paths[1]).open("w") as tgt_file:
        for first in range(0, pairs, _PIECE):
            count = min(_PIECE, pairs - first)
            for file, lengths in zip(
                (src_file, tgt_file), _lengths(dice, count, length), strict=True
            ):
                ids = np.minimum(np.searchsorted(upto, dice.random(lengths.sum())), vocabulary - 1)
                if first == 0 and file is src_file:
                    ids[: len(every)] = every[: len(ids)]
                file.writelines(_lines(known, ids, lengths))
    return paths


def _lengths(
    dice: np.random.Generator, count: int, length: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Words of each source and of each target; a target is about as long as its source."""
    if length is not None:
        same = np.full(count, length, dtype=np.int64)
        return same, same
    src = np.exp(dice.normal(2.5, 0.3, count))
    tgt = src * np.exp(dice.normal(0, 0.12, count))
    first, second = (np.clip(side.round(), 4, 40).astype(np.int64) for side in (src, tgt))
    return first, second


def _lines(known: list[str], ids: NDArray[np.int64], lengths: NDArray[np.int64]) -> Iterator[str]:
    texts = [known[i] for i in ids]
    end = 0
    for length in lengths.tolist():
        begin, end = end, end + length
        yield " ".join(texts[begin:end]) + "\n"
