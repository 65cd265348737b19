"""Drawing a token: distributions computed by hand, and what is really drawn."""

import math
from typing import Any

import pytest
import torch

from transformer_mt.config.limits import LIMITS
from transformer_mt.decoding.sampling import Sampling, distribution, sample
from transformer_mt.errors import ConfigError

PROBS = [0.1, 0.4, 0.05, 0.25, 0.2]


def probabilities(probs: list[float], **sampling: Any) -> list[float]:
    """Of one row whose softmax is `probs`; logits may have any sum."""
    logits = torch.tensor([probs]).log() + 3
    return distribution(logits, Sampling(**sampling))[0].tolist()


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        ({}, PROBS),
        ({"temperature": 0}, [0, 1, 0, 0, 0]),
        ({"temperature": 0, "top_k": 3, "top_p": 0.9}, [0, 1, 0, 0, 0]),
        ({"top_k": 1}, [0, 1, 0, 0, 0]),
        ({"top_k": 2}, [0, 40 / 65, 0, 25 / 65, 0]),
        ({"top_k": 5}, PROBS),
        ({"top_k": 99}, PROBS),
        ({"top_p": 1e-9}, [0, 1, 0, 0, 0]),
        ({"top_p": 0.39}, [0, 1, 0, 0, 0]),
        ({"top_p": 0.41}, [0, 40 / 65, 0, 25 / 65, 0]),
        ({"top_p": 0.9}, [10 / 95, 40 / 95, 0, 25 / 95, 20 / 95]),
        ({"top_p": 1}, PROBS),
        ({"top_k": 2, "top_p": 0.6}, [0, 1, 0, 0, 0]),  # 0.4 is 62 % of what top_k leaves
        ({"top_k": 2, "top_p": 0.62}, [0, 40 / 65, 0, 25 / 65, 0]),
    ],
)
def test_distributions_are_those_computed_by_hand(
    sampling: dict[str, Any], expected: list[float]
) -> None:
    assert probabilities(PROBS, **sampling) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 10.0])
def test_a_temperature_is_a_power_of_the_probabilities(temperature: float) -> None:
    powers = [p ** (1 / temperature) for p in PROBS]
    expected = [power / sum(powers) for power in powers]
    assert probabilities(PROBS, temperature=temperature) == pytest.approx(expected, abs=1e-6)
    kept = [power if p >= 0.2 else 0 for p, power in zip(PROBS, powers, strict=True)]
    found = probabilities(PROBS, temperature=temperature, top_k=3)
    assert found == pytest.approx([each / sum(kept) for each in kept], abs=1e-6)


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        ({"temperature": 0}, [0, 1, 0, 0]),
        ({"top_k": 1}, [0, 1, 0, 0]),
        ({"top_k": 2}, [0, 0.5, 0, 0.5]),
        ({"top_k": 3}, [0.2, 0.4, 0, 0.4]),
        ({"top_p": 0.5}, [0, 0.5, 0, 0.5]),
        ({"top_p": 0.3}, [0, 1, 0, 0]),
    ],
)
def test_of_equals_the_first_come_first(sampling: dict[str, Any], expected: list[float]) -> None:
    logits = torch.tensor([[0.0, 0.0, 0.0, 0.0]])
    logits[0, 1::2] = math.log(2)
    found = distribution(logits, Sampling(**sampling))[0].tolist()
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("sampling", "count"), [({"temperature": 0}, 1), ({"top_k": 3}, 3), ({"top_p": 0.25}, 256)]
)
def test_of_many_equals_just_enough_are_kept(sampling: dict[str, Any], count: int) -> None:
    found = distribution(torch.zeros(1, 1024), Sampling(**sampling))[0].tolist()
    assert found == [1 / count] * count + [0.0] * (1024 - count)


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-6])
def test_hardly_any_temperature_is_none(temperature: float) -> None:
    assert probabilities(PROBS, temperature=temperature) == [0, 1, 0, 0, 0]


def test_the_highest_temperature_makes_all_alike() -> None:
    found = probabilities(PROBS, temperature=LIMITS["temperature"].most)
    assert found == pytest.approx([0.2] * 5, rel=0.01)


@pytest.mark.parametrize(
    "sampling", [{}, {"top_k": 4}, {"temperature": 3.0}, {"temperature": 0.5, "top_p": 0.99}]
)
def test_what_is_drawn_has_these_frequencies(sampling: dict[str, Any]) -> None:
    """Within five standard deviations, each row with its own."""
    rows = torch.tensor([PROBS, PROBS[::-1]]).log()
    rows[1, 4] = -torch.inf
    random, count = torch.Generator().manual_seed(7), 20_000
    drawn = sample(rows.repeat(count, 1), Sampling(**sampling), random).view(count, 2)
    expected = distribution(rows, Sampling(**sampling))
    assert expected[1, 4] == 0
    for row in range(2):
        frequencies = torch.bincount(drawn[:, row], minlength=5) / count
        deviation = (expected[row] * (1 - expected[row]) / count).sqrt()
        assert ((frequencies - expected[row]).abs() <= 5 * deviation).all()


def test_equal_seeds_draw_alike() -> None:
    logits = torch.randn(50, 30)

    def drawn(seed: int) -> list[int]:
        found: list[int] = sample(logits, Sampling(), torch.Generator().manual_seed(seed)).tolist()
        return found

    assert drawn(1) == drawn(1) != drawn(2)


@pytest.mark.parametrize(
    "row", [[1.0, math.nan, 0.0], [-math.inf] * 3, [math.inf, 0.0, 0.0]], ids=str
)
@pytest.mark.parametrize("sampling", [{}, {"temperature": 0}, {"top_k": 1}])
def test_what_cannot_be_drawn_from_is_refused(row: list[float], sampling: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no token to draw"):
        sample(torch.tensor([row]), Sampling(**sampling), torch.Generator())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("temperature", -0.1),
        ("temperature", math.nan),
        ("temperature", math.inf),
        ("top_k", 0),
        ("top_k", -1),
        ("top_p", 0.0),
        ("top_p", 1.01),
        ("top_p", math.nan),
    ],
)
def test_impossible_values_are_refused(key: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"'{key}' must be .* not {value:g}"):
        Sampling(**{key: value})  # type: ignore[arg-type]
