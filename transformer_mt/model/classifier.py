"""Text classifier: an encoder, pooling over positions and a linear output layer."""

import torch
from torch import Tensor

from transformer_mt.config.tasks import EncoderOnlyConfig
from transformer_mt.fast.linear import Linear
from transformer_mt.model.base import SingleStack
from transformer_mt.model.masks import padding_mask


class Classifier(SingleStack):
    """Encoder-only classifier of texts of at most `max_length` tokens."""

    def __init__(
        self,
        config: EncoderOnlyConfig,
        vocab_size: int,
        num_classes: int,
        pad_id: int,
        max_length: int,
    ) -> None:
        super().__init__(config, vocab_size, pad_id, max_length)
        self.pool = {"mean": masked_mean, "max": masked_max}[config.pooling]
        self.output = Linear(config.d_model, num_classes)
        self.reset_parameters()

    def forward(self, ids: Tensor) -> Tensor:
        """Encode and pool ids.

        Args:
            ids: (batch, len), padded on the right, with at least one token in each row.

        Returns:
            (batch, d_model)
        """
        mask = padding_mask(ids, self.pad_id)
        x = self.embedding(ids)
        for layer in self.layers:
            x = layer(x, mask)
        return self.pool(self.norm(x), mask[:, 0, 0, :, None])


def masked_mean(x: Tensor, real: Tensor) -> Tensor:
    """Average x, (batch, len, d_model), where real, (batch, len, 1): (batch, d_model)."""
    return x.masked_fill(~real, 0).sum(dim=1) / real.sum(dim=1)


def masked_max(x: Tensor, real: Tensor) -> Tensor:
    """Maximise x, (batch, len, d_model), where real, (batch, len, 1): (batch, d_model)."""
    return x.masked_fill(~real, -torch.inf).amax(dim=1)
