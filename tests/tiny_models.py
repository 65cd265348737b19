"""Tiny models and batches, and the same models made of torch's own layers; a search by hand."""

import math
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from transformer_mt.config.tasks import DecoderOnlyConfig, EncoderDecoderConfig
from transformer_mt.decoding.hypothesis import Hypothesis, SearchOptions
from transformer_mt.decoding.scorer import LogProbs
from transformer_mt.decoding.search import beam_search
from transformer_mt.fast.loss import label_smoothed_loss
from transformer_mt.model.classifier import Classifier
from transformer_mt.model.language_model import LanguageModel
from transformer_mt.model.transformer import Transformer

PAD, UNK, SOS, EOS = range(4)
VOCAB = 13
TOY_SOS, TOY_EOS, TOY_VOCAB = 0, 1, 5
Prefix = tuple[int, ...]


def tiny_config(**changes: Any) -> EncoderDecoderConfig:
    return EncoderDecoderConfig(
        **{
            "d_model": 16,
            "num_heads": 4,
            "d_ff": 24,
            "num_encoder_layers": 2,
            "num_decoder_layers": 2,
            "dropout": 0.0,
            **changes,
        }
    )


def tiny_model(src_vocab: int = VOCAB, tgt_vocab: int = VOCAB, **changes: Any) -> Transformer:
    """A model in evaluation mode in which no bias is 0 and no two parameters are alike."""
    model = Transformer(tiny_config(**changes), src_vocab, tgt_vocab, PAD).eval()
    perturb(model)
    return model


def perturb(module: nn.Module) -> None:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))


def sentences(*lengths: int, vocab: int = VOCAB, seed: int = 0) -> list[list[int]]:
    """Random ordinary tokens."""
    dice = random.Random(seed)
    return [[dice.randrange(EOS + 1, vocab) for _ in range(length)] for length in lengths]


def right_padded(rows: Sequence[Sequence[int]], extra: int = 0) -> Tensor:
    """(batch, longest + extra)"""
    longest = pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD)
    return nn.functional.pad(longest, (0, extra), value=PAD)


def as_src(rows: Sequence[Sequence[int]], extra: int = 0) -> Tensor:
    return right_padded([[*row, EOS] for row in rows], extra)


def as_tgt(rows: Sequence[Sequence[int]], extra: int = 0) -> tuple[Tensor, Tensor]:
    """tgt_in and tgt_out."""
    tgt_in = right_padded([[SOS, *row] for row in rows], extra)
    return tgt_in, right_padded([[*row, EOS] for row in rows], extra)


# --- the same made of torch's layers and the paper's formulas

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


# --- models of one stack

SHAPE: dict[str, Any] = {"d_model": 16, "num_heads": 4, "d_ff": 24, "num_layers": 2, "dropout": 0.0}
WIDTHS, POSITIONS = ("narrow", "wide"), ("sinusoidal", "learned")

Model = LanguageModel | Classifier


def perturbed(model: Model) -> Any:
    """The same in evaluation mode, where no bias is 0 and no two parameters are alike."""
    perturb(model.eval())
    return model


def torch_stack(model: Model) -> tuple[nn.TransformerEncoder, dict[str, list[str]]]:
    """Torch's layers, and by the name of each parameter there the names of ours that it is."""
    config = model.config
    layer = nn.TransformerEncoderLayer(
        config.d_model,
        config.num_heads,
        config.d_ff,
        dropout=0.0,
        activation=ACTIVATIONS[config.activation],
        batch_first=True,
        norm_first=config.norm == "pre",
    )
    norm = nn.LayerNorm(config.d_model) if config.norm == "pre" else None
    stack = nn.TransformerEncoder(layer, config.num_layers, norm, enable_nested_tensor=False)
    ours = dict(model.named_parameters())
    names = {
        name: [f"layers.{each}" if each[0].isdigit() else each for each in our_names(name)]
        for name, _ in stack.named_parameters()
    }
    with torch.no_grad():
        for name, parameter in stack.named_parameters():
            parameter.copy_(torch.cat([ours[each] for each in names[name]]))
    return stack, names


def embedded(model: Model, ids: Tensor) -> Tensor:
    """Section 3.4 of the paper: (batch, len) -> (batch, len, d_model)."""
    length, d_model = ids.shape[1], model.config.d_model
    positions = model.embedding.positions[:length]
    if model.config.positions == "sinusoidal":
        positions = paper_positions(length, d_model)
    return F.embedding(ids, model.embedding.token.weight) * d_model**0.5 + positions


def layer_count(d: int, num_heads: int, d_ff: int, width: str) -> int:
    """Numbers in one layer: four projections, the feed-forward network, two normalisations."""
    heads = d * (num_heads if width == "wide" else 1)
    return 3 * (d * heads + heads) + heads * d + d + (d * d_ff + d_ff) + (d_ff * d + d) + 4 * d


def tiny_lm(
    max_length: int, vocab: int = TOY_VOCAB, seed: int = 0, **changes: Any
) -> LanguageModel:
    """A sure one, so that it has something to say."""
    torch.manual_seed(seed)
    shape = {"d_model": 8, "num_heads": 2, "d_ff": 12, "num_layers": 2, "dropout": 0.0}
    config = DecoderOnlyConfig(**{**shape, "tied_embeddings": False, **changes})
    model = LanguageModel(config, vocab, PAD, max_length).eval()
    perturb(model)
    with torch.no_grad():
        model.output.weight.mul_(1.5)
    return model


@torch.no_grad()
def next_log_probs(model: LanguageModel, tokens: list[int]) -> Tensor:
    """(vocab_size,) of what follows; when one comes to a full window, the older half goes."""
    window: list[int] = []
    for token in tokens:
        if len(window) == model.max_length:
            window = window[len(window) - model.max_length // 2 :]
        window.append(token)
    return model.project(model(torch.tensor([window])))[0, -1].log_softmax(dim=0)


# --- a search by hand


@dataclass
class ToyState:
    """Which sentence and which tokens each row stands for; checks what search promises."""

    batch: list[int]
    rows: list[tuple[int, Prefix]]

    def select(self, rows: Tensor, sentences: Tensor | None = None) -> None:
        self.rows = [self.rows[row] for row in rows.tolist()]
        if sentences is not None:
            self.batch = [self.batch[sentence] for sentence in sentences.tolist()]
        beam, rest = divmod(len(self.rows), len(self.batch))
        assert rest == 0
        assert [name for name, _ in self.rows] == [n for n in self.batch for _ in range(beam)]


@dataclass
class Toy:
    """A table of random logits for every sentence and prefix; a sentence is its first token."""

    seed: int = 0
    certainty: float = 1.5
    table: dict[tuple[int, Prefix], Tensor] = field(default_factory=dict)

    def logits(self, sentence: int, prefix: Prefix) -> Tensor:
        if (sentence, prefix) not in self.table:
            number = self.seed
            for token in (sentence, *prefix):
                number = (number * 31 + token + 1) % (2**61 - 1)
            generator = torch.Generator().manual_seed(number)
            self.table[sentence, prefix] = self.certainty * torch.randn(
                TOY_VOCAB, generator=generator
            )
        return self.table[sentence, prefix]

    def log_probs(self, sentence: int, prefix: Prefix) -> list[float]:
        return self.logits(sentence, prefix).double().log_softmax(dim=0).tolist()

    def start(self, src: Tensor) -> ToyState:
        names = src[:, 0].tolist()
        return ToyState(names, [(name, ()) for name in names])

    def step(self, tokens: Tensor, state: ToyState) -> Tensor:
        grown = zip(state.rows, tokens.tolist(), strict=True)
        state.rows = [(name, (*prefix, token)) for (name, prefix), token in grown]
        assert {prefix[0] for _, prefix in state.rows} == {TOY_SOS}
        return torch.stack([self.logits(name, prefix[1:]) for name, prefix in state.rows])


def toy_search(
    toy: Toy,
    names: Sequence[int],
    max_lengths: Sequence[int],
    beam: int,
    alpha: float = 1.0,
    forbidden: tuple[int, ...] = (),
) -> list[list[Hypothesis]]:
    options = SearchOptions(
        sos_id=TOY_SOS,
        eos_id=TOY_EOS,
        forbidden=forbidden,
        beam_size=beam,
        length_penalty=alpha,
    )
    return beam_search(LogProbs(toy), torch.tensor(names)[:, None], max_lengths, options)


def normalized(log_prob: float, length: int, alpha: float) -> float:
    """Wu et al. 2016, equation 14, without coverage; the length counts EOS."""
    return log_prob / ((5 + length) ** alpha / (5 + 1) ** alpha)


def every_hypothesis(
    toy: Toy, name: int, max_length: int, alpha: float, forbidden: tuple[int, ...] = ()
) -> list[Hypothesis]:
    """All that can be said, best first."""
    found = []
    words = [token for token in range(TOY_VOCAB) if token not in (TOY_EOS, *forbidden)]
    for length in range(max_length + 1):
        for tokens in product(words, repeat=length):
            said = (*tokens, TOY_EOS)
            log_prob = sum(toy.log_probs(name, said[:i])[token] for i, token in enumerate(said))
            found.append(Hypothesis(tokens, log_prob, normalized(log_prob, length + 1, alpha)))
    return sorted(found, key=lambda hypothesis: -hypothesis.score)


def assert_same(
    ours: Sequence[Sequence[Hypothesis]], theirs: Sequence[Sequence[Hypothesis]]
) -> None:
    """The same tokens in the same order; scores to 1e-5."""
    for mine, other in zip(ours, theirs, strict=True):
        assert [h.token_ids for h in mine] == [h.token_ids for h in other]
        assert [h.score for h in mine] == pytest.approx(
            [h.score for h in other], rel=1e-6, abs=1e-5
        )
        assert [h.log_prob for h in mine] == pytest.approx(
            [h.log_prob for h in other], rel=1e-6, abs=1e-5
        )
