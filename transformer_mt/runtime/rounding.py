"""How many digits of a model's numbers are printed.

Which sentences are computed together changes the last bits of a sum, some 1e-5 of a score: what
is printed has no digits that depend on it, but for the last, which may then be rounded otherwise.
"""

from typing import Any

DECIMALS = 4
"""Digits after the point."""


def rounded(value: Any) -> Any:
    """Round every float in a value, and in the lists and dictionaries that it consists of."""
    if isinstance(value, float):
        return round(value, DECIMALS) + 0.0  # no -0.0
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return value
