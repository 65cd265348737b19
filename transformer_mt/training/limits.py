"""When training is over, is to be saved, or has gone wrong."""

from transformer_mt.config import Config, parse_duration
from transformer_mt.errors import TrainingError
from transformer_mt.train_state import TrainState


def time_limit(config: Config, state: TrainState) -> float | None:
    """Seconds that training may take, the last validations left out; None without limit."""
    if config.training.max_time is None:
        return None
    seconds = parse_duration(config.training.max_time, key="training.max_time")
    return max(seconds - 2 * state.validation_seconds, 0.5 * seconds)


def share_done(config: Config, state: TrainState) -> float:
    """Share of the training that is over, 0 to 1; by time where the time is limited."""
    limit = time_limit(config, state)
    done = state.step / config.training.max_steps if limit is None else state.seconds / limit
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
