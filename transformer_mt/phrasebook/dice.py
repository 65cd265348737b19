"""The one source of chance: draws that are the same on every machine and every Python."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Random choices that use `random()` alone, whose sequence Python guarantees for a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, all equally likely."""
        return options[int(self._random() * len(options))]

    def two(self, options: Sequence[T]) -> tuple[T, T]:
        """Two different options, in either order."""
        first = int(self._random() * len(options))
        second = (first + 1 + int(self._random() * (len(options) - 1))) % len(options)
        return options[first], options[second]

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self._random() < probability

    def number(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self._random() * (high - low + 1))
