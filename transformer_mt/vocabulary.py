"""`tmt build-tokenizer`: build, save, and tell how well the vocabularies cover the text."""

from dataclasses import dataclass
from pathlib import Path

from transformer_mt import run_dir
from transformer_mt.data.corpus import Corpus, SentencePair, load_corpus
from transformer_mt.data.encoding import encode_texts, in_pieces
from transformer_mt.data.rows import Rows
from transformer_mt.data.tokenizer import UNK_ID, Tokenizer, Tokenizers
from transformer_mt.data.vocabularies import build_tokenizers
from transformer_mt.errors import ConfigError
from transformer_mt.run_dir import RunDir
from transformer_mt.run_lock import locked
from transformer_mt.task_config import TranslationConfig
from transformer_mt.train_state import refuse_imported

_SHOWN = 10
"""Unknown words that are listed."""


@dataclass(frozen=True, slots=True)
class BuiltTokenizers:
    """What was built, and how well it covers the text."""

    tokenizers: Tokenizers
    report: list[str]
    """For a person."""


def build_and_save(config: TranslationConfig, *, force: bool) -> BuiltTokenizers:
    """Build both tokenizers of a run and save them; the same input gives the same bytes.

    Raises:
        ConfigError: other tokenizers are there, and `force` is not given; or the run takes those
            of another (`init_from`), or is a model that was imported.
        DataError: the corpus cannot be used, or the run is being trained.
    """
    if config.init_from is not None:
        raise ConfigError(
            f"'init_from' is set: the tokenizers are those of {config.init_from}, and none are to"
            " be built; go on with tmt train"
        )
    run = RunDir(Path(config.run_dir))
    refuse_imported(run)
    corpus = load_corpus(config.data)
    tokenizers = build_tokenizers(config, corpus)
    report = []
    for index, side in enumerate(("src", "tgt")):
        tokenizer: Tokenizer = getattr(tokenizers, side)
        path = run.tokenizer(side)
        if path.is_file() and path.read_text(encoding="utf-8") != tokenizer.to_json():
            _refuse_to_replace(run, path, force=force)
        language = getattr(config.data, f"{side}_lang")
        report += [
            f"{language}: {tokenizer.vocab_size:,} tokens -> {path}",
            *_coverage(tokenizer, corpus, index),
        ]
    with locked(run):
        if not run.last.is_dir():
            run_dir.remove_tokenizers(run)  # others: they would not belong to the configuration
            run_dir.save_config(run, config)
        run_dir.save_tokenizers(run, tokenizers)
    return BuiltTokenizers(tokenizers, report)


def _refuse_to_replace(run: RunDir, path: Path, *, force: bool) -> None:
    if run.last.is_dir():
        raise ConfigError(
            f"{path}: holds another tokenizer, which the trained model needs;"
            " use another run_dir, or tmt train --overwrite"
        )
    if not force:
        raise ConfigError(f"{path}: holds another tokenizer; --force replaces it")


def _coverage(tokenizer: Tokenizer, corpus: Corpus[SentencePair], side: int) -> list[str]:
    validation = [pair[side] for pair in corpus.validation]
    train_rate, rate = (
        _unknown_rate(tokenizer, pairs, side) for pairs in (corpus.train, corpus.validation)
    )
    unknown = tokenizer.unknown_pieces(validation)
    words = ", ".join(f"{word} ({count})" for word, count in unknown.most_common(_SHOWN))
    return [
        f"    training text: {100 * (1 - train_rate):.2f} % of the tokens are in the vocabulary",
        f"    validation text: {100 * (1 - rate):.2f} %, UNK rate {100 * rate:.2f} %",
        f"    most frequent unknown words: {words or 'none'}",
    ]


def _unknown_rate(tokenizer: Tokenizer, pairs: Rows[SentencePair], side: int) -> float:
    unknown = tokens = 0
    for piece in in_pieces(pairs):
        ids = encode_texts(tokenizer, [pair[side] for pair in piece]).ids
        unknown += int((ids == UNK_ID).sum())
        tokens += len(ids)
    return unknown / max(tokens, 1)
