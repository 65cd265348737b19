"""Training of the vocabulary of a run from the training text."""

import json
from collections.abc import Iterable
from pathlib import Path

from transformer_mt.config.sections import TokenizerConfig
from transformer_mt.config.tasks import (
    ClassificationConfig,
    LanguageModelConfig,
    TextTokenizerConfig,
    TranslationConfig,
)
from transformer_mt.corpus.rows import LabelledText, SentencePair, Text
from transformer_mt.corpus.source import Corpus
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.text.long_texts import parts_of
from transformer_mt.text.tokenizer import SPECIAL_TOKENS, Tokenizer, Tokenizers
from transformer_mt.text.vocabularies import (
    LabelledVocabulary,
    TextVocabulary,
    parse_labels,
)


def build_tokenizers(config: TranslationConfig, corpus: Corpus[SentencePair]) -> Tokenizers:
    """Train the tokenizers of both sides on the training pairs.

    Raises:
        ConfigError: as for `Tokenizers.build`; or a vocabulary is empty.
    """
    src = (pair.src for pair in corpus.train)
    tgt = (pair.tgt for pair in corpus.train)
    languages = config.data.src_lang, config.data.tgt_lang
    built = Tokenizers.build(src, tgt, config.tokenizer, languages)
    for tokenizer, language in zip((built.src, built.tgt), languages, strict=True):
        _refuse_empty(tokenizer, config.tokenizer, language)
    return built


def build_text_vocabulary(config: LanguageModelConfig, corpus: Corpus[Text]) -> TextVocabulary:
    """Train the tokenizer of a language model, or load the tokenizer file that is named.

    Raises:
        DataError: the tokenizer file cannot be read.
        ConfigError: as for `Tokenizer.build`; or the vocabulary is empty.
    """
    texts = (row.text for row in corpus.train)
    return TextVocabulary(_tokenizer(config.tokenizer, texts, is_read=False))


def build_labelled_vocabulary(
    config: ClassificationConfig, corpus: Corpus[LabelledText]
) -> LabelledVocabulary:
    """Collect the labels of a classifier, and train its tokenizer or load the one that is named.

    Raises:
        DataError: the labels are invalid, or the tokenizer file cannot be read.
        ConfigError: as for `Tokenizer.build`; or the vocabulary is empty.
    """
    labels = _check_labels(sorted({row.label for row in corpus.train}, key=_order))
    texts = (row.text for row in corpus.train)
    tokenizer = _tokenizer(config.tokenizer, texts, is_read=True)
    return LabelledVocabulary(tokenizer, labels)


def _tokenizer(config: TextTokenizerConfig, texts: Iterable[str], *, is_read: bool) -> Tokenizer:
    if config.file is None:
        parts = (part for text in texts for part, _ in parts_of(text))
        built = Tokenizer.build(parts, config, is_read=is_read)
        _refuse_empty(built, config, "the text")
        return built
    path = Path(config.file)
    if not path.exists():
        raise DataError(f"tokenizer.file: {path}: there is no such file")
    try:
        return Tokenizer.load(path)
    except DataError as error:
        raise DataError(f"tokenizer.file: {error}") from None


def _refuse_empty(tokenizer: Tokenizer, config: TokenizerConfig, name: str) -> None:
    """Refuse a vocabulary without ordinary tokens.

    Args:
        tokenizer: the trained tokenizer.
        config: settings of the tokenizer.
        name: name of the text for the error message.

    Raises:
        ConfigError: the vocabulary has only special tokens.
    """
    if tokenizer.vocab_size <= len(SPECIAL_TOKENS):
        unit = "character" if config.type == "character" else "word"
        raise ConfigError(
            f"the vocabulary of {name} is empty: no {unit} of the training text occurs"
            f" {config.min_frequency} times; lower tokenizer.min_frequency or train on more text"
        )


def _order(label: str) -> tuple[bool, int, str]:
    """Return a sort key that puts numeric labels first, in numeric order."""
    number = int(label) if label.isdecimal() and len(label) < 10 else None
    return number is None, number or 0, label


def _check_labels(labels: list[str]) -> tuple[str, ...]:
    """Check the labels of the training text, and return them.

    Raises:
        DataError: the labels are invalid.
    """
    if len(labels) < 2:
        raise DataError(
            f"all training texts have the label '{labels[0]}': there is nothing to tell apart"
        )
    text = json.dumps(labels, ensure_ascii=False, indent=0)
    try:
        return parse_labels(text)
    except ValueError as error:
        raise DataError(
            f"the labels of the training text cannot be used ({error}); does data.label_column name"
            " the column of the labels?"
        ) from None
