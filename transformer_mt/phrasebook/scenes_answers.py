"""Questions with a question word, and short answers: thanks, only, nothing, how well."""

from transformer_mt.phrasebook import actions as a
from transformer_mt.phrasebook import adjuncts as when
from transformer_mt.phrasebook import clauses as c
from transformer_mt.phrasebook import lexicon
from transformer_mt.phrasebook.clauses import Clause, verb
from transformer_mt.phrasebook.dice import Dice
from transformer_mt.phrasebook.phrases import (
    NounPhrase,
    Phrase,
    counted,
    familiar,
    join,
    noun_phrase,
    sentence,
    to_friend,
)
from transformer_mt.phrasebook.words import nouns, pairs

CHOICES = (
    ("buy = acheter", lexicon.CLOTHES + lexicon.GOODS), ("read = lire", lexicon.READING),
    ("watch = regarder", lexicon.SHOWS), ("visit = visiter", lexicon.MONUMENTS),
    ("take = prendre", lexicon.LONG_DISTANCE),
    ("choose = choisir", lexicon.CLOTHES + lexicon.GOODS),
    ("learn = apprendre", nouns("language = langue f, song = chanson f, poem = poème m")),
)  # fmt: skip


def which(dice: Dice) -> Phrase:
    """Draw a sentence such as: Which dress did you buy? Which museums are they going to visit?"""
    entry, things = dice.pick(CHOICES)
    thing = noun_phrase("which", dice.pick(things), many=dice.chance(0.25))
    mode = dice.pick((c.PAST, c.GOING_TO, c.WANT, c.SHOULD))
    clause = Clause(a.asked(dice), verb(entry), mode, object=thing, gap=True)
    return sentence(clause.question(thing.phrase), "?")


DOINGS = tuple(verb(entry) for entry in (
    "read = lire", "eat = manger", "drink = boire", "do = faire", "buy = acheter",
    "look for = chercher", "write = écrire", "prepare = préparer", "watch = regarder",
    "order = commander", "sell = vendre", "study = étudier", "wash = laver", "repair = réparer",
    "choose = choisir"))  # fmt: skip


def what(dice: Dice) -> Phrase:
    """Draw a sentence such as: What are you reading? What did your sister buy on Monday?"""
    mode = dice.pick((c.PROGRESSIVE, c.PAST, c.GOING_TO, c.WANT, c.FUTURE))
    if mode is c.PROGRESSIVE:
        rest: tuple[Phrase, ...] = ()
    else:
        rest = (dice.pick(when.RECENT if mode is c.PAST else when.SOON),)
    en, fr = Clause(a.asked(dice), dice.pick(DOINGS), mode, rest=rest).question()
    return sentence(Phrase(f"what {en}", f"qu'{fr}"), "?")


CHORES = a.verbs("""
    do the dishes = faire la vaisselle, do the shopping = faire les courses, cook = cuisiner,
    sing = chanter, dance = danser, swim = nager
""")


def who_did(dice: Dice) -> Phrase:
    """Draw a sentence such as: Who broke the lamp yesterday? Who is going to clean the kitchen?"""
    who = NounPhrase("who", "qui", animate=True)
    mode = dice.pick((c.PAST, c.GOING_TO, c.WANT, c.CAN, c.FUTURE))
    actions = (
        a.CLOSE,
        a.CLEAN,
        a.PREPARE,
        a.CALL,
        a.HELP,
        a.PAY,
        a.WRITE,
        a.INVITE,
        *CHORES,
    )
    action = dice.pick((a.BREAK, a.OPEN, *actions) if mode is c.PAST else actions)
    times = when.RECENT if mode is c.PAST else when.SOON
    rest = (dice.pick(times),) if dice.chance(0.6) else ()
    clause = Clause(who, action.verb, mode, object=action.object(dice, who), rest=rest)
    return sentence(clause.statement(), "?")


THANKED = nouns("""
    flower = fleur f, photo = photo f, book = livre m, strawberry = fraise f, cherry = cerise f
""")
SENT = lexicon.MAIL + nouns("help = aide f, visit = visite f, invitation = invitation f")


def thanks(dice: Dice) -> Phrase:
    """Draw a sentence such as: Thank you for your letter, Paul."""
    friend = dice.pick((None, dice.pick(lexicon.EVERYBODY)))
    thing = dice.pick((
        noun_phrase("the", dice.pick(THANKED), many=True),
        noun_phrase("the", dice.pick(lexicon.GIFTS)),
        noun_phrase("thy" if friend else "your", dice.pick(SENT)),
    ))  # fmt: skip
    much = dice.pick((None, Phrase("very much", "beaucoup")))
    thank = join(Phrase("thank you", "merci"), much, thing.after("for", "pour"))
    return to_friend(thank, friend) if friend else sentence(thank)


BARELY = (
    ("have = avoir", c.PRESENT, lexicon.SEVERAL), ("find = trouver", c.PAST, lexicon.SEVERAL),
    ("buy = acheter", c.PAST, lexicon.PRODUCE), ("sell = vendre", c.PAST, lexicon.PAPERS),
    ("eat = manger", c.PAST, lexicon.FRUIT),
)  # fmt: skip


def only(dice: Dice) -> Phrase:
    """Draw a sentence such as: We only have two tickets; he only bought three pears."""
    entry, mode, things = dice.pick(BARELY)
    number = counted(when.several(dice), dice.pick(things))
    return sentence(Clause(a.anybody(dice), verb(entry), mode, "only", number).statement())


EMPTY = (
    ("see = voir", c.CAN), ("understand = comprendre", c.PRESENT), ("hear = entendre", c.CAN),
    ("eat = manger", c.WANT), ("buy = acheter", c.WANT), ("say = dire", c.WANT),
    *((act, c.PAST) for act in ("say = dire", "eat = manger", "buy = acheter", "drink = boire",
                                "do = faire", "find = trouver")),
)  # fmt: skip


def nothing(dice: Dice) -> Phrase:
    """Draw a sentence such as: I can't see anything; she didn't say anything yesterday."""
    entry, mode = dice.pick(EMPTY)
    rest = (dice.pick(when.RECENT),) if mode is c.PAST else ()
    return sentence(Clause(a.anybody(dice), verb(entry), mode, "anything", rest=rest).statement())


MANNERS = (
    ("sleep = dormir", "well = bien, very well = très bien, badly = mal, a lot = beaucoup"),
    ("work = travailler", "well = bien, a lot = beaucoup, too much = trop"),
    ("eat = manger", "well = bien, very well = très bien, a lot = beaucoup, too much = trop"),
    ("swim = nager", "well = bien, very well = très bien, a lot = beaucoup"),
    ("drive = conduire", "well = bien, very well = très bien, badly = mal"),
    ("sing = chanter", "well = bien, very well = très bien, badly = mal"),
    ("dance = danser", "well = bien, very well = très bien, a lot = beaucoup"),
    ("travel = voyager", "a lot = beaucoup, too much = trop"),
)


def manner(dice: Dice) -> Phrase:
    """Draw a sentence such as: Did you sleep well on Monday, Marie?"""
    entry, manners = dice.pick(MANNERS)
    en, fr = dice.pick(pairs(manners))
    mode = dice.pick((c.PRESENT, c.PAST))
    times = when.RECENT if mode is c.PAST else ()
    rest = (Phrase(en, ""), dice.pick(times)) if times else (Phrase(en, ""),)
    adverb = Phrase("", fr)
    if dice.chance(0.3) and en in ("well", "a lot"):
        name = dice.pick(lexicon.EVERYBODY)
        clause = Clause(familiar(name), verb(entry), mode, adverb=adverb, rest=rest)
        return to_friend(clause.question(), name, "?")
    return sentence(
        Clause(a.anybody(dice), verb(entry), mode, adverb=adverb, rest=rest).statement()
    )


SCENES = (which, what, who_did, thanks, only, nothing, manner)
