"""`tmt import`: a MarianMTModel folder as a run, compared with the original."""

from dataclasses import dataclass
from pathlib import Path

from transformer_mt.config.tasks import (
    DecodingConfig,
    PairsConfig,
    PairTokenizerConfig,
    TranslationConfig,
)
from transformer_mt.corpus.source import SentencePair
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.files.atomic import check_new_folder, filled_folder
from transformer_mt.files.paths import user_path
from transformer_mt.inference.torch_engine import TorchEngine
from transformer_mt.inference.translator import Translator
from transformer_mt.interop.export import text_engine_runner
from transformer_mt.interop.from_marian import MarianModel, marian_engine, read_marian
from transformer_mt.interop.parity import ParityReport, compare, translator_runner
from transformer_mt.phrasebook import phrasebook_splits
from transformer_mt.runs import checkpoint, run_dir
from transformer_mt.runs.kinds import TRANSLATION
from transformer_mt.runs.ownership import check_output, claim
from transformer_mt.runs.run_dir import RunDir
from transformer_mt.runs.train_state import TrainState


@dataclass(frozen=True, slots=True)
class Import:
    """The result of an import."""

    run_dir: Path
    src_lang: str
    tgt_lang: str
    parity: ParityReport

    def lines(self) -> list[str]:
        """Return the result as lines of text."""
        return [f"{self.run_dir}: {self.src_lang} to {self.tgt_lang}", *self.parity.lines()]


def import_model(folder: str | Path, output: str | Path) -> Import:
    """Import a MarianMTModel folder as a run, completely or not at all.

    The two models are compared on sentences of the built-in phrasebook, even if the languages
    differ from the models'.

    Args:
        folder: folder of config.json, weights, vocabulary and SentencePiece models, as in OPUS-MT.
        output: a new run directory.

    Raises:
        ConfigError: `output` exists; the transformers library is not installed.
        DataError: the folder cannot be read, our model cannot represent the model, or the imported
            model differs.
    """
    folder, output = user_path(folder, "folder"), user_path(output, "output")
    check_new_folder(output)
    check_output(output)
    marian = read_marian(folder)
    try:
        config = _config(marian, output)
    except ConfigError as error:
        raise DataError(f"{folder}: in our terms, {error}") from None
    with filled_folder(output) as new:
        run = RunDir(new)
        claim(run)
        run_dir.save_config(run, config)
        run_dir.save_vocabulary(run, marian.tokenizers)
        state = TrainState(finished=f"imported from {folder.resolve().name}")
        checkpoint.save_weights(run.best, marian.weights, state)
        parity = _parity(folder, marian, config)
        parity.check(str(folder))
    return Import(output, marian.src_lang, marian.tgt_lang, parity)


def _config(marian: MarianModel, output: Path) -> TranslationConfig:
    return TranslationConfig(
        run_dir=str(output),
        data=PairsConfig(
            src_lang=marian.src_lang, tgt_lang=marian.tgt_lang, max_length=marian.max_length
        ),
        tokenizer=PairTokenizerConfig(
            type="unigram",
            joint=True,
            vocab_size=marian.tokenizers.src.vocab_size,
            normalization="none",  # the SentencePiece model has its own normalisation
        ),
        model=marian.model,
        decoding=DecodingConfig(beam_size=marian.beam_size),
    )


def _parity(folder: Path, marian: MarianModel, config: TranslationConfig) -> ParityReport:
    model = TRANSLATION.make_model(config, marian.tokenizers)
    checkpoint.load_weights(model, marian.weights, folder)
    ours = Translator(TorchEngine(model), marian.tokenizers, config.data, config.decoding)
    theirs = text_engine_runner(marian_engine(folder, marian), ours)
    pairs = [SentencePair(*pair) for pair in phrasebook_splits()["validation"][:200]]
    return compare(translator_runner(ours), theirs, pairs, config.data.tgt_lang)
