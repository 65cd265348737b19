"""Settings of the runs of each task: the sections of `config/sections.py` and the task's own keys.

A key without a word here means what it means there; the task narrows its type or its default.
"""

from dataclasses import dataclass, field, replace
from typing import Literal, Self

from transformer_mt.config.sections import (
    Config,
    DataConfig,
    Files,
    ModelConfig,
    TokenizerConfig,
    TrainingConfig,
    check_section,
    require,
)

SourceFiles = str | tuple[str, str]
"""One table (or split name), or two parallel text files: source side, target side."""


# Translation


@dataclass(frozen=True, kw_only=True, slots=True)
class PairsConfig(DataConfig):
    """Where sentence pairs come from and which of them are kept."""

    src_lang: str
    """Language translated from, as a short code ("en"); also the default column name."""
    tgt_lang: str
    """Language translated into."""
    train: SourceFiles | None = None
    """Two parallel text files [src, tgt] (plain or compressed), or one .tsv, .csv, .jsonl or
    .parquet file; with `dataset`, the name of a split (default "train")."""
    validation: SourceFiles | None = None
    test: SourceFiles | None = None
    src_column: str | None = None
    """Column of the source side in a table (default: `src_lang`; without a header 1)."""
    tgt_column: str | None = None
    """Column of the target side in a table (default: `tgt_lang`; without a header 2)."""
    max_length: int = 256
    """Longest sentence in tokens a side: longer training pairs are dropped, longer input is cut."""
    max_length_ratio: float = 9.0
    """Training pairs whose longer side is more than this many times the shorter are dropped."""

    @property
    def columns(self) -> tuple[str, ...]:
        return self.src_lang, self.tgt_lang

    @property
    def languages(self) -> tuple[str, ...]:
        return self.columns


@dataclass(frozen=True, kw_only=True, slots=True)
class PairTokenizerConfig(TokenizerConfig):
    """How the text of two languages becomes tokens."""

    joint: bool = False
    """One vocabulary for both languages; needed for `model.tied_embeddings: all`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EncoderDecoderConfig(ModelConfig):
    """The shape of the translator, in the paper's terms (Vaswani et al. 2017, section 3)."""

    num_encoder_layers: int = 6
    """Encoder layers."""
    num_decoder_layers: int = 6
    """Decoder layers."""
    tied_embeddings: Literal["none", "decoder", "all"] = "decoder"
    """Share one matrix: "decoder" for decoder input and output, "all" for encoder input too."""
    output_bias: bool = False
    """Add a learned bias to each logit, as models made elsewhere do."""

    @property
    def depth(self) -> int:
        return self.num_encoder_layers + self.num_decoder_layers


@dataclass(frozen=True, kw_only=True, slots=True)
class TranslationTrainingConfig(TrainingConfig):
    """The course of training (section 5 of the paper)."""

    label_smoothing: float = 0.1
    """Share of the probability spread evenly over the vocabulary."""
    validate_sentences: int = 1000
    """Most validation sentences that are translated for BLEU and chrF (loss uses all of them)."""
    best_metric: Literal["bleu", "chrf", "loss"] = "bleu"
    """What decides which checkpoint is best; at equal score the lower loss, and chrf while bleu is
    0."""


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
        check_section(self, "decoding.")

    def length_limit(self, src_len: int) -> int:
        """The most tokens that the translation of a source of `src_len` tokens may have."""
        return int(src_len * self.max_length_ratio) + self.max_length_offset


@dataclass(frozen=True, kw_only=True, slots=True)
class TranslationConfig(Config):
    """A translator."""

    task: Literal["translation"] = "translation"
    data: PairsConfig
    """Where sentence pairs come from."""
    tokenizer: PairTokenizerConfig = field(default_factory=PairTokenizerConfig)
    model: EncoderDecoderConfig = field(default_factory=EncoderDecoderConfig)
    training: TranslationTrainingConfig = field(default_factory=TranslationTrainingConfig)
    decoding: DecodingConfig = field(default_factory=DecodingConfig)
    """How translations are searched for."""

    @property
    def answers(self) -> str:
        return "target tokens"

    def __post_init__(self) -> None:
        Config.__post_init__(self)
        require(
            self.model.tied_embeddings != "all" or self.tokenizer.joint,
            "model.tied_embeddings",
            "is 'all', which needs one vocabulary: set tokenizer.joint to true",
            "tokenizer.joint",
        )


# What language models and classifiers have in common


@dataclass(frozen=True, kw_only=True, slots=True)
class TextTokenizerConfig(TokenizerConfig):
    """How the text of one column becomes tokens."""

    file: str | None = None
    """A tokenizer to take over, such as the tokenizer.tgt.json of a translator's run directory:
    none is built then, and the other keys here have no effect."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SingleStackConfig(ModelConfig):
    """The shape of a Transformer of one stack of layers."""

    num_layers: int = 6
    """Layers."""
    positions: Literal["sinusoidal", "learned"] = "sinusoidal"
    """How a token's place is told: the paper's sines, or a learned vector for each place."""

    @property
    def depth(self) -> int:
        return self.num_layers


# Language models


@dataclass(frozen=True, kw_only=True, slots=True)
class TextConfig(DataConfig):
    """Where running text comes from, and how it is cut."""

    train: Files | None = None
    """Text files (plain or compressed), or one .tsv, .csv, .jsonl or .parquet file with a
    `text_column`; with `dataset`, the name of a split (default "train")."""
    text_column: str = "text"
    """Column of a table or data set; the phrasebook has en and fr. Without a header: its
    number (default 1)."""
    examples: Literal["blocks", "lines"] = "blocks"
    """blocks: the lines are one text, cut into blocks of `block_size` tokens; lines: each line is a
    text of its own, as the sentences of a translator are."""
    block_size: int = 256
    """Most tokens of an example, and most that the model looks back upon; longer lines are cut."""

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.text_column,)


@dataclass(frozen=True, kw_only=True, slots=True)
class DecoderOnlyConfig(SingleStackConfig):
    """The shape of a language model: the decoder without a source (Radford et al. 2018)."""

    tied_embeddings: bool = True
    """One matrix for input and output."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LanguageModelTrainingConfig(TrainingConfig):
    """The course of training."""

    best_metric: Literal["loss"] = "loss"


@dataclass(frozen=True, kw_only=True, slots=True)
class LanguageModelConfig(Config):
    """A language model."""

    task: Literal["language-model"] = "language-model"
    data: TextConfig
    """Where text comes from."""
    tokenizer: TextTokenizerConfig = field(default_factory=TextTokenizerConfig)
    model: DecoderOnlyConfig = field(default_factory=DecoderOnlyConfig)
    training: LanguageModelTrainingConfig = field(default_factory=LanguageModelTrainingConfig)

    @property
    def answers(self) -> str:
        return "tokens"


# Classification


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledConfig(DataConfig):
    """Where labelled text comes from."""

    train: Files | None = None
    """One .tsv, .csv, .jsonl or .parquet file with the columns named below, or text files (plain or
    compressed), one for each of `labels`; with `dataset`, the name of a split (default "train")."""
    text_column: str = "text"
    """Column of a table or data set that holds the text; without a header: its number
    (default 1)."""
    label_column: str = "label"
    """Column that holds the label: a word, or a number (of which a hub data set knows the name).
    Without a header: its number (default 2)."""
    labels: tuple[str, ...] | None = None
    """Label of each file where `train` is a list of text files, as in [en, de]."""
    max_length: int = 512
    """Most tokens of a text that are read: the rest is cut off."""

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.text_column,)

    def of_files(self, files: Files) -> Self:
        labels = self.labels if isinstance(files, tuple) else None
        return replace(self, dataset=None, train=files, validation=None, test=files, labels=labels)

    def __post_init__(self) -> None:
        DataConfig.__post_init__(self)
        is_another = self.label_column != self.text_column
        require(is_another, "data.label_column", "is the column of the text", "data.text_column")
        for name in ("train", "validation", "test"):
            files = getattr(self, name)
            require(
                not isinstance(files, tuple) or len(files) == len(self.labels or ()),
                "data.labels",
                f"must name a label for each file of data.{name}",
                f"data.{name}",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class EncoderOnlyConfig(SingleStackConfig):
    """The shape of a classifier: the encoder, pooled, under a linear layer."""

    pooling: Literal["mean", "max"] = "mean"
    """How the vectors of all tokens become one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassificationTrainingConfig(TrainingConfig):
    """The course of training."""

    best_metric: Literal["accuracy", "macro_f1", "loss"] = "accuracy"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassificationConfig(Config):
    """A classifier."""

    task: Literal["classification"] = "classification"
    data: LabelledConfig
    """Where labelled text comes from."""
    tokenizer: TextTokenizerConfig = field(default_factory=TextTokenizerConfig)
    model: EncoderOnlyConfig = field(default_factory=EncoderOnlyConfig)
    training: ClassificationTrainingConfig = field(default_factory=ClassificationTrainingConfig)

    @property
    def answers(self) -> str:
        return "texts"


CONFIGS: dict[str, type[Config]] = {
    "translation": TranslationConfig,
    "language-model": LanguageModelConfig,
    "classification": ClassificationConfig,
}
"""By the value of `task`."""


def task_of(kind: type[Config]) -> str:
    """The value of `task` of a kind of configuration."""
    return next(task for task, cls in CONFIGS.items() if cls is kind)
