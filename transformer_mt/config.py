"""What a run is: frozen dataclasses, one docstring per key, checked before any data is read.

`config_file.py` reads them from YAML; `configs/reference.yaml` shows every default.
Facts learned at run time (vocabulary sizes, say) are not here but arguments elsewhere.
"""

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Literal, Self

from transformer_mt.errors import ConfigError

Files = str | tuple[str, ...]
"""One file (or the name of a split), or several."""


class InvalidValueError(ConfigError):
    """A value that its key cannot have, or not beside the values of `others`.

    From `keys` the loader tells the file and line.
    """

    def __init__(self, key: str, message: str, *others: str) -> None:
        super().__init__(f"'{key}' {message}")
        self.keys = (key, *others)


def require(condition: bool, key: str, message: str, *others: str) -> None:  # noqa: FBT001
    """Refuse an impossible value, naming its key."""
    if not condition:
        raise InvalidValueError(key, message, *others)


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
        for name in ("train", "validation", "test"):
            require(
                self.dataset is None or not isinstance(getattr(self, name), tuple),
                f"data.{name}",
                "names files, but there is a data.dataset: set one of the two to null",
                "data.dataset",
            )
        require(self.heldout_size >= 1, "data.heldout_size", "must be at least 1")


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
        require(self.vocab_size >= 5, "tokenizer.vocab_size", "must be at least 5")
        require(self.min_frequency >= 1, "tokenizer.min_frequency", "must be at least 1")


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
        for name in ("d_model", "num_heads", "d_ff"):
            require(getattr(self, name) >= 1, f"model.{name}", "must be at least 1")
        require(
            self.attention == "wide" or self.d_model % self.num_heads == 0,
            "model.num_heads",
            f"must divide model.d_model: {self.num_heads} does not divide {self.d_model}",
            "model.d_model",
        )
        require(self.d_model % 2 == 0, "model.d_model", "must be even (sines and cosines)")
        for name in ("dropout", "attention_dropout"):
            require(0 <= getattr(self, name) < 1, f"model.{name}", "must be at least 0, below 1")

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
    """Time after which training ends, such as 30m or 2h; the schedule is then fitted to it in the
    place of max_steps."""
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
        positive = ("batch_tokens", "accumulate", "max_steps", "validate_every", "log_every")
        for name in (*positive, "warmup_steps", "keep_checkpoints"):
            require(getattr(self, name) >= 1, f"training.{name}", "must be at least 1")
        for name in ("patience", "clip_norm"):
            require(getattr(self, name) >= 0, f"training.{name}", "must not be negative")
        for name in ("label_smoothing", "adam_beta1", "adam_beta2"):
            value = getattr(self, name)
            require(0 <= value < 1, f"training.{name}", "must be at least 0 and below 1")
        require(self.adam_epsilon > 0, "training.adam_epsilon", "must be above 0")
        if self.learning_rate is not None:
            require(self.learning_rate > 0, "training.learning_rate", "must be above 0")
        if self.max_time is not None:
            parse_duration(self.max_time, key="training.max_time")
        if isinstance(self.checkpoint_every, str):
            parse_duration(self.checkpoint_every, key="training.checkpoint_every")
        else:
            require(self.checkpoint_every >= 1, "training.checkpoint_every", "must be at least 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class Config(ABC):
    """One run: everything that `tmt train` needs to know; `task_config` has one for each task."""

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
        require(bool(self.run_dir), "run_dir", "must name a folder")
        require(0 <= self.seed < 2**63, "seed", "must be between 0 and 2**63 - 1")
        if self.init_from is not None:
            require(bool(self.init_from), "init_from", "must name a run directory, or be null")
            same = os.path.realpath(self.init_from) == os.path.realpath(self.run_dir)
            require(not same, "init_from", "is the run itself: choose another run_dir", "run_dir")


def parse_duration(text: str, key: str) -> float:
    """Seconds in a duration such as "45s", "30m", "2h" or "1.5d"; a bare number is seconds.

    Raises:
        ConfigError: the text is no positive duration; the message names `key`.
    """
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    number, unit = (text[:-1], text[-1:]) if text[-1:] in units else (text, "s")
    try:
        seconds = float(number) * units[unit]
    except ValueError:
        seconds = 0.0
    require(0 < seconds < float("inf"), key, f"must be a duration such as 30m or 2h, not '{text}'")
    return seconds
