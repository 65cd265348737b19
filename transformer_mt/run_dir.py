"""What stands in a run directory beside the weights: names, configuration, tokenizers, versions."""

import contextlib
import platform
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from transformer_mt import __version__
from transformer_mt.config import Config
from transformer_mt.config_file import load_saved_config, to_yaml
from transformer_mt.data.tokenizer import Tokenizer, Tokenizers
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.safe_files import check_names

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

    def tokenizer(self, side: str) -> Path:
        return self.path / f"tokenizer.{side}.json"

    def read_names(self) -> list[Path]:
        """What is read where a run is used, as far as it is there."""
        names = ("config.yaml", "info.json", "tokenizer.src.json", "tokenizer.tgt.json")
        folders = [self.path / name for name in ("best", "last", "previous", "checkpoints")]
        folders += self.path.glob(".*")  # what a crash left of them
        inside = [file for folder in folders for file in folder.rglob("*")]
        return [*(self.path / name for name in (*names, "SHA256SUMS")), *folders, *inside]


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        DataError: the place cannot be written to.
    """
    partial = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror or error})") from None


@contextlib.contextmanager
def filled_folder(folder: Path, *, replace: bool = False) -> Iterator[Path]:
    """A folder to fill that then appears as `folder`, whole or not at all.

    Args:
        folder: its place.
        replace: take the place of what is there.

    Raises:
        ConfigError: something is there.
        DataError: the place cannot be written to.
    """
    if not replace and (folder.is_file() or (folder.is_dir() and any(folder.iterdir()))):
        raise ConfigError(f"{folder}: exists; name a new folder, or remove this one first")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as place:
            new = Path(place) / "new"
            new.mkdir()
            yield new
            if folder.exists():
                folder.rename(Path(place) / "old")
            new.rename(folder)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({error.strerror or error})") from None


def save_config(run: RunDir, config: Config) -> None:
    """Keep the resolved configuration with the run."""
    write_text(run.config, to_yaml(config))


def load_run_config(run: RunDir) -> Config:
    """The configuration that a run was made with."""
    if not run.path.is_dir():
        raise DataError(f"{run.path}: there is no such run directory")
    if not run.config.is_file():
        raise DataError(f"{run.path}: is not a run directory (it has no {run.config.name})")
    check_names(run.path, run.read_names())
    try:
        return load_saved_config(run.config)
    except ConfigError as error:  # whoever uses a run has not written it
        raise DataError(str(error)) from None


def save_tokenizers(run: RunDir, tokenizers: Tokenizers) -> None:
    """Write both tokenizers of a run."""
    for side in ("src", "tgt"):
        write_text(run.tokenizer(side), getattr(tokenizers, side).to_json())


def load_tokenizers(run: RunDir) -> Tokenizers:
    """Read both tokenizers of a run."""
    return Tokenizers(*(Tokenizer.load(run.tokenizer(side)) for side in ("src", "tgt")))


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
