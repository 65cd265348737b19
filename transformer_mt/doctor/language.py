# ruff: noqa: RUF001 (words in several scripts)
"""Classification of lines into the two languages of a corpus, by letters.

A naive Bayes classifier over pairs of neighbouring bytes, trained on the corpus itself, of which
most lines are assumed to be correct: it needs no knowledge of any language or script.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_PAIRS = 1 << 16
_LARGEST = 3.0
"""Maximum absolute log-odds (natural logarithm) of one pair of bytes."""
_STOP_WORDS = {  # the most common words of some languages; few are words of another language
    language: frozenset(words.split())
    for language, words in {
        "cs": "a se na je že v to s z do jako si ale by jsem jsou byl pro",
        "da": "og det er at en til af den ikke på som der med har jeg",
        "de": "der die und das ist ein eine nicht mit auf den im zu von für sich es dem",
        "en": "the of and a to in is that it with for on was are as at this by an",
        "es": "el la los las y que en un una es no por con para del se lo",
        "fi": "ja on ei se että hän oli mutta ole joka kun niin myös sen",
        "fr": "le la les des et un une est dans que du pour pas qui sur avec au ce",
        "hu": "a az és hogy nem egy is de van meg ez volt már csak",
        "it": "il la che di e un una non è per i con del sono della gli nel",
        "nl": "de het een en van is dat niet in op te zijn met voor aan er",
        "pl": "i w się nie na z to jest że do jak ale po co",
        "pt": "o a os as que e um uma não é de em do da para com no na",
        "ro": "și în de la o un nu este că cu pe care din mai să",
        "sv": "och det är att en på som i av för med inte den ett har",
        "tr": "ve bir bu da de için ne çok ile daha ama gibi o var",
        "ru": "и в не на что он с я как это по но к из у",
        "uk": "і в не на що з я як це та у до але",
    }.items()
}


def sides_are_swapped(src: Sequence[str], tgt: Sequence[str], src_lang: str, tgt_lang: str) -> bool:
    """Return whether each side has the other language's common words; False if unknown."""
    stop_words = [_STOP_WORDS.get(language.lower()[:2]) for language in (src_lang, tgt_lang)]
    if stop_words[0] == stop_words[1]:
        return False
    (src_own, src_other), (tgt_other, tgt_own) = (
        [_share(side, known or frozenset()) for known in stop_words] for side in (src, tgt)
    )
    return src_other > 2 * src_own and tgt_other > 2 * tgt_own and None not in stop_words


def _share(texts: Sequence[str], wanted: frozenset[str]) -> float:
    words = [word for text in texts for word in text.lower().split()]
    return sum(word in wanted for word in words) / max(len(words), 1)


class LetterPairs:
    """Counts of the pairs of neighbouring bytes on each side."""

    def __init__(self) -> None:
        self._counts = np.zeros((2, _PAIRS), dtype=np.int64)

    def add(self, side: int, texts: Sequence[str]) -> None:
        """Count the pairs of bytes in lines of one side, 0 or 1."""
        self._counts[side] += np.bincount(_codes(texts)[0], minlength=_PAIRS)

    def log_odds(self) -> NDArray[np.float32]:
        """Return (65536,) log-odds of source against target language for each pair of bytes."""
        logs = np.log(self._counts + 1.0) - np.log(self._counts.sum(1, keepdims=True) + _PAIRS)
        odds = np.clip(logs[0] - logs[1], -_LARGEST, _LARGEST).astype(np.float32)
        newline = np.arange(_PAIRS) // 256 == ord("\n")
        odds[newline | (np.arange(_PAIRS) % 256 == ord("\n"))] = 0  # between lines, not in them
        return odds


def score_lines(texts: Sequence[str], log_odds: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (lines,) log-odds that each line, without newlines, is in the source language."""
    codes, ends = _codes(texts)
    sums = np.concatenate([[0.0], np.cumsum(log_odds[codes], dtype=np.float64)])
    return np.diff(sums[np.concatenate([[0], ends])]).astype(np.float32) / 2


def _codes(texts: Sequence[str]) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """Return the codes of all pairs of neighbouring bytes, and the index where each line ends."""
    data = np.frombuffer(("\n".join(texts) + "\n").encode("utf-8", "surrogatepass"), dtype=np.uint8)
    return data[:-1] * np.uint16(256) + data[1:], np.flatnonzero(data == ord("\n"))
