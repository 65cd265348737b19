"""The task of a configuration."""

from typing import Any

from transformer_mt.config import Config
from transformer_mt.data.vocabularies import Vocabulary
from transformer_mt.task_config import ClassificationConfig, LanguageModelConfig, TranslationConfig
from transformer_mt.tasks.classification import ClassificationTask
from transformer_mt.tasks.language_model import LanguageModelTask
from transformer_mt.tasks.task import Task
from transformer_mt.tasks.translation import TranslationTask

_TASKS: dict[type[Config], type[Task[Any, Any, Any]]] = {
    TranslationConfig: TranslationTask,
    LanguageModelConfig: LanguageModelTask,
    ClassificationConfig: ClassificationTask,
}


def make_task(config: Config, vocabulary: Vocabulary) -> Task[Any, Any, Any]:
    """What is to be learned."""
    return _TASKS[type(config)](config, vocabulary)
