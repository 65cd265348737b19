"""Token embedding and positional encoding (Vaswani et al. 2017, sections 3.4 and 3.5)."""

import math

import torch
from torch import Tensor, nn

from transformer_mt.config.sections import ModelConfig
from transformer_mt.fast.dropout import Dropout


def sinusoids(length: int, d_model: int) -> Tensor:
    """Return sinusoidal positions: sin and cos of pos / 10000^(2i / d_model), i < d_model / 2.

    All sines come first, then all cosines, as in the authors' implementation (tensor2tensor);
    the paper interleaves them, which differs only by a permutation of the dimensions.

    Returns:
        (length, d_model), row 0 for the first token.
    """
    exponents = torch.arange(0, d_model, 2, dtype=torch.float64) / d_model
    # float64: sines of large angles need the precision
    angles = torch.arange(length)[:, None] / 10_000**exponents
    return torch.cat((angles.sin(), angles.cos()), dim=1).float()


class Embedding(nn.Module):
    """Token embedding * sqrt(d_model) + positional encoding, followed by dropout.

    Args:
        config: hyperparameters.
        vocab_size: number of rows of the token embedding.
        pad_id: id of the padding token, whose row is not trained.
        learned_positions: number of learned position vectors; None: sinusoids of any length.
    """

    positions: Tensor

    def __init__(
        self,
        config: ModelConfig,
        vocab_size: int,
        pad_id: int,
        learned_positions: int | None = None,
    ) -> None:
        super().__init__()
        self.token = nn.Embedding(vocab_size, config.d_model, padding_idx=pad_id)
        self.scale = math.sqrt(config.d_model)
        self.dropout = Dropout(config.dropout)
        if learned_positions is None:
            self.register_buffer("positions", sinusoids(512, config.d_model), persistent=False)
        else:
            self.positions = nn.Parameter(torch.empty(learned_positions, config.d_model))

    def forward(self, ids: Tensor, first_position: int = 0) -> Tensor:
        """Embed ids, (batch, len), at positions first_position ...: (batch, len, d_model).

        Raises:
            ValueError: positions are learned, and a position exceeds the learned ones.
        """
        end = first_position + ids.shape[1]
        embedded = self.token(ids) * self.scale + self._positions(end)[first_position:end]
        if torch.is_autocast_enabled(ids.device.type):  # keep activations in bf16
            embedded = embedded.to(torch.get_autocast_dtype(ids.device.type))
        return self.dropout(embedded)

    def _positions(self, length: int) -> Tensor:
        """Return at least `length` position vectors; the sinusoid table grows by doubling."""
        table = self.positions  # another thread may replace self.positions
        if length > len(table):
            if isinstance(table, nn.Parameter):
                raise ValueError(f"{length} positions, but only {len(table)} are learned")
            table = sinusoids(max(length, 2 * len(table)), table.shape[1]).to(table)
            self.positions = table
        return table
