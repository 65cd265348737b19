"""Things, the pronouns that stand for them, and sentences of more than one clause."""

from transformer_mt.phrasebook import actions as a
from transformer_mt.phrasebook import adjuncts as when
from transformer_mt.phrasebook import clauses as c
from transformer_mt.phrasebook import english, french, lexicon
from transformer_mt.phrasebook.clauses import BE, HAVE, Clause, verb
from transformer_mt.phrasebook.dice import Dice
from transformer_mt.phrasebook.phrases import (
    HE,
    OWNERS,
    PRONOUNS,
    SHE,
    THEY,
    THIRD,
    YOU,
    I,
    NounPhrase,
    Phrase,
    core,
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
)
from transformer_mt.phrasebook.words import Adjective, Noun, adjectives, nouns, pairs

EVERYBODY = lexicon.MEN + lexicon.WOMEN
SMALL_THINGS = lexicon.BELONGINGS + lexicon.READING[:4]
LIKE = verb("like = aimer", state=True)
CAN_FIND = verb("find = trouver")


def somewhere(dice: Dice) -> Phrase:
    """On the table, in the drawer, under the bed."""
    if dice.chance(0.4):
        return noun_phrase("the", dice.pick(lexicon.HOLDERS)).after("in", "dans")
    surface = noun_phrase("the", dice.pick(lexicon.SURFACES))
    return surface.after(*dice.pick((("on", "sur"), ("under", "sous"), ("behind", "derrière"))))


def place_of_thing(dice: Dice) -> Phrase:
    """My keys are in the drawer; where is Paul's umbrella? Are your gloves on the chair?"""
    many = dice.chance(0.4)
    noun = dice.pick(lexicon.BELONGINGS + lexicon.FOOTWEAR)
    thing = noun_phrase(dice.pick(OWNERS), noun, many=many)
    if not many and dice.chance(0.4):
        thing = owned_by(dice.pick(EVERYBODY), noun)
    kind = dice.number(0, 3)
    if kind == 0:
        be, est = ("are", "sont") if many else ("is", "est")
        return say(f"where {be} {thing.en}?", f"où {est} {thing.fr} ?")
    clause = Clause(thing, BE, rest=(somewhere(dice),))
    return sentence(clause.question(), "?") if kind == 1 else sentence(clause.statement())


def lost_and_found(dice: Dice) -> Phrase:
    """Where are my glasses? I can't find them. They are on the table."""
    many = dice.chance(0.4)
    thing = noun_phrase("my", dice.pick(SMALL_THINGS), many=many)
    be, est = ("are", "sont") if many else ("is", "est")
    where = say(f"where {be} {thing.en}?", f"où {est} {thing.fr} ?")
    kind = dice.number(0, 2)
    if kind == 0:
        answer = Clause(thing.pronoun(), BE, rest=(somewhere(dice),)).statement()
        your = noun_phrase("your", dice.pick(SMALL_THINGS), many=many)
        where = say(f"where {be} {your.en}?", f"où {est} {your.fr} ?")
        answer = Clause(your.pronoun(), BE, rest=(somewhere(dice),)).statement()
    else:
        mode, negation = dice.pick(((c.CAN, "not"), (c.HAVE_TO, ""), (c.WANT, "")))
        answer = Clause(I, CAN_FIND, mode, negation, thing, pronoun=True).statement()
    return then(where, sentence(answer))


def judged_thing(dice: Dice) -> Phrase:
    """Marie's new car is very expensive; my suitcase was too heavy; is this sofa comfortable?"""
    groups: tuple[tuple[tuple[Noun, ...], tuple[Adjective, ...]], ...] = (
        (lexicon.GOODS + lexicon.OWNED_VEHICLES, lexicon.OF_THINGS),
        (lexicon.CLOTHES, lexicon.OF_CLOTHES + lexicon.COLOURS),
        (lexicon.ROOMS, lexicon.OF_ROOMS),
        (nouns("hotel = hôtel m, house = maison f, flat = appartement m"), lexicon.OF_PLACES[:7]),
    )
    things, qualities = dice.pick(groups)
    noun, adjective = dice.pick(things), dice.pick(qualities)
    many = things is not lexicon.ROOMS and dice.chance(0.3)
    determiner = dice.pick(("this", "my", "his", "her", "our", "your", "their"))
    thing = noun_phrase(determiner, noun, many=many)
    if not many and dice.chance(0.2):
        thing = owned_by(dice.pick(EVERYBODY), noun)
    predicate = quality(thing, adjective)
    if adjective not in lexicon.COLOURS and adjective.en != "broken":
        degree = dice.pick((None, Phrase("very", "très"), Phrase("really", "vraiment")))
        predicate = join(degree, predicate)
    if dice.chance(0.25):
        return sentence(Clause(thing, BE, rest=(predicate,)).question(), "?")
    mode, negation = dice.pick((c.PRESENT, c.PAST)), dice.pick(("", "", "not"))
    return sentence(Clause(thing, BE, mode, negation, rest=(predicate,)).statement())


def possession(dice: Dice) -> Phrase:
    """We have a small house; do they have a black cat? She doesn't have a car anymore."""
    groups: tuple[tuple[tuple[Noun, ...], tuple[Adjective, ...]], ...] = (
        (lexicon.ANIMALS, lexicon.COLOURS[3:5] + adjectives("big = <grand, small = <petit, old = <vieux")),
        (lexicon.OWNED_VEHICLES, lexicon.COLOURS + lexicon.OF_PLACES[:4]),
        (nouns("house = maison f, flat = appartement m, garden = jardin m"), lexicon.OF_PLACES[:6]),
        (lexicon.GOODS, lexicon.OF_THINGS[2:5]),
        (nouns("idea = idée f, question = question f"), adjectives("good = <bon, new = <nouveau, other = <autre")[:2]),
    )  # fmt: skip
    things, qualities = dice.pick(groups)
    adjective = dice.pick(qualities) if dice.chance(0.7) else None
    thing = noun_phrase("a", dice.pick(things), adjective)
    who = dice.pick((*PRONOUNS, a.others(dice), a.others(dice), a.relatives(dice)))
    if dice.chance(0.25):
        who = YOU if dice.chance(0.5) else who
        return sentence(Clause(who, HAVE, object=thing).question(), "?")
    mode, negation = dice.pick(((c.PRESENT, ""), (c.PRESENT, "not"), (c.PAST, ""), (c.PRESENT, "anymore"),
                                (c.WOULD_LIKE, "")))  # fmt: skip
    return sentence(Clause(who, HAVE, mode, negation, thing).statement())


def identified(dice: Dice) -> Phrase:
    """Is this your umbrella, Paul? This is Marie's car. This isn't my coat."""
    noun = dice.pick(lexicon.BELONGINGS + lexicon.CLOTHES + lexicon.OWNED_VEHICLES)
    name = dice.pick(EVERYBODY)
    adjective = dice.pick((None, lexicon.OF_THINGS[2]))
    kind = dice.number(0, 3)
    if kind == 0:
        thing = noun_phrase("thy", noun, adjective)
        return say(f"is this {thing.en}, {name.name}?", f"est-ce que c'est {thing.fr}, {name.name} ?")
    thing = noun_phrase(dice.pick(OWNERS), noun, adjective)
    thing = owned_by(name, noun, adjective) if dice.chance(0.6) else thing
    if kind == 1:
        return say(f"is this {thing.en}?", f"est-ce que c'est {thing.fr} ?")
    if kind == 2:
        return say(f"this isn't {thing.en}.", f"ce n'est pas {thing.fr}.")
    return say(f"this is {thing.en}.", f"c'est {thing.fr}.")


def people_pronouns(dice: Dice) -> Phrase:
    """I don't know her; we called them yesterday; can you help me? He never talks to us."""
    action = dice.pick(a.TO_PEOPLE).verb
    whom = dice.pick((*THIRD, I, YOU, dice.pick(PRONOUNS)))
    mode = dice.pick((c.PRESENT, c.PAST, c.PERFECT, c.FUTURE, c.GOING_TO, c.CAN, c.WANT, c.MUST))
    if mode.perfect and not action.link:
        whom = dice.pick(THIRD)
    who = dice.pick([p for p in (*PRONOUNS, *THIRD) if not _same(p, whom)])
    if mode is c.PRESENT:
        clause = Clause(who, action, mode, dice.pick(("never", "")), whom, pronoun=True)
        adverb = None if clause.negation else dice.pick(when.OFTEN)
        clause = Clause(who, action, mode, clause.negation, whom, pronoun=True, adverb=adverb)
    else:
        negation = dice.pick(("", "not")) if mode is not c.MUST else ""
        times = {c.PAST: when.PAST_TIMES, c.PERFECT: ()}.get(mode, when.FUTURE_TIMES)
        if mode is c.PERFECT:
            negation = "yet" if negation else "never"
        rest = (dice.pick(times),) if times else ()
        clause = Clause(who, action, mode, negation, whom, pronoun=True, rest=rest)
    if who is YOU and mode in (c.CAN, c.FUTURE, c.GOING_TO, c.WANT):
        clause = Clause(who, action, mode, "", whom, pronoun=True, rest=clause.rest)
        return sentence(clause.question(), "?")
    return sentence(clause.statement())


def _same(subject: NounPhrase, whom: NounPhrase) -> bool:
    first = (0, 3)
    return subject.person == whom.person or (subject.person in first and whom.person in first)


def acquaintance(dice: Dice) -> Phrase:
    """Do you know my sister? I know her very well; we don't know this man."""
    know = verb("know = connaître", state=True)
    whom = dice.pick((a.relatives(dice), person(dice.pick(EVERYBODY)),
                      noun_phrase("this", dice.pick(lexicon.PEOPLE), animate=True)))  # fmt: skip
    if dice.chance(0.5):
        asked = sentence(Clause(YOU, know, object=whom).question(), "?")
        if dice.chance(0.2):
            return asked
        manner = dice.pick((Phrase("very well", ""), Phrase("", "")))
        adverb = Phrase("", "très bien") if manner.en else None
        negation = "" if manner.en else "not"
        answer = Clause(I, know, c.PRESENT, negation, whom, pronoun=True, adverb=adverb,
                        rest=(manner,) if manner.en else ())  # fmt: skip
        return then(asked, sentence(answer.statement()))
    who = dice.pick((*PRONOUNS[:1], *THIRD))
    mode, negation = dice.pick(((c.PRESENT, "not"), (c.PRESENT, ""), (c.PAST, "not")))
    return sentence(Clause(who, know, mode, negation, whom).statement())


def thing_pronouns(dice: Dice) -> Phrase:
    """This is my new coat. Do you like it? She bought a dress but she never wears it."""
    noun, many = dice.pick(lexicon.CLOTHES), False
    if dice.chance(0.3):
        noun, many = dice.pick(lexicon.FOOTWEAR), True
    thing = noun_phrase("my", noun, dice.pick(lexicon.OF_CLOTHES[1:4]), many=many)
    if dice.chance(0.35):
        these, voici = ("these are", "voici") if many else ("this is", "voici")
        shown = say(f"{these} {thing.en}.", f"{voici} {thing.fr}.")
        return then(shown, sentence(Clause(YOU, LIKE, object=thing, pronoun=True).question(), "?"))
    who = dice.pick((I, *THIRD, person(dice.pick(EVERYBODY))))
    bought = noun_phrase("this", noun, many=many)
    again = who if who in (I, *THIRD) else who.pronoun()
    first = Clause(who, verb("buy = acheter"), c.PAST, object=bought).statement()
    act, mode, negation = dice.pick((
        ("wear = porter", c.PRESENT, "never"), ("like = aimer", c.PRESENT, "anymore"),
        ("want to sell = vouloir vendre", c.PRESENT, ""), ("lose = perdre", c.PAST, ""),
        ("wear = porter", c.PERFECT, "yet"),
    ))  # fmt: skip
    action = verb(act)
    if act.startswith("want"):
        action, mode = verb("sell = vendre"), c.WANT
    second = Clause(again, action, mode, negation, bought, pronoun=True).statement()
    return sentence(join(first, Phrase("but", "mais"), second))


def gift(dice: Dice) -> Phrase:
    """I gave her a book; will you send us a postcard? He bought flowers for his mother."""
    name = dice.pick(EVERYBODY)
    who = dice.pick((*PRONOUNS, person(name), a.relatives(dice)))
    entry, things = dice.pick((
        ("give = donner", SMALL_THINGS), ("lend = prêter", lexicon.BELONGINGS),
        ("send = envoyer", lexicon.MAIL), ("give = offrir", ())))[:2]  # fmt: skip
    things = things or lexicon.READING
    entry = "give = donner" if entry.startswith("give") else entry
    thing = noun_phrase("a", dice.pick(things))
    mode = dice.pick((c.PAST, c.FUTURE, c.GOING_TO, c.CAN, c.WANT))
    negation = "not" if dice.chance(0.2) else ""
    if dice.chance(0.6):
        whom = dice.pick([p for p in PRONOUNS if not _same(p, who)])
        if who.person == 2:
            whom = dice.pick([p for p in PRONOUNS if p.person != 2])
        clause = Clause(who, verb(entry), mode, negation, thing, receiver=whom)
        return sentence(clause.statement())
    kin = noun_phrase(a.own(who), dice.pick(lexicon.FAMILY))
    rest = kin.after("to", "à") if who.en not in ("you",) else person(name).after("to", "à")
    return sentence(Clause(who, verb(entry), mode, negation, thing, rest=(rest,)).statement())


def friend_gift(dice: Dice) -> Phrase:
    """Can you lend me your umbrella, Paul? Give me your passport, please."""
    name = dice.pick(EVERYBODY)
    entry, things = dice.pick((("lend = prêter", lexicon.BELONGINGS + lexicon.READING[:4]),
                               ("give = donner", lexicon.BELONGINGS), ("show = montrer", lexicon.BELONGINGS),
                               ("send = envoyer", lexicon.MAIL[:3])))  # fmt: skip
    who = dice.pick((I, PRONOUNS[3], HE, SHE, THEY))
    noun = dice.pick(things)
    determiner = "a" if noun in lexicon.MAIL else "thy"
    if dice.chance(0.5):
        thing = noun_phrase(determiner, noun)
        mode = dice.pick((c.CAN, c.COULD, c.FUTURE))
        en, fr = Clause(familiar(name), verb(entry), mode, object=thing, receiver=who).question()
        return say(f"{en}, {name.name}?", f"{fr}, {name.name} ?")
    thing = noun_phrase("a" if determiner == "a" else "your", noun)
    base, infinitive = entry.split(" = ")
    order = c.verbs.imperative(infinitive, 4)
    clitic = {0: "moi", 3: "nous", 5: "leur"}.get(who.person, "lui")
    return say(f"{base} {who.object_pronoun} {thing.en}, please.",
               f"{order}-{clitic} {thing.fr}, s'il vous plaît.")  # fmt: skip


def relative_object(dice: Dice) -> Phrase:
    """The letter that I received yesterday is on the table; I like the dress that she bought."""
    act, things, verdicts = dice.pick((
        ("read = lire", lexicon.READING, lexicon.OPINIONS), ("watch = regarder", lexicon.SHOWS, lexicon.OPINIONS),
        ("receive = recevoir", lexicon.MAIL, lexicon.OPINIONS[:1]),
        ("buy = acheter", lexicon.CLOTHES, lexicon.OF_CLOTHES), ("rent = louer", lexicon.OWNED_VEHICLES, lexicon.COLOURS),
        ("order = commander", lexicon.DISHES[:9], lexicon.OF_FOOD),
    ))  # fmt: skip
    many = "commander" in act or dice.chance(0.2)
    thing = noun_phrase("the", dice.pick(things), many=many)
    who = dice.pick((*PRONOUNS, a.others(dice), a.others(dice)))
    clause = Clause(who, verb(act), c.PAST, object=thing, gap=True).statement()
    long = NounPhrase(f"{thing.en} that {clause.en}", f"{thing.fr} que {clause.fr}", thing.person, thing.gender)
    if "recevoir" in act or (verdicts is not lexicon.OPINIONS and dice.chance(0.2)):
        place = somewhere(dice) if "louer" not in act else Phrase("in the garage", "dans le garage")
        return sentence(Clause(long, BE, rest=(place,)).statement())
    mode = dice.pick((c.PRESENT, c.PAST))
    mode = c.PAST if "commander" in act or "regarder" in act else mode
    return sentence(Clause(long, BE, mode, rest=(quality(thing, dice.pick(verdicts)),)).statement())


def relative_subject(dice: Dice) -> Phrase:
    """The man who is talking to Paul is my brother; I know a woman who speaks Italian."""
    noun = dice.pick([n for n in lexicon.PEOPLE if n.en in ("man", "woman", "boy", "girl", "lady", "child")])
    kin = [n for n in lexicon.FAMILY if n.gender == noun.gender]
    kin = [n for n in kin if n.en in ("brother", "son", "nephew", "sister", "daughter", "niece", "aunt", "uncle")]
    action = dice.pick((a.READ, a.TALK_TO, a.WATCH, a.LISTEN, a.WAIT_FOR, a.EAT, a.DRINK, a.PLAY_MUSIC, a.HELP))
    if dice.chance(0.3):
        somebody = noun_phrase("a", noun, animate=True)
        who = dice.pick((*PRONOUNS, a.others(dice)))
        country = dice.pick(lexicon.COUNTRIES)
        en = country.adjective.en if country.en != "France" else "French"
        tail = dice.pick((Clause(somebody, verb("speak = parler"), rest=(Phrase(en, country.adjective.fr),)),
                          Clause(somebody, verb("live = habiter"), rest=(when.abroad(dice, motion=False),))))  # fmt: skip
        know = Clause(who, verb("know = connaître"), object=somebody).statement()
        return sentence(join(know, tail.relative()))
    head = noun_phrase("the", noun, animate=True)
    thing = action.object(dice, head)
    clause = Clause(head, action.verb, c.PROGRESSIVE, object=thing).relative()
    whole = NounPhrase(f"{head.en} {clause.en}", f"{head.fr} {clause.fr}", 2, head.gender)
    whose = noun_phrase(dice.pick(OWNERS), dice.pick(kin))
    return sentence(Clause(whole, BE, rest=(whose.phrase,)).statement())


def because(dice: Dice) -> Phrase:
    """Marie isn't working today because she is ill; I stayed at home because it was raining."""
    plain = dice.chance(0.3)
    who = I if plain else dice.pick((HE, SHE, person(dice.pick(EVERYBODY)), a.relatives(dice)))
    again = who if who in (I, HE, SHE) else who.pronoun()
    adjective = dice.pick(adjectives("ill = malade, late = en retard, tired = fatigué, busy = occupé, "
                                     "sad = triste, on holiday = en vacances, hungry = faim"))  # fmt: skip
    if plain:
        adjective = dice.pick(lexicon.PLAIN_MOODS[:2] + lexicon.PLAIN_MOODS[5:6])
    past = not plain and dice.chance(0.4)
    result = dice.pick(tuple(verb(v) for v in (
        "work = travailler", "swim = nager", "dance = danser", "sing = chanter", "cook = cuisiner",
        "stay at home = rester à la maison", "go out = sortir", "go home = rentrer à la maison")))  # fmt: skip
    going = result.fr in ("rester", "rentrer")
    negation = "" if going else "not"
    mode = c.PAST if past else (c.GOING_TO if dice.chance(0.5) else c.CAN if not going else c.MUST)
    first = Clause(who, result, mode, negation).statement()
    if adjective.fr == "faim":
        adjective = Adjective("tired", "fatigué")
    second = Clause(again, BE, c.PAST if past else c.PRESENT, rest=(quality(again, adjective),)).statement()
    if dice.chance(0.25):
        second = Phrase("it was raining", "il pleuvait") if past else Phrase("it's raining", "il pleut")
    return sentence(join(first, Phrase("because", "parce que"), second))


CONDITIONS = (
    Phrase("if it rains", "si il pleut"), Phrase("if it's cold", "si il fait froid"),
    Phrase("if it's hot", "si il fait chaud"), Phrase("if you want", "si vous voulez"),
    Phrase("if it snows", "si il neige"), Phrase("if you are free", "si vous êtes libre"),
    Phrase("if the weather is nice", "si il fait beau"), Phrase("if we have time", "si nous avons le temps"),
)  # fmt: skip


def condition(dice: Dice) -> Phrase:
    """If it rains tomorrow, we will stay at home; if you want, we can go to the beach."""
    si = dice.pick(CONDITIONS)
    time = dice.pick(when.FUTURE_TIMES[:1] + when.SOON[1:3]) if dice.chance(0.6) else None
    who = dice.pick((I, PRONOUNS[3], THEY, HE, SHE) if "we" not in si.en else (PRONOUNS[3],))
    who = PRONOUNS[3] if "you" in si.en else who
    mode = c.CAN if "you" in si.en and dice.chance(0.5) else c.FUTURE
    action = dice.pick((*a.PROJECTS, *a.DAILY))
    negation = "not" if mode is c.FUTURE and "you" not in si.en and dice.chance(0.3) else ""
    then_ = Clause(who, action.verb, mode, negation, action.object(dice, who)).statement()
    start = join(si, time)
    return say(f"{start.en}, {then_.en}.", f"{start.fr}, {then_.fr}.")


def when_young(dice: Dice) -> Phrase:
    """When I was young, I used to play the piano; I was cooking when Paul arrived."""
    if dice.chance(0.5):
        who = dice.pick((I, HE, SHE, THEY))
        young = dice.pick((Phrase("young", ""), Phrase("a child", "")))
        jeune = ("jeunes" if who.many else "jeune") if young.en == "young" else "enfant"
        young = young if young.en == "young" or not who.many else Phrase("children", "")
        jeune = "enfants" if young.en == "children" else jeune
        first = Clause(who, BE, c.PAST, rest=(Phrase(young.en, jeune),)).statement()
        action = dice.pick((*a.LEISURE, a.TAKE, a.GO_TO, *a.DAILY))
        who2 = who
        second = Clause(who2, action.verb, c.USED_TO, object=action.object(dice, who2),
                        adverb=None).statement()  # fmt: skip
        return say(f"when {first.en}, {second.en}.", f"quand {first.fr}, {second.fr}.")
    who = dice.pick((*PRONOUNS, a.others(dice)))
    action = dice.pick((*a.LEISURE, *BACKGROUND))
    first = Clause(who, action.verb, c.WAS_DOING, object=action.object(dice, who)).statement()
    name = person(dice.pick([n for n in EVERYBODY if n.name != who.en]))
    second = Clause(name, dice.pick((verb("arrive = arriver"), verb("call = téléphoner"), verb("go out = sortir"))), c.PAST)
    return sentence(join(first, Phrase("when", "quand"), second.statement()))


BACKGROUND = a.verbs("work = travailler, sleep = dormir, cook = cuisiner, rest = se reposer, "
                     "have lunch = déjeuner, have dinner = dîner, do the dishes = faire la vaisselle")  # fmt: skip


def opinion(dice: Dice) -> Phrase:
    """I think that this film is very sad; he doesn't think that the hotel is clean."""
    groups: tuple[tuple[tuple[Noun, ...], tuple[Adjective, ...]], ...] = (
        (lexicon.READING + lexicon.SHOWS, lexicon.OPINIONS),
        (nouns("hotel = hôtel m, museum = musée m, restaurant = restaurant m, park = parc m, "
               "castle = château m, garden = jardin m"), lexicon.OF_PLACES[4:]),
        (lexicon.CLOTHES, lexicon.OF_CLOTHES[3:]),
    )  # fmt: skip
    things, qualities = dice.pick(groups)
    thing = noun_phrase(dice.pick(("this", "the")), dice.pick(things))
    if dice.chance(0.25):
        thing = person(dice.pick(EVERYBODY))
        qualities = lexicon.OF_PEOPLE
    about = Clause(thing, BE, rest=(quality(thing, dice.pick(qualities)),)).statement()
    who = dice.pick((*PRONOUNS, a.others(dice)))
    opine, mode, negation = dice.pick((
        ("think = penser", c.PRESENT, ""), ("know = savoir", c.PRESENT, ""),
        ("say = dire", c.PRESENT, ""), ("hope = espérer", c.PRESENT, ""), ("think = trouver", c.PRESENT, ""),
    )[:3])  # fmt: skip
    left = Clause(who, verb(opine), mode, negation).statement()
    return sentence(join(left, Phrase("that", "que"), about))


def which(dice: Dice) -> Phrase:
    """Which dress did you buy? Which museum are they going to visit? Which train should we take?"""
    act, things = dice.pick((
        ("buy = acheter", lexicon.CLOTHES + lexicon.GOODS), ("read = lire", lexicon.READING),
        ("watch = regarder", lexicon.SHOWS), ("visit = visiter", lexicon.SIGHTS[:6]),
        ("take = prendre", lexicon.VEHICLES[:4]), ("choose = choisir", lexicon.CLOTHES + lexicon.ROOMS[1:2]),
        ("learn = apprendre", nouns("language = langue f, song = chanson f, poem = poème m")),
    ))  # fmt: skip
    noun, many = dice.pick(things), dice.chance(0.25)
    thing = noun_phrase("which", noun, many=many)
    mode = dice.pick((c.PAST, c.GOING_TO, c.WANT, c.SHOULD))
    who = YOU if dice.chance(0.35) else dice.pick((*THIRD, person(dice.pick(EVERYBODY)), a.relatives(dice)))
    clause = Clause(who, verb(act), mode, object=thing, gap=True)
    return sentence(clause.question(thing.phrase), "?")


def what(dice: Dice) -> Phrase:
    """What are you reading? What did your sister buy? What does he want to eat?"""
    action = verb(dice.pick((
        "read = lire", "eat = manger", "drink = boire", "do = faire", "buy = acheter", "look for = chercher",
        "write = écrire", "prepare = préparer", "watch = regarder", "order = commander", "sell = vendre",
        "study = étudier", "wash = laver", "repair = réparer", "choose = choisir", "say = dire",
    )))  # fmt: skip
    mode = dice.pick((c.PROGRESSIVE, c.PAST, c.GOING_TO, c.WANT, c.FUTURE))
    who = YOU if dice.chance(0.3) else a.others(dice)
    time = None
    if mode is c.PAST:
        time = dice.pick(when.RECENT)
    elif mode is not c.PROGRESSIVE and dice.chance(0.6):
        time = dice.pick(when.SOON)
    rest = (time,) if time else ()
    en, fr = Clause(who, action, mode, rest=rest).question()
    return sentence(Phrase(f"what {en}", f"qu'{fr}"), "?")


def who_did(dice: Dice) -> Phrase:
    """Who broke the lamp? Who is going to wash the car? Who wants some tea?"""
    nobody = NounPhrase("who", "qui", animate=True)
    mode = dice.pick((c.PAST, c.GOING_TO, c.WANT, c.CAN, c.FUTURE))
    actions = (a.BREAK, a.OPEN, a.CLOSE, a.CLEAN, a.PREPARE, a.BUY, a.EAT, a.DRINK, a.READ, a.CALL, a.HELP,
               a.PAY, a.WRITE, a.SEND, a.INVITE, *a.verbs("do the dishes = faire la vaisselle, sing = chanter, "
               "do the shopping = faire les courses, dance = danser, cook = cuisiner"))  # fmt: skip
    action = dice.pick([x for x in actions if x is not a.BREAK or mode is c.PAST])
    thing = action.object(dice, nobody)
    time = dice.pick(when.SOON if mode is not c.PAST else when.RECENT) if dice.chance(0.5) else None
    rest = (time,) if time else ()
    clause = Clause(nobody, action.verb, mode, object=thing, rest=rest).statement()
    return sentence(clause, "?")


def since(dice: Dice) -> Phrase:
    """We have been waiting for Paul for an hour; she has been learning Greek since Monday."""
    action, spans = dice.pick((
        (a.WAIT_FOR, when.SPANS[5:] + when.SPANS[7:]), (a.LOOK_FOR, when.SPANS[2:4]),
        (a.STUDY, when.SPANS), (a.PLAY_MUSIC, when.SPANS[:2]), (a.PLAY_SPORT, when.SPANS[:2]),
        (a.Action(verb("sleep = dormir")), when.SPANS[5:]), (a.Action(verb("work here = travailler ici")), when.SPANS),
        (a.Action(verb("travel = voyager")), when.SPANS), (a.Action(verb("rest = se reposer")), when.SPANS[2:4]),
    ))  # fmt: skip
    who = dice.pick((*PRONOUNS, a.others(dice), a.others(dice), a.relatives(dice)))
    thing = action.object(dice, who)
    return sentence(Clause(who, action.verb, c.SINCE, object=thing, rest=(dice.pick(spans),)).statement())


def company(dice: Dice) -> Phrase:
    """She went to the cinema with her brother; I'm going to travel without my parents."""
    who = dice.pick((*PRONOUNS, a.others(dice), a.others(dice)))
    action = dice.pick((a.GO_TO, a.PLAY_SPORT, a.WATCH, a.VISIT, *a.verbs(
        "dance = danser, travel = voyager, have dinner = dîner, have lunch = déjeuner, swim = nager, "
        "do the shopping = faire les courses, work = travailler, sing = chanter")))  # fmt: skip
    mode = dice.pick((c.GOING_TO, c.WANT, c.WOULD_LIKE, c.PAST, c.FUTURE))
    who = a.actor(dice, action.verb, mode) if action.verb.with_etre else who
    kin = noun_phrase(a.own(who), dice.pick(lexicon.FAMILY))
    if dice.chance(0.5) or who.en == "you":
        kin = noun_phrase(a.own(who), dice.pick(lexicon.RELATIVES), many=True)
    if not who.en[0].islower() or " " in who.en:
        kin = noun_phrase(a.own(who), dice.pick(lexicon.RELATIVES), many=True)
    rest = (kin.after(*dice.pick((("with", "avec"), ("with", "avec"), ("without", "sans")))),)
    return sentence(Clause(who, action.verb, mode, object=action.object(dice, who), rest=rest).statement())


def thanks(dice: Dice) -> Phrase:
    """Thank you for your letter, Paul. Thank you for the flowers."""
    noun = dice.pick(lexicon.MAIL + lexicon.CLOTHES + lexicon.READING + nouns(
        "help = aide f, visit = visite f, invitation = invitation f, gift = cadeau m, flower = fleur f"))  # fmt: skip
    many = noun.en in ("flower", "gift", "postcard", "book") and dice.chance(0.7)
    many = many or noun.en == "flower"
    name = dice.pick(EVERYBODY)
    if dice.chance(0.6):
        the = "the" if noun in lexicon.CLOTHES + lexicon.READING or many else "thy"
        thing = noun_phrase(the, noun, many=many)
        return say(f"thank you for {thing.en}, {name.name}.", f"merci pour {thing.fr}, {name.name}.")
    thing = noun_phrase(dice.pick(("the", "your")), noun, many=many)
    if noun.en in ("help", "visit"):
        thing = noun_phrase("your", noun)
    return say(f"thank you very much for {thing.en}.", f"merci beaucoup pour {thing.fr}.")


def only(dice: Dice) -> Phrase:
    """We only have two tickets; he only speaks French; she doesn't see anything."""
    who = dice.pick((*PRONOUNS, a.others(dice), a.others(dice)))
    if dice.chance(0.6):
        entry, things = dice.pick((("have = avoir", SMALL_THINGS), ("find = trouver", SMALL_THINGS), ("buy = acheter", lexicon.DISHES),
                                   ("eat = manger", lexicon.DISHES[:3])))  # fmt: skip
        mode = c.PRESENT if "avoir" in entry else c.PAST
        action = verb(entry)
        number = counted(when.several(dice), dice.pick(things))
        plain = Clause(who, action, mode)
        parts = Clause(who, action, mode, "not").statement().fr.replace(" pas", "", 1)
        en = Clause(who, action, mode, adverb=Phrase("only", ""), object=number).statement().en
        del plain
        return say(f"{en}.", f"{parts} que {number.fr}.")
    entry, mode = dice.pick((("see = voir", c.CAN), ("understand = comprendre", c.PRESENT), ("hear = entendre", c.CAN),
                             ("want = vouloir", c.PRESENT), ("say = dire", c.PRESENT), ("eat = manger", c.WANT)))  # fmt: skip
    action = verb(entry)
    en = Clause(who, action, mode, "not", rest=(Phrase("anything", ""),)).statement().en
    fr = Clause(who, action, mode, "not").statement().fr.replace(" pas", " rien", 1)
    return say(f"{en}.", f"{fr}.")


def class_size(dice: Dice) -> Phrase:
    """There are twenty-three students in my class; there were forty people at the party."""
    number = when.number(dice.number(2, 69))
    noun, where = dice.pick((
        (nouns("student = étudiant m, girl = fille f, boy = garçon m")[dice.number(0, 2)], ("in my class", "dans ma classe")),
        (nouns("person = personne f")[0], ("at the party", "à la fête")),
        (nouns("room = chambre f")[0], ("in the hotel", "dans l'hôtel")),
        (nouns("book = livre m")[0], ("on the shelf", "sur l'étagère")),
        (nouns("chair = chaise f")[0], ("in the living room", "dans le salon")),
        (nouns("child = enfant m")[0], ("in the park", "dans le parc")),
    ))  # fmt: skip
    things = counted(number, noun)
    be, avoir = dice.pick((("are", "il y a"), ("were", "il y avait")))
    return say(f"there {be} {things.en} {where[0]}.", f"{avoir} {things.fr} {where[1]}.")


def comparing(dice: Dice) -> Phrase:
    """This car is more expensive than my motorbike; the castle is older than the church."""
    kind = dice.number(0, 2)
    if kind == 0:
        first, second = dice.two(lexicon.TOWN[10:22])
        adjective = dice.pick([x for x in lexicon.OF_PLACES if x.en != "excellent"])
        left, right = noun_phrase("the", first), noun_phrase("the", second)
    elif kind == 1:
        first, second = dice.two(lexicon.OWNED_VEHICLES)
        adjective = dice.pick([x for x in lexicon.OF_THINGS if x.en not in ("broken", "pretty")])
        left, right = noun_phrase(dice.pick(("this", "my", "his")), first), noun_phrase(dice.pick(("your", "her", "our")), second)
    else:
        first, second = dice.two(lexicon.READING)
        adjective = dice.pick([x for x in lexicon.OPINIONS if x.en.split()[0] not in ("too", "very", "excellent")])
        left, right = noun_phrase("this", first), noun_phrase(dice.pick(("the", "your", "my")), second)
    fr = quality(left, adjective).fr
    than = dice.pick((
        Phrase(f"{english.comparative(adjective.en)} than {right.en}", f"plus {fr} que {right.fr}"),
        Phrase(f"less {adjective.en} than {right.en}", f"moins {fr} que {right.fr}"),
        Phrase(f"as {adjective.en} as {right.en}", f"aussi {fr} que {right.fr}"),
    ))  # fmt: skip
    return sentence(Clause(left, BE, rest=(than,)).statement())


def slept_well(dice: Dice) -> Phrase:
    """Did you sleep well, Marie? I slept badly last night; she swims very well."""
    entry = verb(dice.pick(("sleep = dormir", "swim = nager", "cook = cuisiner", "drive = conduire", "sing = chanter",
                       "dance = danser", "work = travailler", "draw = dessiner", "eat = manger")))  # fmt: skip
    en, fr = dice.pick(pairs("well = bien, very well = très bien, badly = mal, too fast = trop vite, a lot = beaucoup, "
                             "too much = trop, a little = un peu"))  # fmt: skip
    if entry.fr not in ("nager", "conduire", "manger", "travailler") and en == "too fast":
        en, fr = "well", "bien"
    name = dice.pick(EVERYBODY)
    mode = dice.pick((c.PRESENT, c.PAST))
    rest = [Phrase(en, "")]
    if mode is c.PAST:
        rest.append(dice.pick(when.RECENT))
    if dice.chance(0.3) and fr in ("bien", "mal", "beaucoup", "trop"):
        asked = Clause(familiar(name), entry, mode, adverb=Phrase("", fr), rest=tuple(rest)).question()
        return say(f"{asked.en}, {name.name}?", f"{asked.fr}, {name.name} ?")
    who = dice.pick((*PRONOUNS, a.others(dice), a.others(dice)))
    clause = Clause(who, entry, mode, adverb=Phrase("", fr), rest=tuple(rest))
    if fr == "trop vite":
        clause = Clause(who, entry, mode, rest=(Phrase(en, fr), *rest[1:]))
    return sentence(clause.statement())


SCENES = (
    place_of_thing, lost_and_found, judged_thing, possession, identified, people_pronouns, acquaintance,
    thing_pronouns, gift, friend_gift, relative_object, relative_subject, because, condition, when_young,
    opinion, which, what, who_did, since, company, thanks, only, class_size, comparing, slept_well,
)  # fmt: skip
_ = (core, french)
