"""Built-in English-French phrasebook, generated from a synchronous grammar.

Every sentence is built in both languages at once from the same choices: `lexicon` holds the words,
`french` and `english` the inflection, `phrases` and `clauses` the syntax, and each function in the
`scenes_*` modules generates one kind of sentence. Only the selection is random, with a fixed seed.
"""

from functools import cache

from transformer_mt.phrasebook.corpus import generate, split

Pair = tuple[str, str]


@cache
def _pairs() -> tuple[Pair, ...]:
    return tuple(generate())


@cache
def _splits() -> dict[str, tuple[Pair, ...]]:
    return split(_pairs())


def phrasebook_pairs() -> list[Pair]:
    """Return every distinct (english, french) pair, always in the same order."""
    return list(_pairs())


def phrasebook_splits() -> dict[str, list[Pair]]:
    """Return the pairs divided into "train", "validation" (500) and "test" (1,000).

    No sentence of "test" or "validation", English or French, occurs in another split, and each
    of their words occurs at least 15 times in "train".
    """
    return {name: list(pairs) for name, pairs in _splits().items()}


__all__ = ["phrasebook_pairs", "phrasebook_splits"]
