"""Data sets of encoded examples, and batches with a token budget."""

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
    """Token ids of a sentence pair, without [SOS] and [EOS]."""

    src_ids: Ids
    tgt_ids: Ids


class Dataset(ABC):
    """Base class of encoded examples, in the order of the corpus.

    Args:
        columns: one store per column, each with one sequence of ids per example.
        known_fingerprint: stored fingerprint of the data; None: computed on first access.
    """

    names: ClassVar[tuple[str, ...]]
    """Names of the columns."""

    def __init__(self, *columns: SequenceStore, known_fingerprint: str | None = None) -> None:
        self.columns = columns
        self._known_fingerprint = known_fingerprint

    def __len__(self) -> int:
        return len(self.columns[0])

    @property
    @abstractmethod
    def positions(self) -> tuple[Lengths, ...]:
        """Return the number of positions of each example in a batch, (count,), for each side."""

    @cached_property
    def fingerprint(self) -> str:
        """Return a hash of the data: offsets and ids of each column."""
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
        """Return the given examples, in the order of `rows`."""
        return type(self)(*(column.take(rows) for column in self.columns))

    def pieces(self) -> Iterator[tuple[Sequences, ...]]:
        """Yield the columns of all examples in parts that fit in memory, in order."""
        return zip(*(column.pieces() for column in self.columns), strict=True)


class BilingualDataset(Dataset):
    """Data set of encoded sentence pairs."""

    names = ("src", "tgt")

    @property
    def src(self) -> SequenceStore:
        return self.columns[0]

    @property
    def tgt(self) -> SequenceStore:
        return self.columns[1]

    @property
    def positions(self) -> tuple[Lengths, ...]:
        """Return the lengths of both sides, including one special token."""
        return self.src.lengths + 1, self.tgt.lengths + 1

    def __getitem__(self, index: int) -> Example:
        return Example(self.src[index], self.tgt[index])


class TextDataset(Dataset):
    """Data set of running text in sequences.

    The input of the language model is a sequence without the last token, the target the same
    sequence without the first token.
    """

    names = ("text",)

    @property
    def text(self) -> SequenceStore:
        return self.columns[0]

    @property
    def positions(self) -> tuple[Lengths, ...]:
        return (self.text.lengths - 1,)


class LabelledDataset(Dataset):
    """Data set of labelled texts: at least one token and one class number each."""

    names = ("text", "label")

    @property
    def text(self) -> SequenceStore:
        return self.columns[0]

    @property
    def label(self) -> SequenceStore:
        """Return the class numbers, as sequences of length 1."""
        return self.columns[1]

    @property
    def positions(self) -> tuple[Lengths, ...]:
        return (self.text.lengths,)


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples as tensors, one row each, padded on the right with `pad_id`."""

    num_tokens: int = field(kw_only=True)
    """Number of target tokens or labels over all ranks, the denominator of the loss."""

    def __len__(self) -> int:
        return len(self._tensors()[0])

    def to(self, device: torch.device) -> Self:
        """Move the tensors to a device; return a new batch."""
        moved = (tensor.to(device) for tensor in self._tensors())
        return type(self)(*moved, num_tokens=self.num_tokens)

    def _tensors(self) -> list[Tensor]:
        values = (getattr(self, each.name) for each in fields(self))
        return [value for value in values if isinstance(value, Tensor)]


@dataclass(frozen=True, slots=True)
class PairBatch(Batch):
    """Batch of sentence pairs."""

    src: Tensor
    """Encoder input: (batch, src_len) ids ending in [EOS]"""
    tgt_in: Tensor
    """Decoder input: (batch, tgt_len) ids beginning with [SOS]"""
    tgt_out: Tensor
    """Decoder targets: (batch, tgt_len) ids ending in [EOS]"""


@dataclass(frozen=True, slots=True)
class TextBatch(Batch):
    """Batch of texts with next-token or class targets."""

    inputs: Tensor
    """Model input: (batch, len) ids"""
    targets: Tensor
    """Next-token ids, (batch, len), or class numbers, (batch,)"""


@dataclass(frozen=True, slots=True)
class Collator:
    """Builder of padded batches with special tokens."""

    pad_id: int
    sos_id: int
    eos_id: int

    def batch(self, dataset: Dataset, rows: Rows) -> PairBatch:
        """Return a batch of the given sentence pairs, in the order of `rows`."""
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
        """Pad sequences to (batch, longest), int64: [before] sequence [after] pad pad ..."""
        packed = sequences if isinstance(sequences, Sequences) else Sequences.pack(sequences)
        return pad(packed, self.pad_id, before, after)


def pad(
    sequences: Sequences, pad_id: int, before: int | None = None, after: int | None = None
) -> Tensor:
    """Pad sequences to (batch, longest), int64: [before] sequence [after] pad pad ..."""
    lengths, longest = sequences.lengths, int(sequences.lengths.max(initial=0))
    start, extra = int(before is not None), int(before is not None) + int(after is not None)
    padded = np.full((len(lengths), longest + extra), pad_id, dtype=np.int64)
    real = np.arange(longest) < lengths[:, None]
    padded[:, start : start + longest][real] = sequences.ids  # both row-major
    if before is not None:
        padded[:, 0] = before
    if after is not None:
        padded[np.arange(len(lengths)), start + lengths] = after
    return torch.from_numpy(padded)


def token_batches(
    dataset: Dataset, batch_tokens: int, shuffle: tuple[int, int] | None = None
) -> list[RowNumbers]:
    """Group examples of similar length into batches of at most `batch_tokens` positions.

    The positions of a batch are the number of examples times the longest example (for pairs: the
    longer side, including one special token). An example above the budget is a batch alone.

    Args:
        dataset: the examples; each is in exactly one batch.
        batch_tokens: maximum positions of one side of a batch.
        shuffle: (seed, epoch) for the random order of batches and of examples of equal lengths;
            None sorts by length.

    Returns:
        The example indices of each batch.
    """
    positions = dataset.positions
    src_len, tgt_len = positions[0], positions[-1]  # the same if there is one side
    random = np.random.default_rng(shuffle) if shuffle else None
    rows = np.arange(len(dataset), dtype=np.int32)
    if random:
        random.shuffle(rows)
    rows = rows[_order_by_length(src_len[rows], tgt_len[rows])]
    batches = np.split(rows, _cuts(src_len[rows], tgt_len[rows], batch_tokens))
    order = random.permutation(len(batches)) if random else range(len(batches))
    return [batches[index] for index in order]


def _order_by_length(src_len: Lengths, tgt_len: Lengths) -> Offsets:
    """Return indices sorted by the longer side, then by the difference of the sides.

    The difference ascends for even and descends for odd lengths, so that neighbours have similar
    lengths on both sides even where the longer side grows. Lengths must not be 0.
    """
    longer, difference = np.maximum(src_len, tgt_len), src_len - tgt_len
    np.negative(difference, out=difference, where=longer % 2 == 1)
    key = np.square(longer, dtype=np.int64)  # dominates the difference of sides
    key += difference
    is_short = key.max(initial=0) < 2**16  # numpy sorts 16-bit keys in linear time
    return np.argsort(key.astype(np.uint16) if is_short else key, kind="stable")


def _cuts(src_len: Lengths, tgt_len: Lengths, batch_tokens: int) -> list[int]:
    """Return the indices at which a new batch starts; the longer sides must be ascending.

    A batch ends before it exceeds the budget, or, from half of the budget on, before more than 3 %
    of the positions are padding.
    """
    cuts, start, count = [], 0, len(src_len)
    while start < count:
        # every row is at least as long as the first: `most` rows exceed the budget
        most = max(batch_tokens // int(max(src_len[start], tgt_len[start])), 1) + 1
        src, tgt = src_len[start : start + most], tgt_len[start : start + most]
        size = np.arange(1, len(src) + 1)
        padded_src, padded_tgt = np.maximum.accumulate(src), np.maximum.accumulate(tgt)
        positions = size * np.maximum(padded_src, padded_tgt)
        share = np.cumsum(src + tgt) / (size * (padded_src + padded_tgt))
        over = (positions > batch_tokens) | ((2 * positions > batch_tokens) & (share < 0.97))
        over[0] = False  # a batch has at least one row
        if not over.any():
            break
        start += int(over.argmax())
        cuts.append(start)
    return cuts


def padding_share(dataset: Dataset, batches: list[RowNumbers]) -> float:
    """Return the fraction of padding among the positions of all batches and sides."""
    real = padded = 0
    for lengths in dataset.positions:
        real += int(lengths.sum())
        padded += sum(int(lengths[rows].max()) * len(rows) for rows in batches)
    return 1 - real / padded
