"""What a run is: frozen dataclasses, one docstring per key, checked before any data is read.

`config_file.py` reads them from YAML; `configs/reference.yaml` shows every default.
Facts learned at run time (vocabulary sizes, say) are not here but arguments elsewhere.
"""

import os
from dataclasses import dataclass, field
from typing import Literal

from transformer_mt.errors import ConfigError

SourceFiles = str | tuple[str, str]
"""One table (or split name), or two parallel text files: source side, target side."""


class InvalidValueError(ConfigError):
    """A value that its key cannot have, or not beside the values of `others`.

    From `keys` the loader tells the file and line.
    """

    def __init__(self, key: str, message: str, *others: str) -> None:
        super().__init__(f"'{key}' {message}")
        self.keys = (key, *others)


def _require(condition: bool, key: str, message: str, *others: str) -> None:  # noqa: FBT001
    """Refuse an impossible value, naming its key."""
    if not condition:
        raise InvalidValueError(key, message, *others)


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig:
    """Where sentence pairs come from and which of them are kept."""

    src_lang: str
    """Language translated from, as a short code ("en"); also the default column name."""
    tgt_lang: str
    """Language translated into."""
    dataset: str | None = None
    """The word phrasebook (built in), a Hugging Face hub name, or a folder made by `save_to_disk`.
    Without it, `train`, `validation` and `test` are files."""
    subset: str | None = None
    """Configuration name of a hub data set ("en-it" of opus_books)."""
    train: SourceFiles | None = None
    """Two parallel text files [src, tgt] (plain or .gz), or one .tsv, .csv, .jsonl or .parquet
    file; with `dataset`, the name of a split (default "train")."""
    validation: SourceFiles | None = None
    """Like `train` (default split "validation"); when missing it is cut from train."""
    test: SourceFiles | None = None
    """Like `train` (default split "test"); when missing it is cut from train."""
    src_column: str | None = None
    """Column of the source side in a table (default: `src_lang`)."""
    tgt_column: str | None = None
    """Column of the target side in a table (default: `tgt_lang`)."""
    heldout_size: int = 1000
    """Pairs to cut from train for each missing split; at most a tenth of train."""
    max_length: int = 256
    """Longest sentence in tokens a side: longer training pairs are dropped, longer input is cut."""
    max_length_ratio: float = 9.0
    """Training pairs whose longer side is more than this many times the shorter are dropped."""

    def __post_init__(self) -> None:
        _require(bool(self.src_lang), "data.src_lang", "must be a language code, such as en")
        _require(bool(self.tgt_lang), "data.tgt_lang", "must be a language code, such as fr")
        for name in ("train", "validation", "test"):
            _require(
                self.dataset is None or not isinstance(getattr(self, name), tuple),
                f"data.{name}",
                "names files, but there is a data.dataset: set one of the two to null",
                "data.dataset",
            )
        _require(self.heldout_size >= 1, "data.heldout_size", "must be at least 1")
        _require(self.max_length >= 2, "data.max_length", "must be at least 2")
        _require(self.max_length_ratio >= 1, "data.max_length_ratio", "must be at least 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenizerConfig:
    """How text becomes tokens."""

    type: Literal["word", "bpe", "unigram"] = "word"
    """word: whole words, punctuation split off and put back; bpe and unigram: subwords."""
    vocab_size: int = 10_000
    """Most tokens in a vocabulary, the four special ones included."""
    min_frequency: int = 2
    """A word (or merge) seen less often in training is not kept."""
    joint: bool = False
    """One vocabulary for both languages; needed for `model.tied_embeddings: all`."""
    lowercase: bool = False
    """Fold everything to lower case; the translations are then lower-case too."""
    normalization: Literal["nfc", "nfkc", "none"] = "nfc"
    """Unicode normalisation form applied before tokenizing."""

    def __post_init__(self) -> None:
        _require(self.vocab_size >= 5, "tokenizer.vocab_size", "must be at least 5")
        _require(self.min_frequency >= 1, "tokenizer.min_frequency", "must be at least 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig:
    """The shape of the Transformer, in the paper's terms (Vaswani et al. 2017, section 3)."""

    d_model: int = 512
    """Width of every hidden vector."""
    num_heads: int = 8
    """Attention heads; must divide d_model."""
    d_ff: int = 2048
    """Inner width of the feed-forward layers."""
    num_encoder_layers: int = 6
    """Encoder layers."""
    num_decoder_layers: int = 6
    """Decoder layers."""
    dropout: float = 0.1
    """Probability of dropping an element of embeddings and sub-layer outputs (section 5.4)."""
    attention_dropout: float = 0.0
    """Probability of dropping an attention weight."""
    norm: Literal["post", "pre"] = "post"
    """Layer normalisation after each residual sum (the paper) or before each sub-layer, with a
    final one; pre-norm trains deep models more steadily."""
    tied_embeddings: Literal["none", "decoder", "all"] = "decoder"
    """Share one matrix: "decoder" for decoder input and output, "all" for encoder input too."""
    activation: Literal["relu", "gelu", "swish"] = "relu"
    """Inside the feed-forward layers: the paper's relu, or what models made elsewhere have."""
    output_bias: bool = False
    """Add a learned bias to each logit, as models made elsewhere do."""

    def __post_init__(self) -> None:
        for name in ("d_model", "num_heads", "d_ff", "num_encoder_layers", "num_decoder_layers"):
            _require(getattr(self, name) >= 1, f"model.{name}", "must be at least 1")
        _require(
            self.d_model % self.num_heads == 0,
            "model.num_heads",
            f"must divide model.d_model: {self.num_heads} does not divide {self.d_model}",
            "model.d_model",
        )
        _require(self.d_model % 2 == 0, "model.d_model", "must be even (sines and cosines)")
        for name in ("dropout", "attention_dropout"):
            _require(0 <= getattr(self, name) < 1, f"model.{name}", "must be at least 0, below 1")


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
    label_smoothing: float = 0.1
    """Share of the probability spread evenly over the vocabulary."""
    clip_norm: float = 1.0
    """Largest norm of the gradient; 0 turns clipping off."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Number format of matrix products; auto takes bf16 where the hardware gains by it."""
    validate_every: int = 1000
    """Updates between validations; each one saves a checkpoint."""
    checkpoint_every: int | str = "10m"
    """Updates (500), or time (30s, 10m, 2h), between further checkpoints to go on from."""
    validate_sentences: int = 1000
    """Most validation sentences that are translated for BLEU and chrF (loss uses all of them)."""
    best_metric: Literal["bleu", "chrf", "loss"] = "bleu"
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
        for name in (*positive, "warmup_steps", "keep_checkpoints", "validate_sentences"):
            _require(getattr(self, name) >= 1, f"training.{name}", "must be at least 1")
        for name in ("patience", "clip_norm"):
            _require(getattr(self, name) >= 0, f"training.{name}", "must not be negative")
        for name in ("label_smoothing", "adam_beta1", "adam_beta2"):
            value = getattr(self, name)
            _require(0 <= value < 1, f"training.{name}", "must be at least 0 and below 1")
        _require(self.adam_epsilon > 0, "training.adam_epsilon", "must be above 0")
        if self.learning_rate is not None:
            _require(self.learning_rate > 0, "training.learning_rate", "must be above 0")
        if self.max_time is not None:
            parse_duration(self.max_time, key="training.max_time")
        if isinstance(self.checkpoint_every, str):
            parse_duration(self.checkpoint_every, key="training.checkpoint_every")
        else:
            _require(self.checkpoint_every >= 1, "training.checkpoint_every", "must be at least 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodingConfig:
    """How translations are searched for, unless the command line says otherwise."""

    beam_size: int = 5
    """Hypotheses kept at each step; 1 is greedy search."""
    length_penalty: float = 1.0
    """Exponent alpha of the length in score = log_prob / ((5 + length) / 6) ** alpha."""
    max_length_ratio: float = 2.0
    """A translation has at most this many tokens for each source token ..."""
    max_length_offset: int = 10
    """... plus this many."""
    unknown_words: Literal["replace", "forbid"] = "replace"
    """replace: a generated [UNK] becomes the source word it attends to; forbid: none is made."""

    def __post_init__(self) -> None:
        _require(self.beam_size >= 1, "decoding.beam_size", "must be at least 1")
        _require(self.length_penalty >= 0, "decoding.length_penalty", "must not be negative")
        _require(self.max_length_ratio >= 0, "decoding.max_length_ratio", "must not be negative")
        _require(self.max_length_offset >= 1, "decoding.max_length_offset", "must be at least 1")

    def length_limit(self, src_len: int) -> int:
        """The most tokens that the translation of a source of `src_len` tokens may have."""
        return int(src_len * self.max_length_ratio) + self.max_length_offset


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """One run: everything that `tmt train` needs to know."""

    run_dir: str
    """Folder for tokenizers, checkpoints and logs; complete in itself, copy it anywhere."""
    seed: int = 1
    """Seed of initialisation, dropout and the order of the batches."""
    init_from: str | None = None
    """A run directory (trained here, or made by `tmt import`) whose tokenizers and best weights a
    new run begins with; `model` and `tokenizer` settings that are left out are then those of it."""
    data: DataConfig
    """Where sentence pairs come from."""
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    """How text becomes tokens."""
    model: ModelConfig = field(default_factory=ModelConfig)
    """The shape of the Transformer."""
    training: TrainingConfig = field(default_factory=TrainingConfig)
    """The course of training."""
    decoding: DecodingConfig = field(default_factory=DecodingConfig)
    """How translations are searched for."""

    def __post_init__(self) -> None:
        _require(bool(self.run_dir), "run_dir", "must name a folder")
        _require(0 <= self.seed < 2**63, "seed", "must be between 0 and 2**63 - 1")
        if self.init_from is not None:
            _require(bool(self.init_from), "init_from", "must name a run directory, or be null")
            same = os.path.realpath(self.init_from) == os.path.realpath(self.run_dir)
            _require(not same, "init_from", "is the run itself: choose another run_dir", "run_dir")
        _require(
            self.model.tied_embeddings != "all" or self.tokenizer.joint,
            "model.tied_embeddings",
            "is 'all', which needs one vocabulary: set tokenizer.joint to true",
            "tokenizer.joint",
        )


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
    _require(0 < seconds < float("inf"), key, f"must be a duration such as 30m or 2h, not '{text}'")
    return seconds
