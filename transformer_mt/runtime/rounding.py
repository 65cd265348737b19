"""Rounding of a model's numbers for output.

The batch in which a sentence is computed changes the last bits of a sum, about 1e-5 of a score: the
printed digits do not depend on the batch, except that the last one may be rounded differently.
"""

from typing import Any

DECIMALS = 4
"""Number of digits after the decimal point."""


def rounded(value: Any) -> Any:
    """Round every float in a value, also in nested lists and dictionaries."""
    if isinstance(value, float):
        return round(value, DECIMALS) + 0.0  # no -0.0
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return value
