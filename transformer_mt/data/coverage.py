"""Vocabulary coverage: counts of unknown tokens, and warnings before training."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from transformer_mt.config.sections import Config, TokenizerConfig
from transformer_mt.config.tasks import TextTokenizerConfig
from transformer_mt.data.sequences import Sequences
from transformer_mt.errors import DataError
from transformer_mt.languages.characters import UNSPACED
from transformer_mt.languages.codes import subtags
from transformer_mt.text.tokenizer import SPECIAL_TOKENS, UNK_ID, Tokenizer

MANY_UNKNOWN = 0.05
"""Fraction of unknown tokens that causes a warning."""
NEARLY_ALL_UNKNOWN = 0.9
"""Fraction of unknown tokens that causes a DataError, as nothing can be learned."""
REFUSED = ("train", "validation")
"""Splits in which NEARLY_ALL_UNKNOWN is an error."""
_MANY_UNSPACED = 0.2
"""Fraction of vocabulary entries from which a script counts as written without spaces."""
_SPELLED = 2000
"""Maximum number of texts in which unknown pieces are looked up by spelling."""
_LONGEST, _LONGEST_NAME = 2000, 40
"""Maximum characters of a text to look up, and of a piece in a message."""
_UNSPACED = re.compile(f"[{UNSPACED}]")
_KEPT, _NAMED = 10, 5
"""Number of unknown pieces in the report, and in a message."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Token counts of one column of a split."""

    tokens: int
    unknown: int
    commonest: tuple[tuple[str, int], ...]
    """Most frequent unknown pieces with counts, from the first texts with unknown tokens."""

    @property
    def unknown_share(self) -> float:
        """Return the fraction of unknown tokens, 0 to 1."""
        return self.unknown / max(self.tokens, 1)

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> "Coverage":
        """Rebuild coverage from saved JSON."""
        commonest = tuple((piece, count) for piece, count in saved["commonest"])
        return cls(**{**saved, "commonest": commonest})


class UnknownCounter:
    """Counter of unknown tokens in encoded texts.

    Args:
        tokenizer: the tokenizer that encoded the texts.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._tokens = self._unknown = self._spelled = 0
        self._pieces: Counter[str] = Counter()

    def see(self, texts: Sequence[str], encoded: Sequences) -> None:
        """Count the unknown tokens of texts.

        Args:
            texts: the texts before encoding.
            encoded: the token ids of each text.
        """
        places = np.flatnonzero(encoded.ids == UNK_ID)
        self._tokens += len(encoded.ids)
        self._unknown += len(places)
        rows = np.unique(np.searchsorted(encoded.offsets, places, side="right") - 1)
        wanted = rows[: _SPELLED - self._spelled].tolist()
        self._spelled += len(wanted)
        self._pieces += self._tokenizer.unknown_pieces(texts[row][:_LONGEST] for row in wanted)

    def coverage(self) -> Coverage:
        """Return the coverage of all texts counted so far."""
        commonest = self._pieces.most_common(_KEPT)
        named = tuple((piece[:_LONGEST_NAME], count) for piece, count in commonest)
        return Coverage(self._tokens, self._unknown, named)


Coverages = dict[str, tuple[Coverage, ...]]
"""Coverage of each text column, by split name."""


def saved_coverages(saved: Mapping[str, Sequence[Mapping[str, Any]]]) -> Coverages:
    """Rebuild the coverage of all splits from saved JSON."""
    return {split: tuple(map(Coverage.of, columns)) for split, columns in saved.items()}


def coverage_warnings(
    config: Config, tokenizers: Sequence[Tokenizer], coverages: Coverages
) -> Iterator[str]:
    """Yield warnings about unknown tokens and unsuitable tokenizer types.

    Args:
        config: configuration of the run.
        tokenizers: one for each text column.
        coverages: coverage of each split.
    """
    for column, tokenizer in zip(config.data.columns, tokenizers, strict=True):
        sentence = unspaced_warning(config.tokenizer, tokenizer, column)
        if sentence is not None:
            yield sentence
    for split, columns in coverages.items():
        for side, coverage in enumerate(columns):
            if coverage.unknown_share >= MANY_UNKNOWN:
                yield f"{split}: {unknown_sentence(config, side, coverage)}: {advice(config)}"


def refuse_unknown(config: Config, coverages: Coverages) -> None:
    """Refuse training or validation text in which nearly all tokens are unknown.

    Raises:
        DataError: the message names the split, the side and the percentage.
    """
    for split in REFUSED:
        for side, coverage in enumerate(coverages[split]):
            if coverage.unknown_share >= NEARLY_ALL_UNKNOWN:
                sentence = unknown_sentence(config, side, coverage)
                raise DataError(f"{split}: {sentence}; nothing can be learned so: {advice(config)}")


def unknown_sentence(config: Config, side: int, coverage: Coverage) -> str:
    """Return a message with the percentage and examples of unknown tokens of a column."""
    columns = config.data.columns
    which = f"{('source', 'target')[side]} " if len(columns) > 1 else ""
    pieces = ", ".join(piece for piece, _ in coverage.commonest[:_NAMED])
    named = f", such as {pieces}" if pieces else ""
    share = 100 * coverage.unknown_share
    return f"{share:.1f} % of the {which}tokens ({columns[side]}) are unknown{named}"


def advice(config: Config) -> str:
    """Return advice against unknown tokens, depending on the origin of the vocabulary."""
    kind = config.tokenizer.type
    if config.init_from is not None:
        return (
            f"the vocabulary is that of {config.init_from}; train without init_from, or on text of"
            " its languages"
        )
    if isinstance(config.tokenizer, TextTokenizerConfig) and config.tokenizer.file is not None:
        return f"the vocabulary is that of {config.tokenizer.file} (tokenizer.file)"
    if kind == "word":
        return (
            "set tokenizer.type to bpe, unigram or character, or raise tokenizer.vocab_size"
            f" ({config.tokenizer.vocab_size}), or lower tokenizer.min_frequency"
            f" ({config.tokenizer.min_frequency})"
        )
    return "the training text, or the part of it that fits tokenizer.vocab_size, lacks them"


def unspaced_warning(config: TokenizerConfig, tokenizer: Tokenizer, column: str) -> str | None:
    """Return a warning if type word is used for a script without spaces, else None."""
    if config.type != "word" or _unspaced_share(tokenizer) < _MANY_UNSPACED:
        return None
    return (
        f"{column} is written without spaces, so that tokenizer.type word finds no words in it: use"
        " bpe, unigram or character"
    )


def _unspaced_share(tokenizer: Tokenizer) -> float:
    """Return the fraction of vocabulary entries with letters of scripts without spaces."""
    tokens = tokenizer.tokens(range(len(SPECIAL_TOKENS), tokenizer.vocab_size))
    return sum(map(bool, map(_UNSPACED.search, tokens))) / max(len(tokens), 1)


def other_languages(config: Config, parent: Config) -> str | None:
    """Return a warning if the languages differ from the run in `init_from`, else None."""
    ours, theirs = (
        [subtags(language)[0] for language in each.data.languages] for each in (config, parent)
    )
    if ours == theirs:
        return None
    return (
        f"{config.init_from} was trained for {'-'.join(parent.data.languages)}; this data is"
        f" {'-'.join(config.data.languages)}"
    )
