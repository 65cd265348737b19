"""Actions: a verb together with the kinds of object that make sense with it."""

from collections.abc import Callable
from typing import NamedTuple

from transformer_mt.phrasebook import lexicon
from transformer_mt.phrasebook.clauses import (
    FUTURE,
    GOING_TO,
    Mode,
    Verb,
    verb,
)
from transformer_mt.phrasebook.dice import Dice
from transformer_mt.phrasebook.phrases import (
    OWNERS,
    PRONOUNS,
    THIRD,
    YOU,
    NounPhrase,
    generic,
    noun_phrase,
    person,
    some,
)
from transformer_mt.phrasebook.words import Adjective, Noun, nouns

Thing = Callable[[Dice, NounPhrase], NounPhrase]


class Action(NamedTuple):
    """Verb with a function that draws its object, given the subject; None if intransitive.

    A `daily` action takes adverbs of the same or the next day: nobody gets up next year.
    """

    verb: Verb
    thing: Thing | None = None
    daily: bool = False

    def object(self, dice: Dice, subject: NounPhrase) -> NounPhrase | None:
        """Draw an object that suits the verb."""
        return self.thing(dice, subject) if self.thing else None


def own(subject: NounPhrase) -> str:
    """Return the possessive determiner of a subject: my, thy, his, her, our, your, their."""
    if subject.person == 2:
        return "her" if subject.gender == "f" else "his"
    return ("my", "thy", "", "our", "your", "their")[subject.person]


def perhaps(dice: Dice, adjectives: tuple[Adjective, ...]) -> Adjective | None:
    """Draw one of the adjectives with probability 1/2, else None."""
    return dice.pick(adjectives) if adjectives and dice.chance(0.5) else None


def the(things: tuple[Noun, ...], adjectives: tuple[Adjective, ...] = ()) -> Thing:
    """Return a function that draws a definite noun phrase, sometimes with an adjective."""
    return lambda dice, _: noun_phrase("the", dice.pick(things), perhaps(dice, adjectives))


def a(things: tuple[Noun, ...], adjectives: tuple[Adjective, ...] = ()) -> Thing:
    """Return a function that draws an indefinite noun phrase, sometimes with an adjective."""
    return lambda dice, _: noun_phrase("a", dice.pick(things), perhaps(dice, adjectives))


def any_of(things: tuple[Noun, ...], *, many: bool = False) -> Thing:
    """Return a function that draws an indefinite quantity of a thing."""
    return lambda dice, _: some(dice.pick(things), many=many)


def kinds(things: tuple[Noun, ...]) -> Thing:
    """Return a function that draws a generic noun phrase: la musique."""
    return lambda dice, _: generic(dice.pick(things))


def theirs(things: tuple[Noun, ...], adjectives: tuple[Adjective, ...] = ()) -> Thing:
    """Return a function that draws a thing owned by the subject, sometimes with an adjective."""
    return lambda dice, subject: noun_phrase(
        own(subject), dice.pick(things), perhaps(dice, adjectives)
    )


def either(*choices: Thing) -> Thing:
    """Return a function that draws one of several kinds of object."""
    return lambda dice, subject: dice.pick(choices)(dice, subject)


def somebody_by_trade(dice: Dice) -> NounPhrase:
    """Draw a person named by trade: the woman, the young doctor."""
    adjective = lexicon.YOUNG if dice.chance(0.3) else None
    return noun_phrase("the", dice.pick(lexicon.PEOPLE), adjective, animate=True)


def somebody(dice: Dice, subject: NounPhrase) -> NounPhrase:
    """Draw a person: a first name, a relative of the subject, or a person named by trade."""
    kind = dice.number(0, 2)
    if kind == 0:
        return somebody_by_trade(dice)
    if kind == 1 and subject.person != 2:
        return noun_phrase(own(subject), dice.pick(lexicon.FAMILY), animate=True)
    name = dice.pick(lexicon.MEN if subject.gender == "f" else lexicon.WOMEN)
    return person(name)


def verbs(table: str) -> tuple[Action, ...]:
    """Read "get up early = se lever tôt, swim = nager": daily actions without an object."""
    return tuple(Action(verb(" ".join(entry.split())), daily=True) for entry in table.split(","))


EAT = Action(
    verb("eat = manger"),
    either(any_of(lexicon.FOOD), any_of(lexicon.DISHES, many=True), a(lexicon.SNACKS)),
    daily=True,
)
DRINK = Action(verb("drink = boire"), any_of(lexicon.DRINKS), daily=True)
READ = Action(verb("read = lire"), a(lexicon.READING, lexicon.OF_READING))
WATCH = Action(verb("watch = regarder"), a(lexicon.SHOWS, lexicon.OF_SHOWS))
LISTEN = Action(verb("listen to = écouter"), the(nouns("radio = radio f")), daily=True)
PLAY_SPORT = Action(verb("play = jouer à"), kinds(lexicon.SPORTS), daily=True)
PLAY_MUSIC = Action(verb("play = jouer de"), the(lexicon.INSTRUMENTS), daily=True)
WRITE = Action(verb("write = écrire"), a(lexicon.NOTES))
CLEAN = Action(verb("clean = nettoyer"), the(lexicon.INDOORS), daily=True)
STUDY = Action(verb("study = étudier"), kinds(lexicon.SUBJECTS))
CALL = Action(verb("call = appeler"), somebody)
HELP = Action(verb("help = aider"), somebody, daily=True)
GO_TO = Action(verb("go to = aller à"), the(lexicon.TOWN, lexicon.AGES))
TAKE = Action(verb("take = prendre"), the(lexicon.VEHICLES))

DAILY = verbs("""
    get up early = se lever tôt, go to bed late = se coucher tard, rest = se reposer,
    wake up early = se réveiller tôt, go for a walk = se promener, go out = sortir,
    go home = rentrer à la maison, stay at home = rester à la maison, leave early = partir tôt,
    arrive late = arriver en retard, work = travailler, cook = cuisiner, sing = chanter,
    dance = danser, swim = nager, run = courir, walk = marcher, draw = dessiner,
    have lunch in town = déjeuner en ville, have dinner at the restaurant = dîner au restaurant,
    have breakfast in the garden = prendre le petit déjeuner dans le jardin,
    do the shopping = faire les courses, do the dishes = faire la vaisselle,
    do the housework = faire le ménage, drive = conduire,
    work in the garden = travailler dans le jardin
""")
LEISURE = (EAT, EAT, DRINK, DRINK, READ, WATCH, LISTEN, PLAY_SPORT, PLAY_MUSIC)
HABITS = (
    *LEISURE, WRITE, CLEAN, STUDY, CALL, HELP, TAKE, GO_TO, Action(verb("smoke = fumer")), *DAILY,
)  # fmt: skip
"""Actions done regularly."""

BUY = Action(
    verb("buy = acheter"),
    either(
        a(lexicon.GOODS, lexicon.OF_THINGS),
        a(lexicon.CLOTHES, lexicon.OF_CLOTHES),
        any_of(lexicon.FOOD + lexicon.SEASONINGS),
        any_of(lexicon.DISHES + lexicon.GROCERIES + lexicon.FOOTWEAR, many=True),
        a(lexicon.PRESS),
    ),
)
SELL = Action(
    verb("sell = vendre"),
    theirs(lexicon.GOODS + lexicon.OWNED_VEHICLES, lexicon.AGES + lexicon.COLOURS),
)
LOSE = Action(verb("lose = perdre"), theirs(lexicon.BELONGINGS, lexicon.AGES))
FIND = Action(
    verb("find = trouver"), either(theirs(lexicon.BELONGINGS, lexicon.AGES), a(lexicon.BELONGINGS))
)
FORGET = Action(verb("forget = oublier"), theirs(lexicon.BELONGINGS, lexicon.AGES))
LOOK_FOR = Action(verb("look for = chercher"), theirs(lexicon.BELONGINGS, lexicon.AGES))
REPAIR = Action(
    verb("repair = réparer"), theirs(lexicon.OWNED_VEHICLES + lexicon.MACHINES, lexicon.AGES)
)
SEE = Action(verb("see = voir"), somebody)
MEET = Action(verb("meet = rencontrer"), somebody)
INVITE = Action(verb("invite = inviter"), somebody)
WAIT_FOR = Action(verb("wait for = attendre"), somebody, daily=True)
VISIT = Action(verb("visit = visiter"), the(lexicon.MONUMENTS, lexicon.AGES))
TALK_TO = Action(verb("talk to = parler à"), somebody)
ANSWER = Action(verb("answer = répondre à"), somebody)
OPEN = Action(verb("open = ouvrir"), the(lexicon.OPENABLE), daily=True)
CLOSE = Action(verb("close = fermer"), the(lexicon.OPENABLE), daily=True)
RECEIVE = Action(verb("receive = recevoir"), a(lexicon.MAIL))
SEND = Action(verb("send = envoyer"), a(lexicon.MAIL))
ORDER = Action(
    verb("order = commander"),
    either(any_of(lexicon.RESTAURANT_FOOD), any_of(lexicon.DRINKS), a(lexicon.SNACKS)),
    daily=True,
)
WASH = Action(
    verb("wash = laver"),
    theirs(lexicon.LAUNDRY + lexicon.OWNED_VEHICLES, lexicon.AGES + lexicon.COLOURS),
    daily=True,
)
MISS = Action(verb("miss = rater"), the(lexicon.LONG_DISTANCE))
RENT = Action(verb("rent = louer"), a(lexicon.OWNED_VEHICLES, lexicon.SIZES))
BREAK = Action(verb("break = casser"), the(lexicon.FRAGILE))
PREPARE = Action(
    verb("prepare = préparer"),
    either(
        the(nouns("meal = repas m, dessert = dessert m, salad = salade f")), kinds(lexicon.MEALS)
    ),
    daily=True,
)
PAY = Action(verb("pay = payer"), the(nouns("bill = addition f, rent = loyer m")))

PROJECTS = (
    BUY, BUY, SELL, REPAIR, SEE, MEET, INVITE, VISIT, TALK_TO, ANSWER, SEND, WASH, RENT, CALL, HELP,
    READ, WATCH, WRITE, CLEAN, GO_TO, PREPARE, WAIT_FOR, TAKE, PLAY_SPORT,
)  # fmt: skip
PLANS = (*PROJECTS, *DAILY)
"""Actions done by decision."""

ACCIDENTS = (LOSE, FIND, FORGET, RECEIVE, MISS, BREAK)
EVENTS = (*PROJECTS, *ACCIDENTS, ORDER, EAT, DRINK, OPEN, CLOSE, *DAILY)
"""Actions described as past events."""

CHORES = (
    BUY, BUY, REPAIR, INVITE, TALK_TO, ANSWER, SEND, WASH, CALL, CLEAN, CLOSE, PREPARE, WRITE,
    HELP, PAY, *verbs("""do the shopping = faire les courses, do the dishes = faire la vaisselle,
    do the housework = faire le ménage"""),
)  # fmt: skip
"""Actions that are easily forgotten or asked of others."""

TO_PEOPLE = (SEE, MEET, INVITE, WAIT_FOR, TALK_TO, ANSWER, CALL, HELP)


def relatives(dice: Dice) -> NounPhrase:
    """Draw a relative or relatives: my sister, his parents, our friends."""
    owner = dice.pick(("my", "his", "her", "our", "your"))
    if dice.chance(0.3):
        return noun_phrase(owner, dice.pick(lexicon.RELATIVES), many=True, animate=True)
    return noun_phrase(owner, dice.pick(lexicon.FAMILY), animate=True)


def others(dice: Dice) -> NounPhrase:
    """Draw a third person: he, Marie, my sister, the doctor."""
    kind = dice.number(0, 5)
    if kind < 2:
        return dice.pick(THIRD)
    if kind < 4:
        return person(dice.pick(lexicon.MEN + lexicon.WOMEN))
    if kind == 4:
        return relatives(dice)
    return somebody_by_trade(dice)


def actor(dice: Dice, action: Verb, mode: Mode) -> NounPhrase:
    """Draw a subject for a verb; not je, nous or vous where a participle would show the gender."""
    shows = action.with_etre and mode.perfect and not mode.head
    return others(dice) if shows or dice.chance(0.5) else dice.pick(PRONOUNS)


def without_repetition(mode: Mode, action: Verb) -> Mode:
    """Return the mode, with the future in place of "going to go"."""
    return FUTURE if mode is GOING_TO and action.fr == "aller" else mode


def anybody(dice: Dice) -> NounPhrase:
    """Draw any subject: a pronoun with probability 1/2."""
    return dice.pick(PRONOUNS) if dice.chance(0.5) else others(dice)


def asked(dice: Dice) -> NounPhrase:
    """Draw the subject of a question: "you" with probability 1/2."""
    return YOU if dice.chance(0.5) else others(dice)


def kin(dice: Dice, owners: tuple[str, ...] = OWNERS) -> NounPhrase:
    """Draw one relative: my sister, their uncle."""
    return noun_phrase(dice.pick(owners), dice.pick(lexicon.FAMILY), animate=True)
