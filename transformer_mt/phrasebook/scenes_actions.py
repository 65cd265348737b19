"""Everyday actions through the tenses, modals, questions and orders."""

from collections.abc import Callable

from transformer_mt.phrasebook import actions as a
from transformer_mt.phrasebook import adjuncts as when
from transformer_mt.phrasebook import clauses as c
from transformer_mt.phrasebook import lexicon
from transformer_mt.phrasebook.clauses import Clause, Mode, command
from transformer_mt.phrasebook.dice import Dice
from transformer_mt.phrasebook.phrases import (
    PRONOUNS,
    WE,
    YOU,
    NounPhrase,
    Phrase,
    familiar,
    say,
    sentence,
)

TU, NOUS = 1, 3
PLEASE = (Phrase(", please", ", s'il vous plaît"), Phrase(", please", ", s'il te plaît"))

Time = Callable[..., Phrase]

ACTIVITIES = (
    *a.LEISURE, a.WRITE, a.CLEAN, a.STUDY, a.HELP, a.LOOK_FOR, a.WAIT_FOR, a.PREPARE, a.REPAIR,
    *a.verbs("""
    work = travailler, sleep = dormir, cook = cuisiner, sing = chanter, dance = danser,
    swim = nager, run = courir, draw = dessiner, rest = se reposer, drive = conduire,
    have lunch = déjeuner, have dinner = dîner, do the dishes = faire la vaisselle,
    do the housework = faire le ménage, go home = rentrer à la maison
    """),
)  # fmt: skip
EXPERIENCES = (
    a.EAT, a.READ, a.WATCH, a.BUY, a.SELL, a.REPAIR, a.SEE, a.MEET, a.VISIT, a.TALK_TO, a.SEND,
    a.CALL, a.CLEAN, *a.ACCIDENTS,
)  # fmt: skip
ACHIEVEMENTS = (*EXPERIENCES, *a.verbs("""
    arrive = arriver, leave = partir, go home = rentrer à la maison, go out = sortir,
    do the shopping = faire les courses
"""))  # fmt: skip
TASKS = (*a.LEISURE, a.CLEAN, a.STUDY, a.PREPARE, a.REPAIR, a.WASH, a.WRITE, a.LOOK_FOR)
SKILLS = (a.PLAY_SPORT, a.PLAY_MUSIC, *a.verbs("""
    swim = nager, cook = cuisiner, dance = danser, drive = conduire, draw = dessiner,
    sing = chanter, ski = skier, read = lire, write = écrire
"""))  # fmt: skip
SOMEWHERE = (a.PLAY_SPORT, *a.verbs("""
    work = travailler, sleep = dormir, swim = nager, have lunch = déjeuner, have dinner = dîner,
    do the shopping = faire les courses, go for a walk = se promener, live = habiter,
    park = se garer, dance = danser, study = étudier, run = courir, have breakfast = prendre
    le petit déjeuner
"""))  # fmt: skip
PLEASURES = (
    *a.LEISURE, a.TAKE, a.GO_TO,
    *(habit for habit in a.DAILY if " late" not in habit.verb.en and " the " not in habit.verb.en),
)  # fmt: skip
ORDERS = (*a.CHORES, a.OPEN, a.TAKE, a.GO_TO, a.VISIT, a.SELL, a.ORDER)
AT_ONCE = a.verbs("""
    rest = se reposer, go home = rentrer à la maison, wait here = attendre ici,
    hurry = se dépêcher, get up = se lever, get dressed = s'habiller, come in = entrer,
    stay here = rester ici, go to bed = se coucher, go out = sortir
""")


FREQUENT = (*a.LEISURE, a.CALL, a.HELP, a.TAKE, a.GO_TO, *a.verbs("""
    smoke = fumer, get up early = se lever tôt, go to bed late = se coucher tard, cook = cuisiner,
    go out = sortir, sing = chanter, dance = danser, swim = nager, draw = dessiner, run = courir,
    go for a walk = se promener, have lunch in town = déjeuner en ville, drive = conduire,
    arrive late = arriver en retard, do the housework = faire le ménage
"""))  # fmt: skip


def act(
    dice: Dice,
    mode: Mode,
    time: Time | None = None,
    *,
    actions: tuple[a.Action, ...] = a.EVENTS,
    negation: str = "",
    subject: NounPhrase | None = None,
    adverb: Phrase | None = None,
) -> Clause:
    """Draw a clause with a random action, a suitable time, and a subject if none is given."""
    action = dice.pick(actions)
    mode = a.without_repetition(mode, action.verb)
    who = subject or a.actor(dice, action.verb, mode)
    thing = action.object(dice, who)
    rest = (time(dice, daily=action.daily),) if time else ()
    return Clause(who, action.verb, mode, negation, thing, adverb=adverb, rest=rest)


def now(dice: Dice, *, daily: bool) -> Phrase:
    """Draw an adverb of present time."""
    return when.NOW[1 if daily else dice.number(0, 1)]


def habit(dice: Dice) -> Phrase:
    """Draw a sentence such as: He doesn't eat any bread in the morning."""
    negation = dice.pick(("", "", "", "not"))
    clause = act(dice, c.PRESENT, when.habit_time, actions=a.HABITS, negation=negation)
    return sentence(clause.statement())


def frequency(dice: Dice) -> Phrase:
    """Draw a sentence such as: We often play the piano; my father never smokes."""
    if dice.chance(0.6):
        clause = act(dice, c.PRESENT, actions=FREQUENT, adverb=dice.pick(when.OFTEN))
    else:
        clause = act(dice, c.PRESENT, actions=FREQUENT, negation=dice.pick(("never", "anymore")))
    return sentence(clause.statement())


def habit_question(dice: Dice) -> Phrase:
    """Draw a sentence such as: Do you take the bus every morning?"""
    clause = act(dice, c.PRESENT, when.habit_time, actions=a.HABITS, subject=a.asked(dice))
    return sentence(clause.question(), "?")


def doing_now(dice: Dice) -> Phrase:
    """Draw a sentence such as: She is reading a funny story at the moment."""
    negation = "not" if dice.chance(0.25) else ""
    clause = act(dice, c.PROGRESSIVE, now, actions=ACTIVITIES, negation=negation)
    return sentence(clause.statement())


def doing_question(dice: Dice) -> Phrase:
    """Draw a sentence such as: Are you working now?"""
    clause = act(dice, c.PROGRESSIVE, now, actions=ACTIVITIES, subject=a.asked(dice))
    return sentence(clause.question(), "?")


def past(dice: Dice) -> Phrase:
    """Draw a sentence such as: He lost his key last night."""
    return sentence(act(dice, c.PAST, when.past_time).statement())


def past_refused(dice: Dice) -> Phrase:
    """Draw a sentence such as: I didn't buy any bread yesterday."""
    return sentence(act(dice, c.PAST, when.past_time, negation="not").statement())


def past_question(dice: Dice) -> Phrase:
    """Draw a sentence such as: Did your brother call Marie last week?"""
    return sentence(act(dice, c.PAST, when.past_time, subject=a.others(dice)).question(), "?")


def perfect(dice: Dice) -> Phrase:
    """Draw a sentence such as: We have already visited the castle; he hasn't eaten yet."""
    if dice.chance(0.4):
        clause = act(dice, c.PERFECT, actions=ACHIEVEMENTS, adverb=Phrase("already", "déjà"))
    else:
        actions, negation = dice.pick(((ACHIEVEMENTS, "yet"), (EXPERIENCES, "never")))
        clause = act(dice, c.PERFECT, actions=actions, negation=negation)
    return sentence(clause.statement())


def used_to(dice: Dice) -> Phrase:
    """Draw a sentence such as: My aunt used to sing every day."""
    return sentence(act(dice, c.USED_TO, when.habit_time, actions=a.HABITS).statement())


def future(dice: Dice) -> Phrase:
    """Draw a sentence such as: They will clean the kitchen tomorrow."""
    negation = "not" if dice.chance(0.3) else ""
    clause = act(dice, c.FUTURE, when.future_time, actions=a.PLANS, negation=negation)
    return sentence(clause.statement())


def going_to(dice: Dice) -> Phrase:
    """Draw a sentence such as: I'm going to buy a new lamp next week."""
    negation = "not" if dice.chance(0.3) else ""
    clause = act(dice, c.GOING_TO, when.future_time, actions=a.PLANS, negation=negation)
    return sentence(clause.statement())


def future_question(dice: Dice) -> Phrase:
    """Draw a sentence such as: Are you going to see Paul on Monday?"""
    mode = dice.pick((c.FUTURE, c.GOING_TO))
    clause = act(dice, mode, when.future_time, actions=a.PLANS, subject=a.asked(dice))
    return sentence(clause.question(), "?")


def modal(dice: Dice) -> Phrase:
    """Draw a sentence such as: He must repair his car tomorrow; I can't wait for Marie."""
    mode = dice.pick((c.CAN, c.MUST, c.SHOULD, c.HAVE_TO))
    negation = "not" if mode in (c.CAN, c.SHOULD) and dice.chance(0.5) else ""
    time = when.future_time if dice.chance(0.6) and mode is not c.SHOULD else None
    return sentence(act(dice, mode, time, actions=a.PLANS, negation=negation).statement())


def wish(dice: Dice) -> Phrase:
    """Draw a sentence such as: We'd like to visit the old town; she wants to go home."""
    mode = dice.pick((c.WOULD_LIKE, c.WANT, c.HOPE_TO))
    negation = "not" if mode is c.WANT and dice.chance(0.5) else ""
    time = when.future_time if dice.chance(0.6) else None
    return sentence(act(dice, mode, time, actions=a.PLANS, negation=negation).statement())


def taste(dice: Dice) -> Phrase:
    """Draw a sentence such as: She prefers to walk at the weekend; they don't like to cook."""
    mode = dice.pick((c.LIKE_TO, c.PREFER_TO))
    negation = "not" if mode is c.LIKE_TO and dice.chance(0.3) else ""
    time = when.habit_time if mode is c.PREFER_TO or dice.chance(0.5) else None
    return sentence(act(dice, mode, time, actions=PLEASURES, negation=negation).statement())


def skill(dice: Dice) -> Phrase:
    """Draw a sentence such as: I don't know how to swim; does she know how to drive?"""
    if dice.chance(0.3):
        clause = act(dice, c.KNOW_HOW, actions=SKILLS, subject=a.asked(dice))
        return sentence(clause.question(), "?")
    negation = dice.pick(("", "not"))
    return sentence(act(dice, c.KNOW_HOW, actions=SKILLS, negation=negation).statement())


def past_modal(dice: Dice) -> Phrase:
    """Draw a sentence such as: I had to work yesterday; he wanted to see the castle."""
    mode = dice.pick((c.HAD_TO, c.WANTED, c.FORGOT_TO, c.DECIDED_TO, c.STARTED_TO))
    negation = "not" if mode is c.WANTED and dice.chance(0.5) else ""
    time = when.past_time if mode in (c.HAD_TO, c.FORGOT_TO) else None
    actions = {c.HAD_TO: a.CHORES, c.FORGOT_TO: a.CHORES, c.STARTED_TO: TASKS}.get(mode, a.PLANS)
    return sentence(act(dice, mode, time, actions=actions, negation=negation).statement())


def permission(dice: Dice) -> Phrase:
    """Draw a sentence such as: Can you wait for the bus? Would you like to go out tonight?"""
    mode = dice.pick((c.CAN, c.COULD, c.SHOULD, c.WANT, c.WOULD_LIKE))
    subject = YOU if mode in (c.WANT, c.WOULD_LIKE) else dice.pick(PRONOUNS)
    actions = a.CHORES if mode is c.COULD else a.PLANS
    time = when.future_time if mode is not c.COULD and dice.chance(0.5) else None
    return sentence(act(dice, mode, time, actions=actions, subject=subject).question(), "?")


def friend_question(dice: Dice) -> Phrase:
    """Draw a sentence such as: Did you go out yesterday, Marie?"""
    name = dice.pick(lexicon.MEN + lexicon.WOMEN)
    mode, time = dice.pick((
        (c.PRESENT, when.habit_time), (c.PAST, when.past_time), (c.GOING_TO, when.future_time),
        (c.CAN, when.future_time), (c.WANT, when.future_time), (c.PAST, when.past_time),
    ))  # fmt: skip
    actions = {c.PRESENT: a.HABITS, c.PAST: a.EVENTS}.get(mode, a.PLANS)
    clause = act(dice, mode, time, actions=actions, subject=familiar(name))
    en, fr = clause.question()
    return say(f"{en}, {name.name}?", f"{fr}, {name.name} ?")


def friend_statement(dice: Dice) -> Phrase:
    """Draw a sentence such as: Marie, you must close the window; you haven't called Paul yet."""
    name = dice.pick(lexicon.MEN + lexicon.WOMEN)
    mode = dice.pick((c.SHOULD, c.MUST, c.CAN, c.HAVE_TO, c.PERFECT))
    if mode is c.PERFECT:
        clause = act(dice, mode, actions=a.CHORES, negation="yet", subject=familiar(name))
    else:
        time = when.future_time if mode is not c.SHOULD else None
        clause = act(dice, mode, time, actions=a.PLANS, subject=familiar(name))
    en, fr = clause.statement()
    return say(f"{name.name}, {en}.", f"{name.name}, {fr}.")


def order(dice: Dice) -> Phrase:
    """Draw a sentence such as: Open the window, please. Don't sell your car."""
    action, refuse = dice.pick(ORDERS + AT_ONCE), dice.chance(0.4)
    thing = action.object(dice, YOU)
    timed = not refuse and action not in AT_ONCE and dice.chance(0.5)
    rest = (when.future_time(dice, daily=action.daily),) if timed else ()
    en, fr = command(action.verb, thing, *rest, refuse=refuse)
    please = PLEASE[0] if dice.chance(0.5) else Phrase("", "")
    return say(f"{en}{please.en}.", f"{fr}{please.fr}.")


def friend_order(dice: Dice) -> Phrase:
    """Draw a sentence such as: Call your mother, Paul."""
    action, refuse = dice.pick(ORDERS + AT_ONCE), dice.chance(0.4)
    name = dice.pick(lexicon.MEN + lexicon.WOMEN)
    thing = action.object(dice, familiar(name))
    en, fr = command(action.verb, thing, person=TU, refuse=refuse)
    please = PLEASE[1] if dice.chance(0.3) else Phrase("", "")
    return say(f"{en}{please.en}, {name.name}.", f"{fr}{please.fr}, {name.name}.")


def lets(dice: Dice) -> Phrase:
    """Draw a sentence such as: Let's go to the cinema tonight."""
    action = dice.pick(ORDERS)
    time = when.future_time(dice, daily=action.daily)
    en, fr = command(action.verb, action.object(dice, WE), time, person=NOUS)
    return sentence(Phrase(f"let's {en}", fr), dice.pick(".!"))


def wh_question(dice: Dice) -> Phrase:
    """Draw a sentence such as: Why did your sister sell her car? When are you going to leave?"""
    kind, subject = dice.number(0, 2), a.asked(dice)
    if kind == 0:
        asking = Phrase("why", "pourquoi")
        mode = c.WANT if subject is YOU else dice.pick((c.PAST, c.WANT))
        clause = act(dice, mode, actions=a.PROJECTS, subject=subject)
    elif kind == 1:
        asking = Phrase("when", "quand")
        mode = dice.pick((c.GOING_TO, c.FUTURE, c.WANT, c.CAN))
        clause = act(dice, mode, actions=a.PROJECTS, subject=subject)
    else:
        asking = Phrase("where", "où")
        mode = dice.pick((c.PRESENT, c.GOING_TO, c.PAST, c.WANT))
        clause = act(dice, mode, actions=SOMEWHERE, subject=subject)
    return sentence(clause.question(asking), "?")


SCENES = (
    habit, frequency, habit_question, doing_now, doing_question, past, past_refused,
    past_question, perfect, used_to, future, going_to, future_question, modal, wish, taste, skill,
    past_modal, permission, friend_question, friend_statement, order, friend_order, lets,
    wh_question,
)  # fmt: skip
