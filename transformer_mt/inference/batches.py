"""Batches of texts for inference, without torch."""

from collections.abc import Iterator, Sequence

from transformer_mt.config.limits import check_numbers

_MOST_LINES = 256
"""Maximum lines of a batch: each line, even a short one, takes a beam of vocabulary scores."""


def batches(
    sizes: Sequence[int], batch_tokens: int, *, special: int = 1, most: int = _MOST_LINES
) -> Iterator[list[int]]:
    """Yield indices of non-empty texts in batches of at most `batch_tokens`, longest first.

    Args:
        sizes: number of tokens of each text.
        batch_tokens: maximum positions of a batch; a longer text is a batch alone.
        special: number of special tokens that the model adds to each text.
        most: maximum texts of a batch.

    Raises:
        InvalidValueError: `batch_tokens` is outside the limits.
    """
    check_numbers(batch_tokens=batch_tokens)
    order = sorted(range(len(sizes)), key=lambda index: -sizes[index])
    order = [index for index in order if sizes[index]]
    start = 0
    while start < len(order):
        count = min(max(1, batch_tokens // (sizes[order[start]] + special)), most)
        yield order[start : start + count]
        start += count
