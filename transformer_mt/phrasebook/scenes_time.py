"""Weather, hours, dates, appointments and the telephone."""

from transformer_mt.phrasebook import adjuncts as when
from transformer_mt.phrasebook import clauses as c
from transformer_mt.phrasebook import lexicon
from transformer_mt.phrasebook.actions import actor, anybody, asked
from transformer_mt.phrasebook.clauses import (
    HAVE,
    Clause,
    being,
    verb,
)
from transformer_mt.phrasebook.dice import Dice
from transformer_mt.phrasebook.phrases import (
    PRONOUNS,
    I,
    NounPhrase,
    Phrase,
    familiar,
    join,
    noun_phrase,
    person,
    say,
    sentence,
    to_friend,
)
from transformer_mt.phrasebook.scenes_shops import courtesy
from transformer_mt.phrasebook.words import pairs, select

FORECAST = select(when.FUTURE_TIMES, "tomorrow, next week, tonight, this weekend")
WEEKEND = FORECAST[-1]


def weather(dice: Dice) -> Phrase:
    """Draw a sentence such as: It'll be very cold in Berlin tomorrow."""
    place = when.abroad(dice, motion=False)
    (is_en, fait, avoir), time = dice.pick(
        (
            (("it's", "il fait", "il y a"), when.TODAY_ITSELF),
            (("it'll be", "il fera", "il y aura"), when.TOMORROW),
            (("it'll be", "il fera", "il y aura"), WEEKEND),
            (("it was", "il faisait", "il y avait"), when.YESTERDAY),
        )
    )
    if dice.chance(0.4):
        kind = Phrase(
            *dice.pick(pairs("windy = du vent, sunny = du soleil, foggy = du brouillard"))
        )
        return sentence(join(Phrase(is_en, avoir), kind, place, time))
    kind = Phrase(*dice.pick(pairs("hot = chaud, cold = froid, nice = beau")))
    degree = dice.pick((None, when.VERY))
    return sentence(join(Phrase(is_en, fait), degree, kind, place, time))


def rain(dice: Dice) -> Phrase:
    """Draw a sentence such as: It's raining in Nice today; will it snow in Sweden tomorrow?"""
    fall = verb(dice.pick(("rain = pleuvoir", "snow = neiger")))
    mode, times = dice.pick(
        (
            (c.PROGRESSIVE, (*when.TODAY, *when.NOW)),
            (c.FUTURE, FORECAST),
            (c.GOING_TO, FORECAST),
            (c.PAST, when.PAST_TIMES),
        )
    )
    rest = (when.abroad(dice, motion=False), dice.pick(times))
    clause = Clause(NounPhrase("it", "il"), fall, mode, rest=rest)
    return sentence(clause.question(), "?") if dice.chance(0.3) else sentence(clause.statement())


ROUTINES = (
    ("get up = se lever", 6, 9), ("wake up = se réveiller", 5, 8),
    ("go to bed = se coucher", 9, 10),
    ("leave home = partir de la maison", 6, 9), ("have lunch = déjeuner", 1, 2),
    ("have breakfast = prendre le petit déjeuner", 6, 9), ("have dinner = dîner", 6, 9),
    ("start work = commencer le travail", 7, 10), ("finish work = finir le travail", 3, 7),
)  # fmt: skip


def routine(dice: Dice) -> Phrase:
    """Draw a sentence such as: I get up at seven o'clock on Mondays."""
    entry, low, high = dice.pick(ROUTINES)
    mode = dice.pick((c.PRESENT, c.PRESENT, c.HAVE_TO, c.USED_TO))
    en, fr = when.hour_of(dice.number(low, high), dice.number(0, 3))
    day = (dice.pick(when.ROUTINE),) if dice.chance(0.4) else ()
    rest = (Phrase(f"at {en}", f"à {fr}"), *day)
    return sentence(
        Clause(actor(dice, verb(entry), mode), verb(entry), mode, rest=rest).statement()
    )


def routine_question(dice: Dice) -> Phrase:
    """Draw a sentence such as: What time do you have lunch on Sundays?"""
    action = verb(dice.pick(ROUTINES)[0])
    asking = Phrase("what time", "à quelle heure")
    if dice.chance(0.5):
        name = dice.pick(lexicon.EVERYBODY)
        mode, time = dice.pick(((c.PRESENT, when.ROUTINE), (c.PAST, when.RECENT)))
        clause = Clause(familiar(name), action, mode, rest=(dice.pick(time),))
        return to_friend(clause.question(asking), name, "?")
    mode, time = dice.pick(((c.PRESENT, when.ROUTINE), (c.GOING_TO, when.SOON)))
    day = (dice.pick(time),) if dice.chance(0.6) else ()
    return sentence(Clause(asked(dice), action, mode, rest=day).question(asking), "?")


def appointment(dice: Dice) -> Phrase:
    """Draw a sentence such as: I have an appointment with the dentist on Monday."""
    staff = noun_phrase("the", dice.pick(lexicon.STAFF))
    meeting = Phrase(f"an appointment with {staff.en}", f"rendez-vous avec {staff.fr}")
    time = dice.pick((when.on_day(dice), when.at_clock(dice), when.TOMORROW))
    return sentence(Clause(anybody(dice), HAVE, rest=(meeting, time)).statement())


def occasion(dice: Dice) -> Phrase:
    """Draw a sentence such as: The meeting is on May 3."""
    event, mode = noun_phrase("the", dice.pick(lexicon.OCCASIONS)), dice.pick((c.PRESENT, c.FUTURE))
    day = when.date(dice)
    rest: tuple[Phrase, ...] = (Phrase(f"on {day.en}", day.fr),)
    if dice.chance(0.5):
        en, fr = when.hour_of(dice.number(2, 8), dice.number(0, 2))
        rest = (when.on_day(dice), Phrase(f"at {en}", f"à {fr}"))
    return sentence(being(event, *rest, mode=mode).statement())


def today(dice: Dice) -> Phrase:
    """Draw a sentence such as: Today is Monday, May 3."""
    day, date = dice.pick(when.DAYS), when.date(dice)
    return say(
        f"today is {day.en}, {date.en}.",
        f"aujourd'hui, nous sommes le {day.fr} {date.fr.removeprefix('le ')}.",
    )


def hour(dice: Dice) -> Phrase:
    """Draw a sentence such as: It's half past eight."""
    en, fr = dice.pick((when.clock(dice), when.clock(dice), Phrase("midnight", "minuit")))
    return say(f"it's {en}.", f"il est {fr}.")


def phone(dice: Dice) -> Phrase:
    """Draw a sentence such as: Could I speak to Marie, please? He has to call my uncle at noon."""
    name = person(dice.pick(lexicon.EVERYBODY))
    if dice.chance(0.5):
        thing = dice.pick((name, noun_phrase("the", dice.pick(lexicon.STAFF))))
        return courtesy(
            dice, Clause(I, verb("speak to = parler à"), c.COULD, object=thing).question(), "?"
        )
    thing = dice.pick((name, noun_phrase("my", dice.pick(lexicon.FAMILY))))
    mode = dice.pick((c.MUST, c.WANT, c.HAVE_TO, c.GOING_TO))
    clause = Clause(dice.pick(PRONOUNS), verb("call = appeler"), mode, object=thing)
    return sentence(join(clause.statement(), when.at_clock(dice)))


SCENES = (
    weather, rain, routine, routine_question, appointment, occasion, today, hour, phone,
)  # fmt: skip
