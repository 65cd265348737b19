"""Settings of a run: frozen dataclasses, one docstring per key, validated on construction.

`config/load.py` reads the settings from YAML; `configs/reference.yaml` shows every default. Values
known only at run time (vocabulary sizes, say) are passed as arguments instead.
"""

import os
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self, get_args

from transformer_mt.config.limits import LIMITS, check_number
from transformer_mt.errors import InvalidValueError
from transformer_mt.files.paths import expand_home

Files = str | tuple[str, ...]
"""One file (or the name of a split), or several."""


def require(condition: bool, key: str, message: str, *others: str) -> None:  # noqa: FBT001
    """Raise InvalidValueError for a key unless a condition holds."""
    if not condition:
        raise InvalidValueError(key, message, *others)


PATHS = (
    "run_dir",
    "init_from",
    *(f"data.{name}" for name in ("dataset", "train", "validation", "test")),
    "tokenizer.file",
)
"""Keys whose value is or may be a path, in which `~` is the home folder."""


def check_section(section: Any, prefix: str = "") -> None:
    """Check the numbers and texts of a settings dataclass, and expand `~` in paths.

    Args:
        section: a new instance.
        prefix: prefix of the names of the keys, such as "data.".

    Raises:
        InvalidValueError: a value is refused; the message names the key.
    """
    for field in fields(section):
        key, value = prefix + field.name, getattr(section, field.name)
        if (field.name in LIMITS or key in LIMITS) and not isinstance(value, _no_numbers(field)):
            check_number(value, key)
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str):
                require(bool(text), key, "must not be empty")
                one_line = not set("\0\n\r") & set(text)
                require(one_line, key, "must have no line break and no NUL character")
        if key in PATHS:
            object.__setattr__(section, field.name, _at_home(value, key))


def _no_numbers(field: Any) -> tuple[type, ...]:
    """Return the types other than int and float that a key's value may have."""
    return tuple(kind for kind in get_args(field.type) if kind not in (int, float))


def _at_home(path: Any, key: str) -> Any:
    """Return a path, or each of several paths, with `~` expanded."""
    if isinstance(path, tuple):
        return tuple(_at_home(each, key) for each in path)
    return expand_home(path, key) if isinstance(path, str) else path


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig(ABC):
    """Source of the text, and the split into train, validation and test."""

    dataset: str | None = None
    """Data set to read: the word phrasebook (built in), a Hugging Face hub name, or a folder made
    by `save_to_disk`. If null, `train`, `validation` and `test` are files."""
    subset: str | None = None
    """Configuration name of a hub data set ("en-it" of opus_books)."""
    train: Files | None = None
    """Training files; with `dataset`, the name of a split (default "train")."""
    validation: Files | None = None
    """Like `train` (default split "validation"); when missing it is cut from train."""
    test: Files | None = None
    """Like `train` (default split "test"); when missing it is cut from train."""
    header: bool = True
    """True if the first line of a .tsv or .csv file names the columns; if false, columns are
    numbers from 1. In any table a missing cell is empty text, and a number is its digits."""
    heldout_size: int = 1000
    """Number of examples cut from train for each missing split; at most a tenth of train."""

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """Return the names of the columns of text."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Return the language of each column of text; empty where unknown."""
        return ()

    def of_files(self, files: Files) -> Self:
        """Return a copy that reads `files` as the test set."""
        return replace(self, dataset=None, train=files, validation=None, test=files)

    def __post_init__(self) -> None:
        check_section(self, "data.")
        for name in ("train", "validation", "test"):
            require(
                self.dataset is None or not isinstance(getattr(self, name), tuple),
                f"data.{name}",
                "names files, but there is a data.dataset: set one of the two to null",
                "data.dataset",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenizerConfig:
    """Settings of the tokenizer."""

    type: Literal["word", "bpe", "unigram", "character", "byte"] = "word"
    """Kind of tokens. word: whole words, punctuation split off and put back, scripts without spaces
    by character; bpe and unigram: subwords; character and byte: the text as it is, to the last
    space."""
    vocab_size: int = 10_000
    """Largest number of tokens in a vocabulary, the four special tokens included."""
    min_frequency: int = 2
    """Smallest count in the training text at which a word (or merge) is kept."""
    lowercase: bool = False
    """Fold text to lower case, by the rules of the side's language (tr, az, lt have special ones);
    generated text is then lower-case too."""
    normalization: Literal["clean", "nfc", "nfkc", "none"] = "clean"
    """Normalisation before tokenisation. nfc, nfkc: Unicode forms; clean: nfc, without invisible
    characters that carry no meaning, and with curly quotes straightened in text that is only read
    (the source side, a classifier's texts); none: nothing."""

    def __post_init__(self) -> None:
        check_section(self, "tokenizer.")


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig(ABC):
    """Shape of a layer, in the paper's terms (Vaswani et al. 2017, section 3)."""

    d_model: int = 512
    """Dimensions of every hidden vector."""
    num_heads: int = 8
    """Number of attention heads; must divide d_model where attention is narrow."""
    attention: Literal["narrow", "wide"] = "narrow"
    """Dimensions of a head. narrow: d_model / num_heads (the paper); wide: d_model for each head,
    and the output of all heads is projected back to d_model."""
    d_ff: int = 2048
    """Inner dimensions of the feed-forward layers."""
    dropout: float = 0.1
    """Dropout probability of embeddings and sub-layer outputs (section 5.4)."""
    attention_dropout: float = 0.0
    """Dropout probability of attention weights."""
    norm: Literal["post", "pre"] = "post"
    """Position of layer normalisation. post: after each residual sum (the paper); pre: before each
    sub-layer, with a final one, which trains deep models more steadily."""
    activation: Literal["relu", "gelu", "swish"] = "relu"
    """Activation function in the feed-forward layers: relu (the paper); gelu and swish for imported
    models."""

    def __post_init__(self) -> None:
        check_section(self, "model.")
        require(
            self.attention == "wide" or self.d_model % self.num_heads == 0,
            "model.num_heads",
            f"must divide model.d_model: {self.num_heads} does not divide {self.d_model}",
            "model.d_model",
        )
        require(self.d_model % 2 == 0, "model.d_model", "must be even (sines and cosines)")

    @property
    @abstractmethod
    def depth(self) -> int:
        """Return the total number of layers."""

    def describe(self, layers: str) -> str:
        """Return the shape in a line for `tmt info`, with the numbers of layers."""
        wide = " (wide attention)" if self.attention == "wide" else ""
        return (
            f"{layers} layers, d_model {self.d_model}, {self.num_heads} heads{wide},"
            f" d_ff {self.d_ff}, {self.norm}-norm"
        )

    @property
    def head_dim(self) -> int:
        """Return the dimensions of an attention head."""
        return self.d_model // self.num_heads if self.attention == "narrow" else self.d_model


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingConfig:
    """Settings of the training loop (section 5 of the paper)."""

    batch_tokens: int = 4096
    """Positions of a batch: sentences times the longest sentence, padding included."""
    accumulate: int = 1
    """Number of batches per update; the gradient equals that of one batch of all their tokens."""
    max_steps: int = 100_000
    """Number of updates after which training (and the schedule) ends."""
    max_time: str | None = None
    """Time after which training ends, such as 30m, 2h or 1h30m; the schedule is then fitted to this
    time, not to max_steps."""
    time_limit: str | None = None
    """Time after which training ends before max_steps, such as 10m: a limit for slow machines.
    Where time_limit ends sooner than max_steps, the schedule follows time_limit."""
    learning_rate: float | None = None
    """Peak learning rate; null means the paper's, (d_model * warmup_steps) ** -0.5."""
    warmup_steps: int = 4000
    """Number of updates over which the learning rate rises linearly to the peak."""
    schedule: Literal["inverse_sqrt", "linear", "cosine"] = "inverse_sqrt"
    """Decay of the learning rate after the warm-up."""
    adam_beta1: float = 0.9
    """Decay rate of Adam's mean of the gradient."""
    adam_beta2: float = 0.98
    """Decay rate of Adam's mean of the squared gradient."""
    adam_epsilon: float = 1e-9
    """Constant added to Adam's denominator against division by zero."""
    label_smoothing: float = 0.0
    """Share of the target probability spread evenly over all classes."""
    clip_norm: float = 1.0
    """Largest norm of the gradient; 0 turns clipping off."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Number format of matrix products; auto takes bf16 where the hardware computes faster in
    bf16."""
    validate_every: int = 1000
    """Number of updates between validations; each one saves a checkpoint."""
    checkpoint_every: int | str = "10m"
    """Number of updates (500), or time (30s, 10m, 2h), between further checkpoints to resume
    from."""
    best_metric: str = "loss"
    """Validation score that selects the best checkpoint."""
    patience: int = 10
    """Number of validations without a new best after which training stops; 0 never stops early."""
    keep_checkpoints: int = 5
    """Number of latest validated checkpoints kept; at the end the average of their weights competes
    to be best."""
    log_every: int = 50
    """Number of updates between points of the training curves."""
    rescue: bool = True
    """Skip updates whose loss or gradient is not finite; after three in a row, return to the last
    checkpoint with half the learning rate, at most three times without a new best."""

    def __post_init__(self) -> None:
        check_section(self, "training.")
        if self.max_time is not None:
            parse_duration(self.max_time, key="training.max_time")
        if self.time_limit is not None:
            parse_duration(self.time_limit, key="training.time_limit")
            message = "is for training by max_steps: leave it out, or max_time"
            require(self.max_time is None, "training.time_limit", message, "training.max_time")
        if isinstance(self.checkpoint_every, str):
            parse_duration(self.checkpoint_every, key="training.checkpoint_every")


@dataclass(frozen=True, kw_only=True, slots=True)
class Config(ABC):
    """Complete settings of one run; `config.tasks` has a subclass for each task."""

    task: str
    """Kind of model: translation, language-model or classification."""
    run_dir: str
    """Run directory for tokenizers, checkpoints and logs; complete in itself, copy it anywhere."""
    seed: int = 1
    """Random seed of initialisation, dropout and the order of the batches."""
    init_from: str | None = None
    """Run directory (trained, or made by `tmt import`) whose tokenizers and best weights start a
    new run; missing `model` and `tokenizer` settings are copied from there."""
    data: DataConfig
    """Source of the text."""
    tokenizer: TokenizerConfig
    """Settings of the tokenizer."""
    model: ModelConfig
    """Shape of the Transformer."""
    training: TrainingConfig
    """Settings of the training loop."""

    @property
    @abstractmethod
    def answers(self) -> str:
        """Return the name of the units that the model predicts, such as "target tokens"."""

    @abstractmethod
    def describe(self) -> dict[str, str]:
        """Return what `tmt info` shows of the settings, as name to text."""

    def __post_init__(self) -> None:
        check_section(self)
        if self.init_from is not None:
            same = os.path.realpath(self.init_from) == os.path.realpath(self.run_dir)
            require(not same, "init_from", "is the run itself: choose another run_dir", "run_dir")


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_AMOUNT = r"((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*"
_PART = re.compile(_AMOUNT + f"([{''.join(_UNITS)}])\\s*")
_DURATION = re.compile(rf"\s*(?:{_AMOUNT}|(?:{_PART.pattern})+)")
_MOST_SECONDS = 10_000 * _UNITS["d"]


def parse_duration(text: str, key: str) -> float:
    """Seconds in a duration such as "45s", "1h30m" or "1.5d"; a bare number is seconds.

    Raises:
        ConfigError: the text is no positive duration; the message names `key`.
    """
    is_duration = _DURATION.fullmatch(text)
    parts = _PART.findall(text) or [(text, "s")]
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts) if is_duration else 0.0
    forms = "must be a duration such as 90s, 30m, 2h or 1h30m"
    require(0 < seconds < float("inf"), key, f"{forms}, not '{text}'")
    require(seconds <= _MOST_SECONDS, key, f"must be at most 10000d, not '{text}'")
    return seconds
