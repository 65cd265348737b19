"""How far this Transformer is from torch.nn.Transformer with the same weights.

`python tests/parity.py` prints the largest differences.
"""

import math
import re
import sys
import warnings
from collections.abc import Callable
from typing import Any

import torch
from conftest import EOS, PAD, SOS, as_src, as_tgt, sentences, tiny_model
from torch import Tensor, nn
from torch.nn import functional as F

from transformer_mt.config.tasks import EncoderDecoderConfig
from transformer_mt.fast.loss import label_smoothed_loss

NORMS = ("post", "pre")
SRC_VOCAB, TGT_VOCAB, JOINT_VOCAB = 11, 17, 17
SMOOTHING = 0.1

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {  # as their papers define them
    "relu": lambda x: x * (x > 0),
    "gelu": lambda x: x * (1 + torch.erf(x / 2**0.5)) / 2,
    "swish": lambda x: x / (1 + torch.exp(-x)),
}


class Oracle(nn.Module):
    """The same model made of torch's layers and the paper's formulas; shares no code with ours."""

    def __init__(self, config: EncoderDecoderConfig, src_vocab: int, tgt_vocab: int) -> None:
        super().__init__()
        self.width = config.d_model
        self.layers = nn.Transformer(
            config.d_model,
            config.num_heads,
            config.num_encoder_layers,
            config.num_decoder_layers,
            config.d_ff,
            dropout=0.0,
            activation=ACTIVATIONS[config.activation],
            batch_first=True,
            norm_first=config.norm == "pre",
        )
        if config.norm == "post":  # the paper normalises after every sub-layer, and no more
            self.layers.encoder.norm = self.layers.decoder.norm = None
        self.src_table = nn.Parameter(torch.empty(src_vocab, config.d_model))
        self.tgt_table = nn.Parameter(torch.empty(tgt_vocab, config.d_model))
        self.output = nn.Parameter(torch.empty(tgt_vocab, config.d_model))
        if config.tied_embeddings != "none":
            self.output = self.tgt_table
        if config.tied_embeddings == "all":
            self.src_table = self.tgt_table
        self.output_bias = nn.Parameter(torch.empty(tgt_vocab)) if config.output_bias else None

    def forward(self, src: Tensor, tgt_in: Tensor) -> Tensor:
        """Logits (batch, tgt_len, vocab_size)."""
        length = tgt_in.shape[1]
        hidden = self.layers(
            self._embed(src, self.src_table),
            self._embed(tgt_in, self.tgt_table),
            tgt_mask=torch.ones(length, length).triu(1).bool(),
            src_key_padding_mask=src == PAD,
            tgt_key_padding_mask=tgt_in == PAD,
            memory_key_padding_mask=src == PAD,
        )
        logits: Tensor = hidden @ self.output.T
        return logits if self.output_bias is None else logits + self.output_bias

    def _embed(self, ids: Tensor, table: Tensor) -> Tensor:
        positions = paper_positions(ids.shape[1], self.width)
        return F.embedding(ids, table, padding_idx=PAD) * self.width**0.5 + positions


def paper_positions(length: int, d_model: int) -> Tensor:
    """Section 3.5, number by number; first all sines, then all cosines."""
    half = range(d_model // 2)
    rows = []
    for pos in range(length):
        angles = [pos / 10_000 ** (2 * i / d_model) for i in half]
        rows.append([*map(math.sin, angles), *map(math.cos, angles)])
    return torch.tensor(rows)


def our_names(oracle_name: str) -> list[str]:
    """Our parameters that, one below the other, are one of torch's."""
    name = oracle_name.removeprefix("layers.")
    for pattern, ours in {
        r"^(src|tgt)_table$": r"\1_embedding.token.weight",
        r"^output$": "output.weight",
        r"^output_bias$": "output.bias",
        r"^(encoder|decoder)\.norm\.": r"\1_norm.",
        r"\.layers\.": ".",
        r"\.multihead_attn\.": ".cross_attn.",
        r"\.linear1\.": ".feed_forward.inner.",
        r"\.linear2\.": ".feed_forward.outer.",
    }.items():
        name = re.sub(pattern, ours, name)
    name = re.sub(r"\.norm(\d)\.", lambda m: f".residuals.{int(m[1]) - 1}.norm.", name)
    if ".in_proj_" in name:
        return [name.replace(".in_proj_", f".{part}_proj.") for part in "qkv"]
    return [name]


def parity_differences(norm: str, tied: str = "decoder", **changes: Any) -> dict[str, float]:
    """The largest absolute difference of each thing compared.

    Logits (at real positions), loss of a token, and its gradient in every parameter (under our
    name), for a batch with padding on both sides.
    """
    torch.manual_seed(1)
    sizes = (JOINT_VOCAB, JOINT_VOCAB) if tied == "all" else (SRC_VOCAB, TGT_VOCAB)
    model = tiny_model(*sizes, norm=norm, tied_embeddings=tied, **changes).train()
    oracle = Oracle(model.config, *sizes).train()
    ours = dict(model.named_parameters())
    theirs = {name: (our_names(name), p) for name, p in oracle.named_parameters()}
    with torch.no_grad():
        for names, parameter in theirs.values():
            parameter.copy_(torch.cat([ours[name] for name in names]))

    src = as_src(sentences(6, 2, 9, vocab=sizes[0]))
    tgt_in, tgt_out = as_tgt(sentences(3, 8, 5, vocab=sizes[1], seed=1))
    assert {SOS, EOS, PAD} <= set(tgt_in.unique().tolist()) | set(src.unique().tolist())
    real = tgt_out != PAD
    num_tokens = int(real.sum())

    hidden = model(src, tgt_in)
    loss_sum = label_smoothed_loss(
        hidden, model.output.weight, tgt_out, PAD, SMOOTHING, model.output.bias
    )
    loss = loss_sum / num_tokens
    loss.backward()
    logits = model.project(hidden)

    oracle_logits = oracle(src, tgt_in)
    oracle_loss = F.cross_entropy(
        oracle_logits.flatten(0, 1),
        tgt_out.flatten(),
        ignore_index=PAD,
        label_smoothing=SMOOTHING,
    )
    oracle_loss.backward()

    differences = {
        "logits": _largest(logits[real] - oracle_logits[real]),
        "loss": _largest(loss - oracle_loss),
    }
    for names, parameter in theirs.values():
        assert parameter.grad is not None
        parts = parameter.grad.split([len(ours[name]) for name in names])
        for name, part in zip(names, parts, strict=True):
            differences[name] = _largest(_gradient(ours[name]) - part)
    return differences


def _gradient(parameter: Tensor) -> Tensor:
    """Zeros where the loss does not reach the parameter."""
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def _largest(difference: Tensor) -> float:
    return difference.abs().max().item()


def main() -> None:
    """Print the largest differences of both norms."""
    write = sys.stdout.write
    write("norm  logits    loss      gradients  (most in)\n")
    for norm in NORMS:
        differences = parity_differences(norm)
        logits, loss = differences.pop("logits"), differences.pop("loss")
        name = max(differences, key=differences.__getitem__)
        write(f"{norm:5} {logits:.2e}  {loss:.2e}  {differences[name]:.2e}   {name}\n")


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message="enable_nested_tensor is True")
    main()
