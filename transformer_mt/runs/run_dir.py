"""Run directory: file names, configuration, vocabulary and versions."""

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
"""File of the weights of a checkpoint."""
STATE_FILE = "state.json"
"""File of the training state (`TrainState`) of a checkpoint."""
TRAINING_FILE = "training_state.safetensors"
"""File of the optimiser state and random states, to resume training."""
_STEP = re.compile(r"step-\d{8,}")


@dataclass(frozen=True, slots=True)
class RunDir:
    """Paths of the files and folders of a run directory."""

    path: Path

    @property
    def marker(self) -> Path:
        """Marker file that makes a folder a run; written before all other files."""
        return self.path / ".transformer_mt"

    @property
    def config(self) -> Path:
        return self.path / "config.yaml"

    @property
    def best(self) -> Path:
        return self.path / "best"

    @property
    def weights(self) -> Path:
        """Weights of the best checkpoint."""
        return self.best / MODEL_FILE

    @property
    def last(self) -> Path:
        return self.path / "last"

    @property
    def previous(self) -> Path:
        """The checkpoint before `last`, to resume from if `last` is damaged."""
        return self.path / "previous"

    @property
    def lock(self) -> Path:
        """Lock file, present while a process trains in this directory."""
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
        """Checksum file of the vocabulary."""
        return self.path / SUMS_FILE

    def vocabulary(self, kind: type[Vocabulary]) -> list[Path]:
        """Return the files of a vocabulary of this class."""
        return [self.path / name for name in kind.names]

    @property
    def files(self) -> list[Path]:
        """Files that training writes, without folders, marker and lock."""
        vocabulary = [self.path / name for name in VOCABULARY_FILES]
        return [self.config, self.metrics, self.info, self.sums, *vocabulary]

    @property
    def checkpoint_folders(self) -> list[Path]:
        """Folders of checkpoints, damaged checkpoints, and remains of either after a crash.

        The folders below `checkpoints` are not included.
        """
        folders = [self.best, self.last, self.previous]
        aside = [damaged(folder) for folder in folders]
        return [*folders, *aside, *(each for f in (*folders, *aside) for each in beside(f))]

    @property
    def plain_files(self) -> list[Path]:
        """Paths of all files, and of their partial files after a crash."""
        files = [self.marker, *self.files]
        return [*files, self.lock, *(beside(file)[0] for file in files)]

    def names(self) -> list[Path]:
        """Return every path that a run may write, replace or remove."""
        return [*self.plain_files, *self.checkpoint_folders, self.checkpoints, self.tensorboard]

    def steps(self) -> Iterator[Path]:
        """Yield paths named like a checkpoint kept for averaging, or its remains after a crash."""
        for path in sorted(self.checkpoints.iterdir()) if self.checkpoints.is_dir() else ():
            if _STEP.fullmatch(re.sub(r"^\.(.*)\.(new|old)$", r"\1", path.name)):
                yield path

    def read_names(self) -> list[Path]:
        """Return the paths that are read when a run is used.

        `checkpoints` is left out, because it may be a link to another disk; `newest_whole` checks
        it.
        """
        folders = [self.best, self.last, self.previous]
        folders += [*self.path.glob(".*.new"), *self.path.glob(".*.old")]  # left by a crash
        inside = [file for folder in folders for file in folder.rglob("*")]
        return [*self.files, self.lock, *folders, *inside]


def damaged(folder: Path) -> Path:
    """Return the folder that a damaged checkpoint is renamed to."""
    return folder.with_name(f"{folder.name}.damaged")


def save_config(run: RunDir, config: Config) -> None:
    """Write the resolved configuration of the run, unless the file already has equal values."""
    if not has_config(run, config):
        write_text(run.config, to_yaml(config))


def has_config(run: RunDir, config: Config) -> bool:
    """Return whether the saved configuration of a run equals `config`."""
    return saved_config(run) == config


def saved_config(run: RunDir, kind: type[Config] = Config) -> Config | None:
    """Read the configuration of a run, of any task by default; None if it cannot be read."""
    try:
        return load_saved_config(run.config, kind)
    except ConfigError:
        return None


@overload
def load_run_config(run: RunDir) -> Config: ...


@overload
def load_run_config(run: RunDir, kind: type[C]) -> C: ...


def load_run_config(run: RunDir, kind: type[Config] = Config) -> Config:
    """Load the configuration that a run was trained with.

    Raises:
        DataError: `run` is no run directory, or a run of another task than `kind`.
    """
    if not run.path.is_dir():
        raise DataError(f"{run.path}: there is no such run directory")
    if not run.config.is_file():
        raise DataError(f"{run.path}: is not a run directory (it has no {run.config.name})")
    check_names(run.path, run.read_names())
    try:
        return load_saved_config(run.config, kind)
    except ConfigError as error:  # the user of a run may not have written it
        raise DataError(str(error)) from None


def load_usual_lines(run: RunDir) -> UsualLines | None:
    """Return the usual line length of a translator's training data.

    None for an imported model, for a run of an older version, and if the file cannot be read: only
    a warning depends on this.
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
    """Write tokenizers and labels into a folder; return the written files."""
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
    """Remove all vocabulary files, so that no two vocabularies are mixed."""
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
    """Return whether all vocabulary files exist."""
    return all(file.is_file() for file in run.vocabulary(kind))


def environment() -> dict[str, str]:
    """Return the versions that a result depends on, by package name."""
    return {
        "transformer_mt": __version__,
        "python": platform.python_version(),
        "torch": version("torch"),
        "tokenizers": version("tokenizers"),
    }
