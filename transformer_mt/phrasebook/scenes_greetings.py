"""Greetings and small talk: hello and goodbye, how one is, names, thanks, excuses, wishes.

A listener without a first name is "vous", as everywhere; Hi! and See you! suit any listener.
"""

from transformer_mt.phrasebook import english, french, lexicon
from transformer_mt.phrasebook.actions import kin
from transformer_mt.phrasebook.clauses import Clause, verb
from transformer_mt.phrasebook.dice import Dice
from transformer_mt.phrasebook.phrases import (
    HE,
    SHE,
    THEY,
    WE,
    YOU,
    I,
    Phrase,
    noun_phrase,
    person,
    say,
    sentence,
    then,
    to_friend,
)
from transformer_mt.phrasebook.scenes_shops import courtesy
from transformer_mt.phrasebook.words import pairs

FARE = verb("be = aller", state=True)
"""Verb for health: "be well" = "aller bien"."""
COME = verb("be = venir", state=True)
"""Verb for origin: "be from Rome" = "venir de Rome"."""

STRANGERS = pairs("sir = monsieur, madam = madame, doctor = docteur")
HELLOS = pairs("""
    good morning = bonjour, good afternoon = bonjour, good evening = bonsoir, hello = bonjour
""")
PARTINGS = pairs("""
    hi = salut, good night = bonne nuit, goodbye = au revoir, see you soon = à bientôt,
    see you later = à plus tard, see you tomorrow = à demain, see you tonight = à ce soir,
    see you on Monday = à lundi, see you on Friday = à vendredi, see you on Sunday = à dimanche,
    see you next week = à la semaine prochaine, welcome = bienvenue
""")
ASKED = pairs("""
    how are you = comment allez-vous, how are you = comment allez-vous,
    how are you today = comment allez-vous aujourd'hui, how are you doing = comment ça va,
    how are you this morning = comment allez-vous ce matin, how's it going = comment ça va
""")
ASKED_BACK = pairs("""
    and you = et vous, and your wife = et votre femme, and your husband = et votre mari,
    and your parents = et vos parents, how are you = comment allez-vous
""")
WELL = pairs("""
    fine = bien, very well = très bien, well = bien, much better = beaucoup mieux, better = mieux
""")
MET = pairs("""
    nice to meet you = enchanté, pleased to meet you = enchanté,
    nice to see you again = content de vous revoir
""")
THANKS = pairs("""
    thank you = merci, thank you very much = merci beaucoup, thanks = merci,
    thanks a lot = merci beaucoup, many thanks = merci beaucoup,
    thank you for everything = merci pour tout, it doesn't matter = ce n'est pas grave,
    thank you for your help = merci de votre aide, you're welcome = je vous en prie,
    don't mention it = il n'y a pas de quoi, with pleasure = avec plaisir,
    no problem = pas de problème, of course = bien sûr, very good = très bien
""")
OFFERED = (
    ("no, thank you", "non, merci"),
    ("yes, thank you", "oui, merci"),
    ("yes, please", "oui, s'il vous plaît"),
)
EXCUSES = pairs("""
    I'm sorry = je suis désolé, excuse me = excusez-moi, I'm really sorry = je suis vraiment désolé
""")
REASONS = pairs("""
    I don't understand = je ne comprends pas, I don't know = je ne sais pas,
    I'm late = je suis en retard, I'm lost = je suis perdu, I have to go = je dois partir,
    I don't have time = je n'ai pas le temps, I forgot your name = j'ai oublié votre nom,
    I don't speak French = je ne parle pas français, I made a mistake = j'ai fait une erreur,
    I don't speak English = je ne parle pas anglais
""")
REQUESTS = pairs("""
    do you speak English = est-ce que vous parlez anglais,
    do you speak French = est-ce que vous parlez français,
    can you help me = est-ce que vous pouvez m'aider,
    can you repeat that = est-ce que vous pouvez répéter,
    do you understand = est-ce que vous comprenez, is everything all right = est-ce que tout va bien
""")
WISHES = pairs("""
    have a nice day = bonne journée, have a nice evening = bonne soirée,
    have a nice weekend = bon week-end, have a good trip = bon voyage, good luck = bonne chance,
    have a good holiday = bonnes vacances, enjoy your meal = bon appétit, cheers = santé,
    happy birthday = joyeux anniversaire, happy new year = bonne année, well done = bravo,
    merry Christmas = joyeux Noël, get well soon = bon rétablissement,
    congratulations = félicitations
""")
YOUR_NAME = Phrase("what's your name", "comment vous appelez-vous")
RELATED = ("my", "his", "her", "our", "their")


def addressed(dice: Dice, phrase: Phrase, mark: str, *, friends: bool = True) -> Phrase:
    """Finish a sentence without an address, or addressed to a stranger or a first name."""
    draw = dice.number(1, 10)
    if draw <= 3:
        return sentence(phrase, mark)
    if draw <= 6 or not friends:
        en, fr = dice.pick(STRANGERS)
        return sentence(Phrase(f"{phrase.en}, {en}", f"{phrase.fr}, {fr}"), mark)
    return to_friend(phrase, dice.pick(lexicon.EVERYBODY), mark)


def hello(dice: Dice) -> Phrase:
    """Draw a sentence such as: Good morning. Hello, sir! See you tomorrow, Anna."""
    phrase = Phrase(*dice.pick(HELLOS + PARTINGS))
    return addressed(dice, phrase, dice.pick((".", "!")))


def how_are_you(dice: Dice) -> Phrase:
    """Draw a sentence such as: How are you? Good morning, madam. How are you today?"""
    if dice.chance(0.3):
        return to_friend(Phrase("how are you", "comment vas-tu"), dice.pick(lexicon.EVERYBODY), "?")
    question = Phrase(*dice.pick(ASKED))
    if dice.chance(0.4):
        return addressed(dice, question, "?", friends=False)
    greeted = addressed(dice, Phrase(*dice.pick(HELLOS)), dice.pick((".", "!")), friends=False)
    return then(greeted, sentence(question, "?"))


def how_are_they(dice: Dice) -> Phrase:
    """Draw a sentence such as: How is your mother? How are his parents? How is Paul today?"""
    if dice.chance(0.2):
        who = person(dice.pick(lexicon.EVERYBODY))
    else:
        owner, many = dice.pick((*RELATED[1:], "your", "your")), dice.chance(0.3)
        noun = dice.pick(lexicon.RELATIVES if many else lexicon.FAMILY)
        who = noun_phrase(owner, noun, many=many)
    day = Phrase(*dice.pick((("", ""), ("", ""), (" today", " aujourd'hui"))))
    be, va = ("are", "vont") if who.many else ("is", "va")
    return sentence(Phrase(f"how {be} {who.en}{day.en}", f"comment {va} {who.fr}{day.fr}"), "?")


def well(dice: Dice) -> Phrase:
    """Draw a sentence such as: I'm fine, thank you. And you?"""
    subject = dice.pick((I, I, I, WE, HE, SHE, THEY, kin(dice, RELATED)))
    en, fr = Clause(subject, FARE, rest=(Phrase(*dice.pick(WELL)),)).statement()
    thanks = dice.pick(("", ", thank you", ", thanks"))
    answer = say(f"{en}{thanks}.", f"{fr}{', merci' if thanks else ''}.")
    if subject not in (I, WE) or dice.chance(0.5):
        return answer
    return then(answer, sentence(Phrase(*dice.pick(ASKED_BACK)), "?"))


def name(dice: Dice) -> Phrase:
    """Draw a sentence such as: What's your name? My name is Anna. Nice to meet you, madam."""
    who = dice.pick(lexicon.EVERYBODY).name
    kind = dice.number(1, 5)
    if kind == 1:
        return addressed(dice, Phrase(*dice.pick(MET)), dice.pick((".", "!")), friends=False)
    if kind == 2:
        asked = kin(dice, ("his", "her", "our", "your", "their"))
        return say(
            f"what's {english.possessive(asked.en)} name?", f"comment s'appelle {asked.fr} ?"
        )
    named = Phrase(f"my name is {who}", f"je m'appelle {who}")
    if kind == 3:
        return sentence(dice.pick((named, Phrase(f"I'm {who}", f"je suis {who}"))))
    if kind == 4:
        greeted = Phrase(*dice.pick(HELLOS))
        return sentence(Phrase(f"{greeted.en}, {named.en}", f"{greeted.fr}, {named.fr}"))
    asked_back = dice.pick((YOUR_NAME, Phrase("and you", "et vous")))
    return then(sentence(named), sentence(asked_back, "?"))


def your_name(dice: Dice) -> Phrase:
    """Draw a sentence such as: What's your name, please? Good morning, sir. What's your name?"""
    greeted = addressed(dice, Phrase(*dice.pick(HELLOS)), dice.pick((".", "!")), friends=False)
    kind = dice.number(1, 4)
    if kind == 1:
        return addressed(dice, YOUR_NAME, "?", friends=False)
    if kind == 2:
        return courtesy(dice, YOUR_NAME, "?")
    return then(greeted, sentence(YOUR_NAME, "?"))


def thanks(dice: Dice) -> Phrase:
    """Draw a sentence such as: Thank you very much. No, thank you, sir. You're welcome."""
    return addressed(
        dice, Phrase(*dice.pick(THANKS + OFFERED)), dice.pick((".", "!")), friends=False
    )


def excuse(dice: Dice) -> Phrase:
    """Draw a sentence such as: I'm sorry. Excuse me, sir. I'm sorry, I don't understand."""
    kind = dice.number(1, 4)
    excused, reason = Phrase(*dice.pick(EXCUSES)), Phrase(*dice.pick(REASONS))
    if kind == 1:
        return addressed(dice, excused, ".", friends=False)
    if kind == 2:
        return addressed(dice, reason, ".", friends=False)
    if kind == 3:
        return sentence(Phrase(f"{excused.en}, {reason.en}", f"{excused.fr}, {reason.fr}"))
    opened = Phrase(*dice.pick((("", ""), ("", ""), ("excuse me, ", "excusez-moi, "))))
    asked = Phrase(*dice.pick(REQUESTS))
    whole = Phrase(opened.en + asked.en, opened.fr + asked.fr)
    return addressed(dice, whole, "?", friends=False)


def origin(dice: Dice) -> Phrase:
    """Draw a sentence such as: Where are you from? I'm from Paris. Her uncle is from Madrid."""
    who = dice.pick((I, I, HE, SHE, WE, THEY, YOU, kin(dice, RELATED)))
    if dice.chance(0.25):
        asked = dice.pick((YOU, YOU, HE, SHE, THEY, kin(dice, ("his", "her", "our", "your"))))
        en, fr = Clause(asked, COME, rest=(Phrase("from", ""),)).question()
        return addressed(dice, say(f"where {en}", f"d'où {fr.strip()}"), "?", friends=False)
    city = dice.pick(lexicon.CITIES)
    whence = Phrase(f"from {city[0]}", french.after_de(city[1]))
    return sentence(Clause(who, COME, rest=(whence,)).statement())


def wish(dice: Dice) -> Phrase:
    """Draw a sentence such as: Have a nice day! Happy birthday, Anna! Good luck, sir."""
    return addressed(dice, Phrase(*dice.pick(WISHES)), dice.pick((".", "!")))


SCENES = (hello, how_are_you, how_are_they, well, name, your_name, thanks, excuse, origin, wish)
