"""Random choices that are the same on every machine and every version of Python."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Seeded random choices that use only `random()`: Python guarantees the same sequence."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options, all equally likely."""
        return options[int(self._random() * len(options))]

    def two(self, options: Sequence[T]) -> tuple[T, T]:
        """Return two different options, in random order."""
        first = int(self._random() * len(options))
        second = (first + 1 + int(self._random() * (len(options) - 1))) % len(options)
        return options[first], options[second]

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self._random() < probability

    def number(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        return low + int(self._random() * (high - low + 1))
