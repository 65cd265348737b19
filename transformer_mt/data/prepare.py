"""Preparation of training data from a corpus, with a cache."""

import hashlib
import logging
from collections.abc import Callable
from typing import Any

from transformer_mt.config.sections import Config
from transformer_mt.corpus.source import (
    Corpus,
    Source,
)
from transformer_mt.data.cache import (
    Kinds,
    PreparedData,
    cache_path,
    load_cached,
    save_cached,
)
from transformer_mt.text.tokenizer import Vocabulary

log = logging.getLogger(__name__)

_RULES = 3
"""Version of the preparation, part of the cache key; increase when the output changes."""


def load_or_encode(
    config: Config,
    source: Source,
    vocabulary: Vocabulary,
    kinds: Kinds[Any, Any, Any],
    encode: Callable[[Any, Corpus[Any], Any], PreparedData[Any, Any, Any]],
) -> PreparedData[Any, Any, Any]:
    """Encode a corpus, or load it from the cache, without reading any text.

    Args:
        config: settings of the run.
        source: source of the text.
        vocabulary: vocabulary of the run.
        kinds: classes of the parts of the prepared data.
        encode: function of the task that encodes a corpus: (config, corpus, vocabulary).

    Raises:
        DataError: the corpus cannot be used, or no training example is left.
    """
    path = cache_path(_key(config, source, vocabulary))
    cached = load_cached(path, kinds)
    if cached is not None:
        log.debug("prepared data read from %s", path)
        return cached
    data = encode(config, source.corpus, vocabulary)
    if source.current_fingerprint() != source.fingerprint:  # no key stands for what was read
        return data
    save_cached(path, data)
    return load_cached(path, kinds) or data  # the cached data are mapped, which frees memory


def _key(config: Config, source: Source, vocabulary: Vocabulary) -> str:
    """Return the cache key: a hash of everything that determines the prepared data."""
    digest = hashlib.blake2b(digest_size=16)
    settings = repr((_RULES, config.data, source.fingerprint))
    for part in (settings, *vocabulary.texts().values()):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()
