"""Sentences for the restaurant, shops and the market."""

from transformer_mt.phrasebook import adjuncts as when
from transformer_mt.phrasebook import clauses as c
from transformer_mt.phrasebook import english, lexicon
from transformer_mt.phrasebook.actions import anybody, asked, kin
from transformer_mt.phrasebook.clauses import (
    HAVE,
    NEED,
    Clause,
    being,
    verb,
)
from transformer_mt.phrasebook.dice import Dice
from transformer_mt.phrasebook.phrases import (
    HE,
    SHE,
    WE,
    YOU,
    I,
    NounPhrase,
    Phrase,
    counted,
    noun_phrase,
    person,
    quality,
    say,
    sentence,
    some,
)
from transformer_mt.phrasebook.words import (
    adjectives,
    leave_out,
    nouns,
    pairs,
    select,
)

CONDIMENTS = select(lexicon.SEASONINGS, "salt, pepper, sugar, mustard, oil")
REQUESTED = nouns("menu = carte f, bill = addition f, wine list = carte des vins f")
HOT_DISHES = nouns("""
    soup = soupe f, chicken = poulet m, meat = viande f, fish = poisson m, rice = riz m,
    coffee = café m, tea = thé m, pizza = pizza f, omelette = omelette f
""")
FRESH = nouns(
    "bread = pain m, fish = poisson m, butter = beurre m, salad = salade f, cream = crème f"
)
FITTING = adjectives("""
    big = grand, small = petit, expensive = cher, warm = chaud, long = long, short = court,
    heavy = lourd
""")
WEARERS = pairs("""
    me = moi, him = lui, her = elle, you = vous, my son = mon fils, my daughter = ma fille,
    my father = mon père, my mother = ma mère
""")
ALIKE = (
    nouns("dress = robe f, skirt = jupe f"),
    nouns("coat = manteau m, jacket = veste f, raincoat = imperméable m"),
    nouns("hat = chapeau m, cap = casquette f"),
    nouns("shirt = chemise f, sweater = pull m"),
    nouns("suit = costume m, jacket = veste f"),
)


def courtesy(dice: Dice, phrase: Phrase, mark: str = ".") -> Phrase:
    """Finish a request, with "please" with probability 0.6."""
    polite = Phrase(f"{phrase.en}, please", f"{phrase.fr}, s'il vous plaît")
    return sentence(polite if dice.chance(0.6) else phrase, mark)


def table_order(dice: Dice) -> Phrase:
    """Draw a sentence such as: I'd like a glass of water, please."""
    drink = when.quantity(dice, when.AT_TABLE)
    snack = noun_phrase("a", dice.pick(lexicon.SNACKS)).phrase
    if dice.chance(0.4):
        return say(
            f"{drink.en} and {snack.en}, please.", f"{drink.fr} et {snack.fr}, s'il vous plaît."
        )
    dish = some(dice.pick(lexicon.FOOD + lexicon.DRINKS)).phrase
    thing = dice.pick((drink, snack, dish))
    would_like = Clause(dice.pick((I, WE)), verb("like = vouloir"), c.WOULD, rest=(thing,))
    return courtesy(dice, would_like.statement())


def market_order(dice: Dice) -> Phrase:
    """Draw a sentence such as: Two kilos of meat and a packet of rice, please."""
    first, second = when.quantity(dice, when.AT_MARKET), when.quantity(dice, when.AT_MARKET)
    if first.en.split(" of ")[1] == second.en.split(" of ")[1]:
        return say(f"{first.en}, please.", f"{first.fr}, s'il vous plaît.")
    return say(
        f"{first.en} and {second.en}, please.", f"{first.fr} et {second.fr}, s'il vous plaît."
    )


def at_table(dice: Dice) -> Phrase:
    """Draw a sentence such as: Could you bring me two forks, please? Could we see the menu?"""
    who, kind = dice.pick((I, WE)), dice.number(0, 4)
    asked_for = noun_phrase("the", dice.pick(REQUESTED))
    if kind == 0:
        see = verb(dice.pick(("see = voir", "have = avoir")))
        return courtesy(dice, Clause(who, see, c.COULD, object=asked_for).question(), "?")
    if kind == 1:
        thing = asked_for.phrase
    elif kind == 2:
        thing = counted(when.several(dice), dice.pick(lexicon.TABLEWARE)).phrase
    elif kind == 3:
        noun = dice.pick(lexicon.TABLEWARE)
        autre = "une autre" if noun.gender == "f" else "un autre"
        thing = Phrase(f"another {noun.en}", f"{autre} {noun.fr}")
    else:
        thing = some(dice.pick(lexicon.FOOD + CONDIMENTS + lexicon.DRINKS)).phrase
    bring = Clause(YOU, verb("bring = apporter"), c.COULD, receiver=who, rest=(thing,))
    return courtesy(dice, bring.question(), "?")


def meal(dice: Dice) -> Phrase:
    """Draw a sentence such as: The soup is too cold; your chicken was delicious."""
    kind = dice.number(0, 2)
    pool = (HOT_DISHES, FRESH, lexicon.DISHES)[kind]
    adjective = dice.pick(leave_out(lexicon.OF_FOOD, "fresh" if kind == 0 else "hot, cold"))
    thing = noun_phrase(dice.pick(("the", "this")), dice.pick(pool), many=kind == 2)
    degree = dice.pick((when.VERY, when.TOO)) if adjective.en in ("cold", "hot") else None
    predicate = quality(thing, adjective)
    if dice.chance(0.3):
        return sentence(being(thing, predicate).question(), "?")
    mode, negation = dice.pick((c.PRESENT, c.PAST)), dice.pick(("", "", "not"))
    return sentence(being(thing, degree, predicate, mode=mode, negation=negation).statement())


def how_much(dice: Dice) -> Phrase:
    """Draw a sentence such as: How much does this red dress cost? These shoes cost 50 euros."""
    many = dice.chance(0.35)
    noun = dice.pick(lexicon.FOOTWEAR if many else lexicon.CLOTHES + lexicon.GOODS)
    coloured = noun in lexicon.CLOTHES + lexicon.FOOTWEAR and dice.chance(0.6)
    adjective = dice.pick(lexicon.COLOURS) if coloured else None
    thing = noun_phrase(dice.pick(("this", "this", "the")), noun, adjective, many=many)
    if dice.chance(0.4):
        do, coute = ("do", "coûtent") if many else ("does", "coûte")
        return say(f"how much {do} {thing.en} cost?", f"combien {coute} {thing.fr} ?")
    # "these shoes cost" would be both present and past
    mode = c.PRESENT if many else dice.pick((c.PRESENT, c.PRESENT, c.PAST))
    cost = verb("cost = coûter", state=True)
    return sentence(Clause(thing, cost, mode, rest=(when.price(dice, 15, 69),)).statement())


def fruit_price(dice: Dice) -> Phrase:
    """Draw a sentence such as: How much do the pears cost? The apples cost €3.50 a kilo."""
    thing = noun_phrase(dice.pick(("the", "this")), dice.pick(lexicon.PRODUCE), many=True)
    if dice.chance(0.3):
        return say(f"how much do {thing.en} cost?", f"combien coûtent {thing.fr} ?")
    kilo = Phrase("a kilo", "le kilo")
    cost = verb("cost = coûter")
    return sentence(Clause(thing, cost, rest=(when.price(dice, 2, 7), kilo)).statement())


def looking_for(dice: Dice) -> Phrase:
    """Draw a sentence such as: I'm looking for a blue coat; is she looking for a new phone?"""
    look = verb("look for = chercher")
    adjective = dice.pick(lexicon.COLOURS + lexicon.OF_CLOTHES)
    thing = noun_phrase("a", dice.pick(lexicon.UNISEX), adjective)
    if dice.chance(0.25):
        return sentence(Clause(asked(dice), look, c.PROGRESSIVE, object=thing).question(), "?")
    return sentence(Clause(anybody(dice), look, c.PROGRESSIVE, object=thing).statement())


def trying(dice: Dice) -> Phrase:
    """Draw a sentence such as: Can I try on this shirt, please?"""
    many = dice.chance(0.3)
    noun, colour = (
        dice.pick(lexicon.FOOTWEAR if many else lexicon.CLOTHES),
        dice.pick(lexicon.COLOURS),
    )
    if dice.chance(0.5):
        in_colour = Phrase(f"in {colour.en}", f"en {colour.fr}")
        thing = noun_phrase("this", noun, many=many)
        return sentence(Clause(YOU, HAVE, object=thing, rest=(in_colour,)).question(), "?")
    thing = noun_phrase("this", noun, colour if dice.chance(0.7) else None, many=many)
    can = Clause(I, verb("try on = essayer"), dice.pick((c.CAN, c.COULD)), object=thing)
    return courtesy(dice, can.question(), "?")


def wearing(dice: Dice) -> Phrase:
    """Draw a sentence such as: Emma is wearing a green dress today."""
    mode, time = dice.pick(
        (
            (c.PROGRESSIVE, when.TODAY_ITSELF),
            (c.PROGRESSIVE, when.TONIGHT),
            (c.PAST, when.YESTERDAY),
            (c.PAST, when.LAST_NIGHT),
        )
    )
    wear = verb("wear = porter", state=True)
    adjective = dice.pick(lexicon.COLOURS + lexicon.OF_CLOTHES)
    thing = noun_phrase("a", dice.pick(lexicon.UNISEX), adjective)
    who = dice.pick((I, YOU, HE, SHE, person(dice.pick(lexicon.EVERYBODY)), kin(dice)))
    return sentence(Clause(who, wear, mode, object=thing, rest=(time,)).statement())


def fitting(dice: Dice) -> Phrase:
    """Draw a sentence such as: This dress is too long for me."""
    many = dice.chance(0.4)
    noun = dice.pick(lexicon.FOOTWEAR if many else lexicon.UNISEX)
    thing = noun_phrase("this", noun, many=many)
    short = many or noun in lexicon.SMALL_CLOTHES
    adjective = dice.pick(leave_out(FITTING, "long, short, heavy") if short else FITTING)
    degree = dice.pick((Phrase("too", "trop"), Phrase("a little too", "un peu trop")))
    whom_en, whom_fr = dice.pick(WEARERS)
    whom = Phrase(f"for {whom_en}", f"pour {whom_fr}")
    return sentence(being(thing, degree, quality(thing, adjective), whom).statement())


def comparing_clothes(dice: Dice) -> Phrase:
    """Draw a sentence such as: This coat is warmer than the green jacket."""
    group = dice.pick(ALIKE)
    thing = noun_phrase(dice.pick(("this", "my", "your")), dice.pick(group))
    owner = dice.pick(("the", "her"))
    colour = dice.pick(lexicon.COLOURS) if owner == "the" else None
    than = noun_phrase(owner, dice.pick(group), colour)
    adjective = dice.pick([a for a in lexicon.OF_CLOTHES if a.en not in ("new", "old")])
    fr = quality(thing, adjective).fr
    more = Phrase(f"{english.comparative(adjective.en)} than {than.en}", f"plus {fr} que {than.fr}")
    equal = Phrase(f"as {adjective.en} as {than.en}", f"aussi {fr} que {than.fr}")
    return sentence(being(thing, dice.pick((more, equal))).statement())


def grocery(dice: Dice) -> NounPhrase:
    """Draw a quantity of food: some cheese, some onions."""
    if dice.chance(0.5):
        return some(dice.pick(lexicon.FOOD + lexicon.SEASONINGS + lexicon.DRINKS))
    return some(dice.pick(lexicon.DISHES + lexicon.GROCERIES), many=True)


def in_stock(dice: Dice) -> Phrase:
    """Draw a sentence such as: Do you have any tomatoes? We don't have any bread anymore."""
    thing = grocery(dice)
    if dice.chance(0.4):
        return sentence(Clause(YOU, HAVE, object=thing).question(), "?")
    negation = dice.pick(("not", "anymore"))
    return sentence(Clause(anybody(dice), HAVE, c.PRESENT, negation, thing).statement())


def in_fridge(dice: Dice) -> Phrase:
    """Draw a sentence such as: There isn't any milk in the fridge."""
    places = pairs("""
        in the fridge = dans le frigo, in the kitchen = dans la cuisine,
        on the table = sur la table
    """)
    return there_is(dice, grocery(dice), Phrase(*dice.pick(places)))


def there_is(dice: Dice, thing: NounPhrase, place: Phrase) -> Phrase:
    """Draw a sentence such as: There isn't any bread on the table."""
    kind = dice.number(0, 4)
    be, was = ("are", "were") if thing.many else ("is", "was")
    if kind == 0:
        asked_en = thing.en_not or thing.en
        return say(
            f"{be} there {asked_en} {place.en}?", f"est-ce qu'il y a {thing.fr} {place.fr} ?"
        )
    if kind == 1:
        return say(
            f"there {be}n't {thing.en_not} {place.en}.", f"il n'y a pas {thing.fr_not} {place.fr}."
        )
    if kind == 2:
        return say(f"there {was} {thing.en} {place.en}.", f"il y avait {thing.fr} {place.fr}.")
    return say(f"there {be} {thing.en} {place.en}.", f"il y a {thing.fr} {place.fr}.")


def need_food(dice: Dice) -> Phrase:
    """Draw a sentence such as: I need some flour; do they need any onions?"""
    if dice.chance(0.3):
        return sentence(Clause(asked(dice), NEED, object=grocery(dice)).question(), "?")
    return sentence(Clause(anybody(dice), NEED, object=grocery(dice)).statement())


def need(dice: Dice) -> Phrase:
    """Draw a sentence such as: She needs a new pen; do you need my umbrella?"""
    noun = dice.pick(lexicon.BELONGINGS + lexicon.UNISEX + lexicon.TABLEWARE)
    determiner = dice.pick(("a", "a", "my", "this"))
    new = lexicon.NEW if determiner == "a" and dice.chance(0.4) else None
    thing = noun_phrase(determiner, noun, new)
    if dice.chance(0.3):
        return sentence(Clause(asked(dice), NEED, object=thing).question(), "?")
    negation = "not" if determiner != "a" and dice.chance(0.4) else ""
    return sentence(Clause(anybody(dice), NEED, c.PRESENT, negation, thing).statement())


SCENES = (
    table_order, market_order, at_table, meal, how_much, fruit_price, looking_for, trying, wearing,
    fitting, comparing_clothes, in_stock, in_fridge, need_food, need,
)  # fmt: skip
