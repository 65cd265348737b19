"""When training is over, is to be saved, or has gone wrong."""

from transformer_mt.config.sections import Config, parse_duration
from transformer_mt.errors import TrainingError
from transformer_mt.runs.train_state import TrainState


def seconds_allowed(config: Config, state: TrainState) -> float | None:
    """Return the seconds that training may take, the last validations left out; None: any."""
    training = config.training
    if training.max_time is not None:
        seconds = parse_duration(training.max_time, key="training.max_time")
    elif training.time_limit is not None:
        seconds = parse_duration(training.time_limit, key="training.time_limit")
    else:
        return None
    return max(seconds - 2 * state.validation_seconds, 0.5 * seconds)


def share_done(config: Config, state: TrainState) -> float:
    """Return the share of the training that is over, 0 to 1.

    It is that of the updates, or of the time where `max_time` is set; with a `time_limit` that of
    which less is left, so that a machine that is fast enough is not influenced by its clock.
    """
    limit = seconds_allowed(config, state)
    by_time = 0.0 if limit is None else state.seconds / limit
    by_steps = state.step / config.training.max_steps
    done = by_time if config.training.max_time is not None else max(by_steps, by_time)
    return min(done, 1.0)


def is_stale(config: Config, state: TrainState) -> bool:
    """True when validation has not improved for `patience` times."""
    return 0 < config.training.patience <= state.stale


def is_over(config: Config, state: TrainState) -> bool:
    """True when nothing is left to train, whatever the reason."""
    return share_done(config, state) >= 1 or is_stale(config, state)


def checkpoint_is_due(config: Config, state: TrainState, saved_at: float) -> bool:
    """True when it is time for a checkpoint between validations.

    Args:
        config: says how often.
        state: after an update.
        saved_at: `state.seconds` at the last checkpoint.
    """
    interval = config.training.checkpoint_every
    if isinstance(interval, int):
        return state.step % interval == 0
    return state.seconds - saved_at >= parse_duration(interval, key="training.checkpoint_every")


class DivergedError(TrainingError):
    """A figure is no longer a number.

    Args:
        figure: which.
        value: infinity or NaN.
        lasting: not that of a single update.
    """

    def __init__(self, figure: str, value: float, *, lasting: bool = False) -> None:
        self.what = f"{figure} is {value}"
        self.lasting = lasting
        super().__init__(
            f"{self.what}: lower training.learning_rate or raise training.warmup_steps,"
            " and start anew with --overwrite"
        )
