"""Word classes of the lexicon, and the functions that read its tables.

A table entry reads "english = français"; a gender letter follows a noun, and "<" before an
adjective says that it stands before the noun in French.
"""

from dataclasses import dataclass
from typing import Protocol, TypeVar

from transformer_mt.phrasebook import english, french


@dataclass(frozen=True, slots=True)
class Noun:
    """Noun in both languages, with its French gender."""

    en: str
    fr: str
    gender: str

    def plural(self) -> tuple[str, str]:
        """Return the English and the French plural."""
        return english.plural(self.en), french.plural(self.fr)


@dataclass(frozen=True, slots=True)
class Adjective:
    """Adjective in both languages; `fr` is the masculine singular."""

    en: str
    fr: str
    before: bool = False

    def french(self, gender: str, *, many: bool, before: str = "") -> str:
        """Return the French form in agreement with a noun."""
        return french.adjective(self.fr, gender, many=many, before=before)


@dataclass(frozen=True, slots=True)
class Name:
    """First name with its gender."""

    name: str
    gender: str


@dataclass(frozen=True, slots=True)
class Country:
    """Country with its French gender, and the adjective of nationality and language."""

    en: str
    fr: str
    gender: str
    adjective: Adjective

    @property
    def plural(self) -> bool:
        """True if the French name is plural (les États-Unis)."""
        return self.fr.endswith("s")

    @property
    def to(self) -> str:
        """Return the French for "in" or "to": en France, au Portugal, aux États-Unis."""
        if self.plural:
            return f"aux {self.fr}"
        en = self.gender == "f" or french.starts_with_vowel(self.fr)
        return f"{'en' if en else 'au'} {self.fr}"

    @property
    def origin(self) -> str:
        """Return the French for "from": de France, du Portugal, des États-Unis."""
        if self.plural:
            return f"des {self.fr}"
        bare = self.gender == "f" or french.starts_with_vowel(self.fr)
        return f"{'de' if bare else 'du'} {self.fr}"


class _HasEnglish(Protocol):
    @property
    def en(self) -> str: ...


Entry = TypeVar("Entry", bound=_HasEnglish)


def select(entries: tuple[Entry, ...], names: str) -> tuple[Entry, ...]:
    """Return the entries of a table with these English names, in the order of the names."""
    by_name = {entry.en: entry for entry in entries}
    return tuple(by_name[name.strip()] for name in names.split(","))


def leave_out(entries: tuple[Entry, ...], names: str) -> tuple[Entry, ...]:
    """Return the entries of a table except the entries with these English names."""
    unwanted = select(entries, names)
    return tuple(entry for entry in entries if entry not in unwanted)


def _entries(table: str) -> list[tuple[str, str]]:
    rows = (" ".join(entry.split()).partition(" = ") for entry in table.split(","))
    return [(en, fr) for en, _, fr in rows]


def nouns(table: str) -> tuple[Noun, ...]:
    """Read nouns from a table: "apple = pomme f, book = livre m"."""
    return tuple(Noun(en, fr[:-2], fr[-1]) for en, fr in _entries(table))


def adjectives(table: str) -> tuple[Adjective, ...]:
    """Read adjectives from a table: "red = rouge, big = <grand"."""
    return tuple(
        Adjective(en, fr.removeprefix("<"), before=fr.startswith("<")) for en, fr in _entries(table)
    )


def names(table: str, gender: str) -> tuple[Name, ...]:
    """Read first names of one gender from a table: "Paul, Hugo"."""
    return tuple(Name(name.strip(), gender) for name in table.split(","))


def countries(table: str) -> tuple[Country, ...]:
    """Read countries from a table: "Spain = Espagne f Spanish espagnol"."""
    rows = []
    for en, french_side in _entries(table):
        fr, gender, people, adjective = french_side.rsplit(maxsplit=3)
        rows.append(Country(en, fr, gender, Adjective(people, adjective)))
    return tuple(rows)


def pairs(table: str) -> tuple[tuple[str, str], ...]:
    """Read pairs of texts from a table: "yesterday = hier, tomorrow = demain"."""
    return tuple(_entries(table))
