"""Text to token ids, a piece of a corpus at a time."""

import sys
from collections.abc import Iterator, Sequence
from typing import TypeVar

from tqdm import tqdm

from transformer_mt.console import hides_bars
from transformer_mt.data.batching import Sequences
from transformer_mt.data.rows import LabelledText, Rows, SentencePair, Text, pieces
from transformer_mt.data.tokenizer import Tokenizer

_PIECE = 20_000
"""Rows encoded at a time: while they are, each takes a hundred times the room of its ids."""
_CHARACTERS = 2**21
"""The most of a piece, as far as whole rows have fewer."""

AnyRow = TypeVar("AnyRow", bound=SentencePair | Text | LabelledText)


def in_pieces(rows: Rows[AnyRow], unit: str = "pair") -> Iterator[list[AnyRow]]:
    """All rows, some at a time, with a progress bar where it takes long."""
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
        piece: list[AnyRow] = []
        size = 0
        for row in rows:
            piece.append(row)
            size += sum(map(len, row.sentences))
            if len(piece) >= _PIECE or size >= _CHARACTERS:
                yield piece
                bar.update(len(piece))
                piece, size = [], 0
        if piece:
            yield piece


def encode_texts(tokenizer: Tokenizer, texts: Sequence[str]) -> Sequences:
    """Token ids of many texts."""
    parts = (Sequences.pack(tokenizer.encode_batch(piece)) for piece in pieces(texts, _PIECE))
    return Sequences.join(list(parts))
