"""A small run of each task: its configuration, its data, a model trained for a moment."""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Literal

import yaml
from training_helpers import WORDS, reverse_pairs, write_config, write_lines, write_pairs

from transformer_mt.config.load import load_config
from transformer_mt.config.sections import Config

Task = Literal["translation", "language-model", "classification"]
TASKS: tuple[Task, ...] = ("translation", "language-model", "classification")
SIZES = {"train": 60, "validation": 12, "test": 14}
SHAPE = {"d_model": 16, "num_heads": 2, "d_ff": 24}


def texts(count: int, seed: int) -> list[str]:
    return [pair.src for pair in reverse_pairs(count, seed)]


def label_of(text: str) -> str:
    """A rule that a classifier can learn."""
    return "long" if len(text.split()) > 4 else "red" if "red" in text.split() else "short"


def labelled(lines: Sequence[str]) -> list[str]:
    """A table with a head."""
    return ["text\tlabel", *(f"{line}\t{label_of(line)}" for line in lines)]


def _data(folder: Path, task: Task) -> dict[str, Any]:
    """The files of a task, as `data` names them; all of the same sentences."""
    if task == "translation":
        names = {name: write_pairs(folder, name, _pairs(name)) for name in SIZES}
        return {"src_lang": "src", "tgt_lang": "tgt", **names}
    if task == "language-model":
        names = {
            name: [str(write_lines(folder / f"{name}.txt", texts(size, len(name))))]
            for name, size in SIZES.items()
        }
        return {"block_size": 12, **names}
    return {
        name: str(write_lines(folder / f"{name}.tsv", labelled(texts(size, len(name)))))
        for name, size in SIZES.items()
    }


def _pairs(name: str) -> Any:
    return reverse_pairs(SIZES[name], len(name))


def task_file(folder: Path, task: Task) -> Path:
    """The configuration of a run in `folder`/run that is trained within half a second."""
    settings = yaml.safe_load(write_config(folder).read_text("utf-8"))
    layers = ("num_encoder_layers", "num_decoder_layers")
    depth = dict.fromkeys(layers if task == "translation" else ("num_layers",), 1)
    if task != "translation":
        del settings["training"]["validate_sentences"]
    settings |= {
        "task": task,
        "data": _data(folder / "data", task),
        "model": {**SHAPE, **depth, "dropout": 0.2, "attention_dropout": 0.2},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False), "utf-8")
    return path


def task_config(folder: Path, task: Task, *overrides: str) -> Config:
    """`task_file`, read back, with "section.key=value" in the place of some settings."""
    folder.mkdir(parents=True, exist_ok=True)
    return load_config(task_file(folder, task), overrides)


def random_line(dice: Random, most: int = 9) -> str:
    return " ".join(dice.choice(WORDS) for _ in range(dice.randint(1, most)))
