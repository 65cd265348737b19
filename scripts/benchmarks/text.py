"""Generated parallel text with chosen vocabulary size, number of pairs and lengths."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_SYLLABLES = [c + v for c in "bdfgklmnprstvwz" for v in "aeiou"]
_PIECE = 100_000
"""Pairs that are in memory at once."""


def words(count: int) -> list[str]:
    """Return different words of two or more syllables."""
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
    """Write two parallel files; equal arguments give equal text.

    Word frequencies follow Zipf's law; each word occurs at least once if the text is long enough.

    Args:
        folder: folder of `name`.src and `name`.tgt.
        name: name of the files, also the random seed.
        pairs: number of lines.
        length: words of every sentence; None: lengths as in image captions, around 13.
        vocabulary: number of words, the same on both sides.

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
    """Return the number of words of each source and target; each target has a similar length."""
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
