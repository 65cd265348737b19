"""Examination of a corpus in several readings; only numbers of lines are kept in memory.

The first reading counts and looks for rare characters; the second scores languages and takes a
sample; another encodes lines that may be too long; the last reads the text of the examples.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from transformer_mt.config.load import load_config
from transformer_mt.config.tasks import PairsConfig, TranslationConfig
from transformer_mt.corpus.hub import SPLITS
from transformer_mt.data.coverage import Coverage
from transformer_mt.doctor import tokens
from transformer_mt.doctor.checks import (
    PairChecks,
    can_judge,
    found_in,
    graded,
    rows_finding,
)
from transformer_mt.doctor.language import LetterPairs, score_lines, sides_are_swapped
from transformer_mt.doctor.reading import Advance, Split, open_corpus, parallel_split
from transformer_mt.doctor.report import (
    SHOWN,
    Examination,
    Example,
    Finding,
    Findings,
    excerpt,
)
from transformer_mt.doctor.scanning import Side, scan
from transformer_mt.doctor.typography import Quotes
from transformer_mt.errors import TmtError
from transformer_mt.files.paths import user_path
from transformer_mt.runtime.console import hides_bars

_JUDGED = 5000
"""Training pairs by whose words the languages are checked."""
_SMALLEST = 10
"""Minimum training pairs to cut a missing split from."""


@dataclass(slots=True)
class _Examined:
    """A split with the results so far."""

    split: Split
    sides: tuple[Side, Side]
    checks: PairChecks
    sample: tokens.Sample
    scores: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None
    coverage: tuple[Coverage, ...] = ()

    def line(self, side: int, row: int) -> int:
        """Return the line number of a row in the file of a side."""
        return self.sides[side].line(row)


def examine(
    corpus: TranslationConfig | str | Path | tuple[str | Path, str | Path],
    *,
    all_lines: bool = False,
) -> Examination:
    """Check a corpus and list its problems.

    Args:
        corpus: a configuration, a YAML file, or two parallel text files: source and target.
        all_lines: fill `places` of each finding: all line numbers, by file.

    Returns:
        The examination, whose `findings` begin with the worst; its `exit_code` is 1 if training
        would refuse the corpus.

    Raises:
        ConfigError: the configuration is wrong, or names no corpus.
    """
    findings = Findings(all_lines=all_lines)
    if isinstance(corpus, tuple):  # no configuration: no vocabulary, and no rules for dropping
        src, tgt = (str(user_path(file, "corpus")) for file in corpus)
        examined = _examine_pairs([parallel_split("files", (src, tgt))], findings)
        return _report(examined, findings, None)
    config = corpus
    if not isinstance(config, TranslationConfig):
        config = load_config(config, (), TranslationConfig)
    splits = open_corpus(config.data, findings.add)
    examined = _examine_pairs(splits, findings)
    vocabulary = None
    if examined and examined[0].split.name == "train":
        _check_languages(examined[0], config.data, findings)
        _check_size(examined, findings)
        vocabulary = _check_tokens(config, examined, findings)
    return _report(examined, findings, vocabulary)


def _examine_pairs(splits: list[Split], findings: Findings) -> list[_Examined]:
    """Read each split twice and run all checks that need no vocabulary."""
    letters, examined = LetterPairs(), []
    for index, split in enumerate(splits):
        quotes = Quotes()
        with _bar(split, "reading") as advance:
            sides = scan(split, findings, letters if index == 0 else None, quotes, advance)
        for side, rows, message in quotes.mixtures():
            severity = graded(len(rows), len(sides[side]))
            found = rows_finding(severity, "quotes", split.name, message, rows, side)
            if found is not None:
                findings.add(found)
        checks = PairChecks(split.name, (split.file_of(0), split.file_of(1)), sides, findings)
        checks.run()
        examined.append(_Examined(split, sides, checks, tokens.Sample(min(map(len, sides)))))
    log_odds = letters.log_odds()
    for one in examined:
        one.scores = _judge(one, log_odds)
    if examined and examined[0].scores is not None and can_judge(examined[0].scores):
        for one in examined:
            if one.scores is not None:
                one.checks.languages(one.scores)
    for first, second in combinations(examined, 2):
        _check_overlap(first, second, findings)
    return examined


def _judge(
    one: _Examined, log_odds: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the language scores of all lines of a split; fill the sample in the same reading."""
    parts: tuple[list[NDArray[np.float32]], ...] = ([], [])
    with _bar(one.split, "languages") as advance:
        for block in one.split.read(Findings().add, advance):
            parts[block.side].append(score_lines(block.texts, log_odds))
            one.sample.add(block)
    none = [np.zeros(0, dtype=np.float32)]
    src, tgt = (np.concatenate(side or none) for side in parts)
    return src, tgt


def _check_overlap(first: _Examined, second: _Examined, findings: Findings) -> None:
    """Report pairs, and single sentences, of the second split that are also in the first."""
    name = second.split.name
    rows, places = found_in(second.checks.keys, first.checks.keys)
    filled = second.checks.filled
    rows, places = rows[filled[rows]], places[filled[rows]]
    message = f"pairs that stand in {first.split.name}, too"
    finding = rows_finding("warning", "overlap", name, message, rows, None)
    if finding is not None:
        lines = [first.sides[0].line(int(row)) for row in places[:SHOWN]]
        finding.remark([f"there in line {line}" for line in lines])
        findings.add(finding)
    shared = np.zeros(len(filled), dtype=bool)
    for ours, theirs in zip(second.checks.hashes, first.checks.hashes, strict=True):
        shared[found_in(ours, theirs)[0]] = True
    shared[rows] = False
    message = f"pairs with one sentence that stands in {first.split.name}, too"
    finding = rows_finding("note", "overlap-sentence", name, message, shared & filled, None)
    if finding is not None:
        findings.add(finding)


def _check_languages(train: _Examined, config: PairsConfig, findings: Findings) -> None:
    """Report swapped sides, by the most common words of the configured languages."""
    src, tgt = (side[:_JUDGED] for side in train.sample.texts)
    if sides_are_swapped(src, tgt, config.src_lang, config.tgt_lang):
        message = (
            f"the source side seems to be {config.tgt_lang}, the target side {config.src_lang}:"
            " exchange the files, or data.src_lang and data.tgt_lang"
        )
        findings.add(Finding("warning", "swapped-sides", train.split.name, message))


def _check_size(examined: list[_Examined], findings: Findings) -> None:
    """Report a training split that is too small to cut missing splits from."""
    missing = [name for name in SPLITS[1:] if name not in (e.split.name for e in examined)]
    count = examined[0].checks.pairs
    if missing and 0 < count < _SMALLEST:
        message = f"{count} pairs are too few to cut a {missing[0]} split from"
        findings.add(Finding("error", "too-small", "train", message))


def _check_tokens(
    config: TranslationConfig, examined: list[_Examined], findings: Findings
) -> str | None:
    """Check the coverage of all splits and the pairs dropped from train; return the vocabulary."""
    train = examined[0]
    dropped = tokens.Dropped(train.sides, train.checks.pairs, config)
    if not any(any(texts) for texts in train.sample.texts):
        dropped.tell(train.split.name, findings)
        return None
    try:
        tokenizers, origin = tokens.find_tokenizers(config, train.sample)
    except TmtError as error:
        findings.add(Finding("error", "tokenizer", train.split.name, str(error)))
        return None
    for one in examined:
        one.coverage = tokens.coverage(tokenizers, one.sample)
    coverages = {one.split.name: one.coverage for one in examined}
    for finding in tokens.vocabulary_findings(config, tokenizers, coverages):
        findings.add(finding)
    if len(dropped.rows):
        with _bar(train.split, "lengths") as advance:
            dropped.encode(train.split.read(Findings().add, advance), tokenizers)
    dropped.tell(train.split.name, findings)
    return origin


def _report(examined: list[_Examined], findings: Findings, vocabulary: str | None) -> Examination:
    """Build the examination; read the text of the examples."""
    splits = {}
    for one in examined:
        _fetch_examples(one, findings.of(one.split.name))
        findings.locate(one.split.name, one.split.file_of, one.line)
        splits[one.split.name] = {
            "files": list(one.split.files),
            "lines": [len(side) for side in one.sides],
        }
        if one.coverage:
            shares = [1 - known.unknown_share for known in one.coverage]
            splits[one.split.name] |= {"coverage": shares, "vocabulary": vocabulary}
    return Examination(splits, findings.ordered())


def _fetch_examples(one: _Examined, findings: list[Finding]) -> None:
    """Read the text of the rows that findings refer to."""
    wanted = {ref.row for finding in findings for ref in finding.refs}
    if not wanted:
        return
    texts: tuple[dict[int, str], ...] = ({}, {})
    first = [0, 0]
    with _bar(one.split, "examples") as advance:
        for side, block, _ in one.split.read(Findings().add, advance):
            start = first[side]
            first[side] += len(block)
            texts[side].update(
                {row: block[row - start] for row in wanted if start <= row < first[side]}
            )
    for finding in findings:
        for ref in finding.refs:
            shown = [0, 1] if ref.side is None else [ref.side]
            text = " | ".join(excerpt(texts[side].get(ref.row, "")) for side in shown)
            line = one.sides[shown[0]].line(ref.row)
            example = Example(one.split.file_of(shown[0]), line, text, ref.remark)
            finding.examples.append(example)


@contextmanager
def _bar(split: Split, what: str) -> Iterator[Advance]:
    """Show the progress of a reading that takes more than a second."""
    with tqdm(
        total=split.size,
        desc=f"{split.name}: {what}",
        unit=split.unit,
        unit_scale=True,
        delay=1,
        leave=False,
        disable=hides_bars(),
        file=sys.stderr,
    ) as bar:
        yield bar.update
