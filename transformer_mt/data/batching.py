"""Encoded examples and token-budget batches of them."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import ClassVar, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from transformer_mt.data.sequences import (
    Ids,
    Lengths,
    Offsets,
    RowNumbers,
    Rows,
    Sequences,
    SequenceStore,
)


class Example(NamedTuple):
    """One encoded pair, without [SOS] and [EOS]."""

    src_ids: Ids
    tgt_ids: Ids


class Dataset(ABC):
    """Encoded examples, in the order of the corpus.

    Args:
        columns: of each example an id sequence in each.
        known_fingerprint: what was found when the data were stored; None: not known yet.
    """

    names: ClassVar[tuple[str, ...]]
    """Of the columns."""

    def __init__(self, *columns: SequenceStore, known_fingerprint: str | None = None) -> None:
        self.columns = columns
        self._known_fingerprint = known_fingerprint

    def __len__(self) -> int:
        return len(self.columns[0])

    @property
    @abstractmethod
    def positions(self) -> tuple[Lengths, ...]:
        """(count,) positions that each example has in a batch; in translation, on each side."""

    @cached_property
    def fingerprint(self) -> str:
        """Equal for equal data alone: offsets and ids of one column, then of the next."""
        if self._known_fingerprint is not None:
            return self._known_fingerprint
        digest = hashlib.blake2b(digest_size=16)
        for column in self.columns:
            end = np.zeros(1, dtype=np.int64)
            digest.update(end.data)
            for piece in column.pieces():
                ends = end + piece.offsets[1:]
                digest.update(ends.data)
                end = ends[-1:]
            for piece in column.pieces():
                digest.update(piece.ids.data)
        return digest.hexdigest()

    def take(self, rows: Rows) -> Self:
        """Some examples, in the order of `rows`."""
        return type(self)(*(column.take(rows) for column in self.columns))

    def pieces(self) -> Iterator[tuple[Sequences, ...]]:
        """The columns of all examples, in order, in parts that fit in memory."""
        return zip(*(column.pieces() for column in self.columns), strict=True)


class BilingualDataset(Dataset):
    """Sentence pairs."""

    names = ("src", "tgt")

    @property
    def src(self) -> SequenceStore:
        return self.columns[0]

    @property
    def tgt(self) -> SequenceStore:
        return self.columns[1]

    @property
    def positions(self) -> tuple[Lengths, ...]:
        """The tokens and a special one."""
        return self.src.lengths + 1, self.tgt.lengths + 1

    def __getitem__(self, index: int) -> Example:
        return Example(self.src[index], self.tgt[index])


class TextDataset(Dataset):
    """Running text in rows: the first token of each is read but not predicted.

    The input of a language model is a row without its last token, its target one without its first.
    """

    names = ("text",)

    @property
    def text(self) -> SequenceStore:
        return self.columns[0]

    @property
    def positions(self) -> tuple[Lengths, ...]:
        return (self.text.lengths - 1,)


class LabelledDataset(Dataset):
    """Texts of at least one token, and the number of the class of each."""

    names = ("text", "label")

    @property
    def text(self) -> SequenceStore:
        return self.columns[0]

    @property
    def label(self) -> SequenceStore:
        """Of one number each."""
        return self.columns[1]

    @property
    def positions(self) -> tuple[Lengths, ...]:
        return (self.text.lengths,)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some examples as tensors, a row each, padded on the right with `pad_id`."""

    num_tokens: int = field(kw_only=True)
    """Answers that count, those that other processes have of the same batch included: the
    denominator of the loss."""

    def __len__(self) -> int:
        return len(self._tensors()[0])

    def to(self, device: torch.device) -> Self:
        """The same batch on another device."""
        moved = (tensor.to(device) for tensor in self._tensors())
        return type(self)(*moved, num_tokens=self.num_tokens)

    def _tensors(self) -> list[Tensor]:
        values = (getattr(self, each.name) for each in fields(self))
        return [value for value in values if isinstance(value, Tensor)]


@dataclass(frozen=True, slots=True)
class PairBatch(Batch):
    """Sentence pairs."""

    src: Tensor
    """(batch, src_len) ids ending in [EOS]"""
    tgt_in: Tensor
    """(batch, tgt_len) ids beginning with [SOS]: what the decoder reads"""
    tgt_out: Tensor
    """(batch, tgt_len) ids ending in [EOS]: what it should predict"""


@dataclass(frozen=True, slots=True)
class TextBatch(Batch):
    """Texts, and what is to be said of them."""

    inputs: Tensor
    """(batch, len) ids"""
    targets: Tensor
    """(batch, len) the id that follows each, or (batch,) the class of each text"""


@dataclass(frozen=True, slots=True)
class Collator:
    """Makes batches; knows the special ids."""

    pad_id: int
    sos_id: int
    eos_id: int

    def batch(self, dataset: Dataset, rows: Rows) -> PairBatch:
        """The given examples of two columns, in this order."""
        src, tgt = (column.take(rows) for column in dataset.columns)
        return PairBatch(
            src=self.pad(src, after=self.eos_id),
            tgt_in=self.pad(tgt, before=self.sos_id),
            tgt_out=self.pad(tgt, after=self.eos_id),
            num_tokens=len(tgt.ids) + len(tgt),
        )

    def pad(
        self,
        sequences: Sequences | Sequence[Sequence[int] | Ids],
        before: int | None = None,
        after: int | None = None,
    ) -> Tensor:
        """(batch, longest) int64; each row is [before] sequence [after] pad pad ..."""
        packed = sequences if isinstance(sequences, Sequences) else Sequences.pack(sequences)
        return pad(packed, self.pad_id, before, after)


def pad(
    sequences: Sequences, pad_id: int, before: int | None = None, after: int | None = None
) -> Tensor:
    """(batch, longest) int64; each row is [before] sequence [after] pad pad ..."""
    lengths, longest = sequences.lengths, int(sequences.lengths.max(initial=0))
    start, extra = int(before is not None), int(before is not None) + int(after is not None)
    padded = np.full((len(lengths), longest + extra), pad_id, dtype=np.int64)
    real = np.arange(longest) < lengths[:, None]
    padded[:, start : start + longest][real] = sequences.ids  # both go row by row
    if before is not None:
        padded[:, 0] = before
    if after is not None:
        padded[np.arange(len(lengths)), start + lengths] = after
    return torch.from_numpy(padded)


def token_batches(
    dataset: Dataset, batch_tokens: int, shuffle: tuple[int, int] | None = None
) -> list[RowNumbers]:
    """Group examples of like length into batches of at most `batch_tokens` positions.

    A batch of n examples has n times the longest of them positions (of pairs, of either side, its
    special token included); a single longer one is a batch of its own.

    Args:
        dataset: the examples; each is in exactly one batch.
        batch_tokens: the budget, in positions of one side.
        shuffle: (seed, epoch), which fix the order of the batches and which of the examples of the
            same lengths meet; None sorts by length.

    Returns:
        The rows of each batch.
    """
    positions = dataset.positions
    src_len, tgt_len = positions[0], positions[-1]  # the same where there is one
    random = np.random.default_rng(shuffle) if shuffle else None
    rows = np.arange(len(dataset), dtype=np.int32)
    if random:
        random.shuffle(rows)
    rows = rows[_order_by_length(src_len[rows], tgt_len[rows])]
    batches = np.split(rows, _cuts(src_len[rows], tgt_len[rows], batch_tokens))
    order = random.permutation(len(batches)) if random else range(len(batches))
    return [batches[index] for index in order]


def _order_by_length(src_len: Lengths, tgt_len: Lengths) -> Offsets:
    """Indices by the longer side; where it is equal, by the difference of the sides.

    The difference rises for even and falls for odd lengths, so that neighbours stay alike also
    where the length changes. Lengths must not be 0.
    """
    longer, difference = np.maximum(src_len, tgt_len), src_len - tgt_len
    np.negative(difference, out=difference, where=longer % 2 == 1)
    key = np.square(longer, dtype=np.int64)  # larger by more than any two differences
    key += difference
    is_short = key.max(initial=0) < 2**16  # such numbers are sorted in linear time
    return np.argsort(key.astype(np.uint16) if is_short else key, kind="stable")


def _cuts(src_len: Lengths, tgt_len: Lengths, batch_tokens: int) -> list[int]:
    """Where a new batch begins: before the budget is passed. The longer side must never shrink.

    A batch that has used half of the budget also ends where more than 3 % of it would be padding.
    """
    cuts, start, count = [], 0, len(src_len)
    while start < count:
        # the budget is passed within these rows, as each is at least as long as the first
        most = max(batch_tokens // int(max(src_len[start], tgt_len[start])), 1) + 1
        src, tgt = src_len[start : start + most], tgt_len[start : start + most]
        size = np.arange(1, len(src) + 1)
        padded_src, padded_tgt = np.maximum.accumulate(src), np.maximum.accumulate(tgt)
        positions = size * np.maximum(padded_src, padded_tgt)
        share = np.cumsum(src + tgt) / (size * (padded_src + padded_tgt))
        over = (positions > batch_tokens) | ((2 * positions > batch_tokens) & (share < 0.97))
        over[0] = False  # a batch holds a row, however long
        if not over.any():
            break
        start += int(over.argmax())
        cuts.append(start)
    return cuts


def padding_share(dataset: Dataset, batches: list[RowNumbers]) -> float:
    """Share of the positions (of pairs, of both sides) that hold padding."""
    real = padded = 0
    for lengths in dataset.positions:
        real += int(lengths.sum())
        padded += sum(int(lengths[rows].max()) * len(rows) for rows in batches)
    return 1 - real / padded
