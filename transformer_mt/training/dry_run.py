"""`tmt train --dry-run`: sizes and a time estimate, from a few real updates."""

import time
from dataclasses import dataclass
from statistics import median

from transformer_mt.config.sections import Config, parse_duration
from transformer_mt.data.batching import token_batches
from transformer_mt.model.base import count_parameters
from transformer_mt.runtime.durations import show_duration
from transformer_mt.training.loop import training_step, updates
from transformer_mt.training.session import rehearse_session

_UPDATES = 3
"""Number of measured updates; the median leaves out the warm-up of the first."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes and estimated time of a training."""

    parameters: int
    vocabulary: str
    data: list[str]
    device: str
    updates_per_epoch: int
    tokens_per_second: float
    answers: str
    """Unit that `tokens_per_second` counts, such as "target tokens"."""
    max_steps: int
    seconds: float
    """Estimated seconds of the whole training, without validations."""

    def lines(self) -> list[str]:
        """Return the plan as lines of text."""
        epochs = self.max_steps / self.updates_per_epoch
        return [
            *self.data,
            f"vocabulary: {self.vocabulary}",
            f"model: {self.parameters:,} parameters on {self.device}",
            f"an epoch: {self.updates_per_epoch:,} updates; in all {self.max_steps:,} updates"
            f" or {epochs:.1f} epochs",
            f"speed: {self.tokens_per_second:,.0f} {self.answers} a second",
            f"time: about {show_duration(self.seconds)}, validations left out",
        ]


def plan_training(config: Config, device: str, *, overwrite: bool = False) -> Plan | None:
    """Estimate a training from a few real updates, without writing anything.

    Returns:
        None if the run is finished.

    Raises:
        DataError, ConfigError: as for `train`.
    """
    session = rehearse_session(config, device=device, overwrite=overwrite)
    if session is None:
        return None
    rows = token_batches(session.data.train, config.training.batch_tokens, (config.seed, 0))
    per_epoch = -(-len(rows) // config.training.accumulate)
    seconds, tokens = [], 0
    for batches, _ in zip(updates(session), range(_UPDATES), strict=False):
        start = time.perf_counter()
        training_step(session, batches, lr=0.0)
        seconds.append(time.perf_counter() - start)
        tokens += sum(batch.num_tokens for batch in batches)
    update = median(seconds)
    max_steps, total = config.training.max_steps, update * config.training.max_steps
    if config.training.max_time is not None:
        total = parse_duration(config.training.max_time, key="training.max_time")
        max_steps = max(round(total / update), 1)
    elif config.training.time_limit is not None:
        limit = parse_duration(config.training.time_limit, key="training.time_limit")
        max_steps = max(min(max_steps, round(limit / update)), 1)
        total = min(total, limit)
    return Plan(
        parameters=count_parameters(session.model),
        vocabulary=session.vocabulary.describe(),
        data=session.data.report.lines(),
        device=str(session.device),
        updates_per_epoch=per_epoch,
        tokens_per_second=tokens / len(seconds) / update,
        answers=config.answers,
        max_steps=max_steps,
        seconds=total,
    )
