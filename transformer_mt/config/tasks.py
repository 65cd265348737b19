"""Settings of each task: subclasses of the sections of `config/sections.py`.

A key without a docstring here keeps the meaning of the parent class, with another type or default.
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
    """Source of sentence pairs, and the limits of the pairs kept."""

    src_lang: str
    """Source language, as a short code ("en"); also the default column name."""
    tgt_lang: str
    """Target language, as a short code; also the default column name."""
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
    """Most tokens of a sentence on each side: longer training pairs are dropped, longer input is
    cut."""
    max_length_ratio: float = 9.0
    """Largest ratio of a training pair's longer side to the shorter; other pairs are dropped."""

    @property
    def columns(self) -> tuple[str, ...]:
        return self.src_lang, self.tgt_lang

    @property
    def languages(self) -> tuple[str, ...]:
        return self.columns


@dataclass(frozen=True, kw_only=True, slots=True)
class PairTokenizerConfig(TokenizerConfig):
    """Settings of the tokenizers of two languages."""

    joint: bool = False
    """Use one vocabulary for both languages; needed for `model.tied_embeddings: all`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EncoderDecoderConfig(ModelConfig):
    """Shape of the translator, in the paper's terms (Vaswani et al. 2017, section 3)."""

    num_encoder_layers: int = 6
    """Number of encoder layers."""
    num_decoder_layers: int = 6
    """Number of decoder layers."""
    tied_embeddings: Literal["none", "decoder", "all"] = "decoder"
    """Share one matrix: "decoder" for decoder input and output, "all" for encoder input too."""
    output_bias: bool = False
    """Add a learned bias to each logit, as some imported models do."""

    @property
    def depth(self) -> int:
        return self.num_encoder_layers + self.num_decoder_layers


@dataclass(frozen=True, kw_only=True, slots=True)
class TranslationTrainingConfig(TrainingConfig):
    """Settings of the training loop of a translator (section 5 of the paper)."""

    label_smoothing: float = 0.1
    """Share of the target probability spread evenly over the vocabulary."""
    validate_sentences: int = 1000
    """Most validation sentences translated for BLEU and chrF (the loss uses all of them)."""
    best_metric: Literal["bleu", "chrf", "loss"] = "bleu"
    """Validation score that selects the best checkpoint; at equal score the lower loss, and chrf
    while bleu is 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodingConfig:
    """Default settings of the beam search."""

    beam_size: int = 5
    """Number of hypotheses kept at each step; 1 is greedy search."""
    length_penalty: float = 1.0
    """Exponent alpha of the length in score = log_prob / ((5 + length) / 6) ** alpha."""
    max_length_ratio: float = 2.0
    """Factor a of a translation's length limit in tokens, a * src_len + b."""
    max_length_offset: int = 10
    """Constant b of the length limit, a * src_len + b."""
    unknown_words: Literal["replace", "forbid"] = "replace"
    """Treatment of a generated [UNK]. replace: output the source word with the largest attention
    weight; forbid: never generate [UNK]."""

    def __post_init__(self) -> None:
        check_section(self, "decoding.")

    def length_limit(self, src_len: int) -> int:
        """Return the length limit in tokens of the translation of `src_len` tokens."""
        return int(src_len * self.max_length_ratio) + self.max_length_offset


@dataclass(frozen=True, kw_only=True, slots=True)
class TranslationConfig(Config):
    """Settings of a run that trains a translator."""

    task: Literal["translation"] = "translation"
    data: PairsConfig
    """Source of sentence pairs."""
    tokenizer: PairTokenizerConfig = field(default_factory=PairTokenizerConfig)
    model: EncoderDecoderConfig = field(default_factory=EncoderDecoderConfig)
    training: TranslationTrainingConfig = field(default_factory=TranslationTrainingConfig)
    decoding: DecodingConfig = field(default_factory=DecodingConfig)
    """Default settings of the beam search."""

    @property
    def answers(self) -> str:
        return "target tokens"

    def describe(self) -> dict[str, str]:
        model = self.model
        layers = f"{model.num_encoder_layers}+{model.num_decoder_layers}"
        return {
            "languages": f"{self.data.src_lang} -> {self.data.tgt_lang}",
            "model": f"{model.describe(layers)}, tied embeddings: {model.tied_embeddings}",
            "tokenizer": self.tokenizer.type + (", joint" if self.tokenizer.joint else ""),
        }

    def __post_init__(self) -> None:
        Config.__post_init__(self)
        require(
            self.model.tied_embeddings != "all" or self.tokenizer.joint,
            "model.tied_embeddings",
            "is 'all', which needs one vocabulary: set tokenizer.joint to true",
            "tokenizer.joint",
        )


# Parts shared by language models and classifiers


@dataclass(frozen=True, kw_only=True, slots=True)
class TextTokenizerConfig(TokenizerConfig):
    """Settings of the tokenizer of one column."""

    file: str | None = None
    """Tokenizer file to reuse, such as tokenizer.tgt.json of a translator's run directory: no
    tokenizer is built then, and the other keys here have no effect."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SingleStackConfig(ModelConfig):
    """Shape of a Transformer of one stack of layers."""

    num_layers: int = 6
    """Number of layers."""
    positions: Literal["sinusoidal", "learned"] = "sinusoidal"
    """Positional encoding: the paper's sines, or a learned vector for each position."""

    @property
    def depth(self) -> int:
        return self.num_layers

    def describe(self, layers: str = "") -> str:
        shape = ModelConfig.describe(self, layers or str(self.num_layers))
        return f"{shape}, {self.positions} positions"


# Language models


@dataclass(frozen=True, kw_only=True, slots=True)
class TextConfig(DataConfig):
    """Source of running text, and the cutting into examples."""

    train: Files | None = None
    """Text files (plain or compressed), or one .tsv, .csv, .jsonl or .parquet file with a
    `text_column`; with `dataset`, the name of a split (default "train")."""
    text_column: str = "text"
    """Column of a table or data set; the phrasebook has en and fr. Without a header: its number
    (default 1)."""
    examples: Literal["blocks", "lines"] = "blocks"
    """Unit of an example. blocks: the lines are one text, cut into blocks of `block_size` tokens;
    lines: each line is one example, like the sentences of a translator."""
    block_size: int = 256
    """Most tokens of an example, and of the context of a prediction; longer lines are cut."""

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.text_column,)


@dataclass(frozen=True, kw_only=True, slots=True)
class DecoderOnlyConfig(SingleStackConfig):
    """Shape of a language model: the decoder without a source (Radford et al. 2018)."""

    tied_embeddings: bool = True
    """Share one matrix between input embedding and output projection."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LanguageModelTrainingConfig(TrainingConfig):
    """Settings of the training loop of a language model."""

    best_metric: Literal["loss"] = "loss"


@dataclass(frozen=True, kw_only=True, slots=True)
class LanguageModelConfig(Config):
    """Settings of a run that trains a language model."""

    task: Literal["language-model"] = "language-model"
    data: TextConfig
    """Source of running text."""
    tokenizer: TextTokenizerConfig = field(default_factory=TextTokenizerConfig)
    model: DecoderOnlyConfig = field(default_factory=DecoderOnlyConfig)
    training: LanguageModelTrainingConfig = field(default_factory=LanguageModelTrainingConfig)

    @property
    def answers(self) -> str:
        return "tokens"

    def describe(self) -> dict[str, str]:
        data = self.data
        return {
            "text": f"column {data.text_column}, {data.examples} of up to"
            f" {data.block_size:,} tokens",
            "model": self.model.describe(),
            "tokenizer": self.tokenizer.file or self.tokenizer.type,
        }


# Classification


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledConfig(DataConfig):
    """Source of labelled text."""

    train: Files | None = None
    """One .tsv, .csv, .jsonl or .parquet file with the columns named below, or text files (plain or
    compressed), one for each of `labels`; with `dataset`, the name of a split (default "train")."""
    text_column: str = "text"
    """Column of a table or data set that holds the text; without a header: its number
    (default 1)."""
    label_column: str = "label"
    """Column of the label: a word, or a number (for which a hub data set has a name). Without a
    header: its number (default 2)."""
    labels: tuple[str, ...] | None = None
    """Label of each file where `train` is a list of text files, as in [en, de]."""
    max_length: int = 512
    """Most tokens read of a text: the rest is cut off."""

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
    """Shape of a classifier: the encoder, pooling, and a linear layer."""

    pooling: Literal["mean", "max"] = "mean"
    """Reduction of the vectors of all tokens to one vector."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassificationTrainingConfig(TrainingConfig):
    """Settings of the training loop of a classifier."""

    best_metric: Literal["accuracy", "macro_f1", "loss"] = "accuracy"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassificationConfig(Config):
    """Settings of a run that trains a classifier."""

    task: Literal["classification"] = "classification"
    data: LabelledConfig
    """Source of labelled text."""
    tokenizer: TextTokenizerConfig = field(default_factory=TextTokenizerConfig)
    model: EncoderOnlyConfig = field(default_factory=EncoderOnlyConfig)
    training: ClassificationTrainingConfig = field(default_factory=ClassificationTrainingConfig)

    @property
    def answers(self) -> str:
        return "texts"

    def describe(self) -> dict[str, str]:
        return {
            "text": f"up to {self.data.max_length:,} tokens",
            "model": f"{self.model.describe()}, {self.model.pooling} pooling",
            "tokenizer": self.tokenizer.file or self.tokenizer.type,
        }


CONFIGS: dict[str, type[Config]] = {
    "translation": TranslationConfig,
    "language-model": LanguageModelConfig,
    "classification": ClassificationConfig,
}
"""Configuration class by the value of `task`."""


def task_of(kind: type[Config]) -> str:
    """Return the value of `task` for a configuration class."""
    return next(task for task, cls in CONFIGS.items() if cls is kind)
