"""What stands in a run directory beside the weights: names, configuration, tokenizers, versions."""

import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar, overload

from transformer_mt import __version__
from transformer_mt.config import Config
from transformer_mt.config_file import load_saved_config, to_yaml
from transformer_mt.data.tokenizer import Tokenizer, Tokenizers
from transformer_mt.durable import SUMS_FILE, DamagedError, verify, write_sums, write_text
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.safe_files import check_names

C = TypeVar("C", bound=Config)

MODEL_FILE = "model.safetensors"
"""The weights of a checkpoint."""


@dataclass(frozen=True, slots=True)
class RunDir:
    """The names in a run directory."""

    path: Path

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
    def engines(self) -> Path:
        """Exports that were made to translate with."""
        return self.path / "engines"

    @property
    def info(self) -> Path:
        return self.path / "info.json"

    @property
    def sums(self) -> Path:
        """Checksums of the tokenizers."""
        return self.path / SUMS_FILE

    def tokenizer(self, side: str) -> Path:
        return self.path / f"tokenizer.{side}.json"

    @property
    def files(self) -> list[Path]:
        """What training writes beside the folders."""
        tokenizers = [self.tokenizer(side) for side in ("src", "tgt")]
        return [self.config, self.metrics, self.info, self.sums, *tokenizers]

    def read_names(self) -> list[Path]:
        """What is read where a run is used, as far as it is there.

        Not `checkpoints`, which may stand on another disk: `newest_whole` looks at them.
        """
        folders = [self.best, self.last, self.previous]
        folders += [*self.path.glob(".*.new"), *self.path.glob(".*.old")]  # left by a crash
        inside = [file for folder in folders for file in folder.rglob("*")]
        return [*self.files, self.lock, *folders, *inside]


def save_config(run: RunDir, config: Config) -> None:
    """Keep the resolved configuration with the run."""
    write_text(run.config, to_yaml(config))


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


def write_tokenizers(folder: Path, tokenizers: Tokenizers) -> list[Path]:
    """Write both tokenizers into a folder; returns their files."""
    files = [RunDir(folder).tokenizer(side) for side in ("src", "tgt")]
    for file, tokenizer in zip(files, (tokenizers.src, tokenizers.tgt), strict=True):
        write_text(file, tokenizer.to_json())
    return files


def save_tokenizers(run: RunDir, tokenizers: Tokenizers) -> None:
    """Write both tokenizers of a run, with their checksums."""
    remove_tokenizers(run)
    write_sums(run.path, write_tokenizers(run.path, tokenizers))


def remove_tokenizers(run: RunDir) -> None:
    """Have neither tokenizer rather than one of each kind."""
    for file in (run.sums, run.tokenizer("src"), run.tokenizer("tgt")):
        file.unlink(missing_ok=True)


def load_tokenizers(run: RunDir) -> Tokenizers:
    """Read both tokenizers of a run.

    Raises:
        DataError: a file is missing, damaged, or no such tokenizer.
    """
    tokenizers = Tokenizers(*(Tokenizer.load(run.tokenizer(side)) for side in ("src", "tgt")))
    try:
        verify(run.path)
    except DamagedError as damage:
        raise DamagedError(
            f"{damage}: put a copy of it there, or remove both tokenizers: they are built anew"
        ) from None
    return tokenizers


def has_tokenizers(run: RunDir) -> bool:
    """True when both files are there."""
    return all(run.tokenizer(side).is_file() for side in ("src", "tgt"))


def environment() -> dict[str, str]:
    """Versions that a result depends on."""
    return {
        "transformer_mt": __version__,
        "python": platform.python_version(),
        "torch": version("torch"),
        "tokenizers": version("tokenizers"),
    }
