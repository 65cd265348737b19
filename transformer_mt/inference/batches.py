"""Batches of sentences for inference, without torch."""

from collections.abc import Iterator, Sequence

from transformer_mt.config.limits import check_numbers

_MOST_LINES = 256
"""Maximum lines of a batch: each line, even a short one, takes a beam of vocabulary scores."""


def batches(sizes: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """Yield indices of non-empty sentences in batches of at most `batch_tokens`, longest first.

    Raises:
        InvalidValueError: `batch_tokens` is outside the limits.
    """
    check_numbers(batch_tokens=batch_tokens)
    order = sorted(range(len(sizes)), key=lambda index: -sizes[index])
    order = [index for index in order if sizes[index]]
    while order:
        count = min(max(1, batch_tokens // (sizes[order[0]] + 1)), _MOST_LINES)
        yield order[:count]
        order = order[count:]
