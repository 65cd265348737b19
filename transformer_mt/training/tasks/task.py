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
    """What one validation found."""

    figures: dict[str, float]
    """Name to number, as logged. `loss` is the cross-entropy in nats for each answer, without label
    smoothing; shares and scores are in percent."""
    samples: list[str] = field(default_factory=list)
    """What the model makes of some examples, for a person to look at."""
    table: list[str] = field(default_factory=list)
    """More figures, as lines for a person."""
    details: dict[str, Any] = field(default_factory=dict)
    """The same as plain values."""
    picture: "tuple[str, Callable[[], Figure]] | None" = None
    """Its name in TensorBoard, and how to draw it."""

    def rank(self, metric: str) -> tuple[float, ...]:
        """Return what checkpoints are compared by: higher is better.

        At equal score the lower loss wins. While BLEU is 0 to the printed digit it says nothing,
        and chrF decides.
        """
        loss, score = self.figures["loss"], self.figures.get(metric, 0.0)
        if metric == "loss":
            return (-loss,)
        if metric == "bleu":
            is_zero = round(score, 2) == 0
            return (0.0, self.figures["chrf"], -loss) if is_zero else (score, 0.0, -loss)
        return (score, -loss)

    def summary(self) -> str:
        """The figures in a line."""
        return ", ".join(_SHOWN[name].format(value) for name, value in self.figures.items())


@dataclass(frozen=True, slots=True)
class Examples(Generic[Row]):
    """What a model is measured on."""

    dataset: Dataset
    rows: list[Row]
    """The same as text."""
    characters: int = 0
    """Of running text; the end of a line is one."""
    unknown: int = 0
    """Tokens of running text that the vocabulary lacks."""


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
        """The given examples, in this order; none is allowed."""

    @abstractmethod
    def num_answers(self, dataset: Dataset, rows: RowNumbers) -> int:
        """`num_tokens` of the batch of these examples, which need not be made for it."""

    @abstractmethod
    def loss(self, model: M, batch: B, label_smoothing: float) -> Tensor:
        """Cross-entropy summed over all answers of a batch, a scalar."""

    @abstractmethod
    def encode(self, rows: list[Row]) -> Examples[Row]:
        """Rows of a corpus, to be measured on."""

    def validation_examples(self, data: PreparedData[Any, Row, Any]) -> Examples[Row]:
        """Those of the data that training has."""
        return Examples(data.validation, data.validation_rows)

    def validate(
        self, model: M, examples: Examples[Row], group: ProcessGroup = ALONE
    ) -> Validation:
        """How good the model is on some examples. Several processes share the work.

        Of a model whose loss is no number nothing else is found out.
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
        """All figures, the loss, which is known, among them."""

    def baselines(self, rows: list[Row], train: Rows[Row]) -> dict[str, float]:  # noqa: ARG002
        """What simple methods reach on some rows that learn from others, by their names."""
        return {}

    def batches(self, dataset: Dataset, budget: int, group: ProcessGroup = ALONE) -> Iterator[B]:
        """All examples, like lengths together; of several processes each gets its part."""
        for rows in token_batches(dataset, budget)[group.rank :: group.world_size]:
            yield self.batch(dataset, rows)

    @torch.no_grad()
    def mean_loss(
        self, model: M, dataset: Dataset, batch_tokens: int, group: ProcessGroup = ALONE
    ) -> float:
        """Mean cross-entropy for each answer of a data set, in nats, without smoothing."""
        model.eval()
        device = next(model.parameters()).device
        total = answers = 0.0
        for batch in self.batches(dataset, batch_tokens, group):
            total += self.loss(model, batch.to(device), 0.0).item()
            answers += batch.num_tokens
        total, answers = group.sum(total, answers)
        return total / answers
