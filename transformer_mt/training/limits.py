"""Conditions under which training ends, saves a checkpoint, or has diverged."""

from transformer_mt.config.sections import Config, parse_duration
from transformer_mt.errors import TrainingError
from transformer_mt.runs.train_state import TrainState


def seconds_allowed(config: Config, state: TrainState) -> float | None:
    """Return the seconds that training may take before the last validations; None if unlimited."""
    training = config.training
    if training.max_time is not None:
        seconds = parse_duration(training.max_time, key="training.max_time")
    elif training.time_limit is not None:
        seconds = parse_duration(training.time_limit, key="training.time_limit")
    else:
        return None
    return max(seconds - 2 * state.validation_seconds, 0.5 * seconds)


def share_done(config: Config, state: TrainState) -> float:
    """Return the share of the training that is done, 0 to 1.

    It is step / max_steps, or seconds / max_time where `max_time` is set; with a `time_limit` the
    larger of the two, so that the clock has no influence on a machine that is fast enough.
    """
    limit = seconds_allowed(config, state)
    by_time = 0.0 if limit is None else state.seconds / limit
    by_steps = state.step / config.training.max_steps
    done = by_time if config.training.max_time is not None else max(by_steps, by_time)
    return min(done, 1.0)


def is_stale(config: Config, state: TrainState) -> bool:
    """Return whether the last `patience` validations brought no improvement."""
    return 0 < config.training.patience <= state.stale


def is_over(config: Config, state: TrainState) -> bool:
    """Return whether training is over, by updates, time or patience."""
    return share_done(config, state) >= 1 or is_stale(config, state)


def checkpoint_is_due(config: Config, state: TrainState, saved_at: float) -> bool:
    """Return whether a checkpoint is due between two validations.

    Args:
        config: settings, with `training.checkpoint_every`.
        state: state after an update.
        saved_at: `state.seconds` at the last checkpoint.
    """
    interval = config.training.checkpoint_every
    if isinstance(interval, int):
        return state.step % interval == 0
    return state.seconds - saved_at >= parse_duration(interval, key="training.checkpoint_every")


class DivergedError(TrainingError):
    """A loss or gradient norm that is infinite or NaN.

    Args:
        figure: name of the figure for the message.
        value: infinity or NaN.
        lasting: whether leaving out a single update cannot help.
    """

    def __init__(self, figure: str, value: float, *, lasting: bool = False) -> None:
        self.what = f"{figure} is {value}"
        self.lasting = lasting
        super().__init__(
            f"{self.what}: lower training.learning_rate or raise training.warmup_steps,"
            " and start anew with --overwrite"
        )
