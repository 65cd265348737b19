"""The table of tasks, and the task of a configuration."""

from typing import Any

from transformer_mt.config.sections import Config
from transformer_mt.corpus.source import Corpus, Source
from transformer_mt.data.cache import PreparedData
from transformer_mt.data.prepare import load_or_encode
from transformer_mt.text.tokenizer import Vocabulary
from transformer_mt.training.tasks.classification import ClassificationTask
from transformer_mt.training.tasks.language_model import LanguageModelTask
from transformer_mt.training.tasks.task import Task
from transformer_mt.training.tasks.translation import TranslationTask

_CLASSES: tuple[type[Task[Any, Any, Any]], ...] = (
    TranslationTask,
    LanguageModelTask,
    ClassificationTask,
)
TASKS = {each.kind.config: each for each in _CLASSES}
"""Task class by the class of the configuration."""


def task_class(config: Config) -> type[Task[Any, Any, Any]]:
    """Return the task class of a configuration."""
    return TASKS[type(config)]


def build_vocabulary(config: Config, corpus: Corpus[Any]) -> Vocabulary:
    """Build the vocabulary of a run, as `Task.build_vocabulary` of the task does."""
    return task_class(config).build_vocabulary(config, corpus)


def prepare(config: Config, source: Source, vocabulary: Vocabulary) -> PreparedData[Any, Any, Any]:
    """Encode the corpus of a run, or load the encoded one from the cache.

    Raises:
        DataError: the corpus cannot be used, or no training example is left.
    """
    task = task_class(config)
    return load_or_encode(config, source, vocabulary, task.prepared, task.encode_corpus)
