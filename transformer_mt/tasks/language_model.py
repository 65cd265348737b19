"""Language modelling: predict each token of a text from those before it."""

import math

from torch import Tensor

from transformer_mt.data.batching import Dataset, Rows, TextBatch, pad
from transformer_mt.data.prepared import Examples
from transformer_mt.data.rows import Text
from transformer_mt.data.tokenizer import PAD_ID
from transformer_mt.data.vocabularies import TextVocabulary
from transformer_mt.generator import TextGenerator
from transformer_mt.metrics import perplexity
from transformer_mt.model.language_model import LanguageModel
from transformer_mt.task_config import LanguageModelConfig
from transformer_mt.tasks.loss import label_smoothed_loss
from transformer_mt.tasks.task import Task, Validation
from transformer_mt.workers import ALONE, Workers

_SAMPLE = 300
"""Tokens that are generated after each validation."""


class LanguageModelTask(Task[LanguageModel, TextBatch, Text]):
    """Loss over all tokens; bits per character, which compare vocabularies of any kind."""

    def __init__(self, config: LanguageModelConfig, vocabulary: TextVocabulary) -> None:
        self.config = config
        self.vocabulary = vocabulary

    def batch(self, dataset: Dataset, rows: Rows) -> TextBatch:
        """A row holds a token to begin after, and then the text."""
        texts = dataset.columns[0].take(rows)
        num_tokens = len(texts.ids) - len(texts)
        whole = pad(texts, PAD_ID)
        inputs, targets = whole[:, :-1], whole[:, 1:]
        return TextBatch(inputs, targets, num_tokens=num_tokens)

    def num_answers(self, dataset: Dataset, rows: Rows) -> int:
        """Every token but the first."""
        return len(dataset.columns[0].take(rows).ids) - len(rows)

    def loss(self, model: LanguageModel, batch: TextBatch, label_smoothing: float) -> Tensor:
        hidden, weight = model(batch.inputs), model.output.weight
        return label_smoothed_loss(hidden, weight, batch.targets, PAD_ID, label_smoothing)

    def validate(
        self, model: LanguageModel, examples: Examples[Text], workers: Workers = ALONE
    ) -> Validation:
        """Loss on a text, and another that the model makes up."""
        dataset = examples.dataset
        loss = self.mean_loss(model, dataset, self.config.training.batch_tokens, workers)
        nats = loss * self.num_answers(dataset, range(len(dataset)))
        figures = {
            "loss": loss,
            "perplexity": perplexity(loss),
            "bits_per_character": nats / math.log(2) / self.data.report.validation_characters,
        }
        samples = []
        if workers.is_main:
            generator = TextGenerator(model, self.vocabulary.tokenizer, self.config.data)
            samples.append("".join(generator.generate("", length=_SAMPLE, temperature=0.8, seed=1)))
        return Validation(figures, samples)
