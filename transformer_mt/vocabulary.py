"""`tmt build-tokenizer`: build, save, and tell how well the vocabularies cover the text."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformer_mt import run_dir
from transformer_mt.config import Config
from transformer_mt.data.corpus import Corpus, load_corpus
from transformer_mt.data.encoding import encode_texts, in_pieces
from transformer_mt.data.rows import Rows
from transformer_mt.data.tokenizer import UNK_ID, Tokenizer
from transformer_mt.data.vocabularies import VOCABULARY_FILES, Vocabulary, build_vocabulary
from transformer_mt.errors import ConfigError
from transformer_mt.ownership import check_place
from transformer_mt.run_dir import RunDir
from transformer_mt.run_lock import locked
from transformer_mt.train_state import refuse_imported

_SHOWN = 10
"""Unknown words that are listed."""


@dataclass(frozen=True, slots=True)
class BuiltVocabulary:
    """What was built, and how well it covers the text."""

    vocabulary: Vocabulary
    report: list[str]
    """For a person."""


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
    report = []
    for column, (name, tokenizer) in enumerate(vocabulary.tokenizers().items()):
        report += [
            f"{config.data.columns[column]}: {tokenizer.vocab_size:,} tokens -> {run.path / name}",
            *_coverage(tokenizer, corpus, column),
        ]
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


def _coverage(tokenizer: Tokenizer, corpus: Corpus[Any], column: int) -> list[str]:
    validation = [row[column] for row in corpus.validation]
    train_rate, rate = (
        _unknown_rate(tokenizer, rows, column) for rows in (corpus.train, corpus.validation)
    )
    unknown = tokenizer.unknown_pieces(validation)
    words = ", ".join(f"{word} ({count})" for word, count in unknown.most_common(_SHOWN))
    return [
        f"    training text: {100 * (1 - train_rate):.2f} % of the tokens are in the vocabulary",
        f"    validation text: {100 * (1 - rate):.2f} %, UNK rate {100 * rate:.2f} %",
        f"    most frequent unknown words: {words or 'none'}",
    ]


def _unknown_rate(tokenizer: Tokenizer, rows: Rows[Any], column: int) -> float:
    unknown = tokens = 0
    for piece in in_pieces(rows, "line"):
        ids = encode_texts(tokenizer, [row[column] for row in piece]).ids
        unknown += int((ids == UNK_ID).sum())
        tokens += len(ids)
    return unknown / max(tokens, 1)
