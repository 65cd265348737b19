"""People: greetings, family, trades, moods, health, tastes and opinions."""

from transformer_mt.phrasebook import adjuncts as when
from transformer_mt.phrasebook import clauses as c
from transformer_mt.phrasebook import english, french, lexicon
from transformer_mt.phrasebook.actions import actor, others, own, relatives
from transformer_mt.phrasebook.clauses import BE, HAVE, Clause, verb
from transformer_mt.phrasebook.dice import Dice
from transformer_mt.phrasebook.phrases import (
    OWNERS,
    PRONOUNS,
    THIRD,
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
)
from transformer_mt.phrasebook.words import adjectives, nouns, pairs

EVERYBODY = lexicon.MEN + lexicon.WOMEN
LIVE = verb("live = habiter", state=True)
LIKE = verb("like = aimer", state=True)
SPEAK = verb("speak = parler")

GREETINGS = pairs("""
    good morning = bonjour, good evening = bonsoir, good night = bonne nuit, hello = bonjour,
    goodbye = au revoir, see you soon = à bientôt, see you tomorrow = à demain, welcome = bienvenue,
    thank you very much = merci beaucoup, thank you = merci, excuse me = excuse-moi,
    happy birthday = joyeux anniversaire, happy new year = bonne année, good luck = bonne chance,
    have a good trip = bon voyage, enjoy your meal = bon appétit, congratulations = félicitations,
    see you later = à plus tard, have a nice day = bonne journée, well done = bravo,
    good idea = bonne idée, have a nice weekend = bon week-end
""")
FOLLOW_UPS = pairs("""
    how are you today = comment vas-tu aujourd'hui, did you sleep well = est-ce que tu as bien dormi,
    how is your mother = comment va ta mère, how is your brother = comment va ton frère,
    do you want some coffee = est-ce que tu veux du café, are you free = est-ce que tu es libre,
    how are your parents = comment vont tes parents, how is your sister = comment va ta sœur
""")


def greeting(dice: Dice) -> Phrase:
    """Good morning, Paul! How is your mother?"""
    name = dice.pick(EVERYBODY).name
    en, fr = dice.pick(GREETINGS)
    if dice.chance(0.4):
        en, fr = dice.pick(GREETINGS[:2] + GREETINGS[3:4])
        ask_en, ask_fr = dice.pick(FOLLOW_UPS)
        return then(say(f"{en}, {name}.", f"{fr}, {name}."), say(f"{ask_en}?", f"{ask_fr} ?"))
    return say(f"{en}, {name}!", f"{fr}, {name} !")


def introduction(dice: Dice) -> Phrase:
    """My name is Anna and I live in Rome. This is my brother Paul."""
    name = dice.pick(EVERYBODY)
    if dice.chance(0.4):
        place = when.abroad(dice, motion=False)
        return say(f"my name is {name.name} and I live {place.en}.",
                   f"je m'appelle {name.name} et j'habite {place.fr}.")  # fmt: skip
    family = [noun for noun in lexicon.FAMILY if noun.gender == name.gender]
    who = noun_phrase(dice.pick([o for o in OWNERS if o != "your"]), dice.pick(family))
    if dice.chance(0.5):
        return say(f"this is {who.en} {name.name}.", f"voici {who.fr} {name.name}.")
    return say(f"{english.possessive(who.en)} name is {name.name}.", f"{who.fr} s'appelle {name.name}.")


def trade(dice: Dice) -> Phrase:
    """My sister is a nurse; her uncle wants to be a lawyer; were you a student, Marie?"""
    name = dice.pick(EVERYBODY)
    en, fr = dice.pick(lexicon.TRADES)
    kind = dice.number(0, 3)
    if kind == 0:
        predicate = _trade(en, fr, name.gender)
        mode, time = dice.pick(((c.PRESENT, ""), (c.PAST, "")))
        asked = Clause(familiar(name), BE, mode, rest=(predicate,)).question()
        return say(f"{asked.en}, {name.name}?{time}", f"{asked.fr}, {name.name} ?")
    singular = [who for who in (dice.pick((*THIRD[:2], person(name))), _relative(dice))]
    who = dice.pick(singular)
    predicate = _trade(en, fr, who.gender)
    if kind == 1:
        mode = dice.pick((c.WANT, c.WOULD_LIKE, c.WANTED))
        become = verb("become = devenir")
        return sentence(Clause(who, become, mode, rest=(predicate,)).statement())
    mode, negation = dice.pick(((c.PRESENT, ""), (c.PRESENT, "not"), (c.PAST, "")))
    return sentence(Clause(who, BE, mode, negation, rest=(predicate,)).statement())


def _trade(en: str, fr: str, gender: str) -> Phrase:
    return Phrase(english.a(en), french.feminine(fr) if gender == "f" else fr)


def _relative(dice: Dice) -> NounPhrase:
    return noun_phrase(dice.pick(OWNERS), dice.pick(lexicon.FAMILY), animate=True)


def origin(dice: Dice) -> Phrase:
    """They come from Portugal. Do you come from Italy?"""
    country = dice.pick(lexicon.COUNTRIES + lexicon.OTHER_COUNTRIES)
    come = verb("come from = venir")
    who = dice.pick((*PRONOUNS, others(dice), others(dice)))
    rest = (Phrase(country.en, country.origin),)
    if dice.chance(0.3):
        return sentence(Clause(YOU, come, rest=rest).question(), "?")
    return sentence(Clause(who, come, rest=rest).statement())


def dwelling(dice: Dice) -> Phrase:
    """My uncle lives in Japan; we used to live in Lyon."""
    place = when.abroad(dice, motion=False)
    mode, negation = dice.pick((
        (c.PRESENT, ""), (c.PRESENT, "anymore"), (c.USED_TO, ""), (c.WOULD_LIKE, ""), (c.SINCE, "")
    ))  # fmt: skip
    who = actor(dice, LIVE, mode)
    rest = (place, dice.pick(when.SPANS[:2])) if mode is c.SINCE else (place,)
    return sentence(Clause(who, LIVE, mode, negation, rest=rest).statement())


def age(dice: Dice) -> Phrase:
    """My son is seven years old; Marie will be twenty-two years old next month."""
    oldest = {"mother": 60, "father": 60, "aunt": 60, "uncle": 60, "son": 20, "daughter": 20,
              "niece": 20, "nephew": 20, "brother": 30, "sister": 30}  # fmt: skip
    noun = dice.pick(lexicon.FAMILY)
    kin = noun_phrase(dice.pick(OWNERS), noun, animate=True)
    top = oldest.get(noun.en, 69)
    who, value = kin, dice.number(max(top - 25, 2), top)
    if dice.chance(0.5):
        who, value = dice.pick((I, *THIRD[:2], person(dice.pick(EVERYBODY)))), dice.number(8, 69)
    years = when.number(value)
    mode, time = dice.pick(((c.PRESENT, None), (c.FUTURE, Phrase("next month", "le mois prochain"))))
    en = Clause(who, BE, mode, rest=(Phrase(f"{years.en} years old", ""),)).statement().en
    fr = Clause(who, HAVE, mode, rest=(Phrase("", f"{years.fr} ans"),)).statement().fr
    return sentence(join(Phrase(en, fr), time))


def birthday(dice: Dice) -> Phrase:
    """My brother's birthday is on May 3."""
    day = when.date(dice)
    if dice.chance(0.5):
        owner = _relative(dice)
        en, fr = english.possessive(owner.en), french.preposed("de", owner.fr)
        return say(f"{en} birthday is on {day.en}.", f"l'anniversaire {fr} est {day.fr}.")
    name = dice.pick(EVERYBODY).name
    return say(f"{english.possessive(name)} birthday is on {day.en}.",
               f"l'anniversaire de {name} est {day.fr}.")  # fmt: skip


def household(dice: Dice) -> Phrase:
    """I have two brothers and a sister; they don't have any children."""
    kin = dice.pick(tuple(nouns(table) for table in (
        "brother = frère m, sister = sœur f", "son = fils m, daughter = fille f",
        "dog = chien m, cat = chat m", "uncle = oncle m, aunt = tante f")))  # fmt: skip
    first, second = dice.two(kin)
    who = dice.pick((*PRONOUNS, others(dice), others(dice)))
    if dice.chance(0.3):
        things = counted(when.several(dice, 5), first)
    else:
        one, many = noun_phrase("a", second), counted(when.several(dice, 5), first)
        things = NounPhrase(f"{many.en} and {one.en}", f"{many.fr} et {one.fr}")
    return sentence(Clause(who, HAVE, object=things).statement())


def how_many(dice: Dice) -> Phrase:
    """How many brothers does Paul have?"""
    things = nouns("brother = frère m, sister = sœur f, child = enfant m, friend = ami m, "
                   "book = livre m, suitcase = valise f, cat = chat m, car = voiture f")  # fmt: skip
    en, fr = dice.pick(things).plural()
    who = dice.pick((YOU, others(dice), others(dice)))
    asking = Phrase(f"how many {en}", f"combien de {fr}")
    return sentence(Clause(who, HAVE).question(asking), "?")


def language(dice: Dice) -> Phrase:
    """Do you speak Italian? She doesn't speak German very well. I'm learning Greek."""
    country = dice.pick(lexicon.COUNTRIES)
    en, fr = country.adjective.en, country.adjective.fr
    en = "French" if country.en == "France" else en
    who = dice.pick((*PRONOUNS, others(dice), others(dice)))
    kind = dice.number(0, 3)
    if kind == 0:
        who = YOU if dice.chance(0.4) else others(dice)
        return sentence(Clause(who, SPEAK, rest=(Phrase(en, fr),)).question(), "?")
    if kind == 1:
        learn = verb("learn = apprendre")
        mode = dice.pick((c.PROGRESSIVE, c.WANT, c.WOULD_LIKE))
        thing = NounPhrase(en, french.elide(f"le {fr}"))
        return sentence(Clause(who, learn, mode, object=thing).statement())
    manner = dice.pick((Phrase("very well", "très bien"), Phrase("a little", "un peu")))
    if kind == 2:
        rest = (Phrase(f"{en} {manner.en}", f"{manner.fr} {fr}"),)
        return sentence(Clause(who, SPEAK, rest=rest).statement())
    return sentence(Clause(who, SPEAK, c.PRESENT, "not", rest=(Phrase(en, fr),)).statement())


def mood(dice: Dice) -> Phrase:
    """Marie is very tired tonight; I'm never late; they weren't ready yesterday."""
    if dice.chance(0.3):
        who, adjective = dice.pick((I, YOU)), dice.pick(lexicon.PLAIN_MOODS)
    else:
        who, adjective = others(dice), dice.pick(lexicon.MOODS)
    mode, negation, times = dice.pick((
        (c.PRESENT, "", when.TODAY), (c.PRESENT, "not", when.TODAY),
        (c.PAST, "", when.RECENT), (c.PAST, "not", when.RECENT),
        (c.PRESENT, "never", ()), (c.FUTURE, "", when.SOON),
    ))  # fmt: skip
    predicate = quality(who, adjective)
    if " " not in adjective.fr and not negation and dice.chance(0.4):
        degree = dice.pick(when.DEGREES[:3])
        predicate = Phrase(f"{degree.en} {predicate.en}", f"{degree.fr} {predicate.fr}")
    rest = (predicate, dice.pick(times)) if times else (predicate,)
    return sentence(Clause(who, BE, mode, negation, rest=rest).statement())


def mood_question(dice: Dice) -> Phrase:
    """Are you tired, Marie? Why is your brother angry?"""
    name = dice.pick(EVERYBODY)
    adjective = dice.pick(lexicon.MOODS)
    if dice.chance(0.6):
        you = familiar(name)
        asking = Phrase("why", "pourquoi") if dice.chance(0.4) else None
        en, fr = Clause(you, BE, rest=(quality(you, adjective),)).question(asking)
        return say(f"{en}, {name.name}?", f"{fr}, {name.name} ?")
    who = others(dice)
    asking = Phrase("why", "pourquoi") if dice.chance(0.5) else None
    mode = dice.pick((c.PRESENT, c.PAST))
    return sentence(Clause(who, BE, mode, rest=(quality(who, adjective),)).question(asking), "?")


def character(dice: Dice) -> Phrase:
    """Your neighbours are very friendly; my new teacher isn't patient."""
    who = relatives(dice) if dice.chance(0.5) else person(dice.pick(EVERYBODY))
    adjective = dice.pick(lexicon.OF_PEOPLE)
    excess = adjective.en in ("shy", "serious", "young", "old", "lazy", "generous")
    degrees = (Phrase("very", "très"), None, Phrase("too", "trop"))[: 3 if excess else 2]
    negation = "not" if dice.chance(0.3) else ""
    predicate = join(dice.pick(degrees), quality(who, adjective))
    return sentence(Clause(who, BE, c.PRESENT, negation, rest=(predicate,)).statement())


def comparison(dice: Dice) -> Phrase:
    """Marie is taller than her brother; Paul is as shy as Anna."""
    who = dice.pick((person(dice.pick(EVERYBODY)), _relative(dice)))
    other = noun_phrase(own(who), dice.pick(lexicon.FAMILY[2:6]))
    if who.en in other.en or dice.chance(0.6):
        other = person(dice.pick([name for name in EVERYBODY if name.name != who.en]))
    adjective = dice.pick([a for a in lexicon.OF_PEOPLE if a.en != "famous"])
    fr = adjective.french(who.gender, many=False)
    if dice.chance(0.3):
        predicate = Phrase(f"as {adjective.en} as {other.en}", f"aussi {fr} que {other.fr}")
    else:
        more = english.comparative(adjective.en)
        predicate = Phrase(f"{more} than {other.en}", f"plus {fr} que {other.fr}")
    return sentence(Clause(who, BE, rest=(predicate,)).statement())


def pain(dice: Dice) -> Phrase:
    """My back hurts; her legs hurt."""
    owner = dice.pick(("my", "his", "her"))
    parts = nouns("leg = jambe f, arm = bras m, foot = pied m, knee = genou m, ear = oreille f, "
                  "hand = main f, tooth = dent f, shoulder = épaule f, eye = œil m")  # fmt: skip
    many = dice.chance(0.4)
    part = dice.pick(parts) if many else dice.pick(lexicon.BODY)
    en, fr = noun_phrase(owner, part, many=many).en, noun_phrase("the", part, many=many).fr
    who = {"my": "j'ai", "his": "il a", "her": "elle a"}[owner]
    time = dice.pick((Phrase("", ""), *when.TODAY, *when.SPANS[4:6]))
    if time in when.SPANS:
        hurt = "have been hurting" if many else "has been hurting"
    else:
        hurt = "hurt" if many else "hurts"
    return say(f"{en} {hurt} {time.en}".strip() + ".",
               f"{who} mal {french.preposed('à', fr)} {time.fr}".strip() + ".")  # fmt: skip


FEELINGS = pairs("hungry = faim, thirsty = soif, cold = froid, hot = chaud, sleepy = sommeil, "
                 "afraid = peur, right = raison, wrong = tort")  # fmt: skip


def feeling(dice: Dice) -> Phrase:
    """I'm not hungry; are you cold, Paul? She was right."""
    en, fr = dice.pick(FEELINGS)
    name = dice.pick(EVERYBODY)
    asks = dice.chance(0.3)
    who = familiar(name) if asks else dice.pick((*PRONOUNS, others(dice), others(dice)))
    mode = dice.pick((c.PRESENT, c.PAST))
    negation = "" if asks else dice.pick(("", "not", "never", "anymore"))
    degree = dice.pick(("", "", "very")) if en in ("hungry", "thirsty", "cold") else ""
    degree = "" if negation else degree
    fr_degree = "très " if degree else ""
    left = Clause(who, BE, mode, negation, rest=(Phrase(f"{degree} {en}".strip(), ""),))
    right = Clause(who, HAVE, mode, negation, rest=(Phrase("", f"{fr_degree}{fr}"),))
    if asks:
        asked = f"{left.question().en}, {name.name}?"
        return say(asked, f"{right.question().fr}, {name.name} ?")
    return say(f"{left.statement().en}.", f"{right.statement().fr}.")


def liking(dice: Dice) -> Phrase:
    """I like cheese; he doesn't like carrots; do you like painting?"""
    kind = dice.number(0, 3)
    if kind == 0:
        thing = generic(dice.pick(lexicon.DISHES), many=True)
    elif kind == 1:
        thing = generic(dice.pick(lexicon.PASTIMES + lexicon.SPORTS))
    elif kind == 2:
        thing = generic(dice.pick(lexicon.ANIMALS), many=True)
    else:
        thing = generic(dice.pick(lexicon.FOOD + lexicon.DRINKS))
    action = dice.pick((LIKE, LIKE, verb("hate = détester", state=True)))
    who = dice.pick((*PRONOUNS, others(dice), others(dice), relatives(dice)))
    if dice.chance(0.25):
        return sentence(Clause(who, LIKE, object=thing).question(), "?")
    negation = dice.pick(("", "not", "anymore")) if action is LIKE else ""
    return sentence(Clause(who, action, c.PRESENT, negation, thing).statement())


def preference(dice: Dice) -> Phrase:
    """She prefers tea to coffee."""
    groups = (lexicon.DRINKS, lexicon.FOOD[1:6], lexicon.SPORTS, lexicon.PASTIMES[:6])
    first, second = dice.two(dice.pick(groups))
    prefer = verb("prefer = préférer", state=True)
    who = dice.pick((*PRONOUNS, others(dice), others(dice)))
    rest = (generic(second).after("to", "à"),)
    return sentence(Clause(who, prefer, object=generic(first), rest=rest).statement())


def interest(dice: Dice) -> Phrase:
    """He is interested in painting."""
    first, second = dice.two(lexicon.PASTIMES + lexicon.SUBJECTS[1:])
    who = dice.pick((*PRONOUNS, others(dice), others(dice)))
    negation = "not" if dice.chance(0.3) else ""
    left, right = generic(first), generic(second).after("", "à").fr
    right = f" et {right}" if (two := not negation and dice.chance(0.5)) else ""
    en = f"interested in {left.en}" + (f" and {second.en}" if two else "")
    care = verb("care = s'intéresser")
    fr_rest = Phrase("", left.after("", "à").fr + right)
    fr = Clause(who, care, c.PRESENT, negation, rest=(fr_rest,)).statement().fr
    en = Clause(who, BE, c.PRESENT, negation, rest=(Phrase(en, ""),)).statement().en
    return say(f"{en}.", f"{fr}.")


def both(dice: Dice) -> Phrase:
    """My brother and I are happy; Marie and Sophie are tired."""
    first, second = dice.two(EVERYBODY)
    adjective = dice.pick(adjectives("tired = fatigué, happy = heureux, busy = occupé, "
                                     "ready = prêt, worried = inquiet, pleased = content, "
                                     "disappointed = déçu, surprised = surpris"))  # fmt: skip
    if dice.chance(0.3):
        kin = noun_phrase("my", dice.pick([n for n in lexicon.FAMILY if n.gender == "m"]))
        who = NounPhrase(f"{kin.en} and I", f"{kin.fr} et moi", 3, "m")
    else:
        gender = "f" if first.gender == second.gender == "f" else "m"
        who = NounPhrase(f"{first.name} and {second.name}", f"{first.name} et {second.name}", 5, gender)
    mode = dice.pick((c.PRESENT, c.PRESENT, c.PAST))
    rest = (quality(who, adjective),)
    if dice.chance(0.4):
        rest = (*rest, dice.pick(when.RECENT if mode is c.PAST else when.TODAY))
    return sentence(Clause(who, BE, mode, rest=rest).statement())


SCENES = (
    greeting, introduction, trade, origin, dwelling, age, birthday, household, how_many, language,
    mood, mood_question, character, comparison, pain, feeling, liking, preference, interest, both,
)  # fmt: skip
