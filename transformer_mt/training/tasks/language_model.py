"""The language-model task: predict each token of a text from the tokens before it."""

import math
from collections.abc import Iterable, Iterator

import numpy as np
from torch import Tensor

from transformer_mt.config.tasks import LanguageModelConfig
from transformer_mt.corpus.rows import Rows, Text
from transformer_mt.data.batching import (
    Dataset,
    TextBatch,
    TextDataset,
    pad,
)
from transformer_mt.data.cache import Kinds, PreparedData
from transformer_mt.data.language_model import encode_text, prepare_text
from transformer_mt.data.reports import TextReport
from transformer_mt.data.sequences import RowNumbers
from transformer_mt.data.vocabularies import build_text_vocabulary
from transformer_mt.errors import DataError
from transformer_mt.fast.loss import label_smoothed_loss
from transformer_mt.inference.generator import TextGenerator
from transformer_mt.metrics.translation import perplexity
from transformer_mt.metrics.trigram import TrigramModel
from transformer_mt.model.language_model import LanguageModel
from transformer_mt.runs.kinds import LANGUAGE_MODEL
from transformer_mt.runtime.process_group import ProcessGroup
from transformer_mt.text.tokenizer import PAD_ID
from transformer_mt.text.vocabularies import TextVocabulary
from transformer_mt.training.tasks.task import Examples, Task, Validation

_SAMPLE = 200
"""Number of tokens generated after each validation."""


class LanguageModelTask(Task[LanguageModel, TextBatch, Text]):
    """Task with a loss over all tokens; bits per character compare models of any vocabulary."""

    kind = LANGUAGE_MODEL
    prepared = Kinds(TextDataset, Text, TextReport)
    build_vocabulary = staticmethod(build_text_vocabulary)
    encode_corpus = staticmethod(prepare_text)

    config: LanguageModelConfig
    vocabulary: TextVocabulary

    def batch(self, dataset: Dataset, rows: RowNumbers) -> TextBatch:
        """Return a batch of rows, each a start token followed by the text."""
        texts = dataset.columns[0].take(rows)
        whole = pad(texts, PAD_ID)
        return TextBatch(whole[:, :-1], whole[:, 1:], num_tokens=len(texts.ids) - len(texts))

    def num_answers(self, dataset: Dataset, rows: RowNumbers) -> int:
        """Return the number of tokens without the first of each row."""
        return len(dataset.columns[0].take(rows).ids) - len(rows)

    def loss(self, model: LanguageModel, batch: TextBatch, label_smoothing: float) -> Tensor:
        hidden, weight = model(batch.inputs), model.output.weight
        return label_smoothed_loss(hidden, weight, batch.targets, PAD_ID, label_smoothing)

    def encode(self, rows: list[Text]) -> Examples[Text]:
        dataset, counts = encode_text(self.config.data, rows, self.vocabulary)
        if not len(dataset):
            raise DataError("there is no text to measure the model on: no line has a token")
        return Examples(dataset, rows, counts.characters, counts.unknown)

    def validation_examples(
        self, data: PreparedData[TextDataset, Text, TextReport]
    ) -> Examples[Text]:
        counts = data.report.splits["validation"]
        return Examples(data.validation, data.validation_rows, counts.characters, counts.unknown)

    def inspect(
        self, model: LanguageModel, examples: Examples[Text], loss: float, group: ProcessGroup
    ) -> Validation:
        """Return the loss and bits per character, with a sample of generated text."""
        dataset = examples.dataset
        tokens = self.num_answers(dataset, np.arange(len(dataset), dtype=np.int32))
        figures = {
            "loss": loss,
            "perplexity": perplexity(loss),
            "bits_per_character": loss * tokens / math.log(2) / max(examples.characters, 1),
        }
        table, samples = [], []
        if examples.unknown:  # unknown tokens are easily predicted
            share = 100 * examples.unknown / tokens
            table = [f"{share:.2f} % of the tokens are unknown to the vocabulary"]
        if group.is_main:
            generator = TextGenerator(model, self.vocabulary.tokenizer, self.config.data)
            samples = ["".join(generator.generate(length=_SAMPLE, temperature=0.8, seed=1))]
        return Validation(figures, samples, table)

    def baselines(self, rows: list[Text], train: Rows[Text]) -> dict[str, float]:
        """Return the bits per character of a tri-gram model of characters."""
        trigrams = TrigramModel.of(text for (text,) in self._counted(train))
        texts = (text for (text,) in self._counted(rows))
        return {"tri-gram bits per character": trigrams.bits_per_character(texts)}

    def _counted(self, rows: Iterable[Text]) -> Iterator[Text]:
        """Yield the rows that count: all in blocks, else those with text."""
        whole = self.config.data.examples == "blocks"
        return (row for row in rows if whole or row.text.strip())
