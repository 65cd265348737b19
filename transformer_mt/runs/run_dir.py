"""What stands in a run directory beside the weights: names, configuration, vocabulary, versions."""

import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar, overload

from transformer_mt._version import __version__
from transformer_mt.config.load import load_saved_config, to_yaml
from transformer_mt.config.sections import Config
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.files.atomic import (
    SUMS_FILE,
    DamagedError,
    beside,
    verify,
    write_sums,
    write_text,
)
from transformer_mt.files.untrusted import check_names, read_json
from transformer_mt.text.line_sizes import UsualLines
from transformer_mt.text.vocabularies import VOCABULARY_FILES, Vocabulary

C = TypeVar("C", bound=Config)
V = TypeVar("V", bound=Vocabulary)

MODEL_FILE = "model.safetensors"
"""The weights of a checkpoint."""
STATE_FILE = "state.json"
"""How far training was at a checkpoint."""
TRAINING_FILE = "training_state.safetensors"
"""What training goes on with: the optimiser and the random numbers."""
_STEP = re.compile(r"step-\d{8,}")


@dataclass(frozen=True, slots=True)
class RunDir:
    """The names in a run directory."""

    path: Path

    @property
    def marker(self) -> Path:
        """The file that makes a folder a run: the first that is written there."""
        return self.path / ".transformer_mt"

    @property
    def config(self) -> Path:
        return self.path / "config.yaml"

    @property
    def best(self) -> Path:
        return self.path / "best"

    @property
    def weights(self) -> Path:
        """Of the best model."""
        return self.best / MODEL_FILE

    @property
    def last(self) -> Path:
        return self.path / "last"

    @property
    def previous(self) -> Path:
        """What `last` was before: to go on from where that is damaged."""
        return self.path / "previous"

    @property
    def lock(self) -> Path:
        """There while a process trains in this directory."""
        return self.path / ".lock"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    @property
    def info(self) -> Path:
        return self.path / "info.json"

    @property
    def sums(self) -> Path:
        """Checksums of the vocabulary."""
        return self.path / SUMS_FILE

    def vocabulary(self, kind: type[Vocabulary]) -> list[Path]:
        """The files of a vocabulary of this kind."""
        return [self.path / name for name in kind.names]

    @property
    def files(self) -> list[Path]:
        """What training writes beside the folders."""
        vocabulary = [self.path / name for name in VOCABULARY_FILES]
        return [self.config, self.metrics, self.info, self.sums, *vocabulary]

    @property
    def checkpoint_folders(self) -> list[Path]:
        """The places of checkpoints, of damaged ones, and of what a crash leaves of either.

        Those in `checkpoints` are not among them.
        """
        folders = [self.best, self.last, self.previous]
        aside = [damaged(folder) for folder in folders]
        return [*folders, *aside, *(each for f in (*folders, *aside) for each in beside(f))]

    @property
    def plain_files(self) -> list[Path]:
        """The places of all files, and of what a crash leaves of them."""
        files = [self.marker, *self.files]
        return [*files, self.lock, *(beside(file)[0] for file in files)]

    def names(self) -> list[Path]:
        """Everything that may be written, replaced and removed in the folder."""
        return [*self.plain_files, *self.checkpoint_folders, self.checkpoints, self.tensorboard]

    def steps(self) -> Iterator[Path]:
        """What is named as a checkpoint kept for averaging, or as what a crash leaves of one."""
        for path in sorted(self.checkpoints.iterdir()) if self.checkpoints.is_dir() else ():
            if _STEP.fullmatch(re.sub(r"^\.(.*)\.(new|old)$", r"\1", path.name)):
                yield path

    def read_names(self) -> list[Path]:
        """What is read where a run is used, as far as it is there.

        Not `checkpoints`, which may stand on another disk: `newest_whole` looks at them.
        """
        folders = [self.best, self.last, self.previous]
        folders += [*self.path.glob(".*.new"), *self.path.glob(".*.old")]  # left by a crash
        inside = [file for folder in folders for file in folder.rglob("*")]
        return [*self.files, self.lock, *folders, *inside]


def damaged(folder: Path) -> Path:
    """Where a damaged checkpoint is put aside."""
    return folder.with_name(f"{folder.name}.damaged")


def save_config(run: RunDir, config: Config) -> None:
    """Keep the resolved configuration with the run; a file that says the same stays as it is."""
    if not has_config(run, config):
        write_text(run.config, to_yaml(config))


def has_config(run: RunDir, config: Config) -> bool:
    """Whether the configuration of a run says the same."""
    return saved_config(run) == config


def saved_config(run: RunDir, kind: type[Config] = Config) -> Config | None:
    """The configuration of a run, of any task by default; None where none can be read."""
    try:
        return load_saved_config(run.config, kind)
    except ConfigError:
        return None


@overload
def load_run_config(run: RunDir) -> Config: ...


@overload
def load_run_config(run: RunDir, kind: type[C]) -> C: ...


def load_run_config(run: RunDir, kind: type[Config] = Config) -> Config:
    """The configuration that a run was made with.

    Raises:
        DataError: this is no run directory, or one of another kind than was expected.
    """
    if not run.path.is_dir():
        raise DataError(f"{run.path}: there is no such run directory")
    if not run.config.is_file():
        raise DataError(f"{run.path}: is not a run directory (it has no {run.config.name})")
    check_names(run.path, run.read_names())
    try:
        return load_saved_config(run.config, kind)
    except ConfigError as error:  # whoever uses a run has not written it
        raise DataError(str(error)) from None


def load_usual_lines(run: RunDir) -> UsualLines | None:
    """How long the lines were that a translator was trained on.

    None for one that was imported, or trained by an earlier version, and where it cannot be read:
    a warning depends on it, no translation.
    """
    try:
        data = read_json(run.info)["data"]
        tokens, sentences = data["usual_tokens"], data["usual_sentences"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    if not (type(tokens) is int and type(sentences) is int):
        return None
    return UsualLines(tokens, sentences)


def write_vocabulary(folder: Path, vocabulary: Vocabulary) -> list[Path]:
    """Write tokenizers and labels into a folder; returns their files."""
    files = []
    for name, text in vocabulary.texts().items():
        files.append(folder / name)
        write_text(files[-1], text)
    return files


def save_vocabulary(run: RunDir, vocabulary: Vocabulary) -> None:
    """Write the vocabulary of a run, with checksums."""
    remove_vocabulary(run)
    write_sums(run.path, write_vocabulary(run.path, vocabulary))


def remove_vocabulary(run: RunDir) -> None:
    """Have no part of one rather than parts of two."""
    for file in (run.sums, *(run.path / name for name in VOCABULARY_FILES)):
        file.unlink(missing_ok=True)


def load_vocabulary(run: RunDir, kind: type[V]) -> V:
    """Read the vocabulary of a run.

    Raises:
        DataError: a file is missing, damaged, or holds something else.
    """
    vocabulary = kind.load(run.path)
    try:
        verify(run.path)
    except DamagedError as damage:
        raise DamagedError(
            f"{damage}: put a copy of it there, or remove all tokenizers: they are built anew"
        ) from None
    return vocabulary


def has_vocabulary(run: RunDir, kind: type[Vocabulary]) -> bool:
    """True when all its files are there."""
    return all(file.is_file() for file in run.vocabulary(kind))


def environment() -> dict[str, str]:
    """Versions that a result depends on."""
    return {
        "transformer_mt": __version__,
        "python": platform.python_version(),
        "torch": version("torch"),
        "tokenizers": version("tokenizers"),
    }
