# ruff: noqa: RUF001 - typography is the point
import json
import os
import random
import re
import subprocess
import unicodedata
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
import tokenizers
from hypothesis import example, given
from hypothesis import strategies as st
from tiny_runs import python, write

from transformer_mt.config.tasks import PairsConfig, PairTokenizerConfig, TranslationConfig
from transformer_mt.corpus.source import Corpus, SentencePair
from transformer_mt.data.vocabularies import build_tokenizers
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.languages.characters import INVISIBLE
from transformer_mt.text.tokenizer import (
    EOS_ID,
    PAD_ID,
    SOS_ID,
    SPECIAL_TOKENS,
    UNK_ID,
    Tokenizer,
)

Kind = Literal["word", "bpe", "unigram"]
KINDS = get_args(Kind)
SUBWORDS = ("bpe", "unigram")
EXACT = ("character", "byte")  # to the last space
ALL = (*KINDS, *EXACT)

TYPOGRAPHY = [
    "« Oui », dit-il ; l'homme n'est pas là !",
    "Qu’est-ce que c’est ? C’est aujourd’hui…",
    "It's 10:30, and it costs 3,50 € or $4.00.",
    "Wait... (a) don't, (b) I can't; e.g. this!?",
    "Write to first.last@mail.example.org, or see https://example.org/a?b=c#d.",
    "He said: \"Hi!\" - and 'left' -- “for good” — ‘really’.",
    "rock 'n' roll, 100% [sic] {x} a/b C++ #1 50°C x_y __init__",
    "Élève, cœur, naïve, Straße, ¿Qué? ¡Sí!",
    "日本語 です。 हिन्दी में लिखो।",
    "ok 👍🏽, family 👨‍👩‍👧!",
]
WORDS = ["Oui", "dit", "il", "l", "homme", "là", "10", "30", "don", "t", "first", "été", "x_y"]
MARKS = list(".,;:!?'’\"«»()[]{}-–—…/@€$%&*+=#°|<>\\^~`“”")
SPACES = ["", " ", "  ", "\t", "\u00a0", "\u202f", "\u2028", "\n"]


def settings(kind: str = "word", **changes: Any) -> PairTokenizerConfig:
    return PairTokenizerConfig(**{"type": kind, "min_frequency": 1, "vocab_size": 2000, **changes})


def build(texts: list[str], kind: str = "word", **changes: Any) -> Tokenizer:
    return Tokenizer.build(texts, settings(kind, **changes))


def normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


@cache
def knowing_all(kind: str) -> Tokenizer:
    """Trained on every word, and every mark with and without a space on either side."""
    marks = [
        f"Oui{before}{m}{after}Oui" for m in MARKS for before in ("", " ") for after in ("", " ")
    ]
    return build([*TYPOGRAPHY, *WORDS, *marks], kind)


@st.composite
def known_texts(draw: st.DrawFn) -> str:
    parts = draw(st.lists(st.tuples(st.sampled_from(WORDS + MARKS), st.sampled_from(SPACES))))
    text, last = draw(st.sampled_from(SPACES)), ""
    for part, space in parts:
        if part in WORDS and last in WORDS:
            text += " "  # else the two would be another word
        text += part + space
        last = "" if space else part
    return text


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("text", TYPOGRAPHY)
def test_typography_is_reversible(kind: str, text: str) -> None:
    tokenizer = knowing_all(kind)
    ids = tokenizer.encode(text)
    assert UNK_ID not in ids
    assert tokenizer.decode(ids) == text


@pytest.mark.parametrize("kind", KINDS)
@given(text=known_texts())
def test_known_words_and_marks_are_reversible(kind: str, text: str) -> None:
    tokenizer = knowing_all(kind)
    ids = tokenizer.encode(text)
    assert UNK_ID not in ids
    assert tokenizer.decode(ids) == normal(text)


@pytest.mark.parametrize("kind", KINDS)
@given(texts=st.lists(st.text(max_size=30), max_size=5))
def test_any_text_can_be_read_and_batches_change_nothing(kind: str, texts: list[str]) -> None:
    tokenizer = knowing_all(kind)
    batch = tokenizer.encode_batch(texts)
    assert batch == [tokenizer.encode(text) for text in texts]
    for text, ids in zip(texts, batch, strict=True):
        assert len(tokenizer.pieces(text)) == len(ids)
        assert all(UNK_ID <= number < tokenizer.vocab_size for number in ids)
        assert "\n" not in tokenizer.decode(ids)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["", " ", "\t \u00a0\u2028 \n"])
def test_blank_text_has_no_tokens(kind: str, text: str) -> None:
    assert knowing_all(kind).encode(text) == []


def nfc(text: str) -> str:
    """As the library knows it."""
    return tokenizers.normalizers.NFC().normalize_str(text)


def exact(text: str) -> str:
    """What a round trip through characters or bytes gives."""
    return nfc(re.sub(INVISIBLE, "", text))


@given(text=st.text())
@example(text="a\u035b\u07fd")  # U+07FD is newer than the library's Unicode
def test_the_librarys_nfc_is_canonically_equivalent(text: str) -> None:
    assert unicodedata.normalize("NFC", nfc(text)) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("kind", EXACT)
@given(text=st.text())
def test_nfc_alone_gives_back_everything(kind: str, text: str) -> None:
    tokenizer = build([text], kind, normalization="nfc")
    assert tokenizer.decode(tokenizer.encode(text)) == nfc(text)


@cache
def trained_on(text: str, kind: str) -> Tokenizer:
    return build([text], kind)


@pytest.mark.parametrize("kind", EXACT)
@given(text=st.text())
def test_characters_and_bytes_give_back_everything(kind: str, text: str) -> None:
    """Spaces and line ends too."""
    tokenizer = build([text], kind)
    ids = tokenizer.encode(text)
    assert UNK_ID not in ids
    assert tokenizer.decode(ids) == exact(text)
    assert tokenizer.encode_batch([text]) == [ids]
    units = exact(text) if kind == "character" else exact(text).encode()
    assert len(ids) == len(tokenizer.pieces(text)) == len(units)
    assert tokenizer.join(tokenizer.pieces(text)) == exact(text)
    assert not tokenizer.unknown_pieces([text])


@given(text=st.text(), others=st.text())
def test_characters_outside_the_vocabulary_are_unknown(text: str, others: str) -> None:
    tokenizer = build([text], "character")
    known = set(exact(text))
    for piece, number in zip(tokenizer.pieces(others), tokenizer.encode(others), strict=True):
        assert (number == UNK_ID) == (piece not in known)
    unknown = Counter(c for c in exact(others) if c not in known)
    assert tokenizer.unknown_pieces([others]) == unknown
    assert tokenizer.join(tokenizer.pieces(others)) == exact(others)
    assert tokenizer.decode(tokenizer.encode(others)) == "".join(
        c for c in exact(others) if c in known
    )


@pytest.mark.parametrize(("vocab_size", "min_frequency"), [(1000, 1), (1000, 3), (7, 1), (5, 1)])
def test_character_vocabulary_is_that_of_a_counter(vocab_size: int, min_frequency: int) -> None:
    texts = ["a a a a bb b c c d\n", "\n e\ne"]
    counts = Counter("".join(texts))
    frequent = [n for n in sorted(counts.values(), reverse=True) if n >= min_frequency]
    tokenizer = build(texts, "character", vocab_size=vocab_size, min_frequency=min_frequency)
    kept = tokenizer.tokens(range(4, tokenizer.vocab_size))
    assert [counts[character] for character in kept] == frequent[: vocab_size - 4]
    assert len(set(kept)) == len(kept)


@given(raw=st.binary())
def test_bytes_are_their_values_whatever_the_text_was(raw: bytes) -> None:
    tokenizer = trained_on("", "byte")
    assert tokenizer.to_json() == trained_on("The cat.", "byte").to_json()
    assert tokenizer.vocab_size == 4 + 256
    text = nfc(raw.decode("utf-8", "replace"))
    assert tokenizer.encode(text) == [4 + byte for byte in exact(text).encode()]
    text = raw.decode("utf-8", "replace")
    assert tokenizer.decode([4 + byte for byte in raw]) == text  # U+FFFD for what is no UTF-8


def test_words_and_marks_are_apart() -> None:
    """A word is one token whatever stands beside it."""
    tokenizer = build(["un homme ici . l'homme, ici."])
    homme, ici = tokenizer.encode("homme")[0], tokenizer.encode("ici")[0]
    assert tokenizer.encode("l'homme, ici.").count(homme) == 1
    assert tokenizer.encode("l'homme, ici.").count(ici) == 1
    assert len(tokenizer.encode("l'homme, ici.")) == 6


# special tokens


@pytest.mark.parametrize("kind", ALL)
def test_special_tokens_are_ids_0_to_3(kind: str) -> None:
    assert (PAD_ID, UNK_ID, SOS_ID, EOS_ID) == (0, 1, 2, 3)
    assert SPECIAL_TOKENS == ("[PAD]", "[UNK]", "[SOS]", "[EOS]")
    assert tuple(knowing_all(kind).tokens(range(4))) == SPECIAL_TOKENS


FORGERY = ["[EOS]", "[UNK]", "[PAD]", "[SOS]", "a [EOS] b", "x[PAD]y", "[[EOS]]", "[ EOS ]", "[EOS"]


@cache
def forger(kind: str) -> Tokenizer:
    """Trained on text that is full of special tokens."""
    return build([*FORGERY * 20, "[ [ EOS ] ] PAD UNK SOS E O S P A D U N K [a [[ ]] ]a"], kind)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("text", FORGERY)
def test_text_that_looks_special_is_text(kind: str, text: str) -> None:
    ids = forger(kind).encode(text)
    assert min(ids) > EOS_ID
    assert forger(kind).decode(ids) == text


@pytest.mark.parametrize("kind", ALL)
@given(text=st.text(st.sampled_from("[]EOSPADUNK \u2581\uffed")))
def test_no_text_forges_a_special_token(kind: str, text: str) -> None:
    assert not {PAD_ID, SOS_ID, EOS_ID} & set(forger(kind).encode(text))


@pytest.mark.parametrize("kind", ALL)
def test_special_tokens_are_not_shown(kind: str) -> None:
    tokenizer = knowing_all(kind)
    oui = tokenizer.encode("Oui")
    assert tokenizer.decode([SOS_ID, *oui, UNK_ID, EOS_ID, PAD_ID, PAD_ID]) == "Oui"
    assert tokenizer.decode([]) == ""


# vocabularies


def random_texts(count: int = 300) -> list[str]:
    dice = random.Random(7)
    words = ["".join(dice.choices("abcdefghij", k=dice.randrange(1, 6))) for _ in range(150)]
    return [" ".join(dice.choices(words, range(150, 0, -1), k=6)) for _ in range(count)]


@pytest.mark.parametrize("vocab_size", [5, 20, 1000])
@pytest.mark.parametrize("min_frequency", [1, 4, 40])
def test_word_vocabulary_is_that_of_a_counter(vocab_size: int, min_frequency: int) -> None:
    texts = random_texts()
    counts = Counter(word for text in texts for word in text.split())
    frequent = [n for n in sorted(counts.values(), reverse=True) if n >= min_frequency]
    tokenizer = build(texts, vocab_size=vocab_size, min_frequency=min_frequency)
    kept = tokenizer.tokens(range(4, tokenizer.vocab_size))
    assert [counts[word] for word in kept] == frequent[: vocab_size - 4]
    assert len(set(kept)) == len(kept)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("vocab_size", [20, 57, 100])
def test_vocabulary_size_is_a_limit_that_is_used(kind: str, vocab_size: int) -> None:
    tokenizer = build(random_texts(), kind, vocab_size=vocab_size)
    size = tokenizer.vocab_size
    assert size == vocab_size or (kind == "unigram" and 20 < size < vocab_size)
    assert len(set(tokenizer.tokens(range(size)))) == size


@pytest.mark.parametrize("kind", SUBWORDS)
def test_subwords_that_cannot_spell_the_text_are_refused(kind: str) -> None:
    with pytest.raises(ConfigError, match=r"tokenizer\.vocab_size is 9, .* different characters"):
        build(random_texts(), kind, vocab_size=9)


def test_rare_merges_are_not_made() -> None:
    often, seldom = ["abc"] * 2, ["def"]
    tokens = build([*often, *seldom], "bpe", min_frequency=2)
    assert len(tokens.encode("abc")) == 1
    assert len(tokens.encode("def")) == 4  # the space before it, and three letters


@pytest.mark.parametrize("kind", SUBWORDS)
def test_subwords_spell_new_words_from_known_pieces(kind: str) -> None:
    tokenizer = build(random_texts(), kind, vocab_size=100)
    ids = tokenizer.encode("jihgfedcba abcdefghij")
    assert UNK_ID not in ids
    assert tokenizer.decode(ids) == "jihgfedcba abcdefghij"


@pytest.mark.parametrize("joint", [True, False])
def test_joint_vocabulary_knows_both_sides(joint: bool) -> None:
    config = TranslationConfig(
        run_dir="r",
        data=PairsConfig(src_lang="en", tgt_lang="fr", train="-"),
        tokenizer=settings(joint=joint),
    )
    tokens = build_tokenizers(config, Corpus([SentencePair("cat .", "chat .")], [], []))
    models = [json.loads(each.to_json())["model"] for each in (tokens.src, tokens.tgt)]
    assert (models[0] == models[1]) == joint
    for tokenizer, own, other in ((tokens.src, "cat", "chat"), (tokens.tgt, "chat", "cat")):
        assert UNK_ID not in tokenizer.encode(own)
        assert (UNK_ID in tokenizer.encode(other)) != joint


# normalisation


@pytest.mark.parametrize("kind", ALL)
def test_lower_casing_is_part_of_the_tokenizer(kind: str) -> None:
    tokenizer = build(["ÉTÉ Straße Oui", "oui"], kind, lowercase=True)
    assert tokenizer.decode(tokenizer.encode("ÉTÉ STRAßE OUI")) == "été straße oui"
    plain = build(["ÉTÉ Straße Oui", "oui"], kind)
    assert plain.decode(plain.encode("ÉTÉ Straße Oui oui")) == "ÉTÉ Straße Oui oui"


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("nfc", "e\u0301te\u0301 \ufb01n ² …", "été \ufb01n ² …"),
        ("nfkc", "e\u0301te\u0301 \ufb01n ² …", "été fin 2 ..."),
        ("none", "e\u0301t \u00e9", "e\u0301t \u00e9"),
    ],
)
def test_unicode_normalisation(kind: str, form: str, text: str, expected: str) -> None:
    tokenizer = build([text], kind, normalization=form)
    assert tokenizer.decode(tokenizer.encode(text)) == expected


@pytest.mark.parametrize("kind", ALL)
def test_nfc_makes_two_spellings_one(kind: str) -> None:
    tokenizer = build(["\u00e9t\u00e9"], kind)
    assert tokenizer.encode("e\u0301te\u0301") == tokenizer.encode("\u00e9t\u00e9")


# pieces and unknown words


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text", ["", "Oui", "Zoé vit à Łódź, 4711 km d'ici.", "  été ?  «\u00a0Ω\u00a0» [EOS]", "Ω" * 5]
)
def test_pieces_are_aligned_with_ids(kind: str, text: str) -> None:
    tokenizer = knowing_all(kind)
    ids, pieces = tokenizer.encode(text), tokenizer.pieces(text)
    assert len(pieces) == len(ids)
    for number, piece, token in zip(ids, pieces, tokenizer.tokens(ids), strict=True):
        assert number == UNK_ID or piece == token
    assert tokenizer.join(pieces) == " ".join(text.split())  # unknown ones as they are written


def test_pieces_spell_unknown_words_as_in_the_text() -> None:
    tokenizer = build(["Oui , .".replace(" ", ""), "Oui, oui."])
    text = "Zoé, Oui 4711."
    spelled = [
        piece
        for number, piece in zip(tokenizer.encode(text), tokenizer.pieces(text), strict=True)
        if number == UNK_ID
    ]
    assert spelled == ["Zoé", "4711"]


def test_unknown_pieces_are_counted() -> None:
    tokenizer = build(["Oui, oui."])
    unknown = tokenizer.unknown_pieces(["Oui, Zoé.", "Zoé, Max, Oui!", "Oui."])
    assert unknown == Counter({"Zoé": 2, "Max": 1, "!": 1})
    assert tokenizer.unknown_pieces(["Oui, oui."]) == Counter()


# files


@pytest.mark.parametrize("kind", ALL)
def test_what_is_saved_loads_as_the_same(tmp_path: Path, kind: str) -> None:
    tokenizer = knowing_all(kind)
    loaded = Tokenizer.load(write(tmp_path / "t.json", tokenizer.to_json()))
    assert loaded.to_json() == tokenizer.to_json()
    for text in [*TYPOGRAPHY, "Zoé ?"]:
        assert loaded.encode(text) == tokenizer.encode(text)
        assert loaded.pieces(text) == tokenizer.pieces(text)


@pytest.mark.parametrize("kind", ALL)
def test_the_file_is_complete_in_itself(kind: str) -> None:
    """Any program with the tokenizers library reads it."""
    ours = knowing_all(kind)
    theirs = tokenizers.Tokenizer.from_str(ours.to_json())
    for text in TYPOGRAPHY:
        assert theirs.encode(text).ids == ours.encode(text)
        assert theirs.decode(ours.encode(text)) == text


BUILD = """
import json, sys
from transformer_mt.config.tasks import PairTokenizerConfig
from transformer_mt.text.tokenizer import Tokenizer
for kind, texts in json.load(sys.stdin).items():
    config = PairTokenizerConfig(type=kind, min_frequency=1, vocab_size=120)
    sys.stdout.write(Tokenizer.build(texts, config).to_json())
"""


def test_another_process_builds_the_same_bytes() -> None:
    texts = random_texts(800)
    done = subprocess.run(
        python("-c", BUILD),
        input=json.dumps(dict.fromkeys(ALL, texts)).encode(),
        env={**os.environ, "PYTHONHASHSEED": "7", "RAYON_NUM_THREADS": "3"},
        capture_output=True,
        check=True,
    )
    ours = "".join(build(texts, kind, vocab_size=120).to_json() for kind in ALL)
    assert done.stdout.decode() == ours


@pytest.mark.parametrize("kind", ALL)
def test_building_again_gives_the_same_bytes(kind: str) -> None:
    texts = [*random_texts(800), *TYPOGRAPHY]
    assert len({build(texts, kind, vocab_size=300).to_json() for _ in range(4)}) == 1


def model_of(vocab: dict[str, int]) -> str:
    """The rules of words, with another vocabulary."""
    saved = json.loads(build(["a"]).to_json())
    saved["model"]["vocab"] = vocab
    return json.dumps(saved)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not a tokenizer"),
        ("junk", "is not a tokenizer"),
        ("{}", "is not a tokenizer"),
        ("[1, 2]", "is not a tokenizer"),
        (b"\xff\xfe", "is not a tokenizer"),
        ('{"version": "1.0", "model": {"type": "Magic"}}', "is not a tokenizer"),
        (model_of({"[UNK]": 0, "[PAD]": 1, "[SOS]": 2, "[EOS]": 3}), "ids 0 to 3 must be"),
        (model_of({"[UNK]": 0}), "ids 0 to 3 must be"),
        (None, "there is no such file"),
    ],
)
def test_a_file_that_is_no_tokenizer(
    tmp_path: Path, content: str | bytes | None, message: str
) -> None:
    path = tmp_path / "t.json"
    if content is not None:
        write(path, content)
    with pytest.raises(DataError) as caught:
        Tokenizer.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_a_tokenizer_of_another_kind_is_refused(tmp_path: Path) -> None:
    """It has the special tokens, but no rules to split and join text."""
    vocab = {token: index for index, token in enumerate((*SPECIAL_TOKENS, "a"))}
    rules = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocab, "[UNK]"))
    path = write(tmp_path / "t.json", rules.to_str())
    with pytest.raises(DataError, match="is not a tokenizer"):
        Tokenizer.load(path)
