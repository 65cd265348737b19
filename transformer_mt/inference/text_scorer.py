"""Scoring of texts with a language model: log-probabilities, and shallow fusion in a search."""

import math
from collections.abc import Sequence

import torch
from torch.nn.utils.rnn import pad_sequence

from transformer_mt.config.tasks import TextConfig
from transformer_mt.decoding.fusion import LanguageModelFusion
from transformer_mt.decoding.log_probs import log_probs_of_targets
from transformer_mt.decoding.window import Window, windows
from transformer_mt.errors import ConfigError, DamagedWeightsError
from transformer_mt.inference.batches import batches
from transformer_mt.inference.engine import Ids
from transformer_mt.model.language_model import LanguageModel
from transformer_mt.text.tokenizer import (
    EOS_ID,
    PAD_ID,
    SOS_ID,
    Tokenizer,
)


class TorchLanguageModel:
    """A trained language model with its tokenizer.

    Args:
        model: the model, on any device; used in evaluation mode.
        tokenizer: the tokenizer of the model.
        data: the data settings of the training.
    """

    def __init__(self, model: LanguageModel, tokenizer: Tokenizer, data: TextConfig) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.data = data

    def log_probs(self, texts: Sequence[str], *, batch_tokens: int = 4096) -> list[float]:
        """Return the log-probability of each text, [EOS] included; each text is one line.

        Raises:
            DamagedWeightsError: the model's scores are not finite.
        """
        ids = self.tokenizer.encode_batch(texts)
        found = [sum(each) for each in self.token_log_probs(ids, batch_tokens=batch_tokens)]
        if any(map(math.isnan, found)):
            raise DamagedWeightsError
        return found

    @torch.inference_mode()
    def token_log_probs(
        self, texts: Sequence[Ids], *, batch_tokens: int = 4096
    ) -> list[tuple[float, ...]]:
        """Return the log-probability of every token of each text and, last, of [EOS].

        A text longer than the model's window is read with the windows that generation uses.

        Args:
            texts: token ids without [SOS] and [EOS].
            batch_tokens: positions of a batch; changes speed and memory only.
        """
        self.model.eval()
        whole = [torch.tensor([start_id(self.data), *ids, EOS_ID]) for ids in texts]
        parts = [
            (row, window)
            for row, ids in enumerate(texts)
            for window in windows(len(ids) + 1, self.model.max_length)
        ]
        found = [[0.0] * (len(ids) + 1) for ids in texts]
        for batch in batches([w.end - w.begin for _, w in parts], batch_tokens):
            chosen = [(whole[parts[n][0]], parts[n][1]) for n in batch]
            for n, log_probs in zip(batch, self._read(chosen), strict=True):
                row, window = parts[n]
                new = log_probs[window.first - window.begin : window.end - window.begin]
                found[row][window.first : window.end] = new
        return [tuple(each) for each in found]

    def _read(self, parts: Sequence[tuple[torch.Tensor, Window]]) -> list[list[float]]:
        """Return the log-probabilities of the next tokens in windows of texts, then of padding."""
        padded = pad_sequence(
            [text[window.begin : window.end + 1] for text, window in parts],
            batch_first=True,
            padding_value=PAD_ID,
        ).to(self.model.output.weight.device)
        hidden = self.model(padded[:, :-1])
        return log_probs_of_targets(self.model.project, hidden, padded[:, 1:]).tolist()

    def fusion(self, weight: float, tokenizer: Tokenizer) -> LanguageModelFusion:
        """Return the shallow fusion of this model for a translator's search.

        Args:
            weight: weight of the language model's log-probabilities.
            tokenizer: the translator's target tokenizer.

        Raises:
            ConfigError: the two tokenizers differ, or the weight is negative.
        """
        if self.tokenizer.to_json() != tokenizer.to_json():
            raise ConfigError(
                "the language model's tokens are not those of the translator's target side:"
                " train it with tokenizer.file: RUN/tokenizer.tgt.json, RUN the translator's"
            )
        self.model.eval()
        return LanguageModelFusion(self.model, weight, start_id(self.data))


def start_id(data: TextConfig) -> int:
    """Return the id before a text: [EOS] (end of the line before) for blocks, else [SOS]."""
    return EOS_ID if data.examples == "blocks" else SOS_ID
