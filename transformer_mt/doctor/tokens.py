"""Vocabulary coverage of a corpus, and training pairs that are dropped as too long."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from transformer_mt.config.tasks import TranslationConfig
from transformer_mt.corpus.rows import SentencePair, pieces
from transformer_mt.corpus.source import Corpus
from transformer_mt.data.coverage import (
    MANY_UNKNOWN,
    NEARLY_ALL_UNKNOWN,
    REFUSED,
    Coverage,
    Coverages,
    UnknownCounter,
    advice,
    other_languages,
    unknown_sentence,
    unspaced_warning,
)
from transformer_mt.data.sequences import Sequences
from transformer_mt.data.vocabularies import build_tokenizers
from transformer_mt.doctor.checks import graded
from transformer_mt.doctor.reading import Block
from transformer_mt.doctor.report import (
    SHOWN,
    Finding,
    Findings,
    Ref,
)
from transformer_mt.doctor.scanning import Side
from transformer_mt.files.problems import Severity
from transformer_mt.runs.run_dir import (
    RunDir,
    has_vocabulary,
    load_run_config,
    load_vocabulary,
)
from transformer_mt.text.tokenizer import Tokenizers

SAMPLE = 50_000
"""Maximum pairs of a split, evenly spaced, on which coverage is measured."""
_LONGEST = 2000
"""Maximum characters of a sentence that are used for coverage."""
_MOST_CHECKED = 100_000
"""Maximum pairs that are encoded to count dropped ones; of more pairs a sample is encoded."""


class Sample:
    """A sample of evenly spaced pairs of a split."""

    def __init__(self, pairs: int) -> None:
        self._stride = max(1, -(-pairs // SAMPLE))
        self._pairs = pairs
        self._rows = [0, 0]
        self.texts: tuple[list[str], list[str]] = ([], [])

    def add(self, block: Block) -> None:
        """Add the sampled lines of the next block."""
        start = self._rows[block.side]
        end = max(0, self._pairs - start)
        wanted = block.texts[-start % self._stride : end : self._stride]
        self.texts[block.side].extend(clean(text[:_LONGEST]) for text in wanted)
        self._rows[block.side] = start + len(block.texts)


def clean(text: str) -> str:
    """Replace each byte that is not UTF-8 by a question mark: tokenizers accept only valid text."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def find_tokenizers(config: TranslationConfig, sample: Sample) -> tuple[Tokenizers, str]:
    """Load the tokenizers of a run, or build them from a sample; also return a description.

    Raises:
        DataError: the tokenizers of the run cannot be read.
        ConfigError: the configured vocabulary cannot be built.
    """
    for place in (config.run_dir, config.init_from):
        if place is not None and has_vocabulary(RunDir(Path(place)), Tokenizers):
            return load_vocabulary(RunDir(Path(place)), Tokenizers), f"that of {place}"
    pairs = list(map(SentencePair, *sample.texts))
    tokenizers = build_tokenizers(config, Corpus(pairs, [], []))
    return tokenizers, f"one built for this from {len(pairs):,} pairs"


def coverage(tokenizers: Tokenizers, sample: Sample) -> tuple[Coverage, ...]:
    """Return the vocabulary coverage of each side of a sample."""
    counters = UnknownCounter(tokenizers.src), UnknownCounter(tokenizers.tgt)
    for side, tokenizer in enumerate((tokenizers.src, tokenizers.tgt)):
        for piece in pieces(sample.texts[side], 10_000):
            counters[side].see(piece, Sequences.pack(tokenizer.encode_batch(piece)))
    return tuple(counter.coverage() for counter in counters)


def vocabulary_findings(
    config: TranslationConfig, tokenizers: Tokenizers, coverages: Coverages
) -> Iterator[Finding]:
    """Yield the vocabulary problems of which training will warn, or which it will refuse."""
    parent = config.init_from and RunDir(Path(config.init_from))
    if parent and parent.config.is_file():
        sentence = other_languages(config, load_run_config(parent))
        if sentence is not None:
            yield Finding("warning", "other-languages", "train", sentence)
    for column, tokenizer in zip(
        config.data.columns, (tokenizers.src, tokenizers.tgt), strict=True
    ):
        if (sentence := unspaced_warning(config.tokenizer, tokenizer, column)) is not None:
            yield Finding("warning", "unspaced-words", "train", sentence)
    for split, columns in coverages.items():
        for side, known in enumerate(columns):
            if known.unknown_share >= MANY_UNKNOWN:
                refused = known.unknown_share >= NEARLY_ALL_UNKNOWN and split in REFUSED
                message = f"{unknown_sentence(config, side, known)}: {advice(config)}"
                severity: Severity = "error" if refused else "warning"
                yield Finding(severity, "unknown-tokens", split, message)


class Dropped:
    """The training pairs that are too long, or too different in length, in tokens.

    Only few pairs are encoded: a text has at least as many tokens as words, and at most as many as
    characters (or bytes).
    """

    def __init__(self, sides: tuple[Side, Side], pairs: int, config: TranslationConfig) -> None:
        self._config = limits = config.data
        most = 4 if config.tokenizer.type == "byte" else 1  # tokens per character
        src, tgt = ((side.chars[:pairs], side.words[:pairs]) for side in sides)
        longer, shorter = np.maximum(src[0], tgt[0]), np.minimum(src[1], tgt[1])
        self._empty = shorter == 0
        possible = ~self._empty & (
            (most * longer > limits.max_length)
            | (most * longer > limits.max_length_ratio * shorter)
        )
        rows = np.flatnonzero(possible)
        self._stride = max(1, -(-len(rows) // _MOST_CHECKED))
        self.rows: NDArray[np.int64] = rows[:: self._stride]
        self._lengths = np.zeros((2, len(self.rows)), dtype=np.int64)

    def encode(self, blocks: Iterable[Block], tokenizers: Tokenizers) -> None:
        """Count the tokens of `rows`; `blocks` has all rows."""
        first = [0, 0]
        for side, texts, _ in blocks:
            start, end = first[side], first[side] + len(texts)
            low, high = np.searchsorted(self.rows, [start, end])
            wanted = [clean(texts[row - start]) for row in self.rows[low:high]]
            tokenizer = (tokenizers.src, tokenizers.tgt)[side]
            lengths = [len(ids) for ids in tokenizer.encode_batch(wanted)]
            self._lengths[side, low:high] = lengths
            first[side] = end

    def tell(self, split: str, findings: Findings) -> None:
        """Add findings for the pairs that training will drop."""
        longer, shorter = self._lengths.max(0), self._lengths.min(0)
        long = longer > self._config.max_length
        ratio = ~long & (longer > self._config.max_length_ratio * shorter)
        about = "about " if self._stride > 1 else ""
        limits = self._config
        for code, wrong, reason in (
            ("too-long", long, f"longer than data.max_length ({limits.max_length} tokens)"),
            ("token-ratio", ratio, f"beyond data.max_length_ratio ({limits.max_length_ratio:g})"),
        ):
            rows = self.rows[wrong]
            if len(rows):
                count = len(rows) * self._stride
                message = f"pairs that training will drop, {reason}{about and ', about'}"
                refs = [Ref(None, int(row)) for row in rows[:SHOWN]]
                severity = graded(count, len(self._empty))
                findings.add(Finding(severity, code, split, message, count, refs, rows=rows))
        dropped = self._empty.sum() + self._stride * (long | ratio).sum()
        if len(self._empty) and dropped >= len(self._empty):
            message = "no pair is left to train on: all are empty, too long or of an odd ratio"
            findings.add(Finding("error", "unusable", split, message))
