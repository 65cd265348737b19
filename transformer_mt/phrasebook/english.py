"""English morphology: plurals, verb forms, articles and contractions."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

PLURALS = {
    "man": "men", "woman": "women", "child": "children", "wife": "wives", "knife": "knives",
    "tooth": "teeth", "foot": "feet", "shelf": "shelves", "potato": "potatoes",
    "tomato": "tomatoes", "scarf": "scarves", "policeman": "policemen", "half": "halves",
    "person": "people", "grandchild": "grandchildren", "series": "series", "fish": "fish",
}  # fmt: skip

_IRREGULAR = """
be was been, have had had, do did done, go went gone, come came come, eat ate eaten,
drink drank drunk, buy bought bought, read read read, write wrote written, wear wore worn,
see saw seen, know knew known, take took taken, sell sold sold, lose lost lost,
find found found, forget forgot forgotten, pay paid paid, learn learned learned,
speak spoke spoken, give gave given, send sent sent, lend lent lent, show showed shown,
sleep slept slept, leave left left, fall fell fallen, get got got, wake woke woken,
sing sang sung, swim swam swum, run ran run, drive drove driven, make made made, put put put,
bring brought brought, tell told told, say said said, meet met met, think thought thought,
understand understood understood, feel felt felt, hear heard heard, begin began begun,
choose chose chosen, build built built, teach taught taught, spend spent spent, break broke broken,
keep kept kept, win won won, rise rose risen, ride rode ridden, hurt hurt hurt, let let let,
become became become, draw drew drawn, cost cost cost, cut cut cut
"""

_DOUBLED = {"get", "run", "swim", "sit", "put", "forget", "begin", "stop", "plan", "win", "shop",
            "let", "chat", "cut", "travel"}  # fmt: skip

_SHORT = {"tall", "old", "young", "big", "small", "kind", "light", "new", "long", "short", "clean",
          "warm", "hot", "cold", "fresh", "quiet", "sad", "brave", "dark"}  # fmt: skip

_PRONOUNS = {"I": 0, "he": 2, "she": 2, "it": 2, "we": 3, "you": 4, "they": 5, "that": 2}
_CONTRACTED = {"am": "'m", "is": "'s", "are": "'re", "have": "'ve", "will": "'ll", "would": "'d"}
_NEGATIVES = {"can": "can't", "will": "won't", "am": "am not", "may": "may not"}


class Forms(NamedTuple):
    """Past forms of a verb."""

    past: str
    participle: str


_FORMS = {
    base: Forms(past, participle)
    for base, past, participle in (row.split() for row in _IRREGULAR.split(","))
}


def plural(noun: str) -> str:
    """Return the plural of a noun; a compound inflects its last word, "glass of wine" its first."""
    head, of, rest = noun.partition(" of ")
    before, space, last = head.rpartition(" ")
    return before + space + (PLURALS.get(last) or _add_s(last)) + of + rest


def _add_s(word: str) -> str:
    if word.endswith(("s", "x", "ch", "sh")):
        return f"{word}es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith("o") and word in ("go", "do") else f"{word}s"


def a(phrase: str) -> str:
    """Put "a" or "an" before a phrase."""
    an = phrase[0].lower() in "aeio" or phrase.startswith(("umbrella", "uncle", "hour", "ugly"))
    return f"{'an' if an else 'a'} {phrase}"


def possessive(noun: str) -> str:
    """Return the possessive form: Paul's, my parents'."""
    return f"{noun}'" if noun.endswith("s") and noun[0].islower() else f"{noun}'s"


@cache
def third_person(verb: str) -> str:
    """Return the third person singular of a verb or verb phrase: has to eat, gets up."""
    return _inflect(verb, lambda head: "has" if head == "have" else _add_s(head))


@cache
def past(verb: str) -> str:
    """Return the simple past: ate, got up, had to eat."""
    return _inflect(verb, lambda head: _FORMS[head].past if head in _FORMS else _add_ed(head))


@cache
def participle(verb: str) -> str:
    """Return the past participle: eaten, got up."""
    return _inflect(verb, lambda head: _FORMS[head].participle if head in _FORMS else _add_ed(head))


@cache
def ing(verb: str) -> str:
    """Return the present participle: eating, getting up."""
    return _inflect(verb, _add_ing)


def _inflect(verb: str, change: Callable[[str], str]) -> str:
    head, space, rest = verb.partition(" ")
    return change(head) + space + rest


def _add_ed(verb: str) -> str:
    if verb.endswith("e"):
        return f"{verb}d"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return f"{verb[:-1]}ied"
    return f"{verb}{verb[-1] if verb in _DOUBLED else ''}ed"


def _add_ing(verb: str) -> str:
    if verb.endswith("e") and verb not in ("be", "see"):
        return f"{verb[:-1]}ing"
    return f"{verb}{verb[-1] if verb in _DOUBLED else ''}ing"


def comparative(adjective: str) -> str:
    """Return the comparative of an adjective: taller, heavier, better, more expensive."""
    return _graded(adjective, "more", "er", "better")


def superlative(adjective: str) -> str:
    """Return the superlative of an adjective: tallest, heaviest, best, most expensive."""
    return _graded(adjective, "most", "est", "best")


def _graded(adjective: str, adverb: str, ending: str, good: str) -> str:
    if adjective == "good":
        return good
    if adjective.endswith("y") and adjective != "friendly":
        return f"{adjective[:-1]}i{ending}"
    if adjective not in _SHORT:
        return f"{adverb} {adjective}"
    stem = adjective + adjective[-1] if adjective in ("big", "hot", "sad") else adjective
    return stem.removesuffix("e") + ending


def be(person: int, *, past_tense: bool = False) -> str:
    """Return the form of "be" for one person, 0 to 5 for I, you, he, we, you, they."""
    if past_tense:
        return "was" if person in (0, 2) else "were"
    return {0: "am", 2: "is"}.get(person, "are")


def attach(subject: str, auxiliary: str) -> str:
    """Join subject and auxiliary, contracted after a pronoun: I'm, they'll, Paul will."""
    if subject in _PRONOUNS and auxiliary in _CONTRACTED:
        return subject + _CONTRACTED[auxiliary]
    return f"{subject} {auxiliary}"


def negate(auxiliary: str) -> str:
    """Return the negative of an auxiliary: don't, can't, am not."""
    return _NEGATIVES.get(auxiliary) or f"{auxiliary}n't"
