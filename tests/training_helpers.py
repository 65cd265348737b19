"""Tiny corpora, settings and trained models, shared by the tests of training and of its results."""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from transformer_mt.config import Config
from transformer_mt.config_file import load_config
from transformer_mt.data.corpus import SentencePair

WORDS = ("red", "blue", "green", "white", "black", "pink", "grey", "brown")


def reverse_pairs(count: int, seed: int, names: bool = False) -> list[SentencePair]:
    """Distinct sentences of 2 to 6 known words and their reversals.

    With `names`, one word in most sentences occurs nowhere else: outside every vocabulary.
    """
    random = Random(seed)
    sources: dict[str, None] = {}
    while len(sources) < count:
        words = [random.choice(WORDS) for _ in range(random.randint(2, 6))]
        if names and random.random() < 0.7:
            words[random.randrange(len(words))] = f"Name{seed}n{len(sources)}"
        sources[" ".join(words)] = None
    return [SentencePair(src, " ".join(reversed(src.split()))) for src in sources]


def write_lines(path: Path, lines: Sequence[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def write_pairs(folder: Path, name: str, pairs: Sequence[SentencePair]) -> list[str]:
    """Two parallel files, as `data.train` names them."""
    sides = {side: [getattr(pair, side) for pair in pairs] for side in ("src", "tgt")}
    return [str(write_lines(folder / f"{name}.{side}", sides[side])) for side in sides]


def write_config(
    folder: Path, train: Sequence[SentencePair] | None = None, run: str = "run"
) -> Path:
    """A configuration that trains in a second, with its corpus."""
    data = folder / "data"
    splits = {
        "train": train or reverse_pairs(60, seed=1),
        "validation": reverse_pairs(12, seed=2),
        "test": reverse_pairs(12, seed=3),
    }
    settings: dict[str, Any] = {
        "run_dir": str(folder / run),
        "data": {
            "src_lang": "src",
            "tgt_lang": "tgt",
            **{name: write_pairs(data, name, pairs) for name, pairs in splits.items()},
        },
        "model": {
            "d_model": 32,
            "num_heads": 2,
            "d_ff": 64,
            "num_encoder_layers": 1,
            "num_decoder_layers": 1,
            "norm": "pre",
        },
        "training": {
            "batch_tokens": 64,
            "max_steps": 12,
            "learning_rate": 0.01,
            "warmup_steps": 4,
            "schedule": "linear",
            "precision": "fp32",
            "validate_every": 4,
            "validate_sentences": 4,
            "keep_checkpoints": 2,
            "patience": 0,
            "log_every": 1,
        },
    }
    path = folder / f"{run}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path
