import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from transformer_mt.config.load import load_config
from transformer_mt.config.tasks import (
    EncoderDecoderConfig,
    PairsConfig,
    TranslationConfig,
    TranslationTrainingConfig,
)
from transformer_mt.training.optimizer import learning_rate, make_optimizer, peak_learning_rate

CONFIGS = Path(__file__).parents[2] / "configs"
WARMUP, STEPS, PEAK = 20, 200, 0.01


def make(d_model: int = 64, **training: Any) -> TranslationConfig:
    return TranslationConfig(
        run_dir="none",
        data=PairsConfig(src_lang="a", tgt_lang="b", train="none.tsv"),
        model=EncoderDecoderConfig(d_model=d_model),
        training=TranslationTrainingConfig(
            **{"warmup_steps": WARMUP, "max_steps": STEPS, **training}
        ),
    )


def curve(config: TranslationConfig) -> list[float]:
    """The learning rate of every update, the first one (number 1) first."""
    steps = config.training.max_steps
    return [learning_rate(config, step, step / steps) for step in range(1, steps + 1)]


@pytest.mark.parametrize("d_model", [64, 512])
@pytest.mark.parametrize("warmup", [1, 20, 500])
def test_without_a_rate_it_is_equation_3_of_the_paper(d_model: int, warmup: int) -> None:
    paper = [d_model**-0.5 * min(step**-0.5, step * warmup**-1.5) for step in range(1, STEPS + 1)]
    ours = curve(make(d_model, warmup_steps=warmup, learning_rate=None, schedule="inverse_sqrt"))
    assert ours == pytest.approx(paper, rel=1e-12)


def test_base_config_has_the_paper_s_peak() -> None:
    config = load_config(CONFIGS / "base.yaml")
    assert peak_learning_rate(config) == pytest.approx(512**-0.5 * 4000**-0.5, rel=1e-12)
    rates = {step: learning_rate(config, step, step / 100_000) for step in (3999, 4000, 4001)}
    assert max(rates, key=rates.__getitem__) == 4000
    assert rates[4000] == pytest.approx(peak_learning_rate(config))


@pytest.mark.parametrize("schedule", ["inverse_sqrt", "linear", "cosine"])
def test_one_continuous_rise_and_fall_up_to_the_peak(schedule: str) -> None:
    rates = curve(make(learning_rate=PEAK, schedule=schedule))
    top = rates.index(max(rates))
    assert 0.85 * PEAK < rates[top] <= PEAK
    assert abs(top + 1 - WARMUP) <= 2  # update numbers begin at 1
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert all(abs(after - before) <= PEAK / WARMUP + 1e-12 for before, after in pairwise(rates))
    assert rates[0] == pytest.approx(PEAK / WARMUP)


@pytest.mark.parametrize(
    ("schedule", "halfway", "end"),
    [("linear", 1 / 2, 0), ("cosine", 1 / 2, 0), ("inverse_sqrt", math.sqrt(1 / 5), None)],
)
def test_fall(schedule: str, halfway: float, end: float | None) -> None:
    rates = curve(make(learning_rate=PEAK, schedule=schedule))
    assert rates[STEPS // 2 - 1] == pytest.approx(PEAK * halfway)
    assert rates[-1] == pytest.approx(PEAK * (math.sqrt(1 / 10) if end is None else end))
    assert all(rate > 0 for rate in rates[:-1])


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_fall_follows_progress_not_steps(schedule: str) -> None:
    config = make(learning_rate=PEAK, schedule=schedule)
    assert learning_rate(config, 10 * STEPS, 0.5) == pytest.approx(PEAK / 2)
    assert learning_rate(config, WARMUP, 1.0) == pytest.approx(0)


@pytest.mark.parametrize("progress", [0.0, 0.5, 1.0])
def test_equation_3_counts_updates(progress: float) -> None:
    config = make(learning_rate=PEAK, schedule="inverse_sqrt")
    assert learning_rate(config, 4 * WARMUP, progress) == pytest.approx(PEAK / 2)


@pytest.mark.parametrize(("schedule", "fall"), [("linear", 0.9), ("inverse_sqrt", 1.0)])
def test_limited_time_is_warmed_up_after_a_tenth(schedule: str, fall: float) -> None:
    """However few updates the machine has done by then; where it is fast, by updates."""
    slow = make(max_time="1h", warmup_steps=1000, learning_rate=PEAK, schedule=schedule)
    assert learning_rate(slow, 5, 0.05) == pytest.approx(PEAK / 2)
    assert learning_rate(slow, 10, 0.1) == pytest.approx(PEAK * fall)
    assert learning_rate(slow, 750, 0.01) == pytest.approx(0.75 * PEAK)
    untimed = make(warmup_steps=1000, learning_rate=PEAK, schedule=schedule)
    assert learning_rate(untimed, 10, 0.1) == pytest.approx(PEAK / 100)


@pytest.mark.parametrize(("schedule", "share"), [("linear", 0.2), ("inverse_sqrt", 8**-0.5)])
def test_limited_time_falls_with_the_time(schedule: str, share: float) -> None:
    config = make(max_time="1h", learning_rate=PEAK, schedule=schedule)
    for step in (WARMUP, 10 * STEPS):
        assert learning_rate(config, step, 0.8) == pytest.approx(PEAK * share)


def test_cosine_is_flat_at_both_ends() -> None:
    config = make(learning_rate=PEAK, schedule="cosine")
    falls = [learning_rate(config, STEPS, progress / 4) / PEAK for progress in range(5)]
    assert falls == pytest.approx([1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2, 0])


def test_updates_are_those_of_adam_with_the_configured_settings() -> None:
    settings: dict[str, Any] = {"adam_beta1": 0.7, "adam_beta2": 0.9, "adam_epsilon": 1e-3}
    model = nn.Linear(3, 2)
    optimizer = make_optimizer(model, make(**settings).training)
    beta1, beta2, epsilon = settings.values()
    values = {name: parameter.detach().double() for name, parameter in model.named_parameters()}
    mean = {name: torch.zeros_like(value) for name, value in values.items()}
    variance = {name: torch.zeros_like(value) for name, value in values.items()}
    for step, lr in enumerate((0.1, 0.5, 0.02), start=1):
        optimizer.zero_grad()
        model(torch.randn(5, 3)).square().sum().backward()
        for group in optimizer.param_groups:
            group["lr"] = lr
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None
            gradient = parameter.grad.double()
            mean[name] = beta1 * mean[name] + (1 - beta1) * gradient
            variance[name] = beta2 * variance[name] + (1 - beta2) * gradient**2
            unbiased = mean[name] / (1 - beta1**step), variance[name] / (1 - beta2**step)
            values[name] = values[name] - lr * unbiased[0] / (unbiased[1].sqrt() + epsilon)
        optimizer.step()
        for name, parameter in model.named_parameters():
            torch.testing.assert_close(parameter.detach().double(), values[name])


def test_no_update_before_the_loop_sets_a_rate() -> None:
    model = nn.Linear(3, 2)
    before = [parameter.clone() for parameter in model.parameters()]
    optimizer = make_optimizer(model, make().training)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    torch.testing.assert_close(list(model.parameters()), before, rtol=0, atol=0)
