"""The classification task: predict the label of a text."""

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from transformer_mt.config.tasks import ClassificationConfig
from transformer_mt.corpus.rows import LabelledText, Rows
from transformer_mt.data.batching import Dataset, LabelledDataset, TextBatch, pad
from transformer_mt.data.cache import Kinds
from transformer_mt.data.classification import encode_labelled, prepare_labelled
from transformer_mt.data.reports import LabelledReport
from transformer_mt.data.sequences import RowNumbers
from transformer_mt.data.vocabularies import build_labelled_vocabulary
from transformer_mt.fast.loss import label_smoothed_loss
from transformer_mt.figures.confusion import Confusion, confusion_figure
from transformer_mt.model.classifier import Classifier
from transformer_mt.runs.kinds import CLASSIFICATION
from transformer_mt.runtime.process_group import ALONE, ProcessGroup
from transformer_mt.text.tokenizer import PAD_ID
from transformer_mt.text.vocabularies import LabelledVocabulary
from transformer_mt.training.tasks.task import Examples, Task, Validation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NO_LABEL = -1
"""Padding label of the loss, which no text has."""


class ClassificationTask(Task[Classifier, TextBatch, LabelledText]):
    """Task with a loss over all texts; accuracy, macro F1 and a confusion matrix."""

    kind = CLASSIFICATION
    prepared = Kinds(LabelledDataset, LabelledText, LabelledReport)
    build_vocabulary = staticmethod(build_labelled_vocabulary)
    encode_corpus = staticmethod(prepare_labelled)

    config: ClassificationConfig
    vocabulary: LabelledVocabulary

    def batch(self, dataset: Dataset, rows: RowNumbers) -> TextBatch:
        texts, labels = (column.take(rows) for column in dataset.columns)
        targets = torch.from_numpy(labels.ids.astype(np.int64))
        return TextBatch(pad(texts, PAD_ID), targets, num_tokens=len(targets))

    def num_answers(self, dataset: Dataset, rows: RowNumbers) -> int:  # noqa: ARG002
        """Return the number of texts, as each has one label."""
        return len(rows)

    def loss(self, model: Classifier, batch: TextBatch, label_smoothing: float) -> Tensor:
        pooled, output = model(batch.inputs), model.output
        return label_smoothed_loss(
            pooled, output.weight, batch.targets, _NO_LABEL, label_smoothing, output.bias
        )

    def encode(self, rows: list[LabelledText]) -> Examples[LabelledText]:
        dataset, _ = encode_labelled(self.config.data, rows, self.vocabulary, "test")
        return Examples(dataset, rows)

    def baselines(self, rows: list[LabelledText], train: Rows[LabelledText]) -> dict[str, float]:
        """Return the accuracy of always predicting the most frequent training label."""
        ((commonest, _),) = Counter(row.label for row in train).most_common(1)
        share = sum(row.label == commonest for row in rows) / len(rows)
        return {"accuracy, always the commonest label": 100 * share}

    def inspect(
        self, model: Classifier, examples: Examples[LabelledText], loss: float, group: ProcessGroup
    ) -> Validation:
        """Return loss, accuracy and macro F1, with the confusion matrix."""
        confusion = self.confusion(model, examples.dataset, group)

        def picture() -> "Figure":
            return confusion_figure(confusion)

        figures = {"loss": loss, "accuracy": confusion.accuracy, "macro_f1": confusion.macro_f1}
        return Validation(
            figures,
            picture=("confusion", picture),
            table=confusion.lines(),
            details=confusion.to_dict(),
        )

    @torch.no_grad()
    def confusion(
        self, model: Classifier, dataset: Dataset, group: ProcessGroup = ALONE
    ) -> Confusion:
        """Return the confusion matrix of a model on a data set."""
        model.eval()
        device = model.output.weight.device
        size = len(self.vocabulary.labels)
        counts = torch.zeros(size * size, dtype=torch.int64)
        for batch in self.batches(dataset, self.config.training.batch_tokens, group):
            predicted = model.project(model(batch.inputs.to(device))).argmax(dim=1).cpu()
            counts += (batch.targets * size + predicted).bincount(minlength=size * size)
        counts = counts.view(size, size)
        summed = group.sum(*counts.flatten().tolist())
        table = np.array(summed, dtype=np.int64).reshape(size, size)
        return Confusion(self.vocabulary.labels, table)
