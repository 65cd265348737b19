"""Configuration, vocabulary and model classes of each task."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import nn

from transformer_mt.config.sections import Config
from transformer_mt.config.tasks import ClassificationConfig, LanguageModelConfig, TranslationConfig
from transformer_mt.model.classifier import Classifier
from transformer_mt.model.language_model import LanguageModel
from transformer_mt.model.transformer import Transformer
from transformer_mt.text.tokenizer import PAD_ID, Tokenizers
from transformer_mt.text.vocabularies import LabelledVocabulary, TextVocabulary, Vocabulary

C = TypeVar("C", bound=Config)
V = TypeVar("V", bound=Vocabulary)
M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True, slots=True)
class RunKind(Generic[C, V, M]):
    """The classes of a task, and the function that builds an untrained model."""

    config: type[C]
    vocabulary: type[V]
    make_model: Callable[[C, V], M]


def _translator(config: TranslationConfig, tokenizers: Tokenizers) -> Transformer:
    src_size, tgt_size = tokenizers.sizes
    return Transformer(config.model, src_size, tgt_size, pad_id=PAD_ID)


def _language_model(config: LanguageModelConfig, vocabulary: TextVocabulary) -> LanguageModel:
    size, length = vocabulary.tokenizer.vocab_size, config.data.block_size
    return LanguageModel(config.model, size, pad_id=PAD_ID, max_length=length)


def _classifier(config: ClassificationConfig, vocabulary: LabelledVocabulary) -> Classifier:
    size, num_classes = vocabulary.tokenizer.vocab_size, len(vocabulary.labels)
    length = config.data.max_length
    return Classifier(config.model, size, num_classes, pad_id=PAD_ID, max_length=length)


TRANSLATION = RunKind(TranslationConfig, Tokenizers, _translator)
LANGUAGE_MODEL = RunKind(LanguageModelConfig, TextVocabulary, _language_model)
CLASSIFICATION = RunKind(ClassificationConfig, LabelledVocabulary, _classifier)
