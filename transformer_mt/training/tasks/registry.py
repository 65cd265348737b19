"""The task of a configuration."""

from typing import Any

from transformer_mt.config.sections import Config
from transformer_mt.config.tasks import ClassificationConfig, LanguageModelConfig, TranslationConfig
from transformer_mt.text.vocabularies import Vocabulary
from transformer_mt.training.tasks.classification import ClassificationTask
from transformer_mt.training.tasks.language_model import LanguageModelTask
from transformer_mt.training.tasks.task import Task
from transformer_mt.training.tasks.translation import TranslationTask

_TASKS: dict[type[Config], type[Task[Any, Any, Any]]] = {
    TranslationConfig: TranslationTask,
    LanguageModelConfig: LanguageModelTask,
    ClassificationConfig: ClassificationTask,
}


def make_task(config: Config, vocabulary: Vocabulary) -> Task[Any, Any, Any]:
    """What is to be learned."""
    return _TASKS[type(config)](config, vocabulary)
