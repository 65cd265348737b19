"""Sentences for travel: hotel, directions, journeys, weather, hours and dates."""

from transformer_mt.phrasebook import adjuncts as when
from transformer_mt.phrasebook import clauses as c
from transformer_mt.phrasebook import english, french, lexicon
from transformer_mt.phrasebook.actions import (
    actor,
    anybody,
    kin,
    others,
)
from transformer_mt.phrasebook.clauses import Clause, being, verb
from transformer_mt.phrasebook.dice import Dice
from transformer_mt.phrasebook.phrases import (
    WE,
    YOU,
    I,
    NounPhrase,
    Phrase,
    counted,
    familiar,
    join,
    noun_phrase,
    quality,
    say,
    sentence,
    to_friend,
)
from transformer_mt.phrasebook.scenes_shops import courtesy, there_is
from transformer_mt.phrasebook.words import (
    adjectives,
    leave_out,
    nouns,
    pairs,
    select,
)

GO = verb("go = aller")
ROOM, TABLE, TICKET = nouns("room = chambre f, table = table f, ticket = billet m")
STREETS = nouns("street = rue f, road = route f, avenue = avenue f")
ORDINALS = pairs("first = première, second = deuxième, third = troisième, last = dernière")
SIDES = pairs("left = gauche, right = droite")
NEAR = pairs("""
    near = près de, opposite = en face de, behind = derrière, in front of = devant,
    next to = à côté de, far from = loin de
""")
LONG_AGO = (
    *select(when.PAST_TIMES, "last week, last month"),
    Phrase("last year", "l'année dernière"),
    Phrase("last summer", "l'été dernier"),
)
SOME_DAY = (
    *when.SEASONS,
    Phrase("next year", "l'année prochaine"),
    Phrase("next week", "la semaine prochaine"),
    Phrase("this summer", "cet été"),
)
DURATIONS = pairs("""
    two weeks = deux semaines, three days = trois jours, a month = un mois, two years = deux ans,
    six months = six mois, a week = une semaine
""")
VEHICLES = nouns("train = train m, bus = bus m, plane = avion m")
RUNS = pairs("the = le, the next = le prochain, the last = le dernier, the first = le premier")
OPENING = nouns("""
    museum = musée m, bank = banque f, post office = bureau de poste m, pharmacy = pharmacie f,
    market = marché m, supermarket = supermarché m, library = bibliothèque f, castle = château m,
    bakery = boulangerie f, swimming pool = piscine f, town hall = mairie f, bookshop = librairie f
""")


def table_booking(dice: Dice) -> Phrase:
    """Draw a sentence such as: I'd like to book a table on Friday at eight o'clock."""
    people = when.several(dice, 10)
    evening = when.hour_of(dice.number(7, 9), dice.number(0, 2))
    rest = [Phrase(f"for {people.en} people", f"pour {people.fr} personnes"), when.on_day(dice)]
    if dice.chance(0.3):
        rest.append(Phrase(f"at {evening.en}", f"à {evening.fr}"))
    book = verb("book = réserver")
    table = noun_phrase("a", TABLE)
    clause = Clause(dice.pick((I, WE)), book, c.WOULD_LIKE, object=table, rest=tuple(rest))
    return courtesy(dice, clause.statement())


def room_booking(dice: Dice) -> Phrase:
    """Draw a sentence such as: We'd like to book a quiet room for two nights."""
    unit_en, unit_fr = dice.pick(pairs("nights = nuits, people = personnes, weeks = semaines"))
    count = when.several(dice, 7 if unit_en == "nights" else 4)
    size = Phrase(f"for {count.en} {unit_en}", f"pour {count.fr} {unit_fr}")
    qualities = adjectives("quiet = calme, big = <grand, small = <petit")
    room = noun_phrase("a", ROOM, dice.pick((None, *qualities)))
    mode = dice.pick((c.WOULD_LIKE, c.WANT, c.GOING_TO))
    clause = Clause(anybody(dice), verb("book = réserver"), mode, object=room, rest=(size,))
    return sentence(clause.statement())


def complaint(dice: Dice) -> Phrase:
    """Draw a sentence such as: The shower in my room doesn't work."""
    noun = dice.pick(lexicon.FITTINGS)
    thing = noun_phrase("the", noun)
    place = noun_phrase(dice.pick(("my", "our", "his", "her")), ROOM).after("in", "de")
    whole = NounPhrase(f"{thing.en} {place.en}", f"{thing.fr} {place.fr}", 2, noun.gender)
    kind = dice.number(0, 2)
    if kind == 0 and noun.en not in ("bed", "window", "door"):
        negation = dice.pick(("not", "anymore"))
        return sentence(Clause(whole, verb("work = marcher"), c.PRESENT, negation).statement())
    if kind == 1 and noun.en != "heating":
        return courtesy(
            dice, Clause(YOU, verb("repair = réparer"), c.COULD, object=whole).question(), "?"
        )
    predicate = quality(whole, dice.pick(adjectives("broken = cassé, dirty = sale, old = vieux")))
    return sentence(being(whole, predicate, mode=dice.pick((c.PRESENT, c.PAST))).statement())


def near(dice: Dice, place: NounPhrase, *, far: bool = True) -> Phrase:
    """Draw a position relative to a place: near the station, next to the park."""
    return place.after(*dice.pick(NEAR if far else NEAR[:-1]))


def in_town(dice: Dice) -> Phrase:
    """Draw a sentence such as: There is a good restaurant near the station."""
    noun, landmark = dice.two(lexicon.LANDMARKS)
    place = near(dice, noun_phrase("the", landmark), far=False)
    return there_is(dice, noun_phrase("a", noun), place)


def whereabouts(dice: Dice) -> Phrase:
    """Draw a sentence such as: The bank is next to the church."""
    noun, landmark = dice.two(lexicon.TOWN)
    clause = being(noun_phrase("the", noun), near(dice, noun_phrase("the", landmark)))
    return sentence(clause.question(), "?") if dice.chance(0.4) else sentence(clause.statement())


def where_is(dice: Dice) -> Phrase:
    """Draw a sentence such as: Excuse me, where is the bank? How do I get to the station?"""
    place = noun_phrase("the", dice.pick(lexicon.TOWN))
    excuse = dice.pick((Phrase("", ""), Phrase("excuse me, ", "excusez-moi, ")))
    kind = dice.number(0, 2)
    if kind == 0:
        return say(f"{excuse.en}where is {place.en}?", f"{excuse.fr}où est {place.fr} ?")
    if kind == 1:
        to = place.after("to", "à")
        return say(
            f"{excuse.en}how do I get {to.en}?", f"{excuse.fr}comment est-ce qu'on va {to.fr} ?"
        )
    here = dice.pick((Phrase("far from here", "loin d'ici"), Phrase("near here", "près d'ici")))
    return sentence(being(place, here).question(), "?")


def directions(dice: Dice) -> Phrase:
    """Draw a sentence such as: Take the second street on the left."""
    friend = dice.pick((None, None, dice.pick(lexicon.EVERYBODY)))
    side_en, side_fr = dice.pick(SIDES)
    landmark = noun_phrase("the", dice.pick(lexicon.LANDMARKS))
    if dice.chance(0.6):
        (nth_en, nth_fr), street = dice.pick(ORDINALS), dice.pick(STREETS)
        verb_fr = "prends" if friend else "prenez"
        where = dice.pick((None, landmark.after("after", "après")))
        way = join(
            Phrase(f"take the {nth_en} {street.en}", f"{verb_fr} la {nth_fr} {street.fr}"),
            Phrase(f"on the {side_en}", f"à {side_fr}"),
            where,
        )
    else:
        where = landmark.after(*dice.pick(pairs("after = après, before = avant, at = à")))
        verb_fr = "tourne" if friend else "tournez"
        way = join(Phrase(f"turn {side_en}", f"{verb_fr} à {side_fr}"), where)
    return to_friend(way, friend) if friend else sentence(way)


def trip(dice: Dice) -> Phrase:
    """Draw a sentence such as: We'll go to Spain by train in July; last year he went to Rome."""
    mode = dice.pick((c.PAST, c.PROGRESSIVE, c.FUTURE, c.WOULD_LIKE, c.WANT))
    times = LONG_AGO if mode is c.PAST else SOME_DAY
    time = when.in_month(dice) if dice.chance(0.4) else dice.pick(times)
    means = pairs("by train = en train, by car = en voiture, by bus = en bus, by plane = en avion")
    by = (Phrase(*dice.pick(means)),) if dice.chance(0.3) else ()
    rest = (when.abroad(dice, motion=True), *by, time)
    return sentence(Clause(actor(dice, GO, mode), GO, mode, rest=rest).statement())


def friend_trip(dice: Dice) -> Phrase:
    """Draw a sentence such as: Did you go to Japan last year, Marie?"""
    name = dice.pick(lexicon.EVERYBODY)
    mode = dice.pick((c.PAST, c.PAST, c.WOULD_LIKE, c.FUTURE, c.GOING_TO))
    time = dice.pick(LONG_AGO if mode is c.PAST else SOME_DAY)
    verbs = ("go = aller", "return = retourner") if mode is c.PAST else ("return = retourner",)
    rest = (when.abroad(dice, motion=True), time)
    return to_friend(
        Clause(familiar(name), verb(dice.pick(verbs)), mode, rest=rest).question(), name, "?"
    )


def arrival(dice: Dice) -> Phrase:
    """Draw a sentence such as: Marie arrived in Lyon on Monday."""
    who, mode = dice.pick((others(dice), kin(dice))), dice.pick((c.PAST, c.PAST, c.FUTURE))
    time = when.past_time(dice) if mode is c.PAST else when.future_time(dice)
    if dice.chance(0.5):
        rest = (when.abroad(dice, motion=False), time)
        return sentence(Clause(who, verb("arrive = arriver"), mode, rest=rest).statement())
    country = dice.pick(lexicon.COUNTRIES + lexicon.OTHER_COUNTRIES)
    city_en, city_fr = dice.pick(lexicon.CITIES)
    origin = dice.pick(
        (Phrase(f"from {country.en}", country.origin), Phrase(f"from {city_en}", f"de {city_fr}"))
    )
    return sentence(Clause(who, verb("come back = revenir"), mode, rest=(origin, time)).statement())


def stay(dice: Dice) -> Phrase:
    """Draw a sentence such as: He stayed in Rome for two weeks."""
    (en, fr), action = dice.pick(DURATIONS), verb("stay = rester")
    mode = dice.pick((c.PAST, c.FUTURE, c.GOING_TO, c.WOULD_LIKE, c.HAD_TO))
    rest = (when.abroad(dice, motion=False), Phrase(f"for {en}", f"pendant {fr}"))
    return sentence(Clause(actor(dice, action, mode), action, mode, rest=rest).statement())


def departures(dice: Dice) -> Phrase:
    """Draw a sentence such as: When does the next train to Rome leave?"""
    noun, (city_en, city_fr), (run_en, run_fr) = (
        dice.pick(VEHICLES), dice.pick(lexicon.CITIES), dice.pick(RUNS),
    )  # fmt: skip
    who = NounPhrase(f"{run_en} {noun.en} to {city_en}", f"{run_fr} {noun.fr} pour {city_fr}")
    return _scheduled(
        dice, who, verb("leave = partir"), dice.pick((c.PRESENT, c.FUTURE)), when.at_clock(dice)
    )


def opening_hours(dice: Dice) -> Phrase:
    """Draw a sentence such as: The bank opens at nine o'clock."""
    entry, low, high = dice.pick((("open = ouvrir", 8, 10), ("close = fermer", 5, 8)))
    en, fr = when.hour_of(dice.number(low, high), dice.number(0, 3))
    place = noun_phrase("the", dice.pick(OPENING))
    return _scheduled(dice, place, verb(entry), c.PRESENT, Phrase(f"at {en}", f"à {fr}"))


def _scheduled(dice: Dice, who: NounPhrase, act: c.Verb, mode: c.Mode, time: Phrase) -> Phrase:
    day = (
        (dice.pick(leave_out(when.ROUTINE, "every day, at the weekend")),)
        if mode is c.PRESENT and dice.chance(0.3)
        else ()
    )
    if dice.chance(0.4):
        asking = dice.pick((Phrase("when", "quand"), Phrase("what time", "à quelle heure")))
        return sentence(Clause(who, act, mode, rest=day).question(asking), "?")
    return sentence(Clause(who, act, mode, rest=(time, *day)).statement())


def tickets(dice: Dice) -> Phrase:
    """Draw a sentence such as: Two tickets to Lisbon for Monday, please."""
    city_en, city_fr = dice.pick(lexicon.CITIES)
    kind = dice.number(0, 2)
    if kind == 0:
        day, many = dice.pick(when.DAYS), counted(when.several(dice, 9), TICKET)
        return say(
            f"{many.en} to {city_en} for {day.en}, please.",
            f"{many.fr} pour {city_fr} pour {day.fr}, s'il vous plaît.",
        )
    thing = NounPhrase(f"a ticket to {city_en}", f"un billet pour {city_fr}")
    if kind == 1:
        return say(f"how much does {thing.en} cost?", f"combien coûte {thing.fr} ?")
    mode = dice.pick((c.WOULD_LIKE, c.MUST, c.HAVE_TO))
    return sentence(Clause(anybody(dice), verb("buy = acheter"), mode, object=thing).statement())


NATIONAL_THINGS = (
    ("buy = acheter", "car = voiture f, book = livre m, motorbike = moto f, lamp = lampe f"),
    ("watch = regarder", "film = film m, documentary = documentaire m"),
    ("read = lire", "novel = roman m, newspaper = journal m, magazine = magazine m"),
    ("sing = chanter", "song = chanson f"),
)


def national(dice: Dice) -> Phrase:
    """Draw a sentence such as: There is an Italian restaurant in Lyon."""
    country = dice.pick(lexicon.COUNTRIES + lexicon.OTHER_COUNTRIES)
    if dice.chance(0.4):
        shops = nouns("restaurant = restaurant m, bakery = boulangerie f, bookshop = librairie f, "
                      "school = école f")  # fmt: skip
        return there_is(
            dice, noun_phrase("a", dice.pick(shops), country.adjective), when.in_city(dice)
        )
    entry, things = dice.pick(NATIONAL_THINGS)
    mode = dice.pick((c.PAST, c.WOULD_LIKE, c.GOING_TO))
    rest = (when.past_time(dice),) if mode is c.PAST else ()
    thing = noun_phrase("a", dice.pick(nouns(things)), country.adjective)
    return sentence(Clause(anybody(dice), verb(entry), mode, object=thing, rest=rest).statement())


def superlative(dice: Dice) -> Phrase:
    """Draw a sentence such as: This is the oldest church in Lyon."""
    noun = dice.pick(lexicon.FAMOUS)
    adjective = dice.pick(
        [a for a in lexicon.OF_PLACES if a.en not in ("excellent", "new", "clean")]
    )
    city_en, city_fr = dice.pick(lexicon.CITIES)
    le = "la" if noun.gender == "f" else "le"
    agreed = adjective.french(noun.gender, many=False, before=noun.fr if adjective.before else "")
    best = f"{le} plus {agreed}"
    fr = f"{best} {noun.fr}" if adjective.before else f"{le} {noun.fr} {best}"
    en = f"the {english.superlative(adjective.en)} {noun.en} in {city_en}"
    if dice.chance(0.5):
        return say(f"this is {en}.", french.elide(f"c'est {fr} de {city_fr}."))
    return say(f"where is {en}?", f"où est {fr} de {city_fr} ?")


SCENES = (
    table_booking, room_booking, complaint, in_town, whereabouts, where_is, directions, trip,
    friend_trip, arrival, stay, departures, opening_hours, tickets, national, superlative,
)  # fmt: skip
