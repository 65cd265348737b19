# ruff: noqa: RUF001
"""Lines much longer than what a model was trained on: counted, recorded, and warned of."""

import json
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_runs import PAIRS, logged, make_run, tmt

from transformer_mt import load
from transformer_mt.inference.load import EngineName
from transformer_mt.phrasebook import phrasebook_splits
from transformer_mt.runs.run_dir import RunDir, load_usual_lines
from transformer_mt.text.line_sizes import LineSizes, UsualLines, count_sentences

SENTENCES = {
    "en": ["Good morning.", "Where is the station?", "I like this book!"],
    "de": ["Das Haus ist groß.", "„Wo bist du?“", "Ich weiß nicht …"],
    "es": ["¿Dónde está?", "¡Aquí estoy!", "Vamos a casa."],
    "ru": ["Доброе утро.", "Где вокзал?", "Книга лежит на столе."],
    "el": ["Καλημέρα.", "Πάμε σπίτι!", "Το βιβλίο είναι εδώ."],
    "ar": ["صباح الخير.", "أين المحطة؟", "أحب هذا الكتاب."],
    "ur": ["یہ گھر ہے۔", "وہ کہاں ہے؟", "میں جاتا ہوں۔"],
    "hi": ["यह घर है।", "वह कहाँ है?", "मैं जाता हूँ।"],
    "am": ["ሰላም ነው።", "ቤቱ ትልቅ ነው።", "እሄዳለሁ።"],
    "hy": ["Բարի լույս։", "Ես գնում եմ։", "Տունը մեծ է։"],
    "my": ["မင်္ဂလာပါ။", "သွားမယ်။", "လာမယ်။"],
    "ko": ["안녕하세요.", "어디예요?", "책이 좋아요."],
}
WITHOUT_SPACES = {
    "zh": ["早上好。", "车站在哪里？", "我喜欢这本书！"],
    "ja": ["これは本です。", "「はい。」", "駅はどこ？"],
}
SINGLE = [
    "Mr. Smith met Dr. Jones and Mrs. Brown in St. Ives.",
    "It costs 3.50 euros, e.g. in Rome.",
    "Am 3. Mai kam z. B. Herr Meier.",
    "J. S. Bach wrote it.",
    'He said "no!" and left.',
    "Wait... what?",
    "www.example.org is down",
    "ฉันชอบหนังสือเล่มนี้",
    "...",
    "",
    "?! ?! ?!",
]


@pytest.mark.parametrize("language", [*SENTENCES, *WITHOUT_SPACES])
def test_sentences_are_counted_in_any_script(language: str) -> None:
    space = "" if language in WITHOUT_SPACES else " "
    sentences = (SENTENCES | WITHOUT_SPACES)[language]
    for count in range(1, 4):
        assert count_sentences(space.join(sentences[:count])) == count
    assert count_sentences(space.join(sentences * 3)) == 9


@pytest.mark.parametrize("text", SINGLE)
def test_not_every_mark_ends_a_sentence(text: str) -> None:
    assert count_sentences(text) == 1


@given(st.lists(st.sampled_from(phrasebook_splits()["test"]), min_size=1, max_size=6))
def test_counts_of_lines_that_are_joined_add_up(pairs: Sequence[tuple[str, str]]) -> None:
    """Sentences of the phrasebook begin with a capital letter and end with a long word or mark."""
    lines = [pair[0] for pair in pairs if re.search(r"[a-z]{4}[.]$|[?!]$", pair[0])]
    assert count_sentences(" ".join(lines)) == max(1, sum(map(count_sentences, lines)))


@given(st.text(alphabet=".!?。…\"' aA1।」(", max_size=60))
def test_any_text_has_a_count(text: str) -> None:
    assert 1 <= count_sentences(text) <= 1 + len(text)


@pytest.mark.parametrize("piece", [".", "!", "a", " ", "。", '?"', "! ", ".' (", "A. "])
def test_a_megabyte_takes_no_longer_than_its_length(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    start = time.process_time()
    count_sentences(text)
    assert time.process_time() - start < 5


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 4)), min_size=1, max_size=300))
def test_usual_is_what_99_of_100_do_not_exceed(lines: list[tuple[int, int]]) -> None:
    sizes = LineSizes()
    for some in (lines[:7], lines[7:]):
        texts = ["Here it is. " * sentences for _, sentences in some]
        sizes.see(texts, np.array([tokens for tokens, _ in some], dtype=np.int32))
    wanted = (np.quantile(column, 0.99, method="inverted_cdf") for column in np.array(lines).T)
    assert sizes.usual() == UsualLines(*map(int, wanted))


# what a translator says


def make(path: Path, usual: tuple[int, int] | None) -> Path:
    """A run whose information is that of a training, here or of an earlier version."""
    run = RunDir(make_run(path))
    data = (
        {} if usual is None else dict(zip(("usual_tokens", "usual_sentences"), usual, strict=True))
    )
    run.info.write_text(json.dumps({"data": data}))
    return path


THREE = "Good morning. Where is the station? I like this book."


@pytest.mark.parametrize("engine", ["torch", "ctranslate2"])
def test_a_line_that_is_much_longer_is_warned_of(tmp_path: Path, engine: EngineName) -> None:
    if engine == "ctranslate2":
        pytest.importorskip("ctranslate2")
    one, two = (load(make(tmp_path / str(n), (8, n)), engine=engine) for n in (1, 2))
    lines = ["The cat is big .", THREE, "cat " * 12, "cat " * 13, "The cat is here. It is big."]
    with logged() as said:
        one.translate(lines, first_line=11)
    assert said == [
        "line 12 holds 3 sentences; the model was trained on single sentences: give one sentence a"
        " line",
        "line 14 has 13 tokens; the model was trained on lines of up to 8: give shorter sentences,"
        " one a line",
        "line 15 holds 2 sentences; the model was trained on single sentences: give one sentence a"
        " line",
    ]
    with logged() as said:
        two.translate(lines)
        two.translate(THREE)
    assert [message.split(":")[0] for message in said] == [
        "line 2 holds 3 sentences; the model was trained on lines of up to 2",
        "line 4 has 13 tokens; the model was trained on lines of up to 8",
        "line 1 holds 3 sentences; the model was trained on lines of up to 2",
    ]


def test_nothing_is_said_by_a_run_that_does_not_know(tmp_path: Path) -> None:
    old = make(tmp_path / "old", None)
    for text in (None, "junk", "[]", '{"data": 1}', '{"data": {"usual_tokens": "a"}}'):
        if text is not None:
            RunDir(old).info.write_text(text)
        assert load_usual_lines(RunDir(old)) is None
    RunDir(old).info.unlink()
    with logged() as said:
        load(old).translate([THREE, "cat " * 15])
    assert said == []


def test_the_command_says_it_and_translates(tmp_path: Path) -> None:
    run = make(tmp_path / "run", (8, 1))
    argument = tmt("translate", "-m", run, THREE)
    piped = tmt("translate", "-m", run, stdin=f"{PAIRS[0].src}\n{THREE}\n")
    many = tmt("translate", "-m", run, stdin=f"{THREE}\n" * 30)
    for result, lines in ((argument, [1]), (piped, [2]), (many, range(1, 21))):
        assert result.exit_code == 0
        numbers = re.findall(r"^warning: line (\d+) holds 3 sentences", result.stderr, re.MULTILINE)
        assert numbers == [str(line) for line in lines]
    assert many.stdout.count("\n") == 30
    assert "a line is one sentence" in " ".join(tmt("translate", "--help").stdout.lower().split())


def test_a_training_records_what_its_translator_warns_by(trained_run: Path) -> None:
    usual = load_usual_lines(RunDir(trained_run))
    assert usual is not None
    assert usual.sentences == 1
    translator = load(trained_run)
    assert translator.usual == usual
    lengths = [len(ids) for ids in translator.tokenizers.src.encode_batch(["red " * usual.tokens])]
    assert lengths == [usual.tokens]
    assert replace(usual, tokens=1).complaint("red red", 2) is not None
