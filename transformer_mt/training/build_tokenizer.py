"""`tmt build-tokenizer`: build and save vocabularies, and report their coverage of the text."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformer_mt.config.sections import Config
from transformer_mt.corpus.rows import Rows
from transformer_mt.corpus.source import Corpus, load_corpus
from transformer_mt.data.coverage import Coverage, UnknownCounter, coverage_warnings
from transformer_mt.data.encoding import encode_texts, in_pieces
from transformer_mt.errors import ConfigError
from transformer_mt.runs import run_dir
from transformer_mt.runs.lock import locked
from transformer_mt.runs.ownership import check_place, load_own_config
from transformer_mt.runs.run_dir import RunDir
from transformer_mt.runs.train_state import refuse_imported
from transformer_mt.text.tokenizer import Tokenizer
from transformer_mt.text.vocabularies import VOCABULARY_FILES, Vocabulary
from transformer_mt.training.tasks.registry import build_vocabulary

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BuiltVocabulary:
    """A vocabulary that was built, and the report on its coverage."""

    vocabulary: Vocabulary
    report: list[str]
    """Lines of text with sizes and shares of unknown tokens."""


def build_tokenizers(config: Config | str | Path, *, force: bool = False) -> Vocabulary:
    """Build the vocabulary of a run and save it in the run directory.

    Args:
        config: settings of the run, or their YAML file.
        force: replace different tokenizers that are there, unless a model was trained with them.

    Raises:
        ConfigError: other tokenizers are there.
        DataError: the corpus cannot be used.
    """
    settings = config if isinstance(config, Config) else load_own_config(config)
    return build_and_save(settings, force=force).vocabulary


def build_and_save(config: Config, *, force: bool) -> BuiltVocabulary:
    """Build the vocabulary of a run and save it; the same input gives the same bytes.

    Raises:
        ConfigError: another one is there, and `force` is not given; or the run takes that of
            another (`init_from`), or is a model that was imported; or something else than a run
            stands there.
        DataError: the corpus cannot be used, or the run is being trained.
    """
    if config.init_from is not None:
        raise ConfigError(
            f"'init_from' is set: the tokenizers are those of {config.init_from}, and none are to"
            " be built; go on with tmt train"
        )
    run = RunDir(Path(config.run_dir))
    check_place(run, None if run.last.is_dir() else config)
    refuse_imported(run)
    corpus = load_corpus(config.data)
    vocabulary = build_vocabulary(config, corpus)
    new = vocabulary.texts()
    for path in (run.path / name for name in VOCABULARY_FILES):  # those of other tasks, too
        if path.is_file() and path.read_text(encoding="utf-8") != new.get(path.name):
            _refuse_to_replace(run, path, force=force)
    report, known = [], []
    for column, (name, tokenizer) in enumerate(vocabulary.tokenizers().items()):
        known.append(_coverage(tokenizer, corpus, column))
        report += [
            f"{config.data.columns[column]}: {tokenizer.vocab_size:,} tokens -> {run.path / name}",
            *_lines(known[-1]),
        ]
    coverages = {split: tuple(each[split] for each in known) for split in known[0]}
    for sentence in coverage_warnings(config, list(vocabulary.tokenizers().values()), coverages):
        log.warning(sentence)
    with locked(run):
        if not run.last.is_dir():
            run_dir.remove_vocabulary(run)  # another would not belong to the configuration
            run_dir.save_config(run, config)
        run_dir.save_vocabulary(run, vocabulary)
    return BuiltVocabulary(vocabulary, report)


def _refuse_to_replace(run: RunDir, path: Path, *, force: bool) -> None:
    if run.last.is_dir():
        raise ConfigError(
            f"{path}: holds another tokenizer, which the trained model needs;"
            " use another run_dir, or tmt train --overwrite"
        )
    if not force:
        raise ConfigError(f"{path}: holds another tokenizer; --force replaces it")


def _coverage(tokenizer: Tokenizer, corpus: Corpus[Any], column: int) -> dict[str, Coverage]:
    """Return the coverage of the training and the validation text in a column."""
    return {
        "train": _known(tokenizer, corpus.train, column),
        "validation": _known(tokenizer, corpus.validation, column),
    }


def _known(tokenizer: Tokenizer, rows: Rows[Any], column: int) -> Coverage:
    counter = UnknownCounter(tokenizer)
    for piece in in_pieces(rows, "line"):
        texts = [row[column] for row in piece]
        counter.see(texts, encode_texts(tokenizer, texts))
    return counter.coverage()


def _lines(known: dict[str, Coverage]) -> list[str]:
    rates = {split: 100 * coverage.unknown_share for split, coverage in known.items()}
    words = ", ".join(f"{word} ({count})" for word, count in known["validation"].commonest)
    return [
        f"    training text: {100 - rates['train']:.2f} % of the tokens are in the vocabulary",
        f"    validation text: {100 - rates['validation']:.2f} %, UNK rate"
        f" {rates['validation']:.2f} %",
        f"    most frequent unknown words: {words or 'none'}",
    ]
