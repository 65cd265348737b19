"""A new task is entered in two places, its configuration and its `Task`: here both in one file.

The task is a bigram model: predict each token of a text from the one before it.
"""

import math
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Literal

import pytest
from tiny_runs import tmt, write
from torch import Tensor, nn

import transformer_mt
from transformer_mt.config.tasks import (
    CONFIGS,
    DecoderOnlyConfig,
    LanguageModelConfig,
    LanguageModelTrainingConfig,
    TextConfig,
    TextTokenizerConfig,
)
from transformer_mt.corpus.rows import Text
from transformer_mt.corpus.source import Corpus
from transformer_mt.data.batching import Dataset, TextBatch, TextDataset, pad
from transformer_mt.data.cache import Kinds
from transformer_mt.data.language_model import encode_text, prepare_text
from transformer_mt.data.reports import TextReport
from transformer_mt.data.sequences import RowNumbers
from transformer_mt.runs.kinds import RunKind
from transformer_mt.runtime.process_group import ProcessGroup
from transformer_mt.text.tokenizer import PAD_ID, Tokenizer
from transformer_mt.text.vocabularies import TextVocabulary
from transformer_mt.training.tasks.registry import TASKS
from transformer_mt.training.tasks.task import Examples, Task, Validation

pytestmark = pytest.mark.usefixtures("own_cache")

LINES = ["".join(blocks) for blocks in product(("ab", "cd"), repeat=7)]
YAML = """
task: bigram
run_dir: {folder}/run
data: {{train: {folder}/text.txt, examples: lines, heldout_size: 4}}
tokenizer: {{type: character}}
model: {{d_model: 2, num_heads: 1, d_ff: 1, num_layers: 1}}
training: {{batch_tokens: 400, max_steps: 200, learning_rate: 0.1, warmup_steps: 1,
  schedule: linear, validate_every: 100, precision: fp32, best_metric: loss}}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class BigramConfig(LanguageModelConfig):
    """Settings of a bigram model; the shape of the Transformer is not used."""

    task: Literal["bigram"] = "bigram"  # type: ignore[assignment]
    data: TextConfig
    tokenizer: TextTokenizerConfig = field(default_factory=TextTokenizerConfig)
    model: DecoderOnlyConfig = field(default_factory=DecoderOnlyConfig)
    training: LanguageModelTrainingConfig = field(default_factory=LanguageModelTrainingConfig)

    def describe(self) -> dict[str, str]:
        return {"model": "a table"}


def make_table(_: BigramConfig, vocabulary: TextVocabulary) -> nn.Embedding:
    (size,) = vocabulary.sizes
    return nn.Embedding(size, size)


class BigramTask(Task[nn.Embedding, TextBatch, Text]):
    """Row i of the table holds the logits of the token that follows token i."""

    kind = RunKind(BigramConfig, TextVocabulary, make_table)
    prepared = Kinds(TextDataset, Text, TextReport)
    encode_corpus = staticmethod(prepare_text)

    @staticmethod
    def build_vocabulary(config: BigramConfig, corpus: Corpus[Text]) -> TextVocabulary:
        texts = (row.text for row in corpus.train)
        return TextVocabulary(Tokenizer.build(texts, config.tokenizer, is_read=False))

    def batch(self, dataset: Dataset, rows: RowNumbers) -> TextBatch:
        whole = pad(dataset.columns[0].take(rows), PAD_ID)
        return TextBatch(whole[:, :-1], whole[:, 1:], num_tokens=self.num_answers(dataset, rows))

    def num_answers(self, dataset: Dataset, rows: RowNumbers) -> int:
        return len(dataset.columns[0].take(rows).ids) - len(rows)

    def loss(self, model: nn.Embedding, batch: TextBatch, label_smoothing: float) -> Tensor:
        del label_smoothing
        logits, targets = model(batch.inputs).flatten(0, 1), batch.targets.flatten()
        return nn.functional.cross_entropy(logits, targets, ignore_index=PAD_ID, reduction="sum")

    def encode(self, rows: list[Text]) -> Examples[Text]:
        return Examples(encode_text(self.config.data, rows, self.vocabulary)[0], rows)  # type: ignore[arg-type]

    def inspect(
        self, model: nn.Embedding, examples: Examples[Text], loss: float, group: ProcessGroup
    ) -> Validation:
        del model, examples, group
        return Validation({"loss": loss, "perplexity": math.exp(loss)})


def test_a_task_of_one_file_is_trained_resumed_and_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONFIGS, "bigram", BigramConfig)
    tasks: dict[Any, Any] = TASKS
    monkeypatch.setitem(tasks, BigramConfig, BigramTask)
    write(tmp_path / "text.txt", "".join(f"{line}\n" for line in LINES))
    config = write(tmp_path / "c.yaml", YAML.format(folder=tmp_path))
    first = tmt("train", "-q", "-c", config, "--device=cpu", "--set=training.max_steps=100")
    assert first.exit_code == 0, first.stderr
    again = tmt("train", "-q", "-c", config, "--device=cpu")
    assert again.exit_code == 0, again.stderr
    found = transformer_mt.describe_run(tmp_path / "run")
    assert (found["task"], found["model"]) == ("bigram", "a table")
    assert found["status"] == "finished (all updates made)"
    figures = transformer_mt.evaluate_run(tmp_path / "run", split="validation").found.figures
    # of the 15 tokens of a line the first is a or c, and after each of 7 b or d comes a, c or [EOS]
    after_block = -6 / 7 * math.log(3 / 7) - 1 / 7 * math.log(1 / 7)
    entropy = (math.log(2) + 7 * after_block) / 15
    assert figures["loss"] == pytest.approx(entropy, abs=0.02)
