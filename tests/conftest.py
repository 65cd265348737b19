"""What several test files share: one thread, one seed for every test, and tiny things to test."""

import logging
import os
import random
import signal
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch
from hypothesis import settings
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from transformer_mt.config.tasks import EncoderDecoderConfig
from transformer_mt.model.transformer import Transformer

PAD, UNK, SOS, EOS = range(4)
VOCAB = 13

torch.set_num_threads(1)
# CTranslate2 reads it once. On a processor without VNNI oneDNN's sums of int8 products overflow,
# those of MKL do not: what is tested is the export, not the processor.
os.environ.setdefault("CT2_USE_MKL", "1")
settings.register_profile("tests", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("tests")


@pytest.fixture(scope="session", autouse=True)
def _no_cache_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _logging_as_found() -> Iterator[None]:
    """The command line sets it up for a process of its own."""
    logger = logging.getLogger("transformer_mt")
    found = logger.level, logger.propagate, logger.handlers
    yield
    logger.level, logger.propagate, logger.handlers = found


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


# A background job of a shell ignores Ctrl-C, and so would the programs that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
