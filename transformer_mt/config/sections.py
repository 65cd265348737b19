"""What a run is: frozen dataclasses, one docstring per key, checked before any data is read.

`config/load.py` reads them from YAML; `configs/reference.yaml` shows every default.
Facts learned at run time (vocabulary sizes, say) are not here but arguments elsewhere.
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
    """Refuse an impossible value, naming its key."""
    if not condition:
        raise InvalidValueError(key, message, *others)


PATHS = (
    "run_dir",
    "init_from",
    *(f"data.{name}" for name in ("dataset", "train", "validation", "test")),
    "tokenizer.file",
)
"""Keys whose text is a path, or may be one, in which `~` is the home folder."""


def check_section(section: Any, prefix: str = "") -> None:
    """Check the numbers and texts of a dataclass of settings, and put in what `~` stands for.

    Args:
        section: one that has just been made.
        prefix: of the names of its keys, such as "data.".

    Raises:
        InvalidValueError: naming the key.
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
    """What else than a number the value of a key may be."""
    return tuple(kind for kind in get_args(field.type) if kind not in (int, float))


def _at_home(path: Any, key: str) -> Any:
    """The same path, or paths, without `~`."""
    if isinstance(path, tuple):
        return tuple(_at_home(each, key) for each in path)
    return expand_home(path, key) if isinstance(path, str) else path


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig(ABC):
    """Where text comes from."""

    dataset: str | None = None
    """The word phrasebook (built in), a Hugging Face hub name, or a folder made by `save_to_disk`.
    Without it, `train`, `validation` and `test` are files."""
    subset: str | None = None
    """Configuration name of a hub data set ("en-it" of opus_books)."""
    train: Files | None = None
    """Files; with `dataset`, the name of a split (default "train")."""
    validation: Files | None = None
    """Like `train` (default split "validation"); when missing it is cut from train."""
    test: Files | None = None
    """Like `train` (default split "test"); when missing it is cut from train."""
    header: bool = True
    """Whether the first line of a .tsv or .csv file names its columns; if false, the columns are
    numbers from 1. In any table a missing cell is empty text, and a number is its digits."""
    heldout_size: int = 1000
    """Examples to cut from train for each missing split; at most a tenth of train."""

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """What the columns of text are called."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Of the columns of text; empty where they are not told."""
        return ()

    def of_files(self, files: Files) -> Self:
        """The same for other files, which are the test set."""
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
    """How text becomes tokens."""

    type: Literal["word", "bpe", "unigram", "character", "byte"] = "word"
    """word: whole words, punctuation split off and put back, scripts without spaces by character;
    bpe and unigram: subwords; character and byte: the text as it is, to the last space."""
    vocab_size: int = 10_000
    """Most tokens in a vocabulary, the four special ones included."""
    min_frequency: int = 2
    """A word (or merge) seen less often in training is not kept."""
    lowercase: bool = False
    """Fold everything to lower case, by the rules of the side's language (tr, az, lt have their
    own); what is generated is then lower-case too."""
    normalization: Literal["clean", "nfc", "nfkc", "none"] = "clean"
    """What is done with text first. nfc, nfkc: Unicode's normalisation form; clean: nfc, without
    invisible characters that mean nothing, and curly quotes straightened in text that is only read
    (the source side, a classifier's texts); none: nothing."""

    def __post_init__(self) -> None:
        check_section(self, "tokenizer.")


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig(ABC):
    """The shape of a layer, in the paper's terms (Vaswani et al. 2017, section 3)."""

    d_model: int = 512
    """Width of every hidden vector."""
    num_heads: int = 8
    """Attention heads; must divide d_model where attention is narrow."""
    attention: Literal["narrow", "wide"] = "narrow"
    """narrow: the heads share d_model among them (the paper); wide: each head has d_model
    dimensions, and what all of them find is projected back."""
    d_ff: int = 2048
    """Inner width of the feed-forward layers."""
    dropout: float = 0.1
    """Probability of dropping an element of embeddings and sub-layer outputs (section 5.4)."""
    attention_dropout: float = 0.0
    """Probability of dropping an attention weight."""
    norm: Literal["post", "pre"] = "post"
    """Layer normalisation after each residual sum (the paper) or before each sub-layer, with a
    final one; pre-norm trains deep models more steadily."""
    activation: Literal["relu", "gelu", "swish"] = "relu"
    """Inside the feed-forward layers: the paper's relu, or what models made elsewhere have."""

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
        """Layers in all."""

    @property
    def head_dim(self) -> int:
        """Dimensions of an attention head."""
        return self.d_model // self.num_heads if self.attention == "narrow" else self.d_model


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingConfig:
    """The course of training (section 5 of the paper)."""

    batch_tokens: int = 4096
    """Positions of a batch: sentences times the longest sentence, padding included."""
    accumulate: int = 1
    """Batches for each update; the gradient is that of one batch of all their tokens."""
    max_steps: int = 100_000
    """Updates after which training ends (and the schedule with it)."""
    max_time: str | None = None
    """Time after which training ends, such as 30m, 2h or 1h30m; the schedule is then fitted to
    it in the place of max_steps."""
    time_limit: str | None = None
    """Time after which training ends though updates are left, such as 10m: a net for slow machines.
    Where less of it is left than of max_steps, the schedule follows it."""
    learning_rate: float | None = None
    """Peak learning rate; null means the paper's, (d_model * warmup_steps) ** -0.5."""
    warmup_steps: int = 4000
    """Updates over which the learning rate rises linearly towards its peak."""
    schedule: Literal["inverse_sqrt", "linear", "cosine"] = "inverse_sqrt"
    """How the learning rate falls after the warm-up."""
    adam_beta1: float = 0.9
    """Adam's decay of the mean."""
    adam_beta2: float = 0.98
    """Adam's decay of the variance."""
    adam_epsilon: float = 1e-9
    """Adam's guard against division by zero."""
    label_smoothing: float = 0.0
    """Share of the probability spread evenly over all possible answers."""
    clip_norm: float = 1.0
    """Largest norm of the gradient; 0 turns clipping off."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Number format of matrix products; auto takes bf16 where the hardware gains by it."""
    validate_every: int = 1000
    """Updates between validations; each one saves a checkpoint."""
    checkpoint_every: int | str = "10m"
    """Updates (500), or time (30s, 10m, 2h), between further checkpoints to go on from."""
    best_metric: str = "loss"
    """What decides which checkpoint is best."""
    patience: int = 10
    """Validations without a new best after which training stops; 0 never stops early."""
    keep_checkpoints: int = 5
    """Latest validated checkpoints kept; at the end their average competes to be best."""
    log_every: int = 50
    """Updates between points of the training curves."""
    rescue: bool = True
    """Leave out updates whose loss or gradient is no number; after three in a row, go back to the
    last checkpoint with half the learning rate, at most three times without a new best."""

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
    """One run: everything that `tmt train` needs to know; `config.tasks` has one for each task."""

    task: str
    """What is learned: translation, language-model or classification."""
    run_dir: str
    """Folder for tokenizers, checkpoints and logs; complete in itself, copy it anywhere."""
    seed: int = 1
    """Seed of initialisation, dropout and the order of the batches."""
    init_from: str | None = None
    """A run directory (trained here, or made by `tmt import`) whose tokenizers and best weights a
    new run begins with; `model` and `tokenizer` settings that are left out are then those of it."""
    data: DataConfig
    """Where text comes from."""
    tokenizer: TokenizerConfig
    """How text becomes tokens."""
    model: ModelConfig
    """The shape of the Transformer."""
    training: TrainingConfig
    """The course of training."""

    @property
    @abstractmethod
    def answers(self) -> str:
        """What the model is asked for, one after the other: words for a person."""

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
