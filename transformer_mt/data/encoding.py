"""Encoding of a corpus to token ids, in pieces."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
from tqdm import tqdm

from transformer_mt.corpus.rows import (
    Item,
    LabelledText,
    Rows,
    SentencePair,
    Text,
)
from transformer_mt.data.sequences import Sequences
from transformer_mt.runtime.console import hides_bars
from transformer_mt.text.long_texts import parts_of
from transformer_mt.text.tokenizer import Tokenizer

_PIECE = 20_000
"""Maximum rows encoded at a time: encoding takes a hundred times the memory of the ids."""
_CHARACTERS = 2**20
"""Characters after which a piece ends; a piece contains whole rows."""

AnyRow = TypeVar("AnyRow", bound=SentencePair | Text | LabelledText)


def in_pieces(rows: Rows[AnyRow], unit: str = "pair") -> Iterator[list[AnyRow]]:
    """Yield all rows in lists, with a progress bar after one second."""
    bar = tqdm(
        total=len(rows),
        desc="encoding",
        unit=unit,
        unit_scale=True,
        delay=1,
        leave=False,
        disable=hides_bars(),
        file=sys.stderr,
    )
    with bar:
        for piece in _grouped(rows, lambda row: sum(map(len, row.sentences))):
            yield piece
            bar.update(len(piece))


def encode_texts(tokenizer: Tokenizer, texts: Sequence[str]) -> Sequences:
    """Return the token ids of texts of any length."""
    parts = [part for text in texts for part in parts_of(text)]
    pieces = _grouped((part for part, _ in parts), len)
    found = Sequences.join([Sequences.pack(tokenizer.encode_batch(piece)) for piece in pieces])
    ends = np.flatnonzero([is_last for _, is_last in parts]) + 1
    return Sequences(found.ids, found.offsets[np.append(0, ends)])


def _grouped(items: Iterable[Item], size_of: Callable[[Item], int]) -> Iterator[list[Item]]:
    """Yield lists of up to _PIECE items, ended early at _CHARACTERS characters."""
    piece: list[Item] = []
    size = 0
    for item in items:
        piece.append(item)
        size += size_of(item)
        if len(piece) >= _PIECE or size >= _CHARACTERS:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece
