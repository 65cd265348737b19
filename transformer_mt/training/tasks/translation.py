"""The translation task: predict each target token from the source and the tokens before it."""

from dataclasses import replace
from typing import TYPE_CHECKING

from torch import Tensor

from transformer_mt.config.tasks import TranslationConfig
from transformer_mt.corpus.rows import SentencePair
from transformer_mt.data.batching import BilingualDataset, Collator, Dataset, PairBatch
from transformer_mt.data.cache import Kinds
from transformer_mt.data.reports import DataReport
from transformer_mt.data.sequences import RowNumbers
from transformer_mt.data.translation import encode_pairs, prepare_pairs
from transformer_mt.data.vocabularies import build_tokenizers
from transformer_mt.fast.loss import label_smoothed_loss
from transformer_mt.figures.attention import cross_attention_figure
from transformer_mt.inference.distributed import DistributedTranslator
from transformer_mt.inference.torch_engine import TorchEngine
from transformer_mt.inference.translator import Translator
from transformer_mt.metrics.translation import Scoring, corpus_scores, perplexity
from transformer_mt.model.transformer import Transformer
from transformer_mt.runs.kinds import TRANSLATION
from transformer_mt.runtime.process_group import ProcessGroup
from transformer_mt.text.tokenizer import (
    EOS_ID,
    PAD_ID,
    SOS_ID,
    Tokenizers,
)
from transformer_mt.training.tasks.task import Examples, Task, Validation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SAMPLES = 3
"""Number of translations shown after each validation."""
_COLLATOR = Collator(PAD_ID, SOS_ID, EOS_ID)


class TranslationTask(Task[Transformer, PairBatch, SentencePair]):
    """Task with a loss over all target tokens, and BLEU and chrF of greedy translations."""

    kind = TRANSLATION
    prepared = Kinds(BilingualDataset, SentencePair, DataReport)
    build_vocabulary = staticmethod(build_tokenizers)
    encode_corpus = staticmethod(prepare_pairs)

    config: TranslationConfig
    vocabulary: Tokenizers

    def batch(self, dataset: Dataset, rows: RowNumbers) -> PairBatch:
        return _COLLATOR.batch(dataset, rows)

    def num_answers(self, dataset: Dataset, rows: RowNumbers) -> int:
        """Return the number of target tokens, one [EOS] for each row included."""
        return len(dataset.columns[-1].take(rows).ids) + len(rows)

    def loss(self, model: Transformer, batch: PairBatch, label_smoothing: float) -> Tensor:
        hidden = model(batch.src, batch.tgt_in)
        weight, bias = model.output.weight, model.output.bias
        return label_smoothed_loss(hidden, weight, batch.tgt_out, PAD_ID, label_smoothing, bias)

    def encode(self, rows: list[SentencePair]) -> Examples[SentencePair]:
        return Examples(encode_pairs(rows, self.vocabulary), rows)

    def inspect(
        self, model: Transformer, examples: Examples[SentencePair], loss: float, group: ProcessGroup
    ) -> Validation:
        """Return the loss on all pairs, and the scores of translations of the first pairs.

        The search is greedy, which is enough to compare checkpoints.
        """
        training = self.config.training
        figures = {"loss": loss, "perplexity": perplexity(loss)}
        pairs = examples.rows[: training.validate_sentences]
        greedy = replace(self.config.decoding, beam_size=1)
        own = Translator(TorchEngine(model), self.vocabulary, self.config.data, greedy)
        translator = DistributedTranslator(group, own)
        translations = translator.translate(
            [pair.src for pair in pairs], details=False, batch_tokens=training.batch_tokens
        )
        texts = [translation.text for translation in translations]
        scoring = Scoring.of(self.config.data.tgt_lang)
        references = [pair.tgt for pair in pairs]
        scores = corpus_scores(texts, references, scoring, names=("BLEU", "chrF"))
        bleu, chrf = group.broadcast([score.value for score in scores])
        samples = [
            f"{pair.src}\n  = {text}\n  ~ {pair.tgt}"
            for text, pair in zip(texts[:_SAMPLES], pairs, strict=False)
        ]

        def picture() -> "Figure":
            return _attention(translator, pairs[0])

        figures |= {"bleu": bleu, "chrf": chrf}
        return Validation(figures, samples, picture=("attention", picture))


def _attention(translator: Translator, pair: SentencePair) -> "Figure":
    maps = translator.translate(pair.src, details=False, attention=True).attention
    assert maps is not None
    return cross_attention_figure(maps)
