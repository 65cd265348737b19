"""From a corpus to what training reads: tokenizers, cleaned and encoded pairs, and a report."""

import hashlib
import logging
import sys
from collections.abc import Iterator, Sequence

from tqdm import tqdm

from transformer_mt.console import hides_bars
from transformer_mt.data.batching import BilingualDataset, Sequences
from transformer_mt.data.cleaning import Cleaning
from transformer_mt.data.corpus import Corpus, SentencePair, Source
from transformer_mt.data.mapped import SCHEMA, ArrowMap, columns_of
from transformer_mt.data.pairs import Pairs, pieces
from transformer_mt.data.prepared import PreparedData, cache_path, load_cached, save_cached
from transformer_mt.data.spool import Spool
from transformer_mt.data.tokenizer import Tokenizer, Tokenizers
from transformer_mt.task_config import TranslationConfig

log = logging.getLogger(__name__)

_RULES = 1
"""Of this package; to be raised when the same text comes to be prepared in another way."""
_PIECE = 20_000
"""Pairs encoded at a time: while they are, each takes a hundred times the room of its ids."""


def build_tokenizers(config: TranslationConfig, corpus: Corpus) -> Tokenizers:
    """Learn the vocabularies from the training pairs."""
    src = (pair.src for pair in corpus.train)
    tgt = (pair.tgt for pair in corpus.train)
    return Tokenizers.build(src, tgt, config.tokenizer)


def prepare(config: TranslationConfig, source: Source, tokenizers: Tokenizers) -> PreparedData:
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
    if source.current_fingerprint() != source.fingerprint:  # no key stands for what was read
        return data
    save_cached(path, data)
    return load_cached(path) or data  # the one that is cached lets the other go


def encode_corpus(
    config: TranslationConfig, corpus: Corpus, tokenizers: Tokenizers
) -> PreparedData:
    """Encode and clean a corpus, a piece at a time.

    Raises:
        DataError: no training pair is left, or there is no room for them.
    """
    cleaning = Cleaning(config.data, corpus)
    spool = Spool(SCHEMA, "encoded text")
    for pairs in in_pieces(corpus.train):
        encoded = encode(pairs, tokenizers)
        rows = cleaning.keep(pairs, encoded.src.lengths, encoded.tgt.lengths)
        spool.write(columns_of(encoded.src.take(rows), encoded.tgt.take(rows)))
    train = ArrowMap.of_spool(spool.finish()).dataset(slice(None))
    report = cleaning.report()
    return PreparedData(train, encode(corpus.validation, tokenizers), corpus.validation, report)


def in_pieces(pairs: Pairs) -> Iterator[list[SentencePair]]:
    """All pairs, some at a time, with a progress bar where it takes long."""
    bar = tqdm(
        total=len(pairs),
        desc="encoding",
        unit="pair",
        unit_scale=True,
        delay=1,
        leave=False,
        disable=hides_bars(),
        file=sys.stderr,
    )
    with bar:
        for piece in pieces(pairs, _PIECE):
            yield piece
            bar.update(len(piece))


def encode(pairs: Sequence[SentencePair], tokenizers: Tokenizers) -> BilingualDataset:
    """Token ids of all pairs."""
    return BilingualDataset(
        encode_texts(tokenizers.src, [pair.src for pair in pairs]),
        encode_texts(tokenizers.tgt, [pair.tgt for pair in pairs]),
    )


def encode_texts(tokenizer: Tokenizer, texts: Sequence[str]) -> Sequences:
    """Token ids of many sentences."""
    parts = (Sequences.pack(tokenizer.encode_batch(piece)) for piece in pieces(texts, _PIECE))
    return Sequences.join(list(parts))


def _key(config: TranslationConfig, source: Source, tokenizers: Tokenizers) -> str:
    """Equal only where preparing gives the same data."""
    digest = hashlib.blake2b(digest_size=16)
    settings = repr((_RULES, config.data, source.fingerprint))
    for part in (settings, tokenizers.src.to_json(), tokenizers.tgt.to_json()):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()
