"""Things and their places, owners and qualities, and the pronouns that stand for them."""

from transformer_mt.phrasebook import actions as a
from transformer_mt.phrasebook import adjuncts as when
from transformer_mt.phrasebook import clauses as c
from transformer_mt.phrasebook import english, lexicon
from transformer_mt.phrasebook.clauses import (
    HAVE,
    Clause,
    being,
    verb,
)
from transformer_mt.phrasebook.dice import Dice
from transformer_mt.phrasebook.french_verbs import imperative
from transformer_mt.phrasebook.phrases import (
    HE,
    OWNERS,
    PRONOUNS,
    SHE,
    THEY,
    THIRD,
    WE,
    YOU,
    I,
    NounPhrase,
    Phrase,
    counted,
    familiar,
    join,
    noun_phrase,
    owned_by,
    person,
    quality,
    say,
    sentence,
    then,
    to_friend,
)
from transformer_mt.phrasebook.words import (
    Adjective,
    Noun,
    adjectives,
    nouns,
    select,
)

LIKE = verb("like = aimer", state=True)
KNOW = verb("know = connaître", state=True)

Described = tuple[tuple[Noun, ...], tuple[Adjective, ...]]
HOMES = nouns("house = maison f, flat = appartement m, hotel = hôtel m, garden = jardin m")
JUDGED: tuple[Described, ...] = (
    (lexicon.GOODS, lexicon.OF_FURNITURE),
    (lexicon.OWNED_VEHICLES, lexicon.OF_VEHICLES + lexicon.COLOURS),
    (lexicon.CLOTHES, lexicon.OF_CLOTHES + lexicon.COLOURS),
    (lexicon.FOOTWEAR, lexicon.OF_CLOTHES + lexicon.COLOURS),
    (lexicon.ROOMS, lexicon.OF_ROOMS),
    (HOMES, lexicon.OF_HOMES),
)
OWNED: tuple[Described, ...] = (
    (lexicon.ANIMALS, adjectives("black = noir, white = blanc, big = <gros, small = <petit")),
    (lexicon.OWNED_VEHICLES, lexicon.COLOURS + lexicon.SIZES),
    (select(HOMES, "house, flat"), lexicon.SIZES),
    (lexicon.GOODS, select(lexicon.OF_THINGS, "new, old, beautiful")),
)  # fmt: skip


def place_of_thing(dice: Dice) -> Phrase:
    """Draw a sentence such as: My keys are in the drawer; where is Paul's umbrella?"""
    many = dice.chance(0.4)
    noun = dice.pick(lexicon.SEVERAL if many else lexicon.POCKETABLE)
    thing = noun_phrase(dice.pick(OWNERS), noun, many=many)
    if not many and dice.chance(0.4):
        thing = owned_by(dice.pick(lexicon.EVERYBODY), noun)
    kind = dice.number(0, 3)
    if kind == 0:
        return _where(thing)
    clause = being(thing, dice.pick(when.WHERE_THINGS_ARE))
    return sentence(clause.question(), "?") if kind == 1 else sentence(clause.statement())


def _where(thing: NounPhrase) -> Phrase:
    be, est = ("are", "sont") if thing.many else ("is", "est")
    return say(f"where {be} {thing.en}?", f"où {est} {thing.fr} ?")


def lost_and_found(dice: Dice) -> Phrase:
    """Draw a sentence such as: Where are my keys? I lost them yesterday. Where is your watch?"""
    many = dice.chance(0.4)
    noun = dice.pick(lexicon.SEVERAL if many else lexicon.POCKETABLE)
    if dice.chance(0.5):
        thing = noun_phrase("your", noun, many=many)
        answer = being(thing.pronoun(), dice.pick(when.WHERE_THINGS_ARE))
        return then(_where(thing), sentence(answer.statement()))
    thing = noun_phrase("my", noun, many=many)
    entry, mode, negation, times = dice.pick(
        (
            ("lose = perdre", c.PAST, "", (when.YESTERDAY, when.LAST_NIGHT)),
            ("find = trouver", c.HAVE_TO, "", ()),
            ("see = voir", c.PRESENT, "not", ()),
            ("find = trouver", c.PERFECT, "yet", ()),
        )
    )
    rest = (dice.pick(times),) if times and dice.chance(0.5) else ()
    lost = Clause(I, verb(entry), mode, negation, thing, pronoun=True, rest=rest)
    return then(_where(thing), sentence(lost.statement()))


def judged_thing(dice: Dice) -> Phrase:
    """Draw a sentence such as: Marie's new car is very expensive; these boots are old."""
    things, qualities = dice.pick(JUDGED)
    # as a predicate "new" would be "neuf", not "nouveau"
    adjective = dice.pick([quality for quality in qualities if quality != lexicon.NEW])
    noun, many = dice.pick(things), things is lexicon.FOOTWEAR
    thing = noun_phrase(dice.pick(("this", *OWNERS)), noun, many=many)
    if not many and dice.chance(0.2):
        thing = owned_by(dice.pick(lexicon.EVERYBODY), noun)
    degree = dice.pick((None, when.VERY, when.REALLY))
    if adjective in lexicon.COLOURS or adjective.en == "broken":
        degree = None
    predicate = quality(thing, adjective)
    if dice.chance(0.25):
        return sentence(being(thing, predicate).question(), "?")
    mode, negation = dice.pick((c.PRESENT, c.PAST)), dice.pick(("", "", "not"))
    return sentence(being(thing, degree, predicate, mode=mode, negation=negation).statement())


def possession(dice: Dice) -> Phrase:
    """Draw a sentence such as: We have a small house; do they have a black cat?"""
    things, qualities = dice.pick(OWNED)
    mode, negation = dice.pick(
        (
            (c.PRESENT, ""), (c.PRESENT, "not"), (c.PAST, ""), (c.PRESENT, "anymore"),
            (c.WOULD_LIKE, ""),
        )
    )  # fmt: skip
    adjective = dice.pick(qualities) if not negation and dice.chance(0.8) else None
    thing = noun_phrase("a", dice.pick(things), adjective)
    if dice.chance(0.25):
        return sentence(Clause(a.asked(dice), HAVE, object=thing).question(), "?")
    return sentence(Clause(a.anybody(dice), HAVE, mode, negation, thing).statement())


def identified(dice: Dice) -> Phrase:
    """Draw a sentence such as: Is this your umbrella, Paul? This is Marie's car."""
    noun = dice.pick(lexicon.BELONGINGS + lexicon.CLOTHES + lexicon.OWNED_VEHICLES)
    name, new = dice.pick(lexicon.EVERYBODY), dice.pick((None, lexicon.NEW))
    kind = dice.number(0, 3)
    thing = noun_phrase("thy" if kind == 0 else dice.pick(OWNERS), noun, new)
    if kind == 0:
        asked = Phrase(f"is this {thing.en}", f"est-ce que c'est {thing.fr}")
        return to_friend(asked, name, "?")
    thing = owned_by(name, noun, new) if dice.chance(0.6) else thing
    if kind == 1:
        return say(f"is this {thing.en}?", f"est-ce que c'est {thing.fr} ?")
    if kind == 2:
        return say(f"this isn't {thing.en}.", f"ce n'est pas {thing.fr}.")
    return say(f"this is {thing.en}.", f"c'est {thing.fr}.")


def _another(dice: Dice, subject: NounPhrase) -> NounPhrase:
    """Draw an object pronoun for a subject: not its reflexive, nor "we" with "I"."""
    speakers = (0, 3)
    same = speakers if subject.person in speakers else (subject.person,)
    return dice.pick([p for p in (*PRONOUNS, *THIRD) if p.person not in same])


def people_pronouns(dice: Dice) -> Phrase:
    """Draw a sentence such as: He often calls me; we haven't met her yet."""
    who, action = dice.pick(PRONOUNS), dice.pick(a.TO_PEOPLE).verb
    whom = _another(dice, who)
    mode = dice.pick((c.PRESENT, c.PAST, c.PERFECT, c.FUTURE, c.GOING_TO, c.CAN, c.WANT))
    if mode.perfect and not action.link and whom.person not in (2, 5):
        mode = c.FUTURE  # the participle would show the gender of me, you or us
    if mode is c.PRESENT:
        often = dice.pick((None, *when.OFTEN))
        clause = Clause(
            who, action, mode, "" if often else "never", whom, pronoun=True, adverb=often
        )
    elif mode is c.PERFECT:
        clause = Clause(who, action, mode, dice.pick(("yet", "never")), whom, pronoun=True)
    else:
        times = when.RECENT if mode is c.PAST else when.SOON
        negation, rest = dice.pick(("", "not")), (dice.pick(times),)
        clause = Clause(who, action, mode, negation, whom, pronoun=True, rest=rest)
    return sentence(clause.statement())


def people_pronoun_question(dice: Dice) -> Phrase:
    """Draw a sentence such as: Can you help me? Are you going to see them tomorrow?"""
    action, name = dice.pick(a.TO_PEOPLE).verb, dice.pick(lexicon.EVERYBODY)
    if dice.chance(0.5):
        whom, mode = dice.pick(THIRD), dice.pick((c.PAST, c.FUTURE, c.CAN))
        rest = (dice.pick(when.RECENT),) if mode is c.PAST else ()
        clause = Clause(familiar(name), action, mode, object=whom, pronoun=True, rest=rest)
        return to_friend(clause.question(), name, "?")
    whom, mode = _another(dice, YOU), dice.pick((c.CAN, c.COULD, c.FUTURE, c.GOING_TO, c.WANT))
    rest = (dice.pick(when.SOON),) if dice.chance(0.6) else ()
    clause = Clause(YOU, action, mode, object=whom, pronoun=True, rest=rest)
    return sentence(clause.question(), "?")


def acquaintance(dice: Dice) -> Phrase:
    """Draw a sentence such as: Do you know my sister? I know her very well."""
    this = noun_phrase("this", dice.pick(lexicon.PEOPLE), animate=True)
    whom = dice.pick((a.kin(dice, ("my",)), person(dice.pick(lexicon.EVERYBODY)), this))
    if dice.chance(0.5):
        asked = sentence(Clause(YOU, KNOW, object=whom).question(), "?")
        well, bien = Phrase("very well", ""), Phrase("", "très bien")
        answers = (
            Clause(I, KNOW, object=whom, pronoun=True, adverb=bien, rest=(well,)),
            Clause(I, KNOW, c.PRESENT, "not", whom, pronoun=True),
        )
        return then(asked, sentence(dice.pick(answers).statement()))
    mode, negation = dice.pick(((c.PRESENT, "not"), (c.PRESENT, ""), (c.PAST, "not")))
    return sentence(Clause(dice.pick(THIRD), KNOW, mode, negation, whom).statement())


def shown(dice: Dice) -> Phrase:
    """Draw a sentence such as: This is my new coat. Do you like it? These are our old boots."""
    many = dice.chance(0.3)
    noun = dice.pick(lexicon.FOOTWEAR if many else lexicon.UNISEX)
    owner, who = dice.pick((("my", I), ("our", WE), ("his", HE), ("her", SHE)))
    thing = noun_phrase(owner, noun, dice.pick(lexicon.LASTING), many=many)
    first = say(f"{'these are' if many else 'this is'} {thing.en}.", f"voici {thing.fr}.")
    if dice.chance(0.4):
        liked = Clause(YOU, LIKE, object=thing, pronoun=True).question()
        return then(first, sentence(liked, "?"))
    wear, negation = verb("wear = porter"), dice.pick(("anymore", "never"))
    second = Clause(who, wear, c.PRESENT, negation, thing, pronoun=True)
    return then(first, sentence(second.statement()))


def regretted(dice: Dice) -> Phrase:
    """Draw a sentence such as: She bought this dress but she never wears it."""
    many = dice.chance(0.3)
    thing = noun_phrase("this", dice.pick(lexicon.FOOTWEAR if many else lexicon.UNISEX), many=many)
    who = dice.pick((I, WE, *THIRD, person(dice.pick(lexicon.EVERYBODY)), a.kin(dice)))
    first = Clause(who, verb("buy = acheter"), c.PAST, object=thing).statement()
    entry, mode, negation = dice.pick(
        (
            ("wear = porter", c.PRESENT, "never"),
            ("like = aimer", c.PRESENT, "anymore"),
            ("sell = vendre", c.WANT, ""),
            ("lose = perdre", c.PAST, ""),
            ("wear = porter", c.PERFECT, "yet"),
        )
    )
    again = who if who in PRONOUNS else who.pronoun()
    second = Clause(again, verb(entry), mode, negation, thing, pronoun=True).statement()
    return sentence(join(first, Phrase("but", "mais"), second))


def gift(dice: Dice) -> Phrase:
    """Draw a sentence such as: I gave her a book; Marie wants to lend us her umbrella."""
    entry, things = dice.pick(
        (
            ("give = donner", lexicon.GIFTS),
            ("lend = prêter", lexicon.LENT),
            ("send = envoyer", lexicon.MAIL),
        )
    )
    mode = dice.pick((c.PAST, c.FUTURE, c.GOING_TO, c.CAN, c.WANT))
    who = a.anybody(dice)
    whom = _another(dice, who)
    thing = noun_phrase(a.own(who) if "lend" in entry else "a", dice.pick(things))
    negation = "not" if dice.chance(0.2) else ""
    return sentence(Clause(who, verb(entry), mode, negation, thing, receiver=whom).statement())


def present(dice: Dice) -> Phrase:
    """Draw a sentence such as: I'm going to give a watch to my sister."""
    entry, things = dice.pick((("give = donner", lexicon.GIFTS), ("send = envoyer", lexicon.MAIL)))
    mode = dice.pick((c.PAST, c.FUTURE, c.GOING_TO, c.WOULD_LIKE))
    who = dice.pick(PRONOUNS)
    whom = dice.pick((noun_phrase(a.own(who), dice.pick(lexicon.FAMILY)),
                      person(dice.pick(lexicon.EVERYBODY)),
                      noun_phrase("the", dice.pick(lexicon.PEOPLE))))  # fmt: skip
    rest = (whom.after("to", "à"),)
    thing = noun_phrase("a", dice.pick(things))
    return sentence(Clause(who, verb(entry), mode, object=thing, rest=rest).statement())


LENDING = (
    ("lend = prêter", lexicon.LENT),
    ("give = donner", select(lexicon.POCKETABLE, "key, phone, passport")),
    ("show = montrer", lexicon.POCKETABLE), ("send = envoyer", lexicon.MAIL),
)  # fmt: skip


def friend_favour(dice: Dice) -> Phrase:
    """Draw a sentence such as: Can you lend me your umbrella, Paul?"""
    name, (entry, things) = dice.pick(lexicon.EVERYBODY), dice.pick(LENDING)
    thing = noun_phrase("a" if things is lexicon.MAIL else "thy", dice.pick(things))
    whom, mode = dice.pick((I, WE, HE, SHE, THEY)), dice.pick((c.CAN, c.COULD, c.FUTURE))
    clause = Clause(familiar(name), verb(entry), mode, object=thing, receiver=whom)
    return to_friend(clause.question(), name, "?")


def favour(dice: Dice) -> Phrase:
    """Draw a sentence such as: Show me your passport, please; lend them your car, please."""
    entry, things = dice.pick(LENDING)
    thing = noun_phrase("a" if things is lexicon.MAIL else "your", dice.pick(things))
    whom = dice.pick((I, WE, HE, SHE, THEY))
    clitic = {I.person: "moi", WE.person: "nous"}.get(whom.person) or whom.clitic(indirect=True)
    en, _, fr = entry.partition(" = ")
    return say(
        f"{en} {whom.object_pronoun} {thing.en}, please.",
        f"{imperative(fr, 4)}-{clitic} {thing.fr}, s'il vous plaît.",
    )


COMPARABLE = select(lexicon.OPINIONS, "interesting, boring, long")


def _not_itself(dice: Dice, compared: Adjective) -> Adjective | None:
    """Draw "old", "new" or no adjective; none where age itself is compared."""
    return None if compared.en in ("old", "modern") else a.perhaps(dice, lexicon.AGES)


def comparing(dice: Dice) -> Phrase:
    """Draw a sentence such as: My car is more expensive than your motorbike."""
    pools: tuple[Described, ...] = (
        (lexicon.BUILDINGS, adjectives("big = grand, small = petit, old = vieux, quiet = calme, "
                                         "beautiful = beau, modern = moderne, famous = célèbre")),
        (lexicon.OWNED_VEHICLES, adjectives("expensive = cher, old = vieux, modern = moderne, "
                                            "comfortable = confortable, heavy = lourd")),
        (lexicon.READING, COMPARABLE),
        (lexicon.SHOWS, COMPARABLE),
    )  # fmt: skip
    things, qualities = dice.pick(pools)
    (first, second), adjective = dice.two(things), dice.pick(qualities)
    left_owner, right_owner = dice.pick((("my", "your"), ("this", "her"), ("his", "our")))
    if things is lexicon.BUILDINGS or things is lexicon.SHOWS:
        left_owner, right_owner = "the", "the"
    left, right = (
        noun_phrase(owner, thing, _not_itself(dice, adjective))
        for owner, thing in ((left_owner, first), (right_owner, second))
    )
    fr, more = quality(left, adjective).fr, english.comparative(adjective.en)
    grades = [
        Phrase(f"{more} than {right.en}", f"plus {fr} que {right.fr}"),
        Phrase(f"as {adjective.en} as {right.en}", f"aussi {fr} que {right.fr}"),
    ]
    if more.startswith("more"):
        grades.append(Phrase(f"less {adjective.en} than {right.en}", f"moins {fr} que {right.fr}"))
    return sentence(being(left, dice.pick(grades)).statement())


COUNTED = (
    ("student = étudiant m, girl = fille f, boy = garçon m", "in my class", "dans ma classe", 30),
    ("person = personne f, student = étudiant m", "at the party", "à la fête", 69),
    ("room = chambre f", "in the hotel", "dans l'hôtel", 69),
    ("book = livre m", "on the shelf", "sur l'étagère", 69),
    ("chair = chaise f", "in the living room", "dans le salon", 12),
    ("child = enfant m", "in the park", "dans le parc", 40),
)


def how_many_there_are(dice: Dice) -> Phrase:
    """Draw a sentence such as: There are twenty-three students in my class."""
    table, place_en, place_fr, most = dice.pick(COUNTED)
    things = counted(when.number(dice.number(2, most)), dice.pick(nouns(table)))
    be, avoir = dice.pick((("are", "il y a"), ("were", "il y avait")))
    return say(f"there {be} {things.en} {place_en}.", f"{avoir} {things.fr} {place_fr}.")


SCENES = (
    place_of_thing, lost_and_found, judged_thing, possession, identified, people_pronouns,
    people_pronoun_question, acquaintance, shown, regretted, gift, present, friend_favour, favour,
    comparing, how_many_there_are,
)  # fmt: skip
