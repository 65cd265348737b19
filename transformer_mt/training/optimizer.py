"""Adam and the learning-rate schedules (Vaswani et al. 2017, section 5.3)."""

import math

import torch
from torch import nn

from transformer_mt.config.sections import Config, TrainingConfig

_LONGEST_TIMED_WARMUP = 0.1
"""Share of a training of limited time."""


def make_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.Adam:
    """Adam over all parameters; the loop sets its learning rate before every update."""
    return torch.optim.Adam(
        model.parameters(),
        lr=0.0,
        betas=(config.adam_beta1, config.adam_beta2),
        eps=config.adam_epsilon,
        fused=True,
    )


def peak_learning_rate(config: Config) -> float:
    """The configured peak, else the paper's: (d_model * warmup_steps) ** -0.5 (equation 3)."""
    if config.training.learning_rate is not None:
        return config.training.learning_rate
    return float((config.model.d_model * config.training.warmup_steps) ** -0.5)


def learning_rate(config: Config, step: int, progress: float) -> float:
    """The rate of update `step` (1, 2, ...): a rising line up to where it meets a falling curve.

    The fall depends on `progress`, the share of the training that is over (0 to 1). linear and
    cosine reach 0 at its end; inverse_sqrt is peak * sqrt(warmup_steps / step), the paper's
    equation 3. Where the time is limited, the machine decides how many updates that is: then
    the rise takes a tenth of the time at most, and inverse_sqrt falls as if in `max_steps`.
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
