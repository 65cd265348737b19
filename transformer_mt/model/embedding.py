"""Token embedding and positional encoding (Vaswani et al. 2017, sections 3.4 and 3.5)."""

import math

import torch
from torch import Tensor, nn

from transformer_mt.config.sections import ModelConfig
from transformer_mt.fast.dropout import Dropout


def sinusoids(length: int, d_model: int) -> Tensor:
    """PE(pos) = sin and cos of pos / 10000^(2i / d_model), i < d_model / 2.

    All sines come first, then all cosines, as in the authors' own program: the paper's
    interleaving up to a permutation of the dimensions, which the learned layers do not see.

    Returns:
        (length, d_model), row 0 for the first token.
    """
    exponents = torch.arange(0, d_model, 2, dtype=torch.float64) / d_model
    angles = torch.arange(length)[:, None] / 10_000**exponents  # large ones need the precision
    return torch.cat((angles.sin(), angles.cos()), dim=1).float()


class Embedding(nn.Module):
    """Token embedding times sqrt(d_model), plus the position, with dropout.

    Args:
        config: hyperparameters.
        vocab_size: rows of the token embedding.
        pad_id: the token whose row is not trained.
        learned_positions: how many places have a learned vector; None: sines and cosines, of
            which there is no end.
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
        """ids: (batch, len), at positions first_position ... -> (batch, len, d_model).

        Raises:
            ValueError: positions are learned, and there are more than were learned.
        """
        end = first_position + ids.shape[1]
        embedded = self.token(ids) * self.scale + self._positions(end)[first_position:end]
        if torch.is_autocast_enabled(ids.device.type):  # then everything between products is bf16
            embedded = embedded.to(torch.get_autocast_dtype(ids.device.type))
        out: Tensor = self.dropout(embedded)
        return out

    def _positions(self, length: int) -> Tensor:
        """At least `length` rows; sinusoids grow by doubling, so that any length is possible."""
        table = self.positions  # another thread may replace it meanwhile
        if length > len(table):
            if isinstance(table, nn.Parameter):
                raise ValueError(f"{length} positions, but only {len(table)} are learned")
            table = sinusoids(max(length, 2 * len(table)), table.shape[1]).to(table)
            self.positions = table
        return table
