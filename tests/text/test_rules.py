# ruff: noqa: RUF001 - characters that look alike, or like nothing, are the point
"""What becomes of text before it is split: by default (`clean`), by language, by script."""

import json
import unicodedata
from functools import cache
from typing import Any

import pytest
import tokenizers as library
from hypothesis import given
from hypothesis import strategies as st

from transformer_mt.config.tasks import (
    ClassificationConfig,
    LabelledConfig,
    LanguageModelConfig,
    PairsConfig,
    PairTokenizerConfig,
    TextConfig,
    TextTokenizerConfig,
    TranslationConfig,
)
from transformer_mt.corpus.source import Corpus, SentencePair
from transformer_mt.text.tokenizer import (
    JOINER,
    UNK_ID,
    Tokenizer,
    Tokenizers,
)
from transformer_mt.training.tasks.registry import build_vocabulary

KINDS = ("word", "bpe", "unigram", "character", "byte")


def build(texts: list[str], kind: str = "word", *, read: bool = False, **more: Any) -> Tokenizer:
    language = more.pop("language", "")
    settings = {"type": kind, "min_frequency": 1, "vocab_size": 3000, **more}
    return Tokenizer.build(texts, PairTokenizerConfig(**settings), language, is_read=read)


@cache
def cleaner(*, read: bool = False, language: str = "", lowercase: bool = False) -> Tokenizer:
    """Bytes: a round trip shows what normalisation did, whatever the text."""
    return build([], "byte", read=read, language=language, lowercase=lowercase)


def clean(text: str, **more: Any) -> str:
    tokenizer = cleaner(**more)
    return tokenizer.decode(tokenizer.encode(text))


# what means nothing is dropped

NOTHING = [
    *("\u00ad", "\u200b", "\u2060", "\ufeff", "\u200e", "\u200f", "\u061c", "\u202a", "\u202b"),
    *("\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069", "\u200c", "\u200d"),
    *("\x00", "\x1b", "\x7f", "\x92", "\u2061", "\u206f", "\U000e0001", "\U000e0041"),
]
LETTERS = "aéßZ őЖжїĄłΩλשםהअगीभمپ中文語カナ한국1२.,!?'-"
ZERO_WIDTH = "\u200b\u200c\u200d"


@pytest.mark.parametrize("kind", KINDS)
@given(
    parts=st.lists(st.tuples(st.sampled_from("aZéЖжΩ 中カ한!"), st.sampled_from(["", *NOTHING])))
)
def test_what_means_nothing_changes_no_token(kind: str, parts: list[tuple[str, str]]) -> None:
    tokenizer = knowing(kind)
    plain = "".join(letter for letter, _ in parts)
    assert tokenizer.encode("".join(map("".join, parts))) == tokenizer.encode(plain)


@cache
def knowing(kind: str) -> Tokenizer:
    return build(["aZéЖжΩ 中カ한! a Z é Ж ж Ω 中 カ 한 !"], kind)


@pytest.mark.parametrize("nothing", [n for n in NOTHING if n not in ZERO_WIDTH])
@pytest.mark.parametrize("word", ["שלום", "سلام", "नमस्ते", "สวัสดี", "word", "слово", "單詞", "ខ្មែរ"])
def test_it_is_dropped_in_every_script(word: str, nothing: str) -> None:
    assert clean(f"{word[:2]}{nothing}{word[2:]}") == unicodedata.normalize("NFC", word)
    assert clean(f"{nothing}{word} {word}{nothing}") == unicodedata.normalize(
        "NFC", f"{word} {word}"
    )


@given(text=st.text(st.sampled_from([*LETTERS, *NOTHING, "👩", "🏴", "\ufe0f", "ក", "ไ"])))
def test_what_is_clean_stays_as_it_is(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    assert clean(clean(text, read=True), read=True) == clean(text, read=True)


# what carries meaning is kept

MEANT = {
    "Persian": "می\u200cخواهم کتاب\u200cها را، DVD\u200cها",
    "Arabic, ZWJ": "ه\u200d ١٤٤٥",
    "Arabic vowels": "كَتَبَ مُ\u200cحَمَّد",
    "Hindi": "क्\u200dष क्\u200cष राजनीति",
    "Bengali": "র্\u200dযাম",
    "Malayalam": "അവന്\u200d നന്\u200cമ",
    "Sinhala": "ශ්\u200dරී ලංකාව",
    "Kannada": "ರ್\u200dಕ",
    "Thai": "สวัสดีครับ ผมชื่อสมชาย",
    "Lao": "ສະບາຍດີ\u200bທຸກຄົນ",
    "Khmer": "ភាសា\u200bខ្មែរ\u200bស្អាត",
    "Burmese": "မြန်မာ\u200bဘာသာ စကား",
    "Mongolian": "ᠮᠣᠩᠭᠣᠯ\u180e\u1820 ᠭ\u180b",
    "family": "👨\u200d👩\u200d👧\u200d👦 👩🏽\u200d🚀 ❤\ufe0f\u200d🔥",
    "rainbow": "🏳\ufe0f\u200d🌈 🧔\u200d♂\ufe0f",
    "flags": "🇫🇷 🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f!",
    "keycap": "1\ufe0f\u20e3",
    "variant": "葛\U000e0100城",
    "Hebrew": "בְּרֵאשִׁית",
    "French": "« Où\u00a0? »",
    "Turkish": "İstanbul'da ılık",
}


@pytest.mark.parametrize("script", MEANT)
@pytest.mark.parametrize("kind", KINDS)
def test_what_carries_meaning_is_kept(kind: str, script: str) -> None:
    text = unicodedata.normalize("NFC", MEANT[script])
    tokenizer = build([text], kind)
    ids = tokenizer.encode(text)
    assert UNK_ID not in ids
    exact = kind in ("character", "byte")
    assert tokenizer.decode(ids) == (text if exact else " ".join(text.split()))


@given(parts=st.lists(st.sampled_from([part for text in MEANT.values() for part in text.split()])))
def test_any_of_it_side_by_side_is_kept(parts: list[str]) -> None:
    text = unicodedata.normalize("NFC", " ".join(parts))
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Auf\u200clage co\u200dop", "Auflage coop"),
        ("日\u200b本\u200d語", "日本語"),
        ("x\u200d👧 👩\u200dx", "x👧 👩x"),
        ("a\U000e0067\U000e0062", "a"),
        ("e\u200d\u0301", "é"),  # composed after the dropping
    ],
)
def test_joiners_that_join_nothing_are_dropped(text: str, expected: str) -> None:
    assert clean(text) == expected


# quotes

SPELLINGS = [
    ("I don’t, ‘really’ ‚so‘", "I don't, 'really' 'so'"),
    ("I don\u02bct, don‛t, don´t, don`t", "I don't, don't, don't, don't"),
    ("“for good” „gut“ ‟", '"for good" "gut" "'),
    ("e\u2011mail, e\u2010mail", "e-mail, e-mail"),
    ("« Oui » 5′ ` x ´", "« Oui » 5′ ` x ´"),
]


@pytest.mark.parametrize(("curly", "straight"), SPELLINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_quotes_become_straight_where_text_is_only_read(
    kind: str, curly: str, straight: str
) -> None:
    tokenizer = build([straight], kind, read=True)
    assert tokenizer.encode(curly) == tokenizer.encode(straight)
    assert tokenizer.decode(tokenizer.encode(curly)) == straight


@pytest.mark.parametrize(("curly", "_"), SPELLINGS)
def test_what_is_written_keeps_the_quotes_of_its_corpus(curly: str, _: str) -> None:
    assert clean(curly) == unicodedata.normalize("NFC", curly)


CORPUS = Corpus([SentencePair("I don't", "Je n’y vais “pas”")], [], [])


def translation(**tokenizer: Any) -> TranslationConfig:
    return TranslationConfig(
        run_dir="r",
        data=PairsConfig(src_lang="en", tgt_lang="tr", train="-"),
        tokenizer=PairTokenizerConfig(min_frequency=1, **tokenizer),
    )


@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_sides_are_normalised_by_what_they_are_for(kind: str, joint: bool) -> None:
    both: Any = build_vocabulary(translation(type=kind, joint=joint, vocab_size=300), CORPUS)
    assert both.src.encode("I don’t") == both.src.encode("I don't")
    assert UNK_ID not in both.src.encode("I don’t")
    text = "Je n’y vais “pas”"
    assert both.tgt.decode(both.tgt.encode(text)) == text


def test_texts_of_a_classifier_are_read_and_those_of_a_language_model_written() -> None:
    tokenizer = TextTokenizerConfig(type="byte")
    reader: Any = build_vocabulary(
        ClassificationConfig(run_dir="r", data=LabelledConfig(train="-"), tokenizer=tokenizer),
        Corpus(list(map(_labelled, "ab")), [], []),
    )
    writer: Any = build_vocabulary(
        LanguageModelConfig(run_dir="r", data=TextConfig(train="-"), tokenizer=tokenizer),
        Corpus([], [], []),
    )
    quoted = "‘a’"
    assert reader.tokenizer.decode(reader.tokenizer.encode(quoted)) == "'a'"
    assert writer.tokenizer.decode(writer.tokenizer.encode(quoted)) == quoted


def _labelled(label: str) -> Any:
    from transformer_mt.corpus.rows import LabelledText

    return LabelledText("x", label)


def test_the_file_alone_does_it_all() -> None:
    """Any program with the library reads it, and exports hold it."""
    ours = build(["I don't i手机 手机"], read=True, language="tr", lowercase=True)
    theirs = library.Tokenizer.from_str(ours.to_json())
    for text in ("I DON’T", "手\u200b机", "İ手"):
        assert theirs.encode(text).ids == ours.encode(text)
        assert UNK_ID not in ours.encode(text)


# lower case

TURKIC = ["tr", "tr-TR", "tr_TR", "TR", "tur", "az", "aze", "az-Latn", "az_AZ", "crh", "kk-Latn"]
OTHERS = ["", "en", "de-DE", "kk", "tt-Cyrl", "el", "ru", "ku", "trv", "fr"]


@pytest.mark.parametrize("language", TURKIC)
@given(text=st.text(st.sampled_from("IİıiIŞĞÜÖÇaZI\u0307 ")))
def test_the_dotless_i_of_turkish(language: str, text: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    expected = composed.replace("İ", "i").replace("I", "ı").lower()
    assert clean(text, language=language, lowercase=True) == expected


@pytest.mark.parametrize("language", OTHERS)
@given(words=st.lists(st.text(st.sampled_from("IİiÎSsßẞÉÀÑŒЖЙЁЇΑΣσςΆΟΥΪ"), min_size=1)))
def test_lower_case_elsewhere_is_pythons(language: str, words: list[str]) -> None:
    """But for the dot of a capital, which would be left over."""
    text = " ".join(words)
    expected = text.replace("İ", "i").lower()
    assert clean(text, language=language, lowercase=True) == expected


@pytest.mark.parametrize(
    ("capitals", "small"),
    [
        ("Ì", "i\u0307\u0300"),
        ("Í", "i\u0307\u0301"),
        ("Ĩ", "i\u0307\u0303"),
        ("I\u0300", "i\u0307\u0300"),
        ("J\u0301", "j\u0307\u0301"),
        ("Į\u0303", "į\u0307\u0303"),
        ("LIETUVA J", "lietuva j"),
    ],
)
@pytest.mark.parametrize("language", ["lt", "lt-LT", "lit"])
def test_the_dot_of_lithuanian(language: str, capitals: str, small: str) -> None:
    """As Unicode's SpecialCasing.txt has it."""
    assert clean(capitals, language=language, lowercase=True) == small


@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_each_side_follows_its_own_language(kind: str, joint: bool) -> None:
    pairs = [SentencePair("ISMAIL IS", "İSMAİL IRMAK")]
    settings = translation(type=kind, joint=joint, lowercase=True, vocab_size=300)
    both: Any = build_vocabulary(settings, Corpus(pairs, [], []))
    for tokenizer, text, expected in (
        (both.src, "ISMAIL IS", "ismail is"),
        (both.tgt, "İSMAİL IRMAK", "ismail ırmak"),
    ):
        assert UNK_ID not in tokenizer.encode(text)
        assert tokenizer.decode(tokenizer.encode(text)) == expected
    vocabularies = [json.loads(each.to_json())["model"] for each in (both.src, both.tgt)]
    assert (vocabularies[0] == vocabularies[1]) == (joint or kind == "byte")


def test_a_joint_vocabulary_is_one_file_where_both_sides_are_normalised_alike() -> None:
    config = PairTokenizerConfig(min_frequency=1, joint=True, normalization="nfc", lowercase=True)
    both = Tokenizers.build(["A"], ["B"], config, ("en", "de"))
    assert both.src.to_json() == both.tgt.to_json()
    turkish = Tokenizers.build(["A"], ["B"], config, ("en", "tr"))
    assert turkish.src.to_json() != turkish.tgt.to_json()


# words of scripts without spaces

UNSPACED = "手机今天東京タワーひらがなﾃｽﾄ㐀𠀀สวัสดีໄທຍខ្មែរမြန်မာꦗꦮ"
SPACED = ["iPhone", "15", "한국어", "слово", "हिन्दी", "བོད", "x_y"]
MARKS = "，。、「」！?'-…฿៛ๆ%"


@st.composite
def mixed_texts(draw: st.DrawFn) -> str:
    """Runs of a script without spaces, words of others, marks: with and without spaces between."""
    unspaced = st.text(st.sampled_from(UNSPACED), min_size=1, max_size=6)
    part = st.one_of(unspaced, st.sampled_from(SPACED), st.sampled_from(MARKS))
    text = last = ""
    for here, space in draw(st.lists(st.tuples(part, st.sampled_from(["", " ", "  "])))):
        if here in SPACED and last in SPACED:
            text += " "  # else the two would be another word
        text, last = text + here + space, "" if space else here
    return text


@cache
def knowing_mixed() -> Tokenizer:
    pieces = [*UNSPACED, *MARKS]
    joined = [
        f"a{piece}a 手{piece}手 {piece} a{piece} {piece}a 手{piece} {piece}手" for piece in pieces
    ]
    return build([*joined, *SPACED, "手 手"])


@given(text=mixed_texts())
def test_scripts_without_spaces_are_split_by_character_and_joined_again(text: str) -> None:
    tokenizer = knowing_mixed()
    ids = tokenizer.encode(text)
    assert UNK_ID not in ids
    expected = " ".join(unicodedata.normalize("NFC", text).split())
    assert tokenizer.decode(ids) == expected
    assert tokenizer.join(tokenizer.pieces(text)) == expected
    for token in map(str.strip, tokenizer.tokens(ids), JOINER * len(ids)):
        assert len(token) == 1 or not set(token) & set(UNSPACED)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("iPhone 15手机", ["iPhone", "15", f"{JOINER}手", "机"]),
        ("今天，天气", ["今", "天", f"{JOINER}，{JOINER}", "天", "气"]),
        ("ไทย ไทย", ["ไ", "ท", "ย", "▁", "ไ", "ท", "ย"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("འབྲུག་ཡུལ", ["འབྲུག", f"{JOINER}་{JOINER}", "ཡུལ"]),
    ],
)
def test_what_the_tokens_are(text: str, tokens: list[str]) -> None:
    assert build([text]).pieces(text) == tokens


@given(st.lists(st.integers(4, 60)))
def test_any_tokens_can_be_joined(ids: list[int]) -> None:
    tokenizer = knowing_mixed()
    text = tokenizer.decode(number for number in ids if number < tokenizer.vocab_size)
    assert not {"\n", JOINER, "▁"} & set(text)


def test_the_marks_of_the_tokens_cannot_be_spelled() -> None:
    tokenizer = build(["手_手 a ■"])
    assert tokenizer.decode(tokenizer.encode("手▁手")) == "手_手"
    assert tokenizer.decode(tokenizer.encode(f"a {JOINER}")) == "a ■"
