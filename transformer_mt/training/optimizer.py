"""Adam and the learning-rate schedules (Vaswani et al. 2017, section 5.3)."""

import math

import torch
from torch import nn

from transformer_mt.config.sections import Config, TrainingConfig

_LONGEST_TIMED_WARMUP = 0.1
"""Largest share of a training with `max_time` that is warm-up."""


def make_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.Adam:
    """Return Adam over all parameters; the loop sets the learning rate before every update."""
    return torch.optim.Adam(
        model.parameters(),
        lr=0.0,
        betas=(config.adam_beta1, config.adam_beta2),
        eps=config.adam_epsilon,
        fused=True,
    )


def peak_learning_rate(config: Config) -> float:
    """Return the configured peak, or (d_model * warmup_steps) ** -0.5 (paper, equation 3)."""
    if config.training.learning_rate is not None:
        return config.training.learning_rate
    return float((config.model.d_model * config.training.warmup_steps) ** -0.5)


def learning_rate(config: Config, step: int, progress: float) -> float:
    """Return the learning rate of an update: peak * min(rise, fall).

    rise = step / warmup_steps. fall = 1 - progress (linear), (1 + cos(pi * progress)) / 2 (cosine)
    or sqrt(warmup_steps / step) (inverse_sqrt; paper, equation 3). With `max_time` the number of
    updates depends on the machine: the rise then takes at most a tenth of the time, and
    inverse_sqrt uses progress * max_steps as the step.

    Args:
        config: settings of the run.
        step: number of the update, from 1.
        progress: share of the training that is done, 0 to 1.
    """
    training = config.training
    if training.schedule == "linear":
        fall = 1 - progress
    elif training.schedule == "cosine":
        fall = (1 + math.cos(math.pi * progress)) / 2
    else:
        position = step if training.max_time is None else progress * training.max_steps
        position = max(position, training.warmup_steps)
        fall = math.sqrt(training.warmup_steps / position)
    rise = step / training.warmup_steps
    if training.max_time is not None:
        rise = max(rise, progress / _LONGEST_TIMED_WARMUP)
    return peak_learning_rate(config) * min(rise, fall)
