"""Which sentences go through a model together; needs no torch."""

from collections.abc import Iterator, Sequence

from transformer_mt.config.limits import check_numbers

_MOST_LINES = 256
"""In a batch: short lines take little source but each a beam of scores over the vocabulary."""


def batches(sizes: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """Indices of what is not empty, largest first, in groups within the budget.

    Raises:
        InvalidValueError: the budget is outside its limits.
    """
    check_numbers(batch_tokens=batch_tokens)
    order = sorted(range(len(sizes)), key=lambda index: -sizes[index])
    order = [index for index in order if sizes[index]]
    while order:
        count = min(max(1, batch_tokens // (sizes[order[0]] + 1)), _MOST_LINES)
        yield order[:count]
        order = order[count:]
