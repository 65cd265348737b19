"""Durations as a person reads them."""

from itertools import pairwise

_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def show_duration(seconds: float) -> str:
    """Say a duration in its two largest units: "1 hour 52 minutes"; tenths below 10 seconds."""
    if seconds < 9.95:
        return f"{seconds:.1f} seconds"
    for (unit, size), (finer, step) in pairwise(_UNITS):
        count = round(seconds / step)  # first, so that nothing has 60 minutes
        if count * step >= size:
            whole, rest = divmod(count, size // step)
            return _counted(whole, unit) + (f" {_counted(rest, finer)}" if rest else "")
    return _counted(round(seconds), "second")


def _counted(count: int, unit: str) -> str:
    return f"{count:,} {unit}{'' if count == 1 else 's'}"
