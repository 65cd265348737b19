"""Adjuncts of time and place, numbers, dates and prices."""

from transformer_mt.phrasebook import english, lexicon
from transformer_mt.phrasebook.dice import Dice
from transformer_mt.phrasebook.phrases import Phrase, core
from transformer_mt.phrasebook.words import (
    Noun,
    nouns,
    pairs,
    select,
)


def _phrases(table: str) -> tuple[Phrase, ...]:
    return tuple(Phrase(en, fr) for en, fr in pairs(table))


DAYS = _phrases("""
    Monday = lundi, Tuesday = mardi, Wednesday = mercredi, Thursday = jeudi, Friday = vendredi,
    Saturday = samedi, Sunday = dimanche
""")
MONTHS = _phrases("""
    January = janvier, February = février, March = mars, April = avril, May = mai, June = juin,
    July = juillet, August = août, September = septembre, October = octobre,
    November = novembre, December = décembre
""")
SEASONS = _phrases("""
    in summer = en été, in winter = en hiver, in spring = au printemps, in autumn = en automne
""")
PAST_TIMES = _phrases("""
    yesterday = hier, last night = hier soir, last week = la semaine dernière,
    last month = le mois dernier, two days ago = il y a deux jours,
    yesterday morning = hier matin, an hour ago = il y a une heure,
    three weeks ago = il y a trois semaines
""")
FUTURE_TIMES = _phrases("""
    tomorrow = demain, next week = la semaine prochaine, tonight = ce soir,
    next month = le mois prochain, tomorrow morning = demain matin,
    tomorrow evening = demain soir, this week = cette semaine,
    this weekend = ce week-end, this afternoon = cet après-midi
""")
HABIT_TIMES = _phrases("""
    every day = tous les jours, every morning = tous les matins, every evening = tous les soirs,
    every week = toutes les semaines, in the morning = le matin, in the evening = le soir,
    on Sundays = le dimanche, on Saturdays = le samedi, on Mondays = le lundi,
    after work = après le travail, at the weekend = le week-end
""")
RECENT = _phrases("""
    yesterday = hier, last weekend = le week-end dernier, on Monday = lundi, on Tuesday = mardi,
    on Friday = vendredi, on Saturday = samedi, on Sunday = dimanche
""")
SOON = _phrases("""
    tomorrow = demain, this weekend = ce week-end, on Monday = lundi, on Wednesday = mercredi,
    on Thursday = jeudi, on Friday = vendredi, on Sunday = dimanche
""")
ROUTINE = _phrases("""
    every day = tous les jours, on Sundays = le dimanche, on Saturdays = le samedi,
    on Mondays = le lundi, on Fridays = le vendredi, at the weekend = le week-end
""")
TODAY = _phrases("today = aujourd'hui, tonight = ce soir, this morning = ce matin")
NOW = _phrases("now = maintenant, at the moment = en ce moment")
OFTEN = _phrases("often = souvent, always = toujours, sometimes = parfois, rarely = rarement")
DEGREES = _phrases("very = très, too = trop, a little = un peu, really = vraiment")
SPANS = _phrases("""
    for two years = depuis deux ans, for a long time = depuis longtemps,
    since Monday = depuis lundi, since yesterday = depuis hier, for a month = depuis un mois,
    since this morning = depuis ce matin, for three weeks = depuis trois semaines,
    for an hour = depuis une heure
""")

VERY, TOO, A_LITTLE, REALLY = DEGREES
YESTERDAY, LAST_NIGHT, TODAY_ITSELF, TONIGHT, TOMORROW = _phrases("""
    yesterday = hier, last night = hier soir, today = aujourd'hui, tonight = ce soir,
    tomorrow = demain
""")
RECENTLY = select(SPANS, "since Monday, since yesterday")
FOR_YEARS = select(SPANS, "for two years, for a long time")
FOR_HOURS = select(SPANS, "since this morning, for an hour")
FOR_WEEKS = select(SPANS, "for a month, since this morning")
WHERE_THINGS_ARE = _phrases("""
    on the table = sur la table, on the chair = sur la chaise, on the bed = sur le lit,
    on the shelf = sur l'étagère, on the sofa = sur le canapé, on the desk = sur le bureau,
    under the table = sous la table, under the bed = sous le lit, under the chair = sous la chaise,
    behind the sofa = derrière le canapé, in the drawer = dans le tiroir,
    in the box = dans la boîte,
    in the bag = dans le sac, in the wardrobe = dans l'armoire, in the car = dans la voiture,
    in the kitchen = dans la cuisine
""")

_UNITS = pairs("""
    one = un, two = deux, three = trois, four = quatre, five = cinq, six = six, seven = sept,
    eight = huit, nine = neuf, ten = dix, eleven = onze, twelve = douze, thirteen = treize,
    fourteen = quatorze, fifteen = quinze, sixteen = seize, seventeen = dix-sept,
    eighteen = dix-huit, nineteen = dix-neuf
""")
_TENS = dict(
    zip(
        range(20, 70, 10),
        pairs("twenty = vingt, thirty = trente, forty = quarante, fifty = cinquante, "
              "sixty = soixante"),
        strict=True,
    )
)  # fmt: skip


def number(value: int) -> Phrase:
    """Return a number from 1 to 69 in words: twenty-one = vingt et un."""
    if value < 20:
        return Phrase(*_UNITS[value - 1])
    tens, units = _TENS[value // 10 * 10], value % 10
    if units == 0:
        return Phrase(*tens)
    en, fr = _UNITS[units - 1]
    return Phrase(f"{tens[0]}-{en}", f"{tens[1]} et un" if units == 1 else f"{tens[1]}-{fr}")


def several(dice: Dice, most: int = 6) -> Phrase:
    """Draw a number from two to `most`."""
    return number(dice.number(2, most))


def price(dice: Dice, low: int, high: int) -> Phrase:
    """Draw a price: 12 euros, €3.50 = 3,50 €."""
    euros = dice.number(low, high)
    if dice.chance(0.5):
        return Phrase(f"{euros} euros", f"{euros} euros")
    cents = dice.pick(("50", "20", "90"))
    return Phrase(f"€{euros}.{cents}", f"{euros},{cents} €")


def hour_of(hour: int, quarter: int) -> Phrase:
    """Return an hour and 0 to 3 quarters: a quarter to nine = neuf heures moins le quart."""
    if quarter == 3:
        hour = hour % 12 + 1
    en, fr = number(hour)
    heure = "une heure" if hour == 1 else f"{fr} heures"
    if hour == 12:
        en, heure = "noon", "midi"
    return (
        Phrase("noon" if hour == 12 else f"{en} o'clock", heure),
        Phrase(f"a quarter past {en}", f"{heure} et quart"),
        Phrase(f"half past {en}", f"{heure} et {'demi' if hour == 12 else 'demie'}"),
        Phrase(f"a quarter to {en}", f"{heure} moins le quart"),
    )[quarter]


def clock(dice: Dice) -> Phrase:
    """Draw a time of day: eight o'clock, half past eight, nine in the evening."""
    quarter, hour = dice.number(0, 5), dice.number(1, 11)
    if quarter < 4:
        return hour_of(hour, quarter)
    if dice.chance(0.5):
        en, fr = number(dice.number(8, 11))
        return Phrase(f"{en} in the morning", f"{fr} heures du matin")
    en, fr = number(dice.number(6, 9))
    return Phrase(f"{en} in the evening", f"{fr} heures du soir")


def at_clock(dice: Dice) -> Phrase:
    """Draw a time of day with its preposition: at eight o'clock = à huit heures."""
    en, fr = clock(dice)
    return Phrase(f"at {en}", f"à {fr}")


def on_day(dice: Dice) -> Phrase:
    """Draw one coming or past weekday: on Monday = lundi."""
    en, fr = dice.pick(DAYS)
    return Phrase(f"on {en}", fr)


def in_month(dice: Dice) -> Phrase:
    """Draw a month with its preposition: in July = en juillet."""
    en, fr = dice.pick(MONTHS)
    return Phrase(f"in {en}", f"en {fr}")


def date(dice: Dice) -> Phrase:
    """Draw a day of a month: May 3 = le 3 mai."""
    month, day = dice.pick(MONTHS), dice.number(2, 28)
    return Phrase(f"{month.en} {day}", f"le {day} {month.fr}")


def future_time(dice: Dice, *, daily: bool = False) -> Phrase:
    """Draw an adverb of future time; a near one for a daily action."""
    if daily:
        return dice.pick(SOON)
    return on_day(dice) if dice.chance(0.2) else dice.pick(FUTURE_TIMES)


def past_time(dice: Dice, *, daily: bool = False) -> Phrase:
    """Draw an adverb of past time; a recent one for a daily action."""
    if daily:
        return dice.pick(RECENT)
    return on_day(dice) if dice.chance(0.15) else dice.pick(PAST_TIMES)


def habit_time(dice: Dice, *, daily: bool = False) -> Phrase:
    """Draw an adverb of repeated time; without an hour of the clock for a daily action."""
    return dice.pick(ROUTINE if daily else HABIT_TIMES)


def in_city(dice: Dice) -> Phrase:
    """Draw a city as a place: in London = à Londres."""
    en, fr = dice.pick(lexicon.CITIES)
    return Phrase(f"in {en}", f"à {fr}")


def to_city(dice: Dice) -> Phrase:
    """Draw a city as a destination: to London = à Londres."""
    en, fr = dice.pick(lexicon.CITIES)
    return Phrase(f"to {en}", f"à {fr}")


def in_country(dice: Dice) -> Phrase:
    """Draw a country as a place: in Portugal = au Portugal."""
    country = dice.pick(lexicon.COUNTRIES + lexicon.OTHER_COUNTRIES)
    return Phrase(f"in {country.en}", country.to)


def to_country(dice: Dice) -> Phrase:
    """Draw a country as a destination: to Portugal = au Portugal."""
    country = dice.pick(lexicon.COUNTRIES + lexicon.OTHER_COUNTRIES)
    return Phrase(f"to {country.en}", country.to)


def abroad(dice: Dice, *, motion: bool) -> Phrase:
    """Draw a city or country, as a destination if `motion`, else as a place."""
    if dice.chance(0.5):
        return to_city(dice) if motion else in_city(dice)
    return to_country(dice) if motion else in_country(dice)


_MEASURES = tuple(
    (nouns(measure)[0], nouns(things))
    for measure, things in (
        ("glass = verre m", "water = eau f, wine = vin m, milk = lait m, beer = bière f, "
         "orange juice = jus d'orange m, lemonade = limonade f, apple juice = jus de pomme m"),
        ("bottle = bouteille f", "water = eau f, wine = vin m, milk = lait m, oil = huile f, "
         "lemonade = limonade f, apple juice = jus de pomme m"),
        ("cup = tasse f", "coffee = café m, tea = thé m"),
        ("slice = tranche f", "bread = pain m, ham = jambon m, cheese = fromage m"),
        ("kilo = kilo m", "meat = viande f, rice = riz m, sugar = sucre m, flour = farine f"),
        ("packet = paquet m", "rice = riz m, sugar = sucre m, flour = farine f"),
    )
)  # fmt: skip
AT_TABLE, AT_MARKET = _MEASURES[:3], _MEASURES[1:2] + _MEASURES[3:]


def quantity(dice: Dice, measures: tuple[tuple[Noun, tuple[Noun, ...]], ...]) -> Phrase:
    """Draw a measured quantity: a glass of water, three kilos of meat."""
    measure, things = dice.pick(measures)
    thing = dice.pick(things)
    value = dice.number(1, 4)
    if value == 1:
        article = "une" if measure.gender == "f" else "un"
        head = Phrase(english.a(measure.en), f"{article} {measure.fr}")
    else:
        en, fr = core(measure, None, many=True)
        count = number(value)
        head = Phrase(f"{count.en} {en}", f"{count.fr} {fr}")
    return Phrase(f"{head.en} of {thing.en}", f"{head.fr} de {thing.fr}")
