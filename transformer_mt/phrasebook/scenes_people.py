"""People: greetings, family, trades, moods, health, tastes and opinions."""

from transformer_mt.phrasebook import adjuncts as when
from transformer_mt.phrasebook import clauses as c
from transformer_mt.phrasebook import english, french, lexicon
from transformer_mt.phrasebook.actions import (
    anybody,
    asked,
    kin,
    others,
    own,
    relatives,
)
from transformer_mt.phrasebook.clauses import (
    HAVE,
    Clause,
    being,
    verb,
)
from transformer_mt.phrasebook.dice import Dice
from transformer_mt.phrasebook.phrases import (
    HE,
    OWNERS,
    SHE,
    YOU,
    I,
    NounPhrase,
    Phrase,
    counted,
    familiar,
    generic,
    join,
    noun_phrase,
    person,
    quality,
    say,
    sentence,
    then,
    to_friend,
)
from transformer_mt.phrasebook.words import (
    leave_out,
    nouns,
    pairs,
    select,
)

LIVE = verb("live = habiter", state=True)
LIKE = verb("like = aimer", state=True)
HATE = verb("hate = détester", state=True)
SPEAK = verb("speak = parler")
BE_AGED = verb("be = avoir", state=True)
"""Verb with avoir in French: be seven years old, hungry or right = avoir sept ans, faim, raison."""

GREETINGS = pairs("""
    good morning = bonjour, good evening = bonsoir, hello = bonjour, good night = bonne nuit,
    goodbye = au revoir, see you soon = à bientôt, see you tomorrow = à demain, welcome = bienvenue,
    thank you very much = merci beaucoup, thank you = merci, excuse me = excuse-moi,
    happy birthday = joyeux anniversaire, happy new year = bonne année, good luck = bonne chance,
    have a good trip = bon voyage, enjoy your meal = bon appétit, congratulations = félicitations,
    see you later = à plus tard, have a nice day = bonne journée, well done = bravo,
    good idea = bonne idée, have a nice weekend = bon week-end
""")
FOLLOW_UPS = pairs("""
    how are you today = comment vas-tu aujourd'hui, how is your mother = comment va ta mère,
    how is your father = comment va ton père, how is your brother = comment va ton frère,
    how is your sister = comment va ta sœur, how are your parents = comment vont tes parents,
    did you sleep well = est-ce que tu as bien dormi, are you free = est-ce que tu es libre,
    do you want some coffee = est-ce que tu veux du café
""")
OLDEST = {
    "son": 20, "daughter": 20, "niece": 20, "nephew": 20, "brother": 30, "sister": 30,
    "grandmother": 69, "grandfather": 69,
}  # fmt: skip
SIBLINGS = (
    nouns("brother = frère m, sister = sœur f"),
    nouns("son = fils m, daughter = fille f"),
    nouns("dog = chien m, cat = chat m"),
    nouns("uncle = oncle m, aunt = tante f"),
)
YOUNG = select(lexicon.FAMILY, "brother, sister, son, daughter, nephew, niece")
NUMEROUS = nouns("""
    brother = frère m, sister = sœur f, child = enfant m, friend = ami m, book = livre m,
    suitcase = valise f, cat = chat m, dog = chien m
""")
FEELINGS = pairs("""
    hungry = faim, thirsty = soif, cold = froid, hot = chaud, sleepy = sommeil, afraid = peur,
    right = raison, wrong = tort
""")


def greeting(dice: Dice) -> Phrase:
    """Draw a sentence such as: Have a good trip, Paul! Good evening, Anna. How is your mother?"""
    name = dice.pick(lexicon.EVERYBODY)
    if dice.chance(0.5):
        hello = Phrase(*dice.pick(GREETINGS[:3]))
        return then(to_friend(hello, name), sentence(Phrase(*dice.pick(FOLLOW_UPS)), "?"))
    return to_friend(Phrase(*dice.pick(GREETINGS)), name, "!")


def introduction(dice: Dice) -> Phrase:
    """Draw a sentence such as: My name is Anna and I live in Rome. This is my brother Paul."""
    name = dice.pick(lexicon.EVERYBODY)
    if dice.chance(0.4):
        place = when.abroad(dice, motion=False)
        return say(
            f"my name is {name.name} and I live {place.en}.",
            f"je m'appelle {name.name} et j'habite {place.fr}.",
        )
    family = [noun for noun in lexicon.FAMILY if noun.gender == name.gender]
    who = noun_phrase(dice.pick(("my", "his", "her", "our", "their")), dice.pick(family))
    if dice.chance(0.5):
        return say(f"this is {who.en} {name.name}.", f"voici {who.fr} {name.name}.")
    return say(
        f"{english.possessive(who.en)} name is {name.name}.", f"{who.fr} s'appelle {name.name}."
    )


def trade(dice: Dice) -> Phrase:
    """Draw a sentence such as: My sister is a nurse; her uncle wants to become a lawyer."""
    who = dice.pick((HE, SHE, person(dice.pick(lexicon.EVERYBODY)), kin(dice)))
    predicate = _trade(dice, who.gender)
    if dice.chance(0.3):
        become, mode = verb("become = devenir"), dice.pick((c.WANT, c.WOULD_LIKE, c.WANTED))
        return sentence(Clause(who, become, mode, rest=(predicate,)).statement())
    mode, negation = dice.pick(((c.PRESENT, ""), (c.PRESENT, "not"), (c.PAST, "")))
    return sentence(being(who, predicate, mode=mode, negation=negation).statement())


def trade_question(dice: Dice) -> Phrase:
    """Draw a sentence such as: Were you a student, Marie? Is your uncle a dentist?"""
    mode = dice.pick((c.PRESENT, c.PAST))
    if dice.chance(0.5):
        who = kin(dice, ("your", "his", "her", "their"))
        return sentence(being(who, _trade(dice, who.gender), mode=mode).question(), "?")
    name = dice.pick(lexicon.EVERYBODY)
    you = being(familiar(name), _trade(dice, name.gender), mode=mode)
    return to_friend(you.question(), name, "?")


def _trade(dice: Dice, gender: str) -> Phrase:
    en, fr = dice.pick(lexicon.TRADES)
    return Phrase(english.a(en), french.feminine(fr) if gender == "f" else fr)


def origin(dice: Dice) -> Phrase:
    """Draw a sentence such as: They come from Portugal. Do you come from Italy?"""
    country = dice.pick(lexicon.COUNTRIES + lexicon.OTHER_COUNTRIES)
    come, rest = verb("come from = venir"), (Phrase(country.en, country.origin),)
    if dice.chance(0.3):
        return sentence(Clause(asked(dice), come, rest=rest).question(), "?")
    return sentence(Clause(anybody(dice), come, rest=rest).statement())


def dwelling(dice: Dice) -> Phrase:
    """Draw a sentence such as: My uncle lives in Japan; we used to live in Lyon."""
    mode, negation = dice.pick((
        (c.PRESENT, ""), (c.PRESENT, "anymore"), (c.USED_TO, ""), (c.WOULD_LIKE, ""), (c.SINCE, ""),
    ))  # fmt: skip
    span = (dice.pick(when.FOR_YEARS),) if mode is c.SINCE else ()
    rest = (when.abroad(dice, motion=False), *span)
    return sentence(Clause(anybody(dice), LIVE, mode, negation, rest=rest).statement())


def age(dice: Dice) -> Phrase:
    """Draw a sentence such as: My son is seven years old."""
    noun = dice.pick(lexicon.FAMILY)
    who = noun_phrase(dice.pick(OWNERS), noun, animate=True)
    oldest = OLDEST.get(noun.en, 60)
    value = dice.number(max(oldest - 25, 2), oldest)
    if dice.chance(0.5):
        who = dice.pick((I, HE, SHE, person(dice.pick(lexicon.EVERYBODY))))
        value = dice.number(8, 69)
    en, fr = when.number(value)
    soon = Phrase("next month", "le mois prochain")
    mode, time = dice.pick(((c.PRESENT, None), (c.FUTURE, soon)))
    years = join(Phrase(f"{en} years old", f"{fr} ans"), time)
    return sentence(Clause(who, BE_AGED, mode, rest=(years,)).statement())


def birthday(dice: Dice) -> Phrase:
    """Draw a sentence such as: My brother's birthday is on May 3."""
    day = when.date(dice)
    owner = kin(dice) if dice.chance(0.5) else person(dice.pick(lexicon.EVERYBODY))
    return say(
        f"{english.possessive(owner.en)} birthday is on {day.en}.",
        f"l'anniversaire {owner.french_after('de')} est {day.fr}.",
    )


def household(dice: Dice) -> Phrase:
    """Draw a sentence such as: I have two brothers and a sister; they have four cats."""
    first, second = dice.two(dice.pick(SIBLINGS))
    things = counted(when.several(dice, 5), first)
    if dice.chance(0.7):
        one = noun_phrase("a", second)
        things = NounPhrase(f"{things.en} and {one.en}", f"{things.fr} et {one.fr}")
    return sentence(Clause(anybody(dice), HAVE, object=things).statement())


def how_many(dice: Dice) -> Phrase:
    """Draw a sentence such as: How many brothers does Paul have?"""
    en, fr = dice.pick(NUMEROUS).plural()
    asking = Phrase(f"how many {en}", f"combien de {fr}")
    return sentence(Clause(asked(dice), HAVE).question(asking), "?")


def language(dice: Dice) -> Phrase:
    """Draw a sentence such as: Do you speak Italian? She doesn't speak German."""
    words = dice.pick(lexicon.COUNTRIES).adjective
    spoken = (Phrase(words.en, words.fr),)
    kind = dice.number(0, 3)
    if kind == 0:
        return sentence(Clause(asked(dice), SPEAK, rest=spoken).question(), "?")
    who = anybody(dice)
    if kind == 1:
        learn, mode = verb("learn = apprendre"), dice.pick((c.PROGRESSIVE, c.WANT, c.WOULD_LIKE))
        thing = NounPhrase(words.en, f"le {words.fr}")
        return sentence(Clause(who, learn, mode, object=thing).statement())
    if kind == 2:
        return sentence(Clause(who, SPEAK, c.PRESENT, "not", rest=spoken).statement())
    en, fr = dice.pick(pairs("very well = très bien, a little = un peu, well = bien"))
    rest = (Phrase(f"{words.en} {en}", f"{fr} {words.fr}"),)
    return sentence(Clause(who, SPEAK, rest=rest).statement())


def mood(dice: Dice) -> Phrase:
    """Draw a sentence such as: Marie is very tired tonight; I'm never late."""
    who, adjective = others(dice), dice.pick(lexicon.MOODS)
    if dice.chance(0.3):
        who, adjective = dice.pick((I, YOU)), dice.pick(lexicon.PLAIN_MOODS)
    mode, negation, times = dice.pick((
        (c.PRESENT, "", when.TODAY), (c.PRESENT, "not", when.TODAY), (c.FUTURE, "", when.SOON),
        (c.PAST, "", when.RECENT), (c.PAST, "not", when.RECENT), (c.PRESENT, "never", ()),
    ))  # fmt: skip
    graded = " " not in adjective.fr and not negation and dice.chance(0.4)
    degree = dice.pick((when.VERY, when.TOO, when.A_LITTLE)) if graded else None
    time = dice.pick(times) if times else None
    clause = being(who, degree, quality(who, adjective), time, mode=mode, negation=negation)
    return sentence(clause.statement())


def mood_question(dice: Dice) -> Phrase:
    """Draw a sentence such as: Are you tired, Marie? Why is your brother angry?"""
    name, adjective = dice.pick(lexicon.EVERYBODY), dice.pick(lexicon.MOODS)
    asking = None
    if dice.chance(0.45):
        asking = Phrase("why", "pourquoi")
        adjective = dice.pick(leave_out(lexicon.MOODS, "ready, on time"))
    mode = dice.pick((c.PRESENT, c.PRESENT, c.PAST))
    if dice.chance(0.6):
        you = familiar(name)
        return to_friend(being(you, quality(you, adjective), mode=mode).question(asking), name, "?")
    who = others(dice)
    return sentence(being(who, quality(who, adjective), mode=mode).question(asking), "?")


def character(dice: Dice) -> Phrase:
    """Draw a sentence such as: Your neighbours are very friendly; my uncle isn't patient."""
    who = relatives(dice) if dice.chance(0.5) else person(dice.pick(lexicon.EVERYBODY))
    adjective = dice.pick(lexicon.OF_PEOPLE)
    excess = adjective.en in ("shy", "serious", "young", "old", "lazy", "generous")
    degree = dice.pick((None, when.VERY, when.TOO if excess else when.VERY))
    negation = "not" if dice.chance(0.3) else ""
    return sentence(being(who, degree, quality(who, adjective), negation=negation).statement())


def comparison(dice: Dice) -> Phrase:
    """Draw a sentence such as: Marie is taller than her brother; Paul is as shy as Anna."""
    relative = noun_phrase(dice.pick(OWNERS), dice.pick(YOUNG), animate=True)
    who = dice.pick((person(dice.pick(lexicon.EVERYBODY)), relative))
    other = noun_phrase(own(who), dice.pick(YOUNG))
    if " " in who.en or dice.chance(0.6):
        other = person(dice.pick([name for name in lexicon.EVERYBODY if name.name != who.en]))
    adjective = dice.pick([a for a in lexicon.OF_PEOPLE if a.en != "famous"])
    fr, more = quality(who, adjective).fr, english.comparative(adjective.en)
    predicate = Phrase(f"{more} than {other.en}", f"plus {fr} que {other.fr}")
    if dice.chance(0.3):
        predicate = Phrase(f"as {adjective.en} as {other.en}", f"aussi {fr} que {other.fr}")
    return sentence(being(who, predicate).statement())


def pain(dice: Dice) -> Phrase:
    """Draw a sentence such as: My back hurts; her legs have been hurting for a month."""
    owner, have = dice.pick(pairs("my = j'ai, his = il a, her = elle a"))
    many = dice.chance(0.4)
    unpaired = "head, back, stomach, throat"
    part = dice.pick(leave_out(lexicon.BODY, unpaired if many else "tooth"))
    hurt = "hurt" if many else "hurts"
    time = dice.pick((None, *when.TODAY, *when.FOR_WEEKS))
    if time in when.SPANS:
        hurt = f"{'have' if many else 'has'} been hurting"
    en = noun_phrase(owner, part, many=many).en
    where = noun_phrase("the", part, many=many).french_after("à")
    return sentence(join(Phrase(f"{en} {hurt}", f"{have} mal {where}"), time))


def feeling(dice: Dice) -> Phrase:
    """Draw a sentence such as: I'm not hungry; are you cold, Paul? She was right."""
    (en, fr), mode = dice.pick(FEELINGS), dice.pick((c.PRESENT, c.PAST))
    if fr not in ("raison", "tort") and dice.chance(0.3):
        name = dice.pick(lexicon.EVERYBODY)
        clause = Clause(familiar(name), BE_AGED, mode, rest=(Phrase(en, fr),))
        return to_friend(clause.question(), name, "?")
    negation = dice.pick(("", "not", "never", "anymore"))
    very = not negation and en in ("hungry", "thirsty", "cold") and dice.chance(0.4)
    predicate = join(when.VERY if very else None, Phrase(en, fr))
    return sentence(Clause(anybody(dice), BE_AGED, mode, negation, rest=(predicate,)).statement())


def liking(dice: Dice) -> Phrase:
    """Draw a sentence such as: I like cheese; he doesn't like carrots; do you like painting?"""
    thing = dice.pick((
        generic(dice.pick(lexicon.DISHES), many=True),
        generic(dice.pick(lexicon.ANIMALS), many=True),
        generic(dice.pick(lexicon.PASTIMES + lexicon.SPORTS)),
        generic(dice.pick(lexicon.FOOD + lexicon.DRINKS)),
    ))  # fmt: skip
    if dice.chance(0.25):
        return sentence(Clause(asked(dice), LIKE, object=thing).question(), "?")
    if dice.chance(0.3):
        return sentence(Clause(anybody(dice), HATE, object=thing).statement())
    negation = dice.pick(("", "not", "anymore"))
    return sentence(Clause(anybody(dice), LIKE, c.PRESENT, negation, thing).statement())


def preference(dice: Dice) -> Phrase:
    """Draw a sentence such as: She prefers tea to coffee."""
    groups = (lexicon.DRINKS, lexicon.RESTAURANT_FOOD, lexicon.SPORTS, lexicon.PASTIMES)
    first, second = dice.two(dice.pick(groups))
    prefer = verb("prefer = préférer", state=True)
    rest = (generic(second).after("to", "à"),)
    return sentence(Clause(anybody(dice), prefer, object=generic(first), rest=rest).statement())


def interest(dice: Dice) -> Phrase:
    """Draw a sentence such as: He's interested in painting and music; are you interested in art?"""
    first, second = dice.two(lexicon.PASTIMES + leave_out(lexicon.SUBJECTS, "history, music"))
    care, thing = verb("be interested in = s'intéresser à"), generic(first)
    if dice.chance(0.25):
        return sentence(Clause(asked(dice), care, object=thing).question(), "?")
    negation = "not" if dice.chance(0.3) else ""
    other = generic(second)
    two = not negation and dice.chance(0.5)
    rest = (Phrase(f"and {other.en}", f"et {other.french_after('à')}"),) if two else ()
    return sentence(Clause(anybody(dice), care, c.PRESENT, negation, thing, rest=rest).statement())


def both(dice: Dice) -> Phrase:
    """Draw a sentence such as: My brother and I are happy; Marie and Sophie are tired."""
    if dice.chance(0.3):
        man = noun_phrase("my", dice.pick([n for n in lexicon.FAMILY if n.gender == "m"]))
        who = NounPhrase(f"{man.en} and I", f"{man.fr} et moi", 3, "m")
    else:
        first, second = dice.two(lexicon.EVERYBODY)
        gender = "f" if first.gender == second.gender == "f" else "m"
        names = f"{first.name} and {second.name}", f"{first.name} et {second.name}"
        who = NounPhrase(*names, 5, gender)
    mode, times = dice.pick(((c.PRESENT, when.TODAY), (c.PAST, when.RECENT)))
    time = dice.pick((None, dice.pick(times)))
    return sentence(being(who, quality(who, dice.pick(lexicon.MOODS)), time, mode=mode).statement())


SCENES = (
    greeting, introduction, trade, trade_question, origin, dwelling, age, birthday, household,
    how_many, language, mood, mood_question, character, comparison, pain, feeling, liking,
    preference, interest, both,
)  # fmt: skip
