"""The base class of the tasks: everything that differs between them in training.

A new task is entered in two places: its configuration in `config.tasks.CONFIGS`, and a subclass of
`Task`, with its rows, vocabulary, model, batches, loss and validation, in `TASKS` of `registry`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn

from transformer_mt.config.sections import Config
from transformer_mt.corpus.rows import Row, Rows
from transformer_mt.corpus.source import Corpus
from transformer_mt.data.batching import Batch, Dataset, token_batches
from transformer_mt.data.cache import Kinds, PreparedData
from transformer_mt.data.sequences import RowNumbers
from transformer_mt.runs.kinds import RunKind
from transformer_mt.runtime.process_group import ALONE, ProcessGroup
from transformer_mt.text.tokenizer import Vocabulary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

M = TypeVar("M", bound=nn.Module)
B = TypeVar("B", bound=Batch)

_SHOWN = {
    "loss": "loss {:.3f}",
    "perplexity": "perplexity {:.2f}",
    "bits_per_character": "bits per character {:.3f}",
    "bleu": "BLEU {:.2f}",
    "chrf": "chrF {:.2f}",
    "accuracy": "accuracy {:.2f}",
    "macro_f1": "macro F1 {:.2f}",
}


@dataclass(frozen=True, slots=True)
class Validation:
    """Result of one validation."""

    figures: dict[str, float]
    """Numbers by name, as logged. `loss` is the mean cross-entropy of a target in nats, without
    label smoothing; shares and scores are in percent."""
    samples: list[str] = field(default_factory=list)
    """Outputs of the model for some examples, as text."""
    table: list[str] = field(default_factory=list)
    """More figures, as lines of text."""
    details: dict[str, Any] = field(default_factory=dict)
    """The figures of `table` as plain values."""
    picture: "tuple[str, Callable[[], Figure]] | None" = None
    """Name of a picture in TensorBoard, and the function that draws it."""

    def rank(self, metric: str) -> tuple[float, ...]:
        """Return the key by which checkpoints are compared; higher is better.

        At equal score the lower loss wins. While BLEU is 0 to the printed digit, chrF decides.
        """
        loss, score = self.figures["loss"], self.figures.get(metric, 0.0)
        if metric == "loss":
            return (-loss,)
        if metric == "bleu":
            is_zero = round(score, 2) == 0
            return (0.0, self.figures["chrf"], -loss) if is_zero else (score, 0.0, -loss)
        return (score, -loss)

    def summary(self) -> str:
        """Return the figures in one line."""
        return ", ".join(_SHOWN[name].format(value) for name, value in self.figures.items())


@dataclass(frozen=True, slots=True)
class Examples(Generic[Row]):
    """Examples that a model is measured on."""

    dataset: Dataset
    rows: list[Row]
    """The rows of the data set as text."""
    characters: int = 0
    """Number of characters of running text, line ends included."""
    unknown: int = 0
    """Number of unknown tokens of running text."""


class Task(ABC, Generic[M, B, Row]):
    """A task: its rows, vocabulary, model, batches, loss and validation.

    Args:
        config: settings of the run, of the class `kind.config`.
        vocabulary: vocabulary of the run, of the class `kind.vocabulary`.
    """

    kind: ClassVar[RunKind[Any, Any, Any]]
    """Configuration, vocabulary and model of the runs of the task."""
    prepared: ClassVar[Kinds[Any, Any, Any]]
    """Classes of the prepared data: data set, rows and report."""

    config: Config
    vocabulary: Vocabulary

    @staticmethod
    @abstractmethod
    def build_vocabulary(config: Any, corpus: Corpus[Any]) -> Vocabulary:
        """Build the vocabulary of a run from the training text of its corpus.

        Raises:
            DataError: the text cannot be used, or a tokenizer file cannot be read.
            ConfigError: as for `Tokenizer.build`; or the vocabulary is empty.
        """

    @staticmethod
    @abstractmethod
    def encode_corpus(
        config: Any, corpus: Corpus[Any], vocabulary: Any
    ) -> PreparedData[Any, Any, Any]:
        """Encode the training and validation rows of a corpus.

        Raises:
            DataError: no training example is left.
        """

    def __init__(self, config: Any, vocabulary: Any) -> None:
        self.config = config
        self.vocabulary = vocabulary

    @abstractmethod
    def batch(self, dataset: Dataset, rows: RowNumbers) -> B:
        """Return a batch of the given examples, in this order; there may be none."""

    @abstractmethod
    def num_answers(self, dataset: Dataset, rows: RowNumbers) -> int:
        """Return `num_tokens` of the batch of these examples, without making the batch."""

    @abstractmethod
    def loss(self, model: M, batch: B, label_smoothing: float) -> Tensor:
        """Return the cross-entropy summed over all targets of a batch, a scalar."""

    @abstractmethod
    def encode(self, rows: list[Row]) -> Examples[Row]:
        """Encode rows of a corpus for measuring a model."""

    def validation_examples(self, data: PreparedData[Any, Row, Any]) -> Examples[Row]:
        """Return the validation examples of prepared data."""
        return Examples(data.validation, data.validation_rows)

    def validate(
        self, model: M, examples: Examples[Row], group: ProcessGroup = ALONE
    ) -> Validation:
        """Measure a model on examples; several processes share the work.

        If the loss is not finite, nothing else is measured.
        """
        batch_tokens = self.config.training.batch_tokens
        loss = self.mean_loss(model, examples.dataset, batch_tokens, group)
        if not math.isfinite(loss):
            return Validation({"loss": loss})
        return self.inspect(model, examples, loss, group)

    @abstractmethod
    def inspect(
        self, model: M, examples: Examples[Row], loss: float, group: ProcessGroup
    ) -> Validation:
        """Measure all figures but the loss, which is given and included in the result."""

    def baselines(self, rows: list[Row], train: Rows[Row]) -> dict[str, float]:  # noqa: ARG002
        """Return figures of simple methods trained on `train`, by name."""
        return {}

    def batches(self, dataset: Dataset, budget: int, group: ProcessGroup = ALONE) -> Iterator[B]:
        """Yield batches of examples sorted by length; each process of a group has its share."""
        for rows in token_batches(dataset, budget)[group.rank :: group.world_size]:
            yield self.batch(dataset, rows)

    @torch.no_grad()
    def mean_loss(
        self, model: M, dataset: Dataset, batch_tokens: int, group: ProcessGroup = ALONE
    ) -> float:
        """Return the mean cross-entropy of a target in nats, without label smoothing."""
        model.eval()
        device = next(model.parameters()).device
        total = answers = 0.0
        for batch in self.batches(dataset, batch_tokens, group):
            total += self.loss(model, batch.to(device), 0.0).item()
            answers += batch.num_tokens
        total, answers = group.sum(total, answers)
        return total / answers
