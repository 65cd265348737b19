"""The training loop, in the order in which things happen."""

import logging
import math
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn

from transformer_mt.config.sections import Config
from transformer_mt.data.batching import Batch, token_batches
from transformer_mt.runs import checkpoint, run_dir
from transformer_mt.runs.lock import locked
from transformer_mt.runs.ownership import load_own_config
from transformer_mt.runs.recovery import recover
from transformer_mt.runs.run_dir import RunDir
from transformer_mt.runs.train_state import TrainState
from transformer_mt.runtime.device import keep_freed_memory
from transformer_mt.runtime.durations import show_duration
from transformer_mt.runtime.launch import is_launched
from transformer_mt.runtime.process_group import open_process_group
from transformer_mt.training.distributed import (
    SharedClock,
    own_batch,
    save_training,
)
from transformer_mt.training.limits import (
    DivergedError,
    checkpoint_is_due,
    is_over,
    is_stale,
    seconds_allowed,
    share_done,
)
from transformer_mt.training.optimizer import learning_rate
from transformer_mt.training.progress import Progress
from transformer_mt.training.rescue import skip_or_go_back
from transformer_mt.training.session import (
    Session,
    finished_state,
    open_session,
    refuse_other_run,
)
from transformer_mt.training.signals import Interrupted, StopSignals
from transformer_mt.training.tasks.task import Validation

log = logging.getLogger(__name__)


def train(
    config: Config | str | Path, *, device: str = "auto", overwrite: bool = False
) -> TrainState:
    """Train a run to its end; resume it if an earlier session was interrupted.

    Args:
        config: settings of the run, or their YAML file; all output goes to `run_dir`.
        device: "auto", "cpu", "cuda", "mps".
        overwrite: remove an earlier run in this directory.

    Returns:
        State at the end; `finished` says why training ended.

    Raises:
        DataError: the corpus cannot be used, or another process trains in this run directory.
        ConfigError: the run directory holds a run with other settings, or what is no run.
        TrainingError: the loss is no longer a number, and going back did not help.
        Interrupted: by Ctrl-C or SIGTERM, after saving.
    """
    if not isinstance(config, Config):
        config = load_own_config(config)
    run = RunDir(Path(config.run_dir))
    with (
        open_process_group(device) as group,
        locked(run, config) if group.is_main else nullcontext(),
    ):
        over = None
        with group.fail_together():
            if group.is_main and not overwrite:
                over = _recover(config, run)
        over = group.broadcast(over)
        if over is not None:
            log.info("%s: finished (%s); nothing to do", config.run_dir, over.finished)
            return over
        session = open_session(config, device=device, overwrite=overwrite, group=group)
        keep_freed_memory()  # from here on: what loading the data took, goes back
        limit = seconds_allowed(config, session.state) if config.training.max_time else None
        shown = run if group.is_main else None
        with (
            StopSignals(launched=is_launched()) as stop,
            Progress(shown, config, session.state, limit) as progress,
        ):
            _train(session, stop, progress)
            _finish(session, progress)
    return session.state


def _recover(config: Config, run: RunDir) -> TrainState | None:
    """Clear up after a crash; return the state of the run if it is finished."""
    recover(run)
    refuse_other_run(config, run)
    over = finished_state(config, run)
    if over and config != run_dir.load_run_config(run):  # how to decode, say, may change
        run_dir.save_config(run, config)
    return over


def _train(session: Session, stop: StopSignals, progress: Progress) -> None:
    """Make updates until training is over, with validations and checkpoints in between."""
    config, state = session.config, session.state
    if is_over(config, state):  # an earlier session was cut off at the very end
        return
    clock, saved_at = SharedClock(session.group, stop), state.seconds
    for batches in updates(session):
        try:
            _update(session, progress, batches)
            state.seconds += clock.lap()
            done = share_done(config, state) >= 1
            if done or state.step % config.training.validate_every == 0:
                _validate_and_save(session, progress)
                state.validation_seconds = clock.lap()
                state.seconds += state.validation_seconds
                saved_at, done = state.seconds, is_over(config, state)
            elif clock.stopped or checkpoint_is_due(config, state, saved_at):
                _save(session, progress)
                state.seconds += clock.lap()
                saved_at = state.seconds
        except DivergedError as divergence:
            skip_or_go_back(session, progress, divergence)
            continue
        if done:
            break
        if clock.stopped:
            raise Interrupted(clock.stopped)


def _update(session: Session, progress: Progress, batches: list[Batch]) -> None:
    """Make one update and report it."""
    config, state = session.config, session.state
    lr = learning_rate(config, state.step + 1, share_done(config, state))
    lr *= state.learning_rate_factor
    loss, grad_norm = training_step(session, batches, lr)
    num_tokens = sum(batch.num_tokens for batch in batches)
    state.step += 1
    state.tokens += num_tokens
    state.skipped_in_a_row = 0
    progress.update(state, loss, num_tokens)
    if state.step % config.training.log_every == 0:
        progress.point(state, lr, grad_norm)


def updates(session: Session) -> Iterator[list[Batch]]:
    """Yield the batches of each update, epoch after epoch, from the position of the state."""
    config, state, train = session.config, session.state, session.data.train
    while True:
        number = state.epoch  # which changes, too, when training goes back to a checkpoint
        epoch = token_batches(train, config.training.batch_tokens, (config.seed, number))
        while state.epoch == number and state.position < len(epoch):
            rows = epoch[state.position : state.position + config.training.accumulate]
            state.position += len(rows)
            own = (own_batch(session.group, session.task, train, r) for r in rows)
            yield [batch.to(session.device) for batch in own]
        if state.epoch == number:
            state.epoch, state.position = number + 1, 0


def training_step(session: Session, batches: Sequence[Batch], lr: float) -> tuple[float, float]:
    """Make one optimizer step on the mean gradient over all tokens of the batches.

    gradient = sum over the batches of d(summed loss) / number of tokens, over all processes; each
    process has its rows of the batches, and all make the same step.

    Returns:
        The mean loss of a token, and the gradient norm before clipping.

    Raises:
        DivergedError: the loss or the gradient norm is infinite or NaN; no step is made.
    """
    model, training = session.model, session.config.training
    model.train()
    num_tokens = sum(batch.num_tokens for batch in batches)
    total = torch.zeros((), device=session.device)
    for batch in batches:
        if len(batch):  # a process may have no row of the batch
            loss = _loss(session, batch) / num_tokens
            loss.backward()
            total += loss.detach()
    total = session.group.sum_gradients(model, total)
    limit = training.clip_norm or math.inf
    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), limit)
    mean_loss, norm = total.item(), grad_norm.item()
    for what, value in (("loss", mean_loss), ("gradient norm", norm)):
        if not math.isfinite(value):
            session.optimizer.zero_grad()
            raise DivergedError(f"the {what} of update {session.state.step + 1}", value)
    for group in session.optimizer.param_groups:
        group["lr"] = lr
    session.optimizer.step()
    session.optimizer.zero_grad()
    return mean_loss, norm


def _loss(session: Session, batch: Batch) -> Tensor:
    """Return the summed loss of a batch, with matrix products in the configured precision."""
    smoothing = session.config.training.label_smoothing
    with torch.autocast(session.device.type, torch.bfloat16, enabled=session.use_bf16):
        return session.task.loss(session.model, batch, smoothing)


def _validate_and_save(session: Session, progress: Progress) -> None:
    """Validate, keep the best weights, and save a checkpoint for resuming."""
    config, state, run = session.config, session.state, session.run
    result = _validate(session)
    improved, is_best = _compare(session, result)
    if improved:
        state.stale = state.rescues = 0
    else:
        state.stale += 1
    state.scores, state.validated_step = result.figures, state.step
    progress.validation(state, result)
    _say_result(state, result, improved=improved)

    with session.group.fail_together():
        if session.group.is_main:
            weights = checkpoint.weights_of(session.model)
            if is_best:
                checkpoint.save_weights(run.best, weights, state)
            checkpoint.keep_checkpoint(run, weights, state, config.training.keep_checkpoints)
    _save(session, progress)


def _compare(session: Session, result: Validation) -> tuple[bool, bool]:
    """Compare a result with the best so far, and record it if it is the best.

    Returns:
        Whether it is better than all before, and whether it is now the best. Of two results that
        are equal in everything the later is kept, which does not count as an improvement.
    """
    state = session.state
    rank, best = result.rank(session.config.training.best_metric), state.best_rank
    improved, is_best = best is None or rank > best, best is None or rank >= best
    if is_best:
        (state.best_score, *state.tie_breaks), state.best_step = rank, state.step
    return improved, is_best


def _save(session: Session, progress: Progress) -> None:
    """Save the checkpoint for resuming, after the points of the curves."""
    progress.flush()
    save_training(session.group, session.run, session.model, session.optimizer, session.state)


def _validate(session: Session) -> Validation:
    result = session.task.validate(session.model, session.validation, session.group)
    if not math.isfinite(result.figures["loss"]):
        raise DivergedError("the validation loss", result.figures["loss"], lasting=True)
    return result


def _say_result(state: TrainState, result: Validation, *, improved: bool) -> None:
    log.info(
        "update %s, epoch %d: %s%s",
        f"{state.step:,}",
        state.epoch + 1,
        result.summary(),
        " (best so far)" if improved else "",
    )
    for text in (*result.table, *result.samples):
        log.info(textwrap.indent(text, "    "))


def _finish(session: Session, progress: Progress) -> None:
    """Try the average of the last checkpoints as the best, and mark the run finished."""
    state = session.state
    # interrupted, then gone on with a smaller limit; or the best checkpoint was damaged
    best = session.group.broadcast(session.run.best.is_dir())
    if state.validated_step < state.step or not best:
        _validate_and_save(session, progress)
    start = time.perf_counter()
    _try_average(session)
    state.seconds += time.perf_counter() - start
    if is_stale(session.config, state):
        state.finished = "no better for some time"
    else:
        all_made = state.step >= session.config.training.max_steps
        by_updates = all_made and session.config.training.max_time is None
        state.finished = "all updates made" if by_updates else "time is up"
    progress.hyperparameters(state)
    with session.group.fail_together():
        if session.group.is_main:
            checkpoint.update_state(session.run, state)
    log.info(
        "finished: %s; best %s after update %s; %s of training",
        state.finished,
        state.best_words(session.config.training.best_metric),
        f"{state.best_step:,}",
        show_duration(state.seconds),
    )


def _try_average(session: Session) -> None:
    """Make the mean of the kept checkpoints the best weights, if validation says so."""
    state, run, group = session.state, session.run, session.group
    count, averaged = 0, {}
    with group.fail_together():
        if group.is_main:
            folders = checkpoint.whole_checkpoints(run)
            count = len(folders)
            averaged = checkpoint.average_weights(folders) if count > 1 else {}
    count = group.broadcast(count)
    if count < 2:
        return
    averaged = group.broadcast_tensors(averaged)
    checkpoint.load_weights(session.model, averaged, run.checkpoints)
    result = _validate(session)
    improved, is_best = _compare(session, result)
    log.info(
        "average of the last %d checkpoints: %s%s",
        count,
        result.summary(),
        " (best so far)" if improved else "",
    )
    if is_best:
        state.scores = result.figures
        with group.fail_together():
            if group.is_main:
                checkpoint.save_weights(run.best, averaged, state)
