"""Sampling of the scenes, and the split into train, validation and test."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from transformer_mt.phrasebook import (
    scenes_actions,
    scenes_answers,
    scenes_clauses,
    scenes_greetings,
    scenes_people,
    scenes_shops,
    scenes_things,
    scenes_time,
    scenes_travel,
)
from transformer_mt.phrasebook.dice import Dice
from transformer_mt.phrasebook.phrases import Phrase

Scene = Callable[[Dice], Phrase]

SCENES: tuple[Scene, ...] = (
    *scenes_actions.SCENES,
    *scenes_people.SCENES,
    *scenes_shops.SCENES,
    *scenes_travel.SCENES,
    *scenes_time.SCENES,
    *scenes_things.SCENES,
    *scenes_clauses.SCENES,
    *scenes_answers.SCENES,
    *scenes_greetings.SCENES,
)

PER_SCENE = 235
"""Most sentences taken from one scene."""

PATIENCE = 60
"""Number of repeated sentences in a row after which a scene ends."""

MIN_WORDS, MAX_WORDS = 1, 15
"""Smallest and largest number of words of an English sentence."""

HELD_OUT = {"test": 1000, "validation": 500}
MIN_COUNT = 15
"""Smallest count in train of every word of a held-out sentence."""

_WORD = re.compile(r"[\w-]+")


def generate() -> Iterator[tuple[str, str]]:
    """Yield the distinct sentences of each scene in turn; an English sentence appears once."""
    seen: set[str] = set()
    for seed, scene in enumerate(SCENES):
        dice, found, repeats = Dice(seed), 0, 0
        while found < PER_SCENE and repeats < PATIENCE:
            en, fr = scene(dice)
            if en in seen or not MIN_WORDS <= len(en.split()) <= MAX_WORDS:
                repeats += 1
                continue
            seen.add(en)
            found, repeats = found + 1, 0
            yield en, fr


def words(text: str) -> list[str]:
    """Return the words of a sentence, case folded, without punctuation and apostrophes."""
    return _WORD.findall(text.casefold())


def split(pairs: Sequence[tuple[str, str]]) -> dict[str, tuple[tuple[str, str], ...]]:
    """Split pairs into train, validation and test, in the order of a hash of the English.

    A pair is held out only if its French occurs in no other pair and its words stay frequent in the
    remaining pairs.
    """
    vocabulary = Counter(word for pair in pairs for word in _sided_words(pair))
    french = Counter(fr for _, fr in pairs)
    train: list[tuple[str, str]] = []
    held_out: list[tuple[str, str]] = []
    for pair in sorted(pairs, key=_rank):
        counts = Counter(_sided_words(pair))
        frequent = all(vocabulary[word] - n >= MIN_COUNT for word, n in counts.items())
        if len(held_out) < sum(HELD_OUT.values()) and french[pair[1]] == 1 and frequent:
            held_out.append(pair)
            vocabulary -= counts
        else:
            train.append(pair)
    test = HELD_OUT["test"]
    return {
        "train": tuple(train),
        "validation": tuple(held_out[test:]),
        "test": tuple(held_out[:test]),
    }


def _sided_words(pair: tuple[str, str]) -> list[str]:
    return [f"{side} {word}" for side, text in zip("<>", pair, strict=True) for word in words(text)]


def _rank(pair: tuple[str, str]) -> bytes:
    return hashlib.sha256(pair[0].encode()).digest()
