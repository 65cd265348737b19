"""How good a model is: loss on the validation set, BLEU and chrF by real decoding."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from transformer_mt.data.batching import BilingualDataset, Collator, token_batches
from transformer_mt.data.corpus import SentencePair
from transformer_mt.data.tokenizer import EOS_ID, PAD_ID, SOS_ID
from transformer_mt.metrics import corpus_scores, perplexity
from transformer_mt.model.transformer import Transformer
from transformer_mt.training.limits import DivergedError
from transformer_mt.training.loss import label_smoothed_loss
from transformer_mt.translation import Translation
from transformer_mt.translator import Translator


@dataclass(frozen=True, slots=True)
class Validation:
    """The figures of one validation."""

    loss: float
    """Cross-entropy in nats for each target token, without label smoothing."""
    bleu: float
    chrf: float
    translations: list[Translation]

    @property
    def perplexity(self) -> float:
        """exp(loss)."""
        return perplexity(self.loss)

    def figures(self) -> dict[str, float]:
        """Name to number, as logged."""
        return {
            "loss": self.loss,
            "perplexity": self.perplexity,
            "bleu": self.bleu,
            "chrf": self.chrf,
        }


@torch.no_grad()
def corpus_loss(model: Transformer, dataset: BilingualDataset, batch_tokens: int) -> float:
    """Mean cross-entropy for each target token ([EOS] counts), in nats, without smoothing."""
    model.eval()
    device = model.output.weight.device
    collator = Collator(PAD_ID, SOS_ID, EOS_ID)
    total, tokens = 0.0, 0
    for rows in token_batches(dataset, batch_tokens):
        batch = collator.batch(dataset, rows).to(device)
        hidden = model(batch.src, batch.tgt_in)
        total += label_smoothed_loss(
            hidden, model.output.weight, batch.tgt_out, PAD_ID, 0.0, model.output.bias
        ).item()
        tokens += batch.num_tokens
    return total / tokens


def validate(
    model: Transformer,
    translator: Translator,
    dataset: BilingualDataset,
    pairs: Sequence[SentencePair],
    batch_tokens: int,
) -> Validation:
    """Loss of a model on the whole data set, scores of its translations of `pairs`.

    Raises:
        DivergedError: the loss is no longer a number.
    """
    loss = corpus_loss(model, dataset, batch_tokens)
    if not math.isfinite(loss):
        raise DivergedError("the validation loss", loss, lasting=True)
    translations = translator.translate(
        [pair.src for pair in pairs], details=False, batch_tokens=batch_tokens
    )
    bleu, chrf = corpus_scores(
        [t.text for t in translations], [pair.tgt for pair in pairs], names=("BLEU", "chrF")
    )
    return Validation(loss, bleu.value, chrf.value, translations)
