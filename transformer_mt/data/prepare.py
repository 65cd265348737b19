"""From a corpus to what training reads: tokenizers, cleaned and encoded pairs, and a report."""

import hashlib
import logging
import sys
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from transformer_mt.config import Config
from transformer_mt.console import hides_bars
from transformer_mt.data.batching import BilingualDataset, Sequences
from transformer_mt.data.corpus import Corpus, SentencePair, Source
from transformer_mt.data.prepared import (
    DataReport,
    PreparedData,
    cache_path,
    load_cached,
    save_cached,
)
from transformer_mt.data.tokenizer import Tokenizer, Tokenizers
from transformer_mt.errors import DataError

log = logging.getLogger(__name__)

_RULES = 1
"""Of this package; to be raised when the same text comes to be prepared in another way."""
_CHUNK = 20_000
"""Sentences encoded at a time: while they are, each takes a hundred times the room of its ids."""


def build_tokenizers(config: Config, corpus: Corpus) -> Tokenizers:
    """Learn the vocabularies from the training pairs."""
    src = [pair.src for pair in corpus.train]
    tgt = [pair.tgt for pair in corpus.train]
    if config.tokenizer.joint:
        joint = Tokenizer.build(src + tgt, config.tokenizer)
        return Tokenizers(joint, joint)
    return Tokenizers(*(Tokenizer.build(side, config.tokenizer) for side in (src, tgt)))


def prepare(config: Config, source: Source, tokenizers: Tokenizers) -> PreparedData:
    """Encode and clean a corpus; a second time all comes from the cache, and no text is read.

    Raises:
        DataError: the corpus cannot be used, or no training pair is left.
    """
    path = cache_path(_key(config, source, tokenizers))
    cached = load_cached(path)
    if cached is not None:
        log.debug("prepared data read from %s", path)
        return cached
    data = encode_corpus(config, source.corpus, tokenizers)
    if source.current_fingerprint() == source.fingerprint:  # what was read is what it stands for
        save_cached(path, data)
    return data


def encode_corpus(config: Config, corpus: Corpus, tokenizers: Tokenizers) -> PreparedData:
    """Encode and clean a corpus.

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
    report = DataReport(
        read=len(whole),
        empty=int(empty.sum()),
        too_long=int(too_long.sum()),
        ratio=int(ratio.sum()),
        kept=len(kept),
        duplicates=len(kept) - len(set(kept_pairs)),
        validation=len(corpus.validation),
        test=len(corpus.test),
        validation_overlap=_overlap(kept_pairs, corpus.validation),
        test_overlap=_overlap(kept_pairs, corpus.test),
        notes=tuple(corpus.notes),
    )
    train = whole if len(kept) == len(whole) else whole.take(kept)
    return PreparedData(train, encode(corpus.validation, tokenizers), corpus.validation, report)


def encode_texts(tokenizer: Tokenizer, texts: Sequence[str]) -> Sequences:
    """Token ids of many sentences, with a progress bar where it takes long."""
    parts = []
    bar = tqdm(
        total=len(texts),
        desc="encoding",
        unit="line",
        unit_scale=True,
        delay=1,
        leave=False,
        disable=hides_bars(),
        file=sys.stderr,
    )
    with bar:
        for start in range(0, len(texts), _CHUNK):
            chunk = texts[start : start + _CHUNK]
            parts.append(Sequences.pack(tokenizer.encode_batch(chunk)))
            bar.update(len(chunk))
    return Sequences.join(parts)


def encode(pairs: Sequence[SentencePair], tokenizers: Tokenizers) -> BilingualDataset:
    """Token ids of all pairs."""
    return BilingualDataset(
        encode_texts(tokenizers.src, [pair.src for pair in pairs]),
        encode_texts(tokenizers.tgt, [pair.tgt for pair in pairs]),
    )


def _overlap(train: Sequence[SentencePair], others: Sequence[SentencePair]) -> int:
    """How many of the other pairs share a sentence with train, on either side."""
    src, tgt = {pair.src for pair in others}, {pair.tgt for pair in others}
    src &= {pair.src for pair in train if pair.src in src}
    tgt &= {pair.tgt for pair in train if pair.tgt in tgt}
    return sum(pair.src in src or pair.tgt in tgt for pair in others)


def _key(config: Config, source: Source, tokenizers: Tokenizers) -> str:
    """Equal only where preparing gives the same data."""
    digest = hashlib.blake2b(digest_size=16)
    settings = repr((_RULES, config.data, source.fingerprint))
    for part in (settings, tokenizers.src.to_json(), tokenizers.tgt.to_json()):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()
