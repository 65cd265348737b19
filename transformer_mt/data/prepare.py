"""From a corpus to what training reads: tokenizers, cleaned and encoded pairs, and a report."""

import hashlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from transformer_mt.config import Config
from transformer_mt.data.batching import BilingualDataset, Offsets, Sequences
from transformer_mt.data.corpus import Corpus, SentencePair
from transformer_mt.data.tokenizer import Tokenizer, Tokenizers
from transformer_mt.errors import DataError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DataReport:
    """What a person should know of the data before training; counts of pairs."""

    read: int
    empty: int
    too_long: int
    ratio: int
    kept: int
    duplicates: int
    """Kept pairs that occurred before (they stay)."""
    validation: int
    test: int
    validation_overlap: int
    """Validation pairs with a source or target sentence that also stands in train."""
    test_overlap: int
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """The report as sentences."""
        dropped = f"{self.empty:,} empty, {self.too_long:,} too long, {self.ratio:,} odd ratio"
        return [
            *self.notes,
            f"train: {self.read:,} pairs read, {self.kept:,} kept; dropped {dropped};"
            f" {self.duplicates:,} duplicates",
            f"validation: {self.validation:,} pairs, {self.validation_overlap:,} with a sentence of"
            f" train; test: {self.test:,} pairs, {self.test_overlap:,} with one",
        ]


@dataclass(frozen=True, slots=True)
class PreparedData:
    """Everything that training and validation read."""

    train: BilingualDataset
    validation: BilingualDataset
    validation_pairs: list[SentencePair]
    report: DataReport


def build_tokenizers(config: Config, corpus: Corpus) -> Tokenizers:
    """Learn the vocabularies from the training pairs."""
    src = [pair.src for pair in corpus.train]
    tgt = [pair.tgt for pair in corpus.train]
    if config.tokenizer.joint:
        joint = Tokenizer.build(src + tgt, config.tokenizer)
        return Tokenizers(joint, joint)
    return Tokenizers(*(Tokenizer.build(side, config.tokenizer) for side in (src, tgt)))


def prepare(config: Config, corpus: Corpus, tokenizers: Tokenizers) -> PreparedData:
    """Encode and clean the corpus.

    Raises:
        DataError: no training pair is left.
    """
    whole = encode(corpus.train, tokenizers)
    src_len, tgt_len = whole.src.lengths, whole.tgt.lengths
    longer, shorter = np.maximum(src_len, tgt_len), np.minimum(src_len, tgt_len)
    empty = shorter == 0
    too_long = ~empty & (longer > config.data.max_length)
    ratio = ~empty & ~too_long & (longer > config.data.max_length_ratio * shorter)
    kept = np.flatnonzero(~(empty | too_long | ratio))
    if not len(kept):
        raise DataError(
            f"none of the {len(whole)} training pairs is usable: {empty.sum()} are empty,"
            f" {too_long.sum()} longer than data.max_length, {ratio.sum()} of odd length ratio"
        )
    kept_pairs = [corpus.train[row] for row in kept]
    seen = set(kept_pairs)
    report = DataReport(
        read=len(whole),
        empty=int(empty.sum()),
        too_long=int(too_long.sum()),
        ratio=int(ratio.sum()),
        kept=len(kept),
        duplicates=len(kept) - len(seen),
        validation=len(corpus.validation),
        test=len(corpus.test),
        validation_overlap=_overlap(kept_pairs, corpus.validation),
        test_overlap=_overlap(kept_pairs, corpus.test),
        notes=tuple(corpus.notes),
    )
    validation = encode(corpus.validation, tokenizers)
    return PreparedData(_select(whole, kept), validation, corpus.validation, report)


def encode(pairs: Sequence[SentencePair], tokenizers: Tokenizers) -> BilingualDataset:
    """Token ids of all pairs, from the cache when the same text was encoded before."""
    path = _cache_path(pairs, tokenizers)
    if path.is_file():
        try:
            saved = load_file(path)
            log.debug("%d encoded pairs read from %s", len(pairs), path)
            return BilingualDataset(
                Sequences(saved["src.ids"], saved["src.offsets"]),
                Sequences(saved["tgt.ids"], saved["tgt.offsets"]),
            )
        except Exception as error:  # a damaged cache is only a slow start
            log.warning("%s: the cache cannot be read (%s); encoding anew", path, error)
    dataset = BilingualDataset(
        Sequences.pack(tokenizers.src.encode_batch([pair.src for pair in pairs])),
        Sequences.pack(tokenizers.tgt.encode_batch([pair.tgt for pair in pairs])),
    )
    _save_cache(path, dataset)
    return dataset


def _overlap(train: Sequence[SentencePair], others: Sequence[SentencePair]) -> int:
    """How many of the other pairs share a sentence with train, on either side."""
    src, tgt = {pair.src for pair in train}, {pair.tgt for pair in train}
    return sum(pair.src in src or pair.tgt in tgt for pair in others)


def _select(dataset: BilingualDataset, rows: Offsets) -> BilingualDataset:
    if len(rows) == len(dataset):
        return dataset
    sides = (dataset.src, dataset.tgt)
    return BilingualDataset(*(Sequences.pack([side[int(r)] for r in rows]) for side in sides))


def _cache_path(pairs: Sequence[SentencePair], tokenizers: Tokenizers) -> Path:
    digest = hashlib.blake2b(digest_size=16)
    for part in (tokenizers.src.to_json(), tokenizers.tgt.to_json()):
        digest.update(part.encode() + b"\0")
    for pair in pairs:
        digest.update("\0".join(pair).encode() + b"\0")
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "transformer_mt" / f"{digest.hexdigest()}.safetensors"


def _save_cache(path: Path, dataset: BilingualDataset) -> None:
    arrays = {
        f"{side}.{part}": getattr(getattr(dataset, side), part)
        for side in ("src", "tgt")
        for part in ("ids", "offsets")
    }
    partial = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(arrays, partial)
        partial.replace(path)
    except OSError as error:
        log.warning("%s: the encoded data cannot be cached (%s)", path, error)
