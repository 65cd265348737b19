"""Splits that are not given are cut from train: a choice that depends on the text alone."""

import hashlib

from transformer_mt.data.pairs import Pairs, SentencePair, StoredPairs
from transformer_mt.errors import DataError

_RANK_BYTES = 8


def cut_missing_splits(splits: dict[str, Pairs], size: int) -> list[str]:
    """Move a fixed choice of training pairs to each missing split; returns what to say of it.

    Raises:
        DataError: there are too few pairs.
    """
    notes = []
    for name in ("test", "validation"):
        if name in splits:
            continue
        train = splits["train"]
        held_out = _first_by_rank(train, min(size, len(train) // 10))
        if not held_out:
            raise DataError(
                f"{len(train)} training pairs are too few to cut a {name} split from:"
                f" give data.{name}"
            )
        src, tgt = {pair.src for pair in held_out}, {pair.tgt for pair in held_out}
        rest = StoredPairs.of(p for p in train if p.src not in src and p.tgt not in tgt)
        splits[name], splits["train"] = held_out, rest
        dropped = len(train) - len(rest) - len(held_out)
        notes.append(
            f"no {name} split given: {len(held_out)} pairs were cut from train"
            f" (and {dropped} more that share a sentence with them dropped)"
        )
        if not len(rest):
            raise DataError(f"nothing is left to train on after cutting a {name} split")
    return notes


def _first_by_rank(pairs: Pairs, count: int) -> list[SentencePair]:
    """The first of all different pairs that have text on both sides, in the order of `_rank`.

    At most twice as many are in memory.
    """
    if not count:
        return []
    found: set[tuple[bytes, SentencePair]] = set()
    last = b"\xff" * _RANK_BYTES
    for pair in pairs:
        if all(pair) and (rank := _rank(pair)) <= last:
            found.add((rank, pair))
            if len(found) > 2 * count:
                found = set(sorted(found)[:count])
                last = max(found)[0]
    return [pair for _, pair in sorted(found)[:count]]


def _rank(pair: SentencePair) -> bytes:
    """A fixed pseudo-random order that depends on the text alone."""
    return hashlib.blake2b("\n".join(pair).encode(), digest_size=_RANK_BYTES).digest()
