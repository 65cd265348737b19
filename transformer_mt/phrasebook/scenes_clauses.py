"""Sentences of more than one clause, questions with a question word, and manner."""

from transformer_mt.phrasebook import actions as a
from transformer_mt.phrasebook import adjuncts as when
from transformer_mt.phrasebook import clauses as c
from transformer_mt.phrasebook import lexicon
from transformer_mt.phrasebook.clauses import Clause, being, verb
from transformer_mt.phrasebook.dice import Dice
from transformer_mt.phrasebook.phrases import (
    HE,
    OWNERS,
    PRONOUNS,
    SHE,
    THEY,
    WE,
    I,
    NounPhrase,
    Phrase,
    join,
    noun_phrase,
    person,
    quality,
    say,
    sentence,
)
from transformer_mt.phrasebook.words import (
    adjectives,
    leave_out,
    nouns,
    pairs,
    select,
)

QUALIFIED = (
    ("read = lire", lexicon.READING, lexicon.OPINIONS),
    ("watch = regarder", lexicon.SHOWS, lexicon.SHOW_OPINIONS),
    ("rent = louer", lexicon.OWNED_VEHICLES, lexicon.COLOURS + leave_out(lexicon.SIZES, "new")),
    ("buy = acheter", lexicon.CLOTHES, lexicon.COLOURS + lexicon.LOOKS),
    ("visit = visiter", lexicon.SIGHTS, adjectives("beautiful = beau, big = grand, old = vieux, "
                                                    "famous = célèbre, quiet = calme")),
)  # fmt: skip


def relative_object(dice: Dice) -> Phrase:
    """Draw a sentence such as: The dress that she bought is red."""
    entry, things, verdicts = dice.pick(QUALIFIED)
    thing = noun_phrase("the", dice.pick(things))
    rest = (when.past_time(dice),) if dice.chance(0.3) else ()
    that = Clause(
        a.anybody(dice), verb(entry), c.PAST, object=thing, gap=True, rest=rest
    ).statement()
    whole = NounPhrase(f"{thing.en} that {that.en}", f"{thing.fr} que {that.fr}", 2, thing.gender)
    mode = c.PAST if "regarder" in entry else c.PRESENT
    return sentence(being(whole, quality(thing, dice.pick(verdicts)), mode=mode).statement())


def relative_place(dice: Dice) -> Phrase:
    """Draw a sentence such as: The letters that I received are on the table."""
    entry, things = dice.pick(
        (
            ("receive = recevoir", select(lexicon.MAIL, "letter, postcard, parcel")),
            ("buy = acheter", lexicon.PAPERS + lexicon.FOOTWEAR),
            ("find = trouver", lexicon.SMALL_THINGS),
        )
    )
    many = dice.chance(0.5) or dice.pick(things) in lexicon.FOOTWEAR
    things = things if many else tuple(n for n in things if n not in lexicon.FOOTWEAR)
    thing = noun_phrase("the", dice.pick(things), many=many)
    that = Clause(dice.pick(PRONOUNS), verb(entry), c.PAST, object=thing, gap=True).statement()
    whole = NounPhrase(f"{thing.en} that {that.en}", f"{thing.fr} que {that.fr}", thing.person)
    if dice.chance(0.3):
        be, est = ("are", "sont") if many else ("is", "est")
        return say(f"where {be} {whole.en}?", f"où {est} {whole.fr} ?")
    return sentence(being(whole, dice.pick(when.WHERE_THINGS_ARE)).statement())


STRANGERS = (
    ("man = homme m", "uncle = oncle m, brother = frère m, father = père m"),
    ("woman = femme f", "aunt = tante f, sister = sœur f, mother = mère f"),
    ("boy = garçon m", "son = fils m, nephew = neveu m, brother = frère m"),
    ("girl = fille f", "daughter = fille f, niece = nièce f, sister = sœur f"),
    ("lady = dame f", "aunt = tante f, grandmother = grand-mère f, mother = mère f"),
)
SEEN_DOING = (
    a.READ, a.DRINK, a.EAT, a.PLAY_MUSIC, a.LISTEN, a.PREPARE, a.LOOK_FOR,
    *a.verbs("sleep = dormir, dance = danser, sing = chanter, draw = dessiner, cook = cuisiner"),
)  # fmt: skip


def relative_subject(dice: Dice) -> Phrase:
    """Draw a sentence such as: The man who is talking to Paul is my brother."""
    stranger, family = dice.pick(STRANGERS)
    head = noun_phrase("the", nouns(stranger)[0], animate=True)
    if dice.chance(0.3):
        act = dice.pick((a.TALK_TO, a.WAIT_FOR, a.HELP)).verb
        thing: NounPhrase | None = person(dice.pick(lexicon.EVERYBODY))
    else:
        action = dice.pick(SEEN_DOING)
        act, thing = action.verb, action.object(dice, head)
    who = Clause(head, act, c.PROGRESSIVE, object=thing).relative()
    whole = NounPhrase(f"{head.en} {who.en}", f"{head.fr} {who.fr}", 2, head.gender)
    kin = noun_phrase(dice.pick(OWNERS), dice.pick(nouns(family)))
    return sentence(being(whole, kin.phrase).statement())


def knowing_somebody(dice: Dice) -> Phrase:
    """Draw a sentence such as: I know a woman who speaks Italian."""
    somebody = noun_phrase("a", nouns(dice.pick(STRANGERS)[0])[0], animate=True)
    language = dice.pick(lexicon.COUNTRIES).adjective
    trade = dice.pick(lexicon.WORKPLACES)
    relative = dice.pick(
        (
            Clause(somebody, verb("speak = parler"), rest=(Phrase(language.en, language.fr),)),
            Clause(somebody, verb("live = habiter"), rest=(when.abroad(dice, motion=False),)),
            Clause(
                somebody,
                verb("work = travailler"),
                rest=(noun_phrase("the", trade).after("at", "à"),),
            ),
        )
    )
    entry, mode = dice.pick((("know = connaître", c.PRESENT), ("meet = rencontrer", c.PAST)))
    clause = Clause(a.anybody(dice), verb(entry), mode, object=somebody)
    return sentence(join(clause.statement(), relative.relative()))


REASONS = adjectives("ill = malade, sad = triste, tired = fatigué, busy = occupé")
STAY = tuple(
    verb(v) for v in ("stay at home = rester à la maison", "go home = rentrer à la maison")
)
SKIPPED = a.verbs("""
    work = travailler, swim = nager, dance = danser, sing = chanter, cook = cuisiner, run = courir,
    do the shopping = faire les courses, do the dishes = faire la vaisselle,
    have breakfast = prendre le petit déjeuner
""")


def because(dice: Dice) -> Phrase:
    """Draw a sentence such as: Marie isn't working today because she is ill."""
    if dice.chance(0.3):
        who = again = I
        reason = quality(I, dice.pick(REASONS[:2]))
    else:
        who = dice.pick((HE, SHE, person(dice.pick(lexicon.EVERYBODY)), a.kin(dice)))
        again = who if who in (HE, SHE) else who.pronoun()
        reason = quality(again, dice.pick(REASONS))
    past = who is not I and dice.chance(0.4)
    why = being(again, reason, mode=c.PAST if past else c.PRESENT).statement()
    if dice.chance(0.35):
        act = dice.pick(STAY)
        first = Clause(who, act, c.PAST if past else dice.pick((c.MUST, c.GOING_TO))).statement()
        rain = ("it was raining", "il pleuvait") if past else ("it's raining", "il pleut")
        why = Phrase(*rain) if dice.chance(0.4) else why
    else:
        mode = c.PAST if past else dice.pick((c.CAN, c.GOING_TO, c.WANT))
        first = Clause(who, dice.pick(SKIPPED).verb, mode, "not").statement()
    return sentence(join(first, Phrase("because", "parce que"), why))


BAD_WEATHER = pairs(
    "if it rains = si il pleut, if it snows = si il neige, if it's cold = si il fait froid"
)
NICE_WEATHER = pairs("if it's nice = si il fait beau, if it's hot = si il fait chaud, "
                     "if it's sunny = si il y a du soleil")  # fmt: skip
FREE_TIME = pairs("if we have time = si nous avons le temps, if you want = si vous voulez, "
                  "if you're free = si vous êtes libre")  # fmt: skip
INDOORS = (
    a.READ,
    a.WATCH,
    a.CLEAN,
    a.LISTEN,
    a.PLAY_MUSIC,
    a.PREPARE,
    a.WRITE,
    *a.verbs("stay at home = rester à la maison, take the car = prendre la voiture"),
)
OUTDOORS = (a.PLAY_SPORT, a.VISIT, *a.verbs("""
    wash the car = laver la voiture,
    go for a walk = se promener, swim = nager, go to the beach = aller à la plage,
    work in the garden = travailler dans le jardin, go to the park = aller au parc,
    go out = sortir, have lunch in the garden = déjeuner dans le jardin
"""))  # fmt: skip
TOGETHER = (a.VISIT, a.WATCH, a.GO_TO, a.CALL, a.INVITE, a.HELP, a.PREPARE, *a.verbs("""
    go for a walk = se promener, have dinner together = dîner ensemble, dance = danser
"""))  # fmt: skip


def condition(dice: Dice) -> Phrase:
    """Draw a sentence such as: If it rains tomorrow, we'll stay at home."""
    who = dice.pick((I, WE, THEY, HE, SHE, a.others(dice)))
    time = (
        when.SOON[0] if dice.chance(0.3) else (dice.pick(when.SOON) if dice.chance(0.5) else None)
    )
    mode, negation, kind = c.FUTURE, "", dice.number(0, 3)
    if kind == 0:
        si, actions = dice.pick(BAD_WEATHER), INDOORS
    elif kind == 1:
        si, actions = dice.pick(NICE_WEATHER), OUTDOORS
    elif kind == 2:
        si, actions, negation = dice.pick(BAD_WEATHER), OUTDOORS, "not"
    else:
        si, actions, who = dice.pick(FREE_TIME), TOGETHER, WE
        mode = dice.pick((c.CAN, c.FUTURE))
        time = None if "want" in si[0] else time
    action = dice.pick(actions)
    result = Clause(who, action.verb, mode, negation, action.object(dice, who)).statement()
    start = join(Phrase(*si), time)
    return say(f"{start.en}, {result.en}.", f"{start.fr}, {result.fr}.")


CHILDHOOD = (a.PLAY_SPORT, a.PLAY_MUSIC, a.TAKE, a.GO_TO, a.READ, a.LISTEN, a.WATCH, *a.verbs("""
    get up early = se lever tôt, sing = chanter, dance = danser, swim = nager, draw = dessiner,
    work in the garden = travailler dans le jardin, go for a walk = se promener, run = courir
"""))  # fmt: skip


def childhood(dice: Dice) -> Phrase:
    """Draw a sentence such as: When I was young, I used to play the piano every day."""
    who, action = dice.pick((I, HE, SHE, THEY)), dice.pick(CHILDHOOD)
    young = Phrase("young", "jeunes" if who.many else "jeune")
    child = Phrase("children", "enfants") if who.many else Phrase("a child", "enfant")
    first = being(who, dice.pick((young, child)), mode=c.PAST).statement()
    rest = (dice.pick(when.ROUTINE),)
    thing = action.object(dice, who)
    second = Clause(who, action.verb, c.USED_TO, object=thing, rest=rest).statement()
    return say(f"when {first.en}, {second.en}.", f"quand {first.fr}, {second.fr}.")


INTERRUPTED = (*a.LEISURE, *a.verbs("""
    work = travailler, sleep = dormir, cook = cuisiner, rest = se reposer, have lunch = déjeuner,
    have dinner = dîner, do the dishes = faire la vaisselle, do the housework = faire le ménage
"""))  # fmt: skip


def interruption(dice: Dice) -> Phrase:
    """Draw a sentence such as: I was cooking when Paul arrived."""
    who, action = a.anybody(dice), dice.pick(INTERRUPTED)
    first = Clause(who, action.verb, c.WAS_DOING, object=action.object(dice, who)).statement()
    name = person(dice.pick([n for n in lexicon.EVERYBODY if n.name != who.en]))
    event = verb(dice.pick(("arrive = arriver", "call = téléphoner", "come home = rentrer")))
    second = Clause(name, event, c.PAST).statement()
    return sentence(join(first, Phrase("when", "quand"), second))


def opinion(dice: Dice) -> Phrase:
    """Draw a sentence such as: I think that this film is very sad."""
    things, verdicts = dice.pick(
        (
            (lexicon.READING, lexicon.OPINIONS),
            (lexicon.SHOWS, lexicon.SHOW_OPINIONS),
            (lexicon.FAMOUS, lexicon.PRAISE),
            (lexicon.CLOTHES, lexicon.LOOKS),
        )
    )
    thing = noun_phrase(dice.pick(("this", "the")), dice.pick(things))
    if dice.chance(0.25):
        thing, verdicts = person(dice.pick(lexicon.EVERYBODY)), lexicon.OF_PEOPLE
    adjective = dice.pick(verdicts)
    degree = dice.pick((None, when.VERY))
    degree = None if adjective.en in ("excellent", "delicious") else degree
    about = being(thing, degree, quality(thing, adjective)).statement()
    opine = verb(dice.pick(("think = penser", "say = dire")))
    who = a.others(dice) if "say" in opine.en else a.anybody(dice)
    return sentence(join(Clause(who, opine).statement(), Phrase("that", "que"), about))


LASTING = (
    (a.WAIT_FOR, when.FOR_HOURS), (a.WAIT_FOR, when.FOR_HOURS), (a.LOOK_FOR, when.RECENTLY),
    (a.STUDY, when.FOR_YEARS), (a.PLAY_MUSIC, when.FOR_YEARS),
    (a.PLAY_SPORT, when.FOR_YEARS), *((action, when.SPANS) for action in a.verbs(
        "work here = travailler ici, work in town = travailler en ville, travel = voyager")),
    *((action, when.FOR_HOURS) for action in a.verbs("sleep = dormir, rest = se reposer")),
)  # fmt: skip


def since(dice: Dice) -> Phrase:
    """Draw a sentence such as: We've been waiting for Paul for an hour."""
    (action, spans), who = dice.pick(LASTING), a.anybody(dice)
    thing, rest = action.object(dice, who), (dice.pick(spans),)
    return sentence(Clause(who, action.verb, c.SINCE, object=thing, rest=rest).statement())


COMPANIONS = select(lexicon.RELATIVES, "parent, child, friend")


def company(dice: Dice) -> Phrase:
    """Draw a sentence such as: She went to the cinema with her parents."""
    action = dice.pick((a.GO_TO, a.PLAY_SPORT, a.WATCH, a.VISIT, *a.verbs(
        "dance = danser, travel = voyager, have dinner = dîner, have lunch = déjeuner, "
        "swim = nager, do the shopping = faire les courses")))  # fmt: skip
    mode = dice.pick((c.GOING_TO, c.WANT, c.WOULD_LIKE, c.PAST, c.FUTURE))
    mode = a.without_repetition(mode, action.verb)
    who = a.actor(dice, action.verb, mode)
    several = who.person in (2, 5) or dice.chance(0.5)
    circle = COMPANIONS if several else lexicon.FAMILY
    companion = noun_phrase(a.own(who), dice.pick(circle), many=several)
    rest = (companion.after(*dice.pick((("with", "avec"), ("without", "sans")))),)
    thing = action.object(dice, who)
    return sentence(Clause(who, action.verb, mode, object=thing, rest=rest).statement())


SCENES = (
    relative_object, relative_place, relative_subject, knowing_somebody, because, condition,
    childhood, interruption, opinion, since, company,
)  # fmt: skip
