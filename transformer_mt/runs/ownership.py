"""Ownership of folders: only files of a run are replaced or removed, never a user's other files.

A folder is a run if it has our marker. In any other folder, a file under a name of `RunDir.names`
raises an error that names the file, before anything is changed.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from transformer_mt.config.load import load_config, to_yaml
from transformer_mt.config.sections import Config
from transformer_mt.config.values import MOST_BYTES
from transformer_mt.errors import ConfigError
from transformer_mt.files.atomic import (
    SUMS_FILE,
    beside,
    sealed_names,
    write_text,
)
from transformer_mt.files.paths import user_path
from transformer_mt.files.untrusted import read_text
from transformer_mt.runs.run_dir import (
    MODEL_FILE,
    STATE_FILE,
    TRAINING_FILE,
    RunDir,
    has_config,
    saved_config,
)
from transformer_mt.text.vocabularies import VOCABULARY_FILES

_MARK = "A run of transformer_mt, which may replace and remove the files that it wrote here.\n"
_HOLDER = re.compile(r"process \d+ on .*\n")
"""Content of the lock file, as `runs.lock` writes it."""
_IN_CHECKPOINTS = re.compile(
    "|".join(map(re.escape, (MODEL_FILE, STATE_FILE, TRAINING_FILE, SUMS_FILE)))
    + rf"|\.{SUMS_FILE}\.new|\.tmp\w+"  # .tmp*: temporary files of safetensors
)


def check_place(run: RunDir, config: Config | None = None) -> None:
    """Check that a run would replace or remove only files of this run in the folder.

    Args:
        run: the folder, which need not exist.
        config: the configuration that will be written, if one will.

    Raises:
        ConfigError: the folder holds another file under a run's name; the message names the file.
    """
    if is_run(run):
        for path in _strange(run):
            raise ConfigError(
                f"{path}: was not written by this run, which would replace or remove it: move it"
                " out of the run directory"
            )
        if config is not None:
            _check_edits(run, config)
        return
    for path in run.names():
        if os.path.lexists(path) and not _is_left_without_marker(run, path):
            raise ConfigError(
                f"{path}: exists and is not of a run of this program, which would write there:"
                " choose another run_dir"
            )


def load_own_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Load the configuration of a run to be written; the run must not overwrite the loaded file.

    Args:
        path: a YAML file.
        overrides: texts such as "training.max_steps=100", which win over the file.

    Raises:
        ConfigError: as for `load_config` and `check_config_file`.
    """
    settings = load_config(path, overrides)
    check_config_file(user_path(path, "config"), RunDir(Path(settings.run_dir)))
    return settings


def check_config_file(file: Path, run: RunDir) -> None:
    """Check that the run would not overwrite the configuration file with another run file.

    Raises:
        ConfigError: the run would write another run file there.
    """
    for path in run.names():
        if path != run.config and path.exists() and path.samefile(file):
            raise ConfigError(
                f"{file}: the run would write its own {path.name} there: give the configuration"
                " another name, or choose another run_dir"
            )


def check_output(path: Path) -> None:
    """Check that an output path of a command is outside the files and folders of runs.

    Raises:
        ConfigError: the path is a file or folder of a run, or lies in such a folder.
    """
    real = Path(os.path.realpath(path))
    for folder in real.parents:
        run = RunDir(folder)
        if any(map(real.is_relative_to, run.names())) and is_run(run):
            raise ConfigError(f"{path}: is a place of the run {folder}: name another one")


def claim(run: RunDir) -> None:
    """Mark a folder as a run, so that files written there later belong to the run.

    Raises:
        DataError: the folder cannot be written to.
    """
    if not _has_marker(run):
        write_text(run.marker, _MARK)


def disclaim_unused(run: RunDir) -> None:
    """Remove the marker of a run that has no other file."""
    if not any(os.path.lexists(path) for path in run.names() if path not in (run.marker, run.lock)):
        run.marker.unlink(missing_ok=True)


def is_run(run: RunDir) -> bool:
    """Return whether a folder is a run: it has a marker or, from an older version, run files."""
    return _has_marker(run) or (_is_saved_config(run) and _has_sealed_parts(run))


def is_checkpoint(folder: Path) -> bool:
    """Return whether a folder holds a checkpoint (maybe damaged or unfinished) and no more."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    known = any((folder / name).is_file() for name in (SUMS_FILE, STATE_FILE))
    is_remnant = folder.name.startswith(".")  # left by a crash: any of the files may be missing
    return (known or is_remnant) and next(_others_in(folder), None) is None


def _check_edits(run: RunDir, config: Config) -> None:
    """Check that a new configuration would not overwrite edits made by hand."""
    if run.config.is_file() and not has_config(run, config) and not _is_saved_config(run):
        raise ConfigError(
            f"{run.config}: was edited or damaged, and would be replaced by other settings: move it"
            " out of the run directory, and name it with --config"
        )


def _strange(run: RunDir) -> Iterator[Path]:
    """Yield paths of other programs under a name of the run or in a checkpoint folder."""
    for path in run.plain_files:
        if os.path.lexists(path) and not _is_plain(path):
            yield path
    for folder in (*run.checkpoint_folders, *run.steps()):
        if os.path.lexists(folder) and not is_checkpoint(folder):
            yield next(_others_in(folder), folder)
    for folder in (run.checkpoints, run.tensorboard):
        if os.path.lexists(folder) and not folder.is_dir():
            yield folder


def _others_in(folder: Path) -> Iterator[Path]:
    if folder.is_dir() and not folder.is_symlink():
        for path in sorted(folder.iterdir()):
            if not (_IN_CHECKPOINTS.fullmatch(path.name) and _is_plain(path)):
                yield path


def _has_marker(run: RunDir) -> bool:
    return _holds(run.marker, re.compile(re.escape(_MARK)))


def _is_left_without_marker(run: RunDir, path: Path) -> bool:
    """Return whether a killed process of ours left `path` while the folder had no marker."""
    if path == beside(run.marker)[0]:
        text = _text_of(path)
        return text is not None and _MARK.startswith(text)
    return path == run.lock and _holds(path, _HOLDER)


def _has_sealed_parts(run: RunDir) -> bool:
    if any(map(is_checkpoint, run.checkpoint_folders)):
        return True
    return bool(sealed_names(run.path) & set(VOCABULARY_FILES))


def _is_saved_config(run: RunDir) -> bool:
    """Return whether the configuration file is as this or an older version writes it, unedited."""
    text = _text_of(run.config)
    config = None if text is None else saved_config(run)
    if text is None or config is None:
        return False
    try:
        plain = yaml.safe_dump(yaml.safe_load(text), sort_keys=False, allow_unicode=True)
    except (yaml.YAMLError, ValueError):
        plain = None
    return text in (to_yaml(config), plain)


def _holds(path: Path, pattern: re.Pattern[str]) -> bool:
    return pattern.fullmatch(_text_of(path) or "") is not None


def _text_of(path: Path) -> str | None:
    """Return the text of a small plain file; None where it is missing or unreadable."""
    try:
        return read_text(path, MOST_BYTES) if _is_plain(path) else None
    except (OSError, ValueError):
        return None


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
