"""What the three models share: their initial values, and logits from hidden vectors."""

import torch
from torch import Tensor, nn

from transformer_mt.fast.linear import Linear
from transformer_mt.model.embedding import sinusoids


class BaseModel(nn.Module):
    """Calling a model gives hidden vectors, of which `project` makes logits.

    Args:
        pad_id: the token that is never attended to.
    """

    output: Linear

    def __init__(self, pad_id: int) -> None:
        super().__init__()
        self.pad_id = pad_id

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Xavier-uniform matrices, zero biases; embeddings of variance 1 after their scaling.

        Learned positions begin as sines and cosines: from random ones learning is much slower.
        """
        for name, parameter in self.named_parameters():
            if name.endswith("embedding.token.weight"):
                nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5)
                nn.init.zeros_(parameter[self.pad_id])
            elif name.endswith("embedding.positions"):
                parameter.copy_(sinusoids(*parameter.shape))
            elif parameter.dim() == 2:
                nn.init.xavier_uniform_(parameter)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)
            else:
                nn.init.ones_(parameter)

    def project(self, hidden: Tensor) -> Tensor:
        """(..., d_model) -> logits (..., number of possible answers)."""
        logits: Tensor = self.output(hidden)
        return logits


def count_parameters(model: nn.Module) -> int:
    """Trainable numbers, shared ones once."""
    return sum(parameter.numel() for parameter in model.parameters())
