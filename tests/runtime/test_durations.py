import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformer_mt.runtime.durations import show_duration

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0 seconds"),
        (2.04, "2.0 seconds"),
        (9.96, "10 seconds"),
        (59.4, "59 seconds"),
        (59.6, "1 minute"),
        (61, "1 minute 1 second"),
        (3599.7, "1 hour"),
        (6720, "1 hour 52 minutes"),
        (7199, "2 hours"),
        (86399, "1 day"),
        (90000, "1 day 1 hour"),
        (timedelta(days=2000).total_seconds(), "2,000 days"),
    ],
)
def test_durations_are_shown_in_two_units(seconds: float, shown: str) -> None:
    assert show_duration(seconds) == shown


@given(st.floats(min_value=0, max_value=1e8))
def test_what_is_shown_is_near_the_truth_and_no_unit_overflows(seconds: float) -> None:
    parts = re.findall(r"([\d,.]+) (second|minute|hour|day)(s?)", show_duration(seconds))
    numbers = [float(number.replace(",", "")) for number, _, _ in parts]
    read = sum(n * SECONDS[unit] for n, (_, unit, _) in zip(numbers, parts, strict=True))
    finest = {"day": 3600, "hour": 60, "minute": 1, "second": 1}[parts[0][1]]
    assert abs(read - seconds) <= finest / 2 + 1e-6
    limits = {"second": 60, "minute": 60, "hour": 24, "day": 1e9}
    for number, (_, unit, plural) in zip(numbers, parts, strict=True):
        assert number < limits[unit]
        assert (plural == "") == (number == 1 and "." not in parts[0][0])
