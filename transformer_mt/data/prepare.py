"""Preparation of training data from a corpus, with a cache."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from transformer_mt.config.sections import Config
from transformer_mt.config.tasks import ClassificationConfig, LanguageModelConfig, TranslationConfig
from transformer_mt.corpus.source import (
    Corpus,
    LabelledText,
    SentencePair,
    Source,
    Text,
)
from transformer_mt.data.batching import BilingualDataset, LabelledDataset, TextDataset
from transformer_mt.data.cache import (
    Kinds,
    PreparedData,
    cache_path,
    load_cached,
    save_cached,
)
from transformer_mt.data.classification import prepare_labelled
from transformer_mt.data.language_model import prepare_text
from transformer_mt.data.reports import DataReport, LabelledReport, TextReport
from transformer_mt.data.translation import prepare_pairs
from transformer_mt.text.tokenizer import Vocabulary

log = logging.getLogger(__name__)

_RULES = 3
"""Version of the preparation, part of the cache key; increase when the output changes."""


@dataclass(frozen=True, slots=True)
class _Preparing:
    """Data classes and encoding function of a task."""

    kinds: Kinds[Any, Any, Any]
    encode: Callable[[Any, Corpus[Any], Any], PreparedData[Any, Any, Any]]


_TASKS: dict[type[Config], _Preparing] = {
    TranslationConfig: _Preparing(Kinds(BilingualDataset, SentencePair, DataReport), prepare_pairs),
    LanguageModelConfig: _Preparing(Kinds(TextDataset, Text, TextReport), prepare_text),
    ClassificationConfig: _Preparing(
        Kinds(LabelledDataset, LabelledText, LabelledReport), prepare_labelled
    ),
}


def prepare(config: Config, source: Source, vocabulary: Vocabulary) -> PreparedData[Any, Any, Any]:
    """Encode a corpus, or load the encoded data from the cache without reading text.

    Raises:
        DataError: the corpus is invalid, or no training example is left.
    """
    task = _TASKS[type(config)]
    path = cache_path(_key(config, source, vocabulary))
    cached = load_cached(path, task.kinds)
    if cached is not None:
        log.debug("prepared data read from %s", path)
        return cached
    data = task.encode(config, source.corpus, vocabulary)
    if source.current_fingerprint() != source.fingerprint:  # files changed meanwhile
        return data
    save_cached(path, data)
    return load_cached(path, task.kinds) or data  # frees the spool file of `data`


def _key(config: Config, source: Source, vocabulary: Vocabulary) -> str:
    """Return the cache key: a hash of everything that determines the prepared data."""
    digest = hashlib.blake2b(digest_size=16)
    settings = repr((_RULES, config.data, source.fingerprint))
    for part in (settings, *vocabulary.texts().values()):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()
