"""Clause realised in two languages: subject, verb, mode, negation, object, adjuncts."""

from collections.abc import Callable
from dataclasses import dataclass

from transformer_mt.phrasebook import english, french
from transformer_mt.phrasebook import french_verbs as verbs
from transformer_mt.phrasebook.phrases import NounPhrase, Phrase, join

ETRE_VERBS = {
    "aller", "venir", "revenir", "devenir", "arriver", "partir", "repartir", "sortir", "entrer",
    "rentrer", "rester", "tomber", "monter", "descendre", "naître", "retourner",
}  # fmt: skip

REFLEXIVE = ("me", "te", "se", "nous", "vous", "se")
NEGATIONS = {
    "not": "pas", "never": "jamais", "anymore": "plus", "yet": "pas encore", "anything": "rien",
    "only": "",
}  # fmt: skip
"""Second part of the French negation, after "ne" and the finite verb; "que" of "only" stands before
the object."""

BEFORE_VERB = ("never", "only")
"""English negative adverbs before the verb; the other negations negate the auxiliary."""


@dataclass(frozen=True, slots=True)
class Verb:
    """Verb in both languages: "get up" = "se lever", "talk to" = "parler à".

    `fr` is the infinitive alone; `tail` is the fixed text after the verb ("have breakfast" =
    "prendre ..."), `link` the preposition before the object. The past of a `state` is the
    imparfait.
    """

    en: str
    fr: str
    tail: str = ""
    link: str = ""
    reflexive: bool = False
    state: bool = False

    @property
    def with_etre(self) -> bool:
        """True if the compound tenses of the verb take être."""
        return self.reflexive or self.fr in ETRE_VERBS


def verb(entry: str, *, state: bool = False) -> Verb:
    """Read "listen to = écouter", "talk to = parler à", "rest = se reposer"."""
    en, _, fr = entry.partition(" = ")
    words = fr.replace("s'", "se ").split()
    reflexive = words[0] == "se"
    words = words[reflexive:]
    link = words.pop() if words[-1] in ("à", "de", "dans", "avec") else ""
    return Verb(en, words[0], " ".join(words[1:]), link, reflexive, state)


BE = verb("be = être", state=True)
HAVE = verb("have = avoir", state=True)
NEED = verb("need = avoir besoin de", state=True)


@dataclass(frozen=True, slots=True)
class Mode:
    """Tense or modal, as both languages build it.

    English: auxiliary `aux`, then `link`, then the verb in `form`. French: `head`, or the verb
    itself when there is none, in `tense` or in the passé composé when `perfect`.
    """

    aux: str = "do"
    link: str = ""
    form: Callable[[str], str] = str
    past: bool = False
    head: str = ""
    tense: str = verbs.PRESENT
    perfect: bool = False


PRESENT = Mode()
PAST = Mode(past=True, perfect=True)
PROGRESSIVE = Mode("be", form=english.ing)
WAS_DOING = Mode("be", form=english.ing, past=True, tense=verbs.IMPERFECT)
PERFECT = Mode("have", form=english.participle, perfect=True)
USED_TO = Mode(link="use to", past=True, tense=verbs.IMPERFECT)
FUTURE = Mode("will", tense=verbs.FUTURE)
GOING_TO = Mode("be", "going to", head="aller")
CAN = Mode("can", head="pouvoir")
COULD = Mode("could", head="pouvoir", tense=verbs.CONDITIONAL)
MUST = Mode("must", head="devoir")
SHOULD = Mode("should", head="devoir", tense=verbs.CONDITIONAL)
WOULD = Mode("would", tense=verbs.CONDITIONAL)
WOULD_LIKE = Mode("would", "like to", head="vouloir", tense=verbs.CONDITIONAL)
WANT = Mode(link="want to", head="vouloir")
WANTED = Mode(link="want to", past=True, head="vouloir", tense=verbs.IMPERFECT)
HAVE_TO = Mode(link="have to", head="devoir")
HAD_TO = Mode(link="have to", past=True, head="devoir", perfect=True)
KNOW_HOW = Mode(link="know how to", head="savoir")
LIKE_TO = Mode(link="like to", head="aimer")
PREFER_TO = Mode(link="prefer to", head="préférer")
HOPE_TO = Mode(link="hope to", head="espérer")
SINCE = Mode("have", form=lambda base: f"been {english.ing(base)}")
FORGOT_TO = Mode(link="forget to", past=True, head="oublier de", perfect=True)
DECIDED_TO = Mode(link="decide to", past=True, head="décider de", perfect=True)
STARTED_TO = Mode(link="start to", past=True, head="commencer à", perfect=True)


@dataclass(frozen=True, slots=True)
class Clause:
    """Clause with one subject and verb; `statement` and `question` realise it in both languages.

    `pronoun` makes the object a pronoun; `gap` leaves it out, because a relative or a question
    pronoun stands for it. `receiver` is an indirect object, always a pronoun. `adverb` stands by
    the verb; `rest` is everything after the object: predicates, places, times.
    """

    subject: NounPhrase
    verb: Verb
    mode: Mode = PRESENT
    negation: str = ""
    object: NounPhrase | None = None
    pronoun: bool = False
    gap: bool = False
    receiver: NounPhrase | None = None
    adverb: Phrase | None = None
    rest: tuple[Phrase, ...] = ()

    def statement(self) -> Phrase:
        """Return the clause as a statement, without capital or full stop."""
        return Phrase(self._english(), f"{self.subject.fr} {self._french_predicate()}")

    def question(self, asking: Phrase | None = None) -> Phrase:
        """Return the clause as a question with "do ..." and "est-ce que", or a question word."""
        english_side, french_side = self._english_question(), "est-ce que"
        if asking:
            english_side, french_side = f"{asking.en} {english_side}", f"{asking.fr} est-ce que"
        return Phrase(english_side, f"{french_side} {self.subject.fr} {self._french_predicate()}")

    def relative(self) -> Phrase:
        """Return the clause as a relative clause: "who" and "qui", then the predicate."""
        words = self._english().removeprefix(self.subject.en + " ")
        return Phrase(f"who {words}", f"qui {self._french_predicate()}")

    # English

    def _english(self) -> str:
        auxiliary, lexical = self._english_verb()
        refused = bool(self.negation) and self.negation not in BEFORE_VERB
        middle = self._english_middle()
        if self._auxiliary_melts and not refused:
            finite = self._english_finite(lexical)
            words = (self.subject.en, middle, finite)
        elif refused and auxiliary == "am":
            words = (english.attach("I", "am"), "not", f"{middle} {lexical}".strip())
        else:
            auxiliary = english.negate(auxiliary) if refused else auxiliary
            words = (english.attach(self.subject.en, auxiliary), middle, lexical)
        return " ".join(filter(None, (*words, *self._english_tail(asked=False))))

    def _english_question(self) -> str:
        auxiliary, lexical = self._english_verb()
        if self.negation and self.negation not in BEFORE_VERB:
            auxiliary = english.negate(auxiliary)
        words = (auxiliary, self.subject.en, self._english_middle(), lexical)
        return " ".join(filter(None, (*words, *self._english_tail(asked=True))))

    @property
    def _is_be(self) -> bool:
        be = self.verb.en == "be" or self.verb.en.startswith("be ")
        return be and self.mode.aux == "do" and not self.mode.link

    @property
    def _auxiliary_melts(self) -> bool:
        return self.mode.aux == "do" and not self._is_be

    def _english_verb(self) -> tuple[str, str]:
        """Return auxiliary and main verb: ("does", "eat"), ("is", "going to eat")."""
        mode, person = self.mode, self.subject.person
        if self._is_be:
            return english.be(person, past_tense=mode.past), self.verb.en[3:]
        lexical = f"{mode.link} {mode.form(self.verb.en)}".strip()
        if mode.aux == "be":
            return english.be(person, past_tense=mode.past), lexical
        if mode.aux == "have":
            return "has" if person == 2 else "have", lexical
        if mode.aux == "do":
            return "did" if mode.past else ("does" if person == 2 else "do"), lexical
        return mode.aux, lexical

    def _english_finite(self, lexical: str) -> str:
        if self.mode.past:
            return english.past(lexical)
        return english.third_person(lexical) if self.subject.person == 2 else lexical

    def _english_middle(self) -> str:
        negation = self.negation if self.negation in BEFORE_VERB else ""
        return " ".join(filter(None, (negation, self.adverb.en if self.adverb else "")))

    def _english_tail(self, *, asked: bool) -> list[str]:
        words = [self.receiver.object_pronoun] if self.receiver else []
        if self.object and not self.gap:
            words.append(self._english_object(asked=asked))
        if self.negation == "anything":
            words.append("anything")
        words += [phrase.en for phrase in self.rest]
        if self.negation in ("anymore", "yet"):
            words.append(self.negation)
        return words

    def _english_object(self, *, asked: bool) -> str:
        assert self.object is not None
        if self.pronoun:
            return self.object.object_pronoun
        loose = asked or self.negation
        return self.object.en_not if loose and self.object.en_not else self.object.en

    # French

    def _french_predicate(self) -> str:
        finite, *others = self._french_verb()
        clitic = self._clitic
        infinitive = bool(self.mode.head)
        ne, pas = ("ne", NEGATIONS[self.negation]) if self.negation else ("", "")
        adverb = self.adverb.fr if self.adverb else ""
        if infinitive:
            words = [ne, finite, pas, adverb, *others[:-1], clitic, others[-1]]
        else:
            words = [ne, clitic, finite, pas, adverb, *others]
        words += [self.verb.tail, "que" if self.negation == "only" else ""]
        if self.object and not self.pronoun and not self.gap:
            words.append(self._french_object())
        words += [phrase.fr for phrase in self.rest]
        return " ".join(filter(None, words))

    def _french_verb(self) -> list[str]:
        """Return the French verb in parts: [mange], [ai, mangé], [vais, manger], [ai, dû, ...]."""
        mode, person = self.mode, self.subject.person
        if mode.head:
            head, _, link = mode.head.partition(" ")
            after = [link, self.verb.fr]
            if mode.perfect:
                return [verbs.conjugate("avoir", verbs.PRESENT, person),
                        verbs.participle(head), *after]  # fmt: skip
            return [verbs.conjugate(head, mode.tense, person), *after]
        if not mode.perfect:
            return [verbs.conjugate(self.verb.fr, mode.tense, person)]
        if self.verb.state and mode.past:
            return [verbs.conjugate(self.verb.fr, verbs.IMPERFECT, person)]
        auxiliary = "être" if self.verb.with_etre else "avoir"
        return [verbs.conjugate(auxiliary, verbs.PRESENT, person), self._french_participle()]

    def _french_participle(self) -> str:
        form = verbs.participle(self.verb.fr)
        if self.verb.with_etre:
            return french.agree(form, self.subject.gender, many=self.subject.many)
        if self.object and (self.pronoun or self.gap) and not self.verb.link:
            return french.agree(form, self.object.gender, many=self.object.many)
        return form

    @property
    def _clitic(self) -> str:
        if self.verb.reflexive:
            return REFLEXIVE[self.subject.person]
        if self.receiver:
            return self.receiver.clitic(indirect=True)
        if self.object and self.pronoun:
            return self.object.clitic(indirect=self.verb.link == "à")
        return ""

    def _french_object(self) -> str:
        assert self.object is not None
        if self.verb.link:
            return self.object.french_after(self.verb.link)
        return self.object.fr_not if self.negation and self.object.fr_not else self.object.fr


_TOI = {1: "toi", 3: "nous", 4: "vous"}


def command(
    action: Verb, thing: NounPhrase | None = None, *rest: Phrase, person: int = 4,
    refuse: bool = False,
) -> Phrase:  # fmt: skip
    """Return an order to tu (1), nous (3) or vous (4): open the door = ouvrez la porte."""
    form, en = verbs.imperative(action.fr, person), action.en
    if not action.reflexive:
        words = ["ne", form, "pas"] if refuse else [form]
    elif refuse:
        words = ["ne", REFLEXIVE[person], form, "pas"]
    else:
        words = [f"{form}-{_TOI[person]}"]
    words.append(action.tail)
    if thing:
        en = f"{en} {thing.en_not if refuse and thing.en_not else thing.en}"
        fr = thing.fr_not if refuse and thing.fr_not else thing.fr
        words.append(thing.french_after(action.link) if action.link else fr)
    fr = " ".join(filter(None, words))
    return join(Phrase(f"don't {en}" if refuse else en, fr), *rest)


def being(
    subject: NounPhrase, *rest: Phrase | None, mode: Mode = PRESENT, negation: str = ""
) -> Clause:
    """Return the clause subject + be + predicate, followed by the phrases that are not None."""
    return Clause(subject, BE, mode, negation, rest=tuple(filter(None, rest)))
