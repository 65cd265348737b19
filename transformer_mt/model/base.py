"""Base classes of the three models: parameter initialisation and output projection."""

import torch
from torch import Tensor, nn

from transformer_mt.config.tasks import SingleStackConfig
from transformer_mt.fast.linear import Linear
from transformer_mt.model.embedding import Embedding, sinusoids
from transformer_mt.model.layers import EncoderLayer, final_norm


class BaseModel(nn.Module):
    """Model whose `forward` returns hidden vectors, which `project` maps to logits.

    Args:
        pad_id: id of the padding token, which is masked in attention.
    """

    output: Linear

    def __init__(self, pad_id: int) -> None:
        super().__init__()
        self.pad_id = pad_id

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Initialise all parameters.

        Matrices are Xavier-uniform, biases 0; token embeddings have variance 1 after scaling by
        sqrt(d_model). Learned positions start as sinusoids: a random start trains much slower.
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
        """Map hidden vectors (..., d_model) to logits (..., vocab_size or num_classes)."""
        return self.output(hidden)


class SingleStack(BaseModel):
    """Model of one stack of layers, for texts of at most `max_length` tokens.

    Args:
        config: hyperparameters.
        vocab_size: number of tokens.
        pad_id: id of the padding token, which is masked in attention.
        max_length: maximum number of positions.
    """

    def __init__(
        self, config: SingleStackConfig, vocab_size: int, pad_id: int, max_length: int
    ) -> None:
        super().__init__(pad_id)
        self.config = config
        self.max_length = max_length
        learned = max_length if config.positions == "learned" else None
        self.embedding = Embedding(config, vocab_size, pad_id, learned)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.num_layers))
        self.norm = final_norm(config)


def count_parameters(model: nn.Module) -> int:
    """Count the parameters of a model; a shared parameter counts once."""
    return sum(parameter.numel() for parameter in model.parameters())
