"""Rescue of a diverged training: skip updates, or return to a checkpoint with a lower rate."""

import logging

from transformer_mt.errors import TrainingError
from transformer_mt.runs import checkpoint
from transformer_mt.runs.recovery import recover
from transformer_mt.training.distributed import save_training
from transformer_mt.training.limits import DivergedError
from transformer_mt.training.progress import Progress
from transformer_mt.training.session import Session, begin_again, resume

log = logging.getLogger(__name__)

_PATIENCE = 3
"""Number of skipped updates in a row before training goes back."""
_RESCUES = 3
"""Most returns to a checkpoint without a new best score in between."""


def skip_or_go_back(session: Session, progress: Progress, divergence: DivergedError) -> None:
    """Skip a diverged update; after several in a row, return to the last checkpoint.

    From there on the learning rate is halved.

    Raises:
        TrainingError: rescues are disabled, or have not helped.
    """
    state = session.state
    if not session.config.training.rescue:
        raise divergence
    state.skipped += 1
    state.skipped_in_a_row += 1
    if not divergence.lasting and state.skipped_in_a_row < _PATIENCE:
        log.warning("%s: this update is left out", divergence.what)
        return
    if state.rescues == _RESCUES:
        raise TrainingError(
            f"{divergence.what}, although training went back {_RESCUES} times and its learning rate"
            f" is {state.learning_rate_factor:g} of what was set: lower training.learning_rate or"
            " raise training.warmup_steps, and start anew with --overwrite"
        )
    _go_back(session)
    progress.go_back(state)
    log.warning(
        "%s: back to update %d with %g of the learning rate (rescue %d of at most %d)",
        divergence.what,
        state.step,
        state.learning_rate_factor,
        state.rescues,
        _RESCUES,
    )


def _go_back(session: Session) -> None:
    state = session.state
    factor, rescues = state.learning_rate_factor / 2, state.rescues + 1
    skipped, seconds = state.skipped, state.seconds
    with session.group.fail_together():
        if session.group.is_main:
            recover(session.run)  # it may have been damaged meanwhile
    went_back = resume(session)
    if not went_back:
        begin_again(session)
    state.learning_rate_factor, state.rescues = factor, rescues
    state.skipped, state.seconds = skipped, seconds
    # Saved at once: a crash must not make the rescue count for nothing.
    if went_back:
        with session.group.fail_together():
            if session.group.is_main:
                checkpoint.update_state(session.run, state)
    else:
        save_training(session.group, session.run, session.model, session.optimizer, state)
