"""Held-out splits cut from train where the configuration names none."""

import hashlib
from collections.abc import Callable
from itertools import islice
from typing import TypeAlias

from transformer_mt.corpus.rows import Row, Rows, StoredRows
from transformer_mt.errors import DataError

_RANK_BYTES = 8

Cut: TypeAlias = "Callable[[type[Row], Rows[Row], int], tuple[list[Row], Rows[Row], str]]"
"""Function (row class, training rows, count) -> (held-out rows, remaining rows, description of
where the held-out rows were cut from)."""


def cut_missing_splits(
    kind: type[Row], splits: dict[str, Rows[Row]], size: int, what: str, cut: "Cut[Row]"
) -> list[str]:
    """Move training rows to each missing split; return a note on each.

    Args:
        kind: class of the rows.
        splits: the given splits, by name; missing splits are added.
        size: maximum rows of a held-out split, which also has at most a tenth of train.
        what: plural noun for the rows in messages.
        cut: chooses the held-out rows.

    Raises:
        DataError: train has too few rows.
    """
    notes = []
    for name in ("test", "validation"):
        if name in splits:
            continue
        train = splits["train"]
        held_out, rest, place = cut(kind, train, min(size, len(train) // 10))
        if not held_out:
            raise DataError(
                f"{len(train)} training {what} are too few to cut a {name} split from:"
                f" give data.{name}"
            )
        splits[name], splits["train"] = held_out, rest
        notes.append(f"no {name} split given: {len(held_out)} {what} were cut from {place}")
        if not len(rest):
            raise DataError(f"nothing is left to train on after cutting a {name} split")
    return notes


def cut_by_rank(kind: type[Row], train: Rows[Row], count: int) -> tuple[list[Row], Rows[Row], str]:
    """Hold out rows by text hash; drop training rows that share a sentence with them."""
    held_out = _first_by_rank(train, count)
    taken = [set(side) for side in zip(*(row.sentences for row in held_out), strict=True)]

    def is_free(row: Row) -> bool:
        return all(text not in side for text, side in zip(row.sentences, taken, strict=True))

    rest = StoredRows.of(kind, filter(is_free, train)) if held_out else train
    dropped = len(train) - len(rest) - len(held_out)
    return held_out, rest, f"train (and {dropped} more that share a sentence with them dropped)"


def cut_the_end(kind: type[Row], train: Rows[Row], count: int) -> tuple[list[Row], Rows[Row], str]:
    """Hold out the last rows, so that running text stays contiguous."""
    left = len(train) - count
    held_out = list(islice(train, left, None))
    return held_out, StoredRows.of(kind, islice(train, left)), "the end of train"


def _first_by_rank(rows: Rows[Row], count: int) -> list[Row]:
    """Return the first `count` distinct rows without empty cells, in the order of `_rank`.

    At most 2 * count rows are in memory.
    """
    if not count:
        return []
    found: set[tuple[bytes, Row]] = set()
    last = b"\xff" * _RANK_BYTES
    for row in rows:
        if all(row) and (rank := _rank(row)) <= last:
            found.add((rank, row))
            if len(found) > 2 * count:
                found = set(sorted(found)[:count])
                last = max(found)[0]
    return [row for _, row in sorted(found)[:count]]


def _rank(row: tuple[str, ...]) -> bytes:
    """Return the hash of a row as a sort key: a pseudo-random order fixed by the text."""
    return hashlib.blake2b("\n".join(row).encode(), digest_size=_RANK_BYTES).digest()
