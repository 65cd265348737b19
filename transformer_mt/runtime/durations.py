"""Durations as readable text."""

from itertools import pairwise

_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def show_duration(seconds: float) -> str:
    """Return a duration in the two largest units: "1 hour 52 minutes"; below 10 s with tenths."""
    if seconds < 9.95:
        return f"{seconds:.1f} seconds"
    for (unit, size), (finer, step) in pairwise(_UNITS):
        count = round(seconds / step)  # rounded first, so that 59.9 minutes become 1 hour
        if count * step >= size:
            whole, rest = divmod(count, size // step)
            return _counted(whole, unit) + (f" {_counted(rest, finer)}" if rest else "")
    return _counted(round(seconds), "second")


def _counted(count: int, unit: str) -> str:
    return f"{count:,} {unit}{'' if count == 1 else 's'}"
