"""French nouns, adjectives and spelling: gender, number, elision, contraction.

Verbs are in `french_verbs`. Every function maps strings to strings, independent of English.
"""

import re

PLURALS = {"œil": "yeux", "appareil photo": "appareils photo", "travail": "travaux",
           "grand-mère": "grands-mères", "grand-père": "grands-pères", "pneu": "pneus",
           "petit-fils": "petits-fils", "bleu": "bleus"}  # fmt: skip

FEMININES = {
    "beau": "belle", "nouveau": "nouvelle", "vieux": "vieille", "blanc": "blanche",
    "bas": "basse", "complet": "complète", "doux": "douce", "faux": "fausse", "favori": "favorite",
    "frais": "fraîche", "gentil": "gentille", "gros": "grosse", "inquiet": "inquiète",
    "long": "longue", "public": "publique", "roux": "rousse", "sec": "sèche", "grec": "grecque",
    "turc": "turque", "surpris": "surprise", "jaloux": "jalouse",
    "marron": "marron", "chanteur": "chanteuse",
    "coiffeur": "coiffeuse", "vendeur": "vendeuse", "serveur": "serveuse",
    "agriculteur": "agricultrice", "médecin": "médecin",
}  # fmt: skip

BEFORE_VOWEL = {"beau": "bel", "nouveau": "nouvel", "vieux": "vieil", "ce": "cet"}

_FEMININE_ENDINGS = (
    ("e", "e"), ("eux", "euse"), ("f", "ve"), ("er", "ère"), ("en", "enne"), ("on", "onne"),
    ("el", "elle"), ("", "e"),
)  # fmt: skip

_NO_ELISION = re.compile(r"(?:huit|haricot|hamburger|haut|hors|onz|oui|yaourt|hongr|honte)", re.I)
_VOWEL = re.compile(r"[aeiouyhàâéèêëîïôùûœ]", re.I)
_ELIDES = re.compile(
    r"(?<![\w'-])(?P<stem>j|m|t|s|l|n|d|c|qu|jusqu)(?:e|(?<=l)a) (?=(?P<next>\w+))", re.I
)
_SI_IL = re.compile(r"\b([Ss])i (?=ils?\b)")
_LINK = re.compile(r" (?:de|à|au|en|d'\w+)\b.*")


def starts_with_vowel(word: str) -> bool:
    """Return True if a word takes l', d', cet, bel: it has a vowel or a mute h first."""
    return _VOWEL.match(word) is not None and _NO_ELISION.match(word) is None


def elide(text: str) -> str:
    """Replace le, de, que, je, ne, si by l', d', qu', j', n', s' where the next word requires it.

    A pronoun hyphenated to its verb is left alone ("donnez-le à Paul").
    """

    def shorten(match: re.Match[str]) -> str:
        return f"{match['stem']}'" if starts_with_vowel(match["next"]) else match[0]

    return _SI_IL.sub(r"\1'", _ELIDES.sub(shorten, text))


def after_de(phrase: str) -> str:
    """Put "de" before a noun phrase: du pain, des enfants, de la gare."""
    return _contract(phrase, "de", "du", "des")


def after_a(phrase: str) -> str:
    """Put "à" before a noun phrase: au marché, aux enfants, à la gare."""
    return _contract(phrase, "à", "au", "aux")


def _contract(phrase: str, preposition: str, with_le: str, with_les: str) -> str:
    article, _, rest = phrase.partition(" ")
    if article == "le" and not starts_with_vowel(rest):
        return f"{with_le} {rest}"
    return f"{with_les} {rest}" if article == "les" else f"{preposition} {phrase}"


def preposed(preposition: str, phrase: str) -> str:
    """Put any preposition before a noun phrase, contracting after "à" and "de"."""
    if preposition in ("à", "de"):
        return after_a(phrase) if preposition == "à" else after_de(phrase)
    head, _, last = preposition.rpartition(" ")
    return f"{head} {after_de(phrase)}" if last == "de" else f"{preposition} {phrase}"


def plural(word: str) -> str:
    """Return the plural of a noun or masculine adjective; a complement (de ..., à ...) stays."""
    if word in PLURALS:
        return PLURALS[word]
    link = _LINK.search(word)
    head, tail = (word[: link.start()], link[0]) if link else (word, "")
    return " ".join(_plural_word(part) for part in head.split()) + tail


def _plural_word(word: str) -> str:
    if word in PLURALS:
        return PLURALS[word]
    if word.endswith(("s", "x", "z")):
        return word
    if word.endswith("al"):
        return f"{word[:-1]}ux"
    return word + ("x" if word.endswith(("eau", "eu", "ou")) and word != "fou" else "s")


def adjective(masculine: str, gender: str, *, many: bool, before: str = "") -> str:
    """Return an adjective, given by the masculine singular, in agreement with a noun.

    Args:
        masculine: dictionary form; one with a space ("en retard") never changes.
        gender: "m" or "f".
        many: True for the plural.
        before: the word after the adjective, for bel, nouvel and vieil.
    """
    if " " in masculine or masculine in ("orange", "marron", "super"):
        return masculine
    if gender == "f":
        form = feminine(masculine)
        return form + "s" if many else form
    if many:
        return plural(masculine)
    return BEFORE_VOWEL.get(masculine, masculine) if starts_with_vowel(before) else masculine


def feminine(masculine: str) -> str:
    """Return the feminine singular of an adjective or a trade."""
    if masculine in FEMININES:
        return FEMININES[masculine]
    old, new = next(rule for rule in _FEMININE_ENDINGS if masculine.endswith(rule[0]))
    return masculine[: len(masculine) - len(old)] + new


def agree(participle: str, gender: str, *, many: bool) -> str:
    """Return a past participle in agreement: venu, venue, venus, venues; pris, prise."""
    form = participle + ("e" if gender == "f" else "")
    return form + "s" if many and not form.endswith("s") else form
