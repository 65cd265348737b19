"""French conjugation: six persons (je, tu, il, nous, vous, ils) of the everyday tenses."""

from functools import cache
from typing import NamedTuple

PRESENT, IMPERFECT, FUTURE, CONDITIONAL = "present", "imperfect", "future", "conditional"

_ENDINGS = {
    IMPERFECT: ("ais", "ais", "ait", "ions", "iez", "aient"),
    FUTURE: ("ai", "as", "a", "ons", "ez", "ont"),
    CONDITIONAL: ("ais", "ais", "ait", "ions", "iez", "aient"),
}

# infinitive: present | future stem | past participle
_IRREGULAR = """
être: suis es est sommes êtes sont | ser | été
avoir: ai as a avons avez ont | aur | eu
aller: vais vas va allons allez vont | ir | allé
faire: fais fais fait faisons faites font | fer | fait
pouvoir: peux peux peut pouvons pouvez peuvent | pourr | pu
vouloir: veux veux veut voulons voulez veulent | voudr | voulu
devoir: dois dois doit devons devez doivent | devr | dû
savoir: sais sais sait savons savez savent | saur | su
falloir: - - faut - - - | faudr | fallu
pleuvoir: - - pleut - - - | pleuvr | plu
venir: viens viens vient venons venez viennent | viendr | venu
prendre: prends prends prend prenons prenez prennent | prendr | pris
voir: vois vois voit voyons voyez voient | verr | vu
boire: bois bois boit buvons buvez boivent | boir | bu
lire: lis lis lit lisons lisez lisent | lir | lu
écrire: écris écris écrit écrivons écrivez écrivent | écrir | écrit
dire: dis dis dit disons dites disent | dir | dit
connaître: connais connais connaît connaissons connaissez connaissent | connaîtr | connu
partir: pars pars part partons partez partent | partir | parti
sortir: sors sors sort sortons sortez sortent | sortir | sorti
dormir: dors dors dort dormons dormez dorment | dormir | dormi
servir: sers sers sert servons servez servent | servir | servi
sentir: sens sens sent sentons sentez sentent | sentir | senti
ouvrir: ouvre ouvres ouvre ouvrons ouvrez ouvrent | ouvrir | ouvert
offrir: offre offres offre offrons offrez offrent | offrir | offert
courir: cours cours court courons courez courent | courr | couru
recevoir: reçois reçois reçoit recevons recevez reçoivent | recevr | reçu
conduire: conduis conduis conduit conduisons conduisez conduisent | conduir | conduit
envoyer: envoie envoies envoie envoyons envoyez envoient | enverr | envoyé
naître: nais nais naît naissons naissez naissent | naîtr | né
"""

_PREFIXES = ("", "re", "de", "ap", "com", "per", "pro", "déc", "r")

_GRAVE = ("acheter", "lever", "promener", "emmener", "amener", "peser", "geler")
_DOUBLED = ("appeler", "rappeler", "jeter")

IMPERATIVES = {"être": ("sois", "soyez"), "avoir": ("aie", "ayez"), "savoir": ("sache", "sachez")}


class Paradigm(NamedTuple):
    """Principal forms of a verb, from which all others derive."""

    present: tuple[str, ...]
    future_stem: str
    participle: str


def _parse(table: str) -> dict[str, Paradigm]:
    paradigms = {}
    for line in table.strip().splitlines():
        infinitive, forms = line.split(": ")
        present, future, participle = forms.split(" | ")
        paradigms[infinitive] = Paradigm(tuple(present.split()), future, participle)
    return paradigms


_PARADIGMS = _parse(_IRREGULAR)


@cache
def paradigm(infinitive: str) -> Paradigm:
    """Return the paradigm of a verb: irregular, a prefixed irregular verb, or regular."""
    for prefix in _PREFIXES:
        base = _PARADIGMS.get(infinitive.removeprefix(prefix))
        if base and infinitive.startswith(prefix):
            present = tuple(prefix + form for form in base.present)
            return Paradigm(present, prefix + base.future_stem, prefix + base.participle)
    if infinitive.endswith("er"):
        return _first_group(infinitive)
    stem = infinitive[:-2]
    if infinitive.endswith("ir"):
        endings = ("is", "is", "it", "issons", "issez", "issent")
        return Paradigm(tuple(stem + end for end in endings), infinitive, f"{stem}i")
    endings = ("s", "s", "", "ons", "ez", "ent")
    return Paradigm(tuple(stem + end for end in endings), infinitive[:-1], f"{stem}u")


def _first_group(infinitive: str) -> Paradigm:
    stem = infinitive[:-2]
    weak = _before_mute_e(infinitive)
    nous = soften(stem) + "ons"
    present = (f"{weak}e", f"{weak}es", f"{weak}e", nous, f"{stem}ez", f"{weak}ent")
    # préférer keeps its é in the future, unlike acheter and nettoyer
    future = stem if weak.replace("è", "é") == stem else weak
    return Paradigm(present, f"{future}er", f"{stem}é")


def _before_mute_e(infinitive: str) -> str:
    stem = infinitive[:-2]
    if infinitive in _DOUBLED:
        return stem + stem[-1]
    if infinitive in _GRAVE:
        return f"{stem[:-2]}è{stem[-1]}"
    if stem[-2] == "é" and stem[-1] not in "aeiou":
        return f"{stem[:-2]}è{stem[-1]}"
    return f"{stem[:-1]}i" if stem.endswith("y") else stem


def soften(stem: str) -> str:
    """Keep g and c soft before a and o: mange-, commenç-."""
    if stem.endswith("g"):
        return f"{stem}e"
    return f"{stem[:-1]}ç" if stem.endswith("c") else stem


@cache
def conjugate(infinitive: str, tense: str, person: int) -> str:
    """Return the form of one person, 0 to 5 for je, tu, il, nous, vous, ils."""
    forms = paradigm(infinitive)
    if tense == PRESENT:
        return forms.present[person]
    ending = _ENDINGS[tense][person]
    if tense != IMPERFECT:
        return forms.future_stem + ending
    if infinitive == "être":
        return "ét" + ending
    if infinitive in ("falloir", "pleuvoir"):
        return infinitive[:-3] + ending
    stem = forms.present[3].removesuffix("ons")
    return (infinitive[:-2] if infinitive.endswith("er") and ending[0] == "i" else stem) + ending


def participle(infinitive: str) -> str:
    """Return the masculine singular past participle."""
    return paradigm(infinitive).participle


@cache
def imperative(infinitive: str, person: int) -> str:
    """Return the imperative of tu (1), nous (3) or vous (4)."""
    if infinitive in IMPERATIVES and person != 3:
        return IMPERATIVES[infinitive][person == 4]
    form = conjugate(infinitive, PRESENT, person)
    return form.removesuffix("s") if person == 1 and form.endswith(("es", "as")) else form
