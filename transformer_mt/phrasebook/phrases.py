"""Noun phrases: determiner, adjective and noun, built in both languages at once."""

from dataclasses import dataclass
from typing import NamedTuple

from transformer_mt.phrasebook import english, french
from transformer_mt.phrasebook.words import Adjective, Name, Noun


class Phrase(NamedTuple):
    """Pair of equivalent English and French text."""

    en: str
    fr: str


def join(*phrases: Phrase | None) -> Phrase:
    """Join phrases with spaces, leaving out each None."""
    kept = [phrase for phrase in phrases if phrase]
    return Phrase(" ".join(p.en for p in kept), " ".join(p.fr for p in kept))


def say(en: str, fr: str) -> Phrase:
    """Finish a sentence: elide the French, capitalise both sides."""
    fr = french.elide(fr)
    return Phrase(en[0].upper() + en[1:], fr[0].upper() + fr[1:])


def then(first: Phrase, second: Phrase) -> Phrase:
    """Join two finished sentences."""
    return Phrase(f"{first.en} {second.en}", f"{first.fr} {second.fr}")


def sentence(phrase: Phrase, mark: str = ".") -> Phrase:
    """Finish a phrase with a mark; French sets a space before "?" and "!"."""
    return say(phrase.en + mark, phrase.fr + (mark if mark == "." else f" {mark}"))


def to_friend(phrase: Phrase, name: Name, mark: str = ".") -> Phrase:
    """Finish a sentence addressed to a first name: Are you ready, Marie?"""
    return sentence(Phrase(f"{phrase.en}, {name.name}", f"{phrase.fr}, {name.name}"), mark)


@dataclass(frozen=True, slots=True)
class NounPhrase:
    """Noun phrase or pronoun, as a subject or an object.

    `person` is 0 to 5 for I, you (tu), he, we, you (vous), they. `en_not` and `fr_not` are the
    object under a negation: "any bread", "de pain".
    """

    en: str
    fr: str
    person: int = 2
    gender: str = "m"
    en_not: str = ""
    fr_not: str = ""
    animate: bool = False
    partitive: bool = False

    @property
    def many(self) -> bool:
        """True if adjectives take the plural; the polite "vous" is one person."""
        return self.person in (3, 5)

    @property
    def phrase(self) -> Phrase:
        """Return the text of the noun phrase."""
        return Phrase(self.en, self.fr)

    def after(self, en: str, fr: str) -> Phrase:
        """Return preposition and noun phrase, contracted in French: to the = au."""
        return Phrase(f"{en} {self.en}", self.french_after(fr))

    def french_after(self, preposition: str) -> str:
        """Return the French with a preposition; "de" replaces a partitive article."""
        if self.partitive and preposition == "de":
            return self.fr_not
        return french.preposed(preposition, self.fr)

    def pronoun(self) -> "NounPhrase":
        """Return the subject pronoun of the noun phrase: he, she, it, they."""
        il = ("elle" if self.gender == "f" else "il") + ("s" if self.many else "")
        if self.many:
            return NounPhrase("they", il, 5, self.gender, animate=self.animate)
        he = ("she" if self.gender == "f" else "he") if self.animate else "it"
        return NounPhrase(he, il, 2, self.gender, animate=self.animate)

    @property
    def object_pronoun(self) -> str:
        """Return the English object pronoun: me, him, it, them."""
        if self.person != 2:
            return ("me", "you", "", "us", "you", "them")[self.person]
        if not self.animate:
            return "it"
        return "her" if self.gender == "f" else "him"

    def clitic(self, *, indirect: bool) -> str:
        """Return the French object pronoun: le, la, les, or lui, leur."""
        if self.person not in (2, 5):
            return ("me", "te", "", "nous", "vous")[self.person]
        if indirect:
            return "leur" if self.many else "lui"
        return "les" if self.many else ("la" if self.gender == "f" else "le")


I = NounPhrase("I", "je", 0, animate=True)  # noqa: E741
YOU = NounPhrase("you", "vous", 4, animate=True)
HE = NounPhrase("he", "il", 2, animate=True)
SHE = NounPhrase("she", "elle", 2, "f", animate=True)
WE = NounPhrase("we", "nous", 3, animate=True)
THEY = NounPhrase("they", "ils", 5, animate=True)
PRONOUNS = (I, YOU, HE, SHE, WE, THEY)
THIRD = (HE, SHE, THEY)

_FRENCH_DETERMINERS = {
    "the": ("le", "la", "les"),
    "a": ("un", "une", "des"),
    "this": ("ce", "cette", "ces"),
    "my": ("mon", "ma", "mes"),
    "his": ("son", "sa", "ses"),
    "her": ("son", "sa", "ses"),
    "our": ("notre", "notre", "nos"),
    "your": ("votre", "votre", "vos"),
    "thy": ("ton", "ta", "tes"),
    "their": ("leur", "leur", "leurs"),
    "which": ("quel", "quelle", "quels"),
}
OWNERS = ("my", "his", "her", "our", "your", "their")


def core(noun: Noun, adjective: Adjective | None, *, many: bool) -> Phrase:
    """Return adjective and noun, without determiner."""
    en, fr = noun.plural() if many else (noun.en, noun.fr)
    if adjective is None:
        return Phrase(en, fr)
    agreed = adjective.french(noun.gender, many=many, before=fr if adjective.before else "")
    return Phrase(
        f"{adjective.en} {en}", f"{agreed} {fr}" if adjective.before else f"{fr} {agreed}"
    )


def french_determiner(en: str, gender: str, following: str, *, many: bool) -> str:
    """Return the French determiner: le, ma, but "mon amie" and "cet hôtel" before a vowel."""
    masculine, feminine, plural = _FRENCH_DETERMINERS[en]
    if many:
        return f"{masculine}les" if en == "which" and gender == "f" else plural
    if not french.starts_with_vowel(following):
        return feminine if gender == "f" else masculine
    if en in ("my", "thy", "his", "her"):
        return masculine
    return "cet" if en == "this" and gender == "m" else (feminine if gender == "f" else masculine)


def noun_phrase(
    determiner: str,
    noun: Noun,
    adjective: Adjective | None = None,
    *,
    many: bool = False,
    animate: bool = False,
) -> NounPhrase:
    """Return a noun phrase with a determiner: the red car, my old friends, these keys.

    "thy" is the familiar "your" (ton, ta, tes), English "your".
    """
    en, fr = core(noun, adjective, many=many)
    article = french_determiner(determiner, noun.gender, fr, many=many)
    en_not = fr_not = ""
    if determiner == "a":
        en_full = english.a(en)
        en_not, fr_not = en_full, f"de {fr}"
    else:
        en_full = f"{_english_determiner(determiner, many=many)} {en}"
    person = 5 if many else 2
    return NounPhrase(en_full, f"{article} {fr}", person, noun.gender, en_not, fr_not, animate)


def _english_determiner(determiner: str, *, many: bool) -> str:
    if determiner == "this" and many:
        return "these"
    return "your" if determiner == "thy" else determiner


def some(noun: Noun, adjective: Adjective | None = None, *, many: bool = False) -> NounPhrase:
    """Return an indefinite quantity: some bread = du pain, some apples = des pommes, any = de."""
    en, fr = core(noun, adjective, many=many)
    if many:
        article = "de" if adjective and adjective.before else "des"
        whole = f"{article} {fr}"
    else:
        whole = french.after_de(f"{'la' if noun.gender == 'f' else 'le'} {fr}")
    person = 5 if many else 2
    return NounPhrase(
        f"some {en}", whole, person, noun.gender, f"any {en}", f"de {fr}", partitive=True
    )


def generic(noun: Noun, *, many: bool = False) -> NounPhrase:
    """Return a generic noun phrase: bread = le pain, apples = les pommes."""
    en, fr = core(noun, None, many=many)
    article = french_determiner("the", noun.gender, fr, many=many)
    return NounPhrase(en, f"{article} {fr}", 5 if many else 2, noun.gender)


def counted(number: Phrase, noun: Noun) -> NounPhrase:
    """Return a number and a plural noun: two tickets = deux billets."""
    en, fr = noun.plural()
    feminine = "e" if noun.gender == "f" and number.fr.endswith("un") else ""
    return NounPhrase(f"{number.en} {en}", f"{number.fr}{feminine} {fr}", 5, noun.gender)


def person(name: Name) -> NounPhrase:
    """Return a first name as a noun phrase."""
    return NounPhrase(name.name, name.name, 2, name.gender, animate=True)


def familiar(name: Name) -> NounPhrase:
    """Return the familiar "you" (tu) for a person addressed by first name."""
    return NounPhrase("you", "tu", 1, name.gender, animate=True)


def owned_by(name: Name, noun: Noun, adjective: Adjective | None = None) -> NounPhrase:
    """Return a thing owned by a person: Paul's red car = la voiture rouge de Paul."""
    en, fr = core(noun, adjective, many=False)
    article = french_determiner("the", noun.gender, fr, many=False)
    full = f"{article} {fr} {french.after_de(name.name)}"
    return NounPhrase(f"{english.possessive(name.name)} {en}", full, 2, noun.gender)


def quality(subject: NounPhrase, adjective: Adjective) -> Phrase:
    """Return a predicate adjective in agreement with the subject."""
    return Phrase(adjective.en, adjective.french(subject.gender, many=subject.many))
