"""The phrasebook's laws, its French spelling, and its builders against hand-written gold pairs."""

import hashlib
import re
import subprocess
import sys
from collections import Counter

import pytest

from transformer_mt.phrasebook import (
    adjuncts,
    english,
    french,
    french_verbs,
    lexicon,
    phrasebook_pairs,
    phrasebook_splits,
)
from transformer_mt.phrasebook import clauses as c
from transformer_mt.phrasebook.clauses import (
    HAVE,
    Clause,
    being,
    command,
    verb,
)
from transformer_mt.phrasebook.corpus import (
    MIN_COUNT,
    PER_SCENE,
    SCENES,
    words,
)
from transformer_mt.phrasebook.dice import Dice
from transformer_mt.phrasebook.phrases import (
    HE,
    SHE,
    THEY,
    WE,
    YOU,
    I,
    NounPhrase,
    Phrase,
    counted,
    familiar,
    generic,
    noun_phrase,
    owned_by,
    person,
    quality,
    sentence,
    some,
    to_friend,
)
from transformer_mt.phrasebook.words import Adjective, Name, Noun

PAIRS = phrasebook_pairs()
SPLITS = phrasebook_splits()
FRENCH = [fr for _, fr in PAIRS]


# Laws of the corpus


def test_the_corpus_is_the_same_in_another_process() -> None:
    program = (
        "import hashlib; from transformer_mt.phrasebook import *; "
        "corpus = repr((phrasebook_pairs(), phrasebook_splits())); "
        "print(hashlib.sha256(corpus.encode()).hexdigest())"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    here = hashlib.sha256(repr((PAIRS, SPLITS)).encode()).hexdigest()
    assert elsewhere.stdout.strip() == here


def test_callers_cannot_change_the_corpus() -> None:
    phrasebook_pairs().clear()
    phrasebook_splits()["train"].clear()
    assert phrasebook_pairs() == PAIRS
    assert phrasebook_splits() == SPLITS


def test_the_corpus_has_the_promised_sizes() -> None:
    assert {name: len(pairs) for name, pairs in SPLITS.items()} == {
        "train": len(PAIRS) - 1500,
        "validation": 500,
        "test": 1000,
    }
    assert 24_000 <= len(PAIRS) <= 30_000


def test_splits_are_a_partition_of_the_pairs() -> None:
    assert sorted(pair for pairs in SPLITS.values() for pair in pairs) == sorted(set(PAIRS))


@pytest.mark.parametrize("side", [0, 1])
def test_splits_share_no_sentence_on_either_side(side: int) -> None:
    train, validation, test = (
        {pair[side].casefold() for pair in SPLITS[name]} for name in ("train", "validation", "test")
    )
    assert not train & validation
    assert not train & test
    assert not validation & test


@pytest.mark.parametrize("side", [0, 1])
def test_held_out_words_are_frequent_in_train(side: int) -> None:
    counts = Counter(word for pair in SPLITS["train"] for word in words(pair[side]))
    held_out = {w for name in ("validation", "test") for p in SPLITS[name] for w in words(p[side])}
    assert {word for word in held_out if counts[word] < MIN_COUNT} == set()


def test_french_is_a_function_of_english() -> None:
    translations: dict[str, set[str]] = {}
    for scene_seed, scene in enumerate(SCENES):
        dice = Dice(1000 + scene_seed)
        for en, fr in (scene(dice) for _ in range(60)):
            translations.setdefault(en, set()).add(fr)
    for en, fr in PAIRS:
        translations.setdefault(en, set()).add(fr)
    assert {en: fr for en, fr in translations.items() if len(fr) > 1} == {}


@pytest.mark.parametrize("side", [0, 1])
def test_vocabulary(side: int) -> None:
    assert len({word for pair in PAIRS for word in words(pair[side])}) >= 800


def test_sentences_have_the_promised_lengths() -> None:
    assert {len(en.split()) for en, _ in PAIRS} <= set(range(1, 16))
    assert {len(fr.split()) for _, fr in PAIRS} <= set(range(1, 19))


def test_no_scene_dominates_and_every_scene_speaks() -> None:
    assert len(PAIRS) <= PER_SCENE * len(SCENES)
    assert len(PAIRS) / 100 > PER_SCENE
    for scene in SCENES:
        assert isinstance(scene(Dice(1)), Phrase), scene.__name__
        assert scene.__doc__, scene.__name__


# Spelling and typography

VOWEL = "[aeiouyhàâéèêëîïôùûœ]"
ASPIRATED = "huit|haricot|haut|hors|onze|yaourt"
FAULTS = {
    "elision": rf"(?<!-)\b(?:je|me|te|se|ne|que|le|la|de) (?!{ASPIRATED}){VOWEL}",
    "false elision": rf"\b[ldjmtsnc]'(?:[bcdfgjklmnpqrstvwxz]|{ASPIRATED})",
    "contraction": r"(?<!-)\b(?:de les?|à les?)\b",
    "si il": r"\bsi ils?\b",
    "cet, bel, nouvel, vieil": rf"\b(?:ce|nouveau|vieux) (?!{ASPIRATED}){VOWEL}",
    "mon amie": rf"\b(?:ma|ta|sa) (?!{ASPIRATED}){VOWEL}",
    # "il ne joue pas du piano" is right
    "partitive under negation": r"\bn(?:e |')(?!jou)\w+ pas (?:du|des|de la|de l'|un|une)\b",
    "doubled word": r"\b(?!nous|vous)(\w+) \1\b",
    "spacing": r"  |^ | $| [.,]|\w[?!]|\s'|'\s",
    "character": r"[^\w\s.,'?!€-]|_",
    "ending": r"[^.?!]$",
    "capital": r"(?-i:^[a-zà-ü]|[.?!] [a-zà-ü])",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_french_spelling(fault: str) -> None:
    wrong = re.compile(FAULTS[fault], re.IGNORECASE)
    assert [fr for fr in FRENCH if wrong.search(fr)] == []


@pytest.mark.parametrize(
    ("fault", "wrong"),
    [
        ("elision", "Je ai faim."),
        ("elision", "Il dit que elle dort."),
        ("elision", "Il boit de la eau."),
        ("false elision", "J'aime l'haricot."),
        ("contraction", "Je vais à le marché."),
        ("si il", "Je reste si il pleut."),
        ("cet, bel, nouvel, vieil", "Un nouveau hôtel."),
        ("mon amie", "Sa écharpe est belle."),
        ("partitive under negation", "Je ne mange pas du pain."),
        ("doubled word", "Je vais vais au marché."),
        ("spacing", "Où est la gare?"),
        ("character", "J\u2019ai faim."),
        ("ending", "J'ai faim"),
        ("capital", "Merci. au revoir !"),
    ],
)
def test_the_spelling_rules_see_what_they_should(fault: str, wrong: str) -> None:
    assert re.search(FAULTS[fault], wrong, re.IGNORECASE)


def test_english_spelling() -> None:
    wrong = re.compile(
        r"  |^[a-z]| [.,?!]|\b[Aa] [AEIOaeio]|\b[Aa]n [^AEIOUHÉaeiouh]|n't some\b"
        r"|[sx]s\b(?<!ss)|[cs]hs\b"
        r"|\b(\w+) \1\b|[^\w\s.,'?!€-]|^(?:He|She|It) (?:have|do|are|don't)\b"
    )
    assert [en for en, _ in PAIRS if wrong.search(en)] == []


def test_person_of_the_listener() -> None:
    """ "tu" needs a name; without one the listener is "vous"."""
    names = "|".join(name.name for name in lexicon.EVERYBODY)
    familiar_words = re.compile(r"\b(?:tu|te|toi|ton|ta|tes)\b|\bt'", re.IGNORECASE)
    assert [fr for fr in FRENCH if familiar_words.search(fr) and not re.search(names, fr)] == []


# Builders against pairs written by hand

BREAD, APPLE, HOTEL, SCARF, DRESS, KEY, FRIEND = (
    Noun("bread", "pain", "m"),
    Noun("apple", "pomme", "f"),
    Noun("hotel", "hôtel", "m"),
    Noun("scarf", "écharpe", "f"),
    Noun("dress", "robe", "f"),
    Noun("key", "clé", "f"),
    Noun("friend", "ami", "m"),
)
OLD, NEW, BEAUTIFUL = (
    Adjective("old", "vieux", before=True),
    Adjective("new", "nouveau", before=True),
    Adjective("beautiful", "beau", before=True),
)
WHITE, TIRED, HAPPY, LATE = (
    Adjective("white", "blanc"),
    Adjective("tired", "fatigué"),
    Adjective("happy", "heureux"),
    Adjective("late", "en retard"),
)
PAUL, MARIE, ALICE = Name("Paul", "m"), Name("Marie", "f"), Name("Alice", "f")
EAT, SEE, CALL, BUY, GO, TALK = (
    verb("eat = manger"), verb("see = voir"), verb("call = appeler"), verb("buy = acheter"),
    verb("go to = aller à"), verb("talk to = parler à"),
)  # fmt: skip
GET_UP, LIKE = verb("get up = se lever"), verb("like = aimer", state=True)


def np(determiner: str, noun: Noun, adjective: Adjective | None = None, **how: bool) -> NounPhrase:
    return noun_phrase(determiner, noun, adjective, **how)


def told(clause: Clause) -> Phrase:
    return sentence(clause.statement())


def asked(clause: Clause, word: Phrase | None = None) -> Phrase:
    return sentence(clause.question(word), "?")


HERS = np("my", KEY, many=True)
GOLD = [
    (told(Clause(I, EAT, object=some(BREAD))), "I eat some bread.", "Je mange du pain."),
    (told(Clause(I, EAT, negation="not", object=some(BREAD))),
     "I don't eat any bread.", "Je ne mange pas de pain."),
    (told(Clause(WE, EAT, c.PAST, object=some(APPLE, many=True))),
     "We ate some apples.", "Nous avons mangé des pommes."),
    (told(Clause(WE, EAT, c.PRESENT)), "We eat.", "Nous mangeons."),
    (told(Clause(HE, EAT, c.PERFECT, "yet")), "He hasn't eaten yet.", "Il n'a pas encore mangé."),
    (told(Clause(THEY, BUY, c.FUTURE, object=np("a", HOTEL, OLD))),
     "They'll buy an old hotel.", "Ils achèteront un vieil hôtel."),
    (told(Clause(SHE, BUY, c.PAST, object=np("a", SCARF, WHITE))),
     "She bought a white scarf.", "Elle a acheté une écharpe blanche."),
    (told(Clause(SHE, LIKE, object=np("her", SCARF, NEW))),
     "She likes her new scarf.", "Elle aime sa nouvelle écharpe."),
    (told(Clause(SHE, LIKE, object=np("her", SCARF))),
     "She likes her scarf.", "Elle aime son écharpe."),
    (told(Clause(I, LIKE, object=np("this", HOTEL))), "I like this hotel.", "J'aime cet hôtel."),
    (told(Clause(I, LIKE, object=np("this", HOTEL, BEAUTIFUL))),
     "I like this beautiful hotel.", "J'aime ce bel hôtel."),
    (told(Clause(HE, LIKE, c.PRESENT, "anymore", generic(APPLE, many=True))),
     "He doesn't like apples anymore.", "Il n'aime plus les pommes."),
    (told(Clause(I, SEE, c.PAST, object=SHE, pronoun=True)), "I saw her.", "Je l'ai vue."),
    (told(Clause(I, SEE, c.PAST, "not", THEY, pronoun=True)),
     "I didn't see them.", "Je ne les ai pas vus."),
    (told(Clause(I, CALL, c.PRESENT, "never", HE, pronoun=True)),
     "I never call him.", "Je ne l'appelle jamais."),
    (told(Clause(I, TALK, c.PAST, "not", SHE, pronoun=True)),
     "I didn't talk to her.", "Je ne lui ai pas parlé."),
    (told(Clause(WE, TALK, c.WANT, "", THEY, pronoun=True)),
     "We want to talk to them.", "Nous voulons leur parler."),
    (told(Clause(I, verb("find = trouver"), c.PAST, object=HERS, pronoun=True)),
     "I found them.", "Je les ai trouvées."),
    (told(Clause(HE, verb("give = donner"), c.PAST, object=np("a", KEY), receiver=I)),
     "He gave me a key.", "Il m'a donné une clé."),
    (told(Clause(SHE, GO, c.PAST, object=np("the", HOTEL))),
     "She went to the hotel.", "Elle est allée à l'hôtel."),
    (told(Clause(THEY, GO, c.GOING_TO, object=np("the", Noun("market", "marché", "m")))),
     "They're going to go to the market.", "Ils vont aller au marché."),
    (told(Clause(person(MARIE), GET_UP, c.PAST)), "Marie got up.", "Marie s'est levée."),
    (told(Clause(I, GET_UP, c.MUST)), "I must get up.", "Je dois me lever."),
    (told(Clause(WE, GET_UP, c.PRESENT, "not")), "We don't get up.", "Nous ne nous levons pas."),
    (told(Clause(I, GET_UP, c.HAD_TO)), "I had to get up.", "J'ai dû me lever."),
    (told(Clause(HE, SEE, c.CAN, "not", WE, pronoun=True)),
     "He can't see us.", "Il ne peut pas nous voir."),
    (told(Clause(I, SEE, c.WOULD_LIKE, object=np("the", HOTEL))),
     "I'd like to see the hotel.", "Je voudrais voir l'hôtel."),
    (told(Clause(YOU, EAT, c.SHOULD)), "You should eat.", "Vous devriez manger."),
    (told(Clause(HE, EAT, c.USED_TO, "not")), "He didn't use to eat.", "Il ne mangeait pas."),
    (told(Clause(THEY, EAT, c.WAS_DOING)), "They were eating.", "Ils mangeaient."),
    (told(Clause(person(ALICE), CALL, c.FORGOT_TO, object=person(PAUL))),
     "Alice forgot to call Paul.", "Alice a oublié d'appeler Paul."),
    (told(Clause(SHE, verb("play = jouer de"), object=np("the", Noun("piano", "piano", "m")))),
     "She plays the piano.", "Elle joue du piano."),
    (told(being(I, quality(I, LATE), negation="not")),
     "I'm not late.", "Je ne suis pas en retard."),
    (told(being(person(MARIE), quality(person(MARIE), HAPPY), mode=c.PAST)),
     "Marie was happy.", "Marie était heureuse."),
    (told(being(np("the", KEY, many=True), quality(np("the", KEY, many=True), NEW))),
     "The keys are new.", "Les clés sont nouvelles."),
    (told(being(owned_by(ALICE, DRESS), quality(owned_by(ALICE, DRESS), WHITE))),
     "Alice's dress is white.", "La robe d'Alice est blanche."),
    (asked(Clause(YOU, HAVE, object=some(BREAD))),
     "Do you have any bread?", "Est-ce que vous avez du pain ?"),
    (told(Clause(I, c.NEED, object=some(APPLE, many=True))),
     "I need some apples.", "J'ai besoin de pommes."),
    (told(Clause(I, c.NEED, object=np("a", HOTEL))), "I need a hotel.", "J'ai besoin d'un hôtel."),
    (told(Clause(SHE, EAT, c.PAST, "anything")),
     "She didn't eat anything.", "Elle n'a rien mangé."),
    (told(Clause(WE, EAT, c.PAST, "only", counted(adjuncts.number(2), APPLE))),
     "We only ate two apples.", "Nous n'avons mangé que deux pommes."),
    (told(Clause(HE, verb("be = avoir"), rest=(Phrase("hungry", "faim"),))),
     "He's hungry.", "Il a faim."),
    (asked(Clause(person(ALICE), HAVE, object=np("a", KEY))),
     "Does Alice have a key?", "Est-ce qu'Alice a une clé ?"),
    (asked(Clause(YOU, GO, c.PAST, object=np("the", HOTEL)), Phrase("when", "quand")),
     "When did you go to the hotel?", "Quand est-ce que vous êtes allé à l'hôtel ?"),
    (asked(Clause(HE, BUY, c.PAST, object=np("which", DRESS, many=True), gap=True),
           np("which", DRESS, many=True).phrase),
     "Which dresses did he buy?", "Quelles robes est-ce qu'il a achetées ?"),
    (to_friend(being(familiar(MARIE), quality(familiar(MARIE), TIRED)).question(), MARIE, "?"),
     "Are you tired, Marie?", "Est-ce que tu es fatiguée, Marie ?"),
    (to_friend(Clause(familiar(PAUL), GET_UP, c.PAST).question(), PAUL, "?"),
     "Did you get up, Paul?", "Est-ce que tu t'es levé, Paul ?"),
    (to_friend(command(CALL, np("thy", FRIEND), person=1), PAUL),
     "Call your friend, Paul.", "Appelle ton ami, Paul."),
    (sentence(command(EAT, some(BREAD), refuse=True)),
     "Don't eat any bread.", "Ne mangez pas de pain."),
    (sentence(command(GET_UP, refuse=True), "!"), "Don't get up!", "Ne vous levez pas !"),
    (sentence(command(GET_UP, person=1), "!"), "Get up!", "Lève-toi !"),
    (sentence(Clause(person(PAUL), GO, c.PROGRESSIVE, object=np("the", HOTEL)).relative()),
     "Who is going to the hotel.", "Qui va à l'hôtel."),
]  # fmt: skip


@pytest.mark.parametrize(("built", "en", "fr"), GOLD, ids=[en for _, en, _ in GOLD])
def test_clauses_match_pairs_written_by_hand(built: Phrase, en: str, fr: str) -> None:
    assert built == (en, fr)


@pytest.mark.parametrize(
    ("infinitive", "tense", "forms"),
    [
        ("être", "present", "suis es est sommes êtes sont"),
        ("manger", "imperfect", "mangeais mangeais mangeait mangions mangiez mangeaient"),
        ("commencer", "present", "commence commences commence commençons commencez commencent"),
        ("préférer", "present", "préfère préfères préfère préférons préférez préfèrent"),
        (
            "préférer",
            "future",
            "préférerai préféreras préférera préférerons préférerez préféreront",
        ),
        ("appeler", "future", "appellerai appelleras appellera appellerons appellerez appelleront"),
        (
            "acheter",
            "conditional",
            "achèterais achèterais achèterait achèterions achèteriez achèteraient",
        ),
        ("payer", "present", "paie paies paie payons payez paient"),
        ("finir", "present", "finis finis finit finissons finissez finissent"),
        ("répondre", "present", "réponds réponds répond répondons répondez répondent"),
        ("apprendre", "present", "apprends apprends apprend apprenons apprenez apprennent"),
        ("revenir", "future", "reviendrai reviendras reviendra reviendrons reviendrez reviendront"),
        ("envoyer", "future", "enverrai enverras enverra enverrons enverrez enverront"),
    ],
)  # fmt: skip
def test_conjugation(infinitive: str, tense: str, forms: str) -> None:
    assert " ".join(french_verbs.conjugate(infinitive, tense, p) for p in range(6)) == forms


@pytest.mark.parametrize(
    ("masculine", "feminine"),
    [("sportif", "sportive"), ("cher", "chère"), ("italien", "italienne"), ("frais", "fraîche"),
     ("jaloux", "jalouse"), ("paresseux", "paresseuse"), ("grec", "grecque"), ("rouge", "rouge")],
)  # fmt: skip
def test_feminines(masculine: str, feminine: str) -> None:
    assert french.feminine(masculine) == feminine


@pytest.mark.parametrize(
    ("singular", "plural"),
    [("journal", "journaux"), ("gâteau", "gâteaux"), ("œil", "yeux"), ("fils", "fils"),
     ("pomme de terre", "pommes de terre"), ("carte postale", "cartes postales"),
     ("appareil photo", "appareils photo")],
)  # fmt: skip
def test_french_plurals(singular: str, plural: str) -> None:
    assert french.plural(singular) == plural


def test_numbers_agree() -> None:
    assert counted(adjuncts.number(31), KEY).fr == "trente et une clés"
    assert counted(adjuncts.number(31), HOTEL).fr == "trente et un hôtels"


def test_english_forms() -> None:
    assert english.plural("glass of wine") == "glasses of wine"
    assert english.plural("child") == "children"
    assert english.a("umbrella") == "an umbrella"
    assert english.a("useful lamp") == "a useful lamp"
    assert english.ing("swim") == "swimming"
    assert english.past("get up early") == "got up early"
    assert english.past("draw") == "drew"
    assert english.comparative("heavy") == "heavier"
    assert english.superlative("expensive") == "most expensive"


@pytest.mark.parametrize(
    ("en", "to", "origin"),
    [("France", "en France", "de France"), ("Portugal", "au Portugal", "du Portugal"),
     ("Italy", "en Italie", "d'Italie"), ("the United States", "aux États-Unis", "des États-Unis")],
)  # fmt: skip
def test_countries_take_their_preposition(en: str, to: str, origin: str) -> None:
    country = next(x for x in lexicon.COUNTRIES + lexicon.OTHER_COUNTRIES if x.en == en)
    assert (country.to, french.elide(country.origin)) == (to, origin)


@pytest.mark.parametrize(
    ("value", "en", "fr"),
    [
        (21, "twenty-one", "vingt et un"),
        (38, "thirty-eight", "trente-huit"),
        (60, "sixty", "soixante"),
    ],
)
def test_numbers(value: int, en: str, fr: str) -> None:
    assert adjuncts.number(value) == (en, fr)


@pytest.mark.parametrize(
    ("hour", "quarter", "en", "fr"),
    [(8, 2, "half past eight", "huit heures et demie"), (12, 0, "noon", "midi"),
     (8, 3, "a quarter to nine", "neuf heures moins le quart"), (1, 0, "one o'clock", "une heure")],
)  # fmt: skip
def test_hours(hour: int, quarter: int, en: str, fr: str) -> None:
    assert adjuncts.hour_of(hour, quarter) == (en, fr)
