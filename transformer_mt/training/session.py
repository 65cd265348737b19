"""A training session: model, data, optimizer and state, loaded or restored."""

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from transformer_mt.config.load import check_inherited, differing_keys, to_yaml
from transformer_mt.config.sections import Config
from transformer_mt.corpus.source import Source
from transformer_mt.data.batching import padding_share, token_batches
from transformer_mt.data.cache import PreparedData
from transformer_mt.data.coverage import coverage_warnings, other_languages, refuse_unknown
from transformer_mt.data.reports import Report
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.files.atomic import write_text
from transformer_mt.model.base import count_parameters
from transformer_mt.runs import checkpoint, run_dir, train_state
from transformer_mt.runs.checkpoint import LoadedRun
from transformer_mt.runs.lock import refuse_unavailable
from transformer_mt.runs.recovery import as_recovered
from transformer_mt.runs.run_dir import STATE_FILE, RunDir
from transformer_mt.runs.train_state import TrainState
from transformer_mt.runtime.device import choose_device, gains_from_bf16
from transformer_mt.runtime.process_group import ALONE, ProcessGroup
from transformer_mt.text.vocabularies import VOCABULARY_FILES, Vocabulary
from transformer_mt.training import distributed
from transformer_mt.training.limits import is_over
from transformer_mt.training.optimizer import make_optimizer, peak_learning_rate
from transformer_mt.training.tasks.registry import build_vocabulary, prepare, task_class
from transformer_mt.training.tasks.task import Examples, Task

log = logging.getLogger(__name__)

_HARMLESS = ("run_dir", "decoding.")
_OF_VOCABULARY = ("task", "tokenizer.", "data.", "init_from")
"""Settings that determine the tokenizers."""
_HARMLESS_TRAINING = (
    "max_steps",
    "max_time",
    "time_limit",
    "log_every",
    "patience",
    "keep_checkpoints",
    "validate_every",
    "validate_sentences",
    "checkpoint_every",
    "rescue",
)

_Parent = LoadedRun[Any, Any, Any]


@dataclass(slots=True)
class Session:
    """Model, data, optimizer and state of a training."""

    config: Config
    run: RunDir
    task: Task[Any, Any, Any]
    vocabulary: Vocabulary
    data: PreparedData[Any, Any, Any]
    model: nn.Module
    optimizer: torch.optim.Optimizer
    state: TrainState
    device: torch.device
    group: ProcessGroup

    @property
    def validation(self) -> Examples[Any]:
        """Examples that each validation measures the model on."""
        return self.task.validation_examples(self.data)

    @property
    def use_bf16(self) -> bool:
        """True if matrix products are computed in bfloat16."""
        precision = self.config.training.precision
        return gains_from_bf16(self.device) if precision == "auto" else precision == "bf16"


def open_session(
    config: Config,
    *,
    device: str = "auto",
    overwrite: bool = False,
    group: ProcessGroup = ALONE,
) -> Session:
    """Load a session, and write the files of a new run directory."""
    session = load_session(config, device, anew=overwrite, group=group)
    _say_what_is_trained(session)
    with group.fail_together():
        if group.is_main:
            _begin_run(session, overwrite=overwrite)
    return session


def rehearse_session(config: Config, *, device: str, overwrite: bool) -> Session | None:
    """Load a session with all checks of a training, without writing anything.

    Returns:
        None if the run is finished.
    """
    run = RunDir(Path(config.run_dir))
    refuse_unavailable(run, config)
    if not overwrite:
        run = as_recovered(run)
        refuse_other_run(config, run)
        if finished_state(config, run) is not None:
            return None
    return load_session(config, device, anew=overwrite, run=run)


def refuse_other_run(config: Config, run: RunDir) -> None:
    """Refuse a run directory that holds an imported model or a run with other settings.

    Raises:
        ConfigError: says which settings differ, and what to do.
    """
    train_state.refuse_imported(run)
    _refuse_changed_settings(config, run)


def _begin_run(session: Session, *, overwrite: bool) -> None:
    config, run = session.config, session.run
    if overwrite:  # not before it is certain that the data can be used
        checkpoint.remove_run(run)
    if (
        not run.last.is_dir()
    ):  # left by a crash before the first `last`, perhaps with other settings
        checkpoint.remove_kept(run)
    run_dir.save_config(
        run, config
    )  # first: tokenizers without a configuration would be taken as valid
    if not run.last.is_dir() or not run_dir.has_vocabulary(run, type(session.vocabulary)):
        run_dir.save_vocabulary(run, session.vocabulary)
    _save_info(session)


def load_session(
    config: Config,
    device: str,
    *,
    anew: bool = False,
    run: RunDir | None = None,
    group: ProcessGroup = ALONE,
) -> Session:
    """Read the data and restore the last checkpoint, without writing anything.

    A new run starts with the tokenizers and weights of `init_from`, or builds missing tokenizers.
    Of several processes the main one reads the run directory, and all read the data.

    Args:
        config: settings of the run.
        device: "auto", "cpu", "cuda" or "mps".
        anew: ignore an earlier run in the run directory.
        run: view of the run directory to read; None: that of `config`.
        group: process group.
    """
    group.check_same(f"{to_yaml(config)} {device} {anew}", "was started with other settings")
    run = run or RunDir(Path(config.run_dir))
    parent: _Parent | None = None
    vocabulary: Any = None  # of the task
    with group.fail_together():
        place = choose_device(group.device_name(device))
        source = Source(config.data)
        new = anew or not run.last.is_dir()
        if group.is_main:
            parent = _load_parent(config) if new else None
            vocabulary = _find_vocabulary(config, run, source, parent, anew=anew)
    new, vocabulary = group.broadcast((new, vocabulary))
    for first in (True, False):  # on each machine one process fills the cache, the others read it
        with group.fail_together():
            if (group.local_rank == 0) == first:
                data = prepare(config, source, vocabulary)
    read = data.train.fingerprint + data.validation.fingerprint
    group.check_same(read, "has read other data")
    with group.fail_together():
        if group.is_main:
            _tell_unknown(config, vocabulary, data.report, refuse=new)
    model = _new_model(config, vocabulary, parent).to(place)
    optimizer = make_optimizer(model, config.training)
    state = TrainState(data=data.train.fingerprint)
    task = task_class(config)(config, vocabulary)
    session = Session(config, run, task, vocabulary, data, model, optimizer, state, place, group)
    if new or not resume(session):
        _share(session, {})
    state.finished = None
    return session


def resume(session: Session) -> bool:
    """Restore the last checkpoint; return False if there is none."""
    group = session.group
    saved, random = None, {}
    with group.fail_together():
        if group.is_main:
            saved = _load_last(session)
            random = checkpoint.saved_random_states(session.run) if saved else {}
    saved = group.broadcast(saved)
    if saved is None:
        return False
    session.state.become(saved)
    _share(session, random)
    return True


def _load_last(session: Session) -> TrainState | None:
    saved = checkpoint.load_training(session.run, session.model, session.optimizer)
    if saved is not None and saved.data != session.data.train.fingerprint:
        raise DataError(
            f"{session.run.path}: the training data have changed since this run was begun;"
            " use another run_dir, or --overwrite to start anew"
        )
    if saved is not None and not session.run.best.is_dir():  # it was damaged:
        saved.best_score = None  # whatever comes next is the best
    return saved


def _share(session: Session, random: dict[str, Tensor]) -> None:
    """Copy weights and optimizer state to all processes, and give each its random state."""
    group, state = session.group, session.state
    distributed.copy_from_main(group, session.model, session.optimizer)
    distributed.draw_own_numbers(group, random, session.config.seed, state.step)


def _find_vocabulary(
    config: Config, run: RunDir, source: Source, parent: _Parent | None, *, anew: bool
) -> Vocabulary:
    kind: type[Vocabulary] = task_class(config).kind.vocabulary
    if parent is not None:
        return parent.vocabulary
    if run_dir.has_vocabulary(run, kind) and not anew:
        return run_dir.load_vocabulary(run, kind)
    corpus = source.corpus  # first of all its errors
    log.info("building the vocabulary")
    return build_vocabulary(config, corpus)


def _tell_unknown(config: Config, vocabulary: Vocabulary, report: Report, *, refuse: bool) -> None:
    """Warn of unknown tokens; refuse text in which nearly all tokens are unknown if `refuse`."""
    if refuse:
        refuse_unknown(config, report.coverage)
    tokenizers = list(vocabulary.tokenizers().values())
    for sentence in coverage_warnings(config, tokenizers, report.coverage):
        log.warning(sentence)


def begin_again(session: Session) -> None:
    """Reset model, optimizer and state to those of a new run."""
    config, group = session.config, session.group
    parent = None
    with group.fail_together():
        if group.is_main:
            parent = _load_parent(config)
    model = _new_model(config, session.vocabulary, parent)
    session.model.load_state_dict(model.state_dict())
    session.optimizer.load_state_dict(make_optimizer(model, config.training).state_dict())
    session.state.become(TrainState(data=session.data.train.fingerprint))
    _share(session, {})


def _new_model(config: Config, vocabulary: Vocabulary, parent: _Parent | None) -> nn.Module:
    """Return a model with the initial weights of the seed, or with those of a parent run."""
    torch.manual_seed(config.seed)
    model: nn.Module = task_class(config).kind.make_model(config, vocabulary)
    if parent is not None:
        weights = checkpoint.weights_of(parent.model)
        checkpoint.load_weights(model, weights, Path(str(config.init_from)))
    return model


def _load_parent(config: Config) -> _Parent | None:
    """Load the run of `init_from`, whose vocabulary and best weights start a new run."""
    if config.init_from is None:
        return None
    try:
        place, kind = Path(config.init_from), task_class(config).kind
        parent = checkpoint.load_run(place, torch.device("cpu"), kind)
    except DataError as error:
        raise DataError(f"init_from: {error}") from None
    check_inherited(config, parent.config)
    log.info("beginning with the tokenizers and best weights of %s", config.init_from)
    if (sentence := other_languages(config, parent.config)) is not None:
        log.warning(sentence)
    return parent


def finished_state(config: Config, run: RunDir) -> TrainState | None:
    """Return the state of a run that is finished under these settings, or None."""
    if not (run.last / STATE_FILE).is_file():
        return None
    state = train_state.load_state(run.last)
    whole = run.best.is_dir()
    return state if whole and state.finished and is_over(config, state) else None


def _refuse_changed_settings(config: Config, run: RunDir) -> None:
    """Refuse settings that differ from those that the run was started with."""
    if not run.config.is_file():
        return
    changed = [
        key
        for key in differing_keys(run_dir.load_run_config(run), config)
        if not key.startswith(_HARMLESS) and key.removeprefix("training.") not in _HARMLESS_TRAINING
    ]
    if not run.last.is_dir():  # only tokenizers
        built = any((run.path / name).is_file() for name in VOCABULARY_FILES)
        changed = [key for key in changed if built and key.startswith(_OF_VOCABULARY)]
    if changed:
        raise ConfigError(
            f"{run.path}: was begun with another value of {', '.join(changed)};"
            " use another run_dir, or --overwrite to start anew"
        )


def _say_what_is_trained(session: Session) -> None:
    config, state = session.config, session.state
    for line in session.data.report.lines():
        log.info(line)
    log.info(
        "model: %s parameters; vocabulary: %s; device: %s (%s)",
        f"{count_parameters(session.model):,}",
        session.vocabulary.describe(),
        session.device,
        "bf16" if session.use_bf16 else "fp32",
    )
    batches = token_batches(session.data.train, config.training.batch_tokens, (config.seed, 0))
    log.info(
        "batches: %s in an epoch, %.1f%% of their positions real tokens",
        f"{len(batches):,}",
        100 * (1 - padding_share(session.data.train, batches)),
    )
    if state.step:
        log.info("going on after update %s (epoch %d)", f"{state.step:,}", state.epoch + 1)


def _save_info(session: Session) -> None:
    info = {
        "parameters": count_parameters(session.model),
        "vocabulary": session.vocabulary.describe(),
        "data": asdict(session.data.report),
        "peak_learning_rate": peak_learning_rate(session.config),
        "device": str(session.device),
        "versions": run_dir.environment(),
    }
    write_text(session.run.info, json.dumps(info, indent=2) + "\n")
