"""Labels of texts with their probabilities, and pairs that a language classifier doubts."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_runs import write

from transformer_mt.config.sections import TokenizerConfig
from transformer_mt.config.tasks import EncoderOnlyConfig
from transformer_mt.doctor import with_classifier
from transformer_mt.doctor.checks import KINDS
from transformer_mt.doctor.with_classifier import PairCheck, check_pairs
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.inference.classifier import Classification, Probabilities, TextClassifier
from transformer_mt.model.classifier import Classifier
from transformer_mt.text.tokenizer import PAD_ID, UNK_ID, Tokenizer
from transformer_mt.text.vocabularies import LabelledVocabulary

LABELS = ("de", "en", "fr")
LONGEST = 12


def make_classifier() -> TextClassifier:
    """With random weights: it is sure of nothing, but tells texts apart."""
    tokenizer = Tokenizer.build(["abcdefgh ."], TokenizerConfig(type="character", min_frequency=1))
    torch.manual_seed(1)
    config = EncoderOnlyConfig(d_model=16, num_heads=2, d_ff=16, num_layers=1, dropout=0.5)
    model = Classifier(config, tokenizer.vocab_size, len(LABELS), PAD_ID, LONGEST)
    with torch.no_grad():
        model.output.weight.mul_(3)
    return TextClassifier(model, LabelledVocabulary(tokenizer, LABELS), LONGEST)


CLASSIFIER = make_classifier()
texts = st.text("abcdefgh .x", max_size=20)


@given(found=st.lists(texts, max_size=12), batch_tokens=st.integers(1, 60))
def test_every_text_gets_the_probabilities_of_its_own_tokens(
    found: list[str], batch_tokens: int
) -> None:
    """Whatever it is read with, and wherever the text ends."""
    answers = CLASSIFIER.classify(found, batch_tokens=batch_tokens)
    assert [answer.text for answer in answers] == found
    for text, answer in zip(found, answers, strict=True):
        ids = CLASSIFIER.vocabulary.tokenizer.encode(text)[:LONGEST] or [UNK_ID]
        with torch.no_grad():
            logits = CLASSIFIER.model.project(CLASSIFIER.model(torch.tensor([ids])))
        expected = logits.softmax(dim=-1)[0].tolist()
        for label, wanted in zip(LABELS, expected, strict=True):
            assert answer.probabilities[label] == pytest.approx(wanted, abs=1e-5)
        told = list(answer.probabilities.values())
        assert told == sorted(told, reverse=True)
        assert answer.label == next(iter(answer.probabilities))
        assert sum(told) == pytest.approx(1, abs=1e-5)


def test_the_classifier_tells_texts_apart() -> None:
    """Else the law above could not fail."""
    few = CLASSIFIER.probabilities(["aaa", "hhh", "b c", ""])
    assert len({tuple(row) for row in few.round(3).tolist()}) == 4
    assert not CLASSIFIER.model.training


def test_an_answer_is_one_line() -> None:
    answer = Classification("a\u2028b\n\x85", "en", {"en": 0.75, "de": 0.25})
    assert answer.line(7, "text") == "en\t0.7500"
    assert answer.line(7, "text", top=5) == "en\t0.7500\tde\t0.2500"
    line = answer.line(7, "jsonl", top=2)
    assert len(line.splitlines()) == 1
    assert json.loads(line) == {
        "line": 7, "text": answer.text, "label": "en", "probabilities": {"en": 0.75, "de": 0.25},
    }  # fmt: skip
    assert json.loads(answer.line(1, "jsonl"))["probabilities"] == {"en": 0.75}


def test_scores_that_are_no_numbers_are_told() -> None:
    damaged = make_classifier()
    with torch.no_grad():
        damaged.model.output.weight.fill_(torch.nan)
    with pytest.raises(DataError, match="scores are no numbers"):
        damaged.classify(["a"])


# pairs


class ByWord:
    """Knows a line's language by its first word, and how sure it is to be by the second."""

    labels = LABELS

    def probabilities(self, lines: Sequence[str], batch_tokens: int) -> Probabilities:
        assert batch_tokens == 77
        rows = []
        for line in lines:
            label, sure = line.split()[:2]
            rest = (1 - float(sure)) / 2
            rows.append([float(sure) if label == known else rest for known in LABELS])
        return np.array(rows, dtype=np.float32)


LETTERS = "enough letters to be judged"


def check(folder: Path, pairs: list[tuple[str, str]], **options: Any) -> PairCheck:
    """Of lines that say what they are to be taken for; twenty good pairs stand before them."""
    good = [(f"en 1 {LETTERS}", f"de 1 {LETTERS}!")] * 20
    files = [
        write(folder / name, "".join(f"{pair[side]}\n" for pair in [*good, *pairs]))
        for side, name in enumerate("fg")
    ]
    classifier = cast(TextClassifier, ByWord())
    return check_pairs(classifier, (files[0], files[1]), batch_tokens=77, **options)


def line(label: str, sure: float, text: str = LETTERS) -> str:
    return f"{label} {sure} {text}"


PAIRS = {
    "good": ((line("en", 1), line("de", 0.995)), None),
    "swapped": ((line("de", 0.995), line("en", 1)), "swapped"),
    "source on both sides": ((line("en", 1), line("en", 1, LETTERS.upper())), "untranslated"),
    "target on both sides": ((line("de", 1), line("de", 1, LETTERS.upper())), "untranslated"),
    "a third language twice": ((line("fr", 1), line("fr", 1, "other " * 5)), "untranslated"),
    "a third language": ((line("en", 1), line("fr", 1)), "wrong language"),
    "wrong source": ((line("de", 1), line("de", 0.9)), "wrong language"),
    "wrong target": ((line("en", 0.6), line("en", 1)), "wrong language"),
    "unsure": ((line("de", 0.98), line("en", 0.98)), None),
    "the same, unsure": ((line("en", 0.5), line("en", 0.5)), "untranslated"),
    "short": ((line("de", 1, "Köln"), line("en", 1, "Koeln")), None),
    "the same, short": ((line("en", 1, "U2"), line("en", 1, "U2")), None),
    "numbers": ((line("de", 1, "12 " * 30), line("en", 1, "34 " * 30)), None),
    "few letters of another script": ((line("de", 1, "山川日本語中"), line("en", 1)), "swapped"),
}


@pytest.mark.parametrize("case", PAIRS)
def test_what_is_suspicious(case: str, tmp_path: Path) -> None:
    pair, kind = PAIRS[case]
    found = check(tmp_path, [pair])
    assert [each.kind for each in found.suspicious()] == ([kind] if kind else [])
    assert found.counts == {name: int(name == kind) for name in KINDS}
    assert found.languages == ("en", "de")


@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_suspicious_pairs_are_shown_with_their_line_and_text(
    piece: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(with_classifier, "_PIECE", piece)
    pairs = [pair for pair, _ in PAIRS.values()]
    found = check(tmp_path, pairs)
    shown = list(found.suspicious())
    expected = [(21 + n, kind) for n, (_, kind) in enumerate(PAIRS.values()) if kind]
    assert [(each.line, each.kind) for each in shown] == expected
    for each in shown:
        src, tgt = pairs[each.line - 21]
        assert (each.src, each.tgt) == (src, tgt)
        sure = float(src.split()[1])
        assert each.src_probability == pytest.approx(sure)
        assert each.src_label == src[:2]
        assert json.loads(each.show("jsonl"))["line"] == each.line
        cells = each.show("text").split("\t")
        assert cells[:2] == [str(each.line), each.kind]
        assert cells[3::2] == [src, tgt]
    told = found.to_dict()
    assert told["lines"] == 20 + len(pairs)
    assert sum(told["counts"].values()) == len(expected)
    assert found.lines()[2].startswith(f"{20 + len(pairs):,} pairs: 2 swapped, ")


def test_shown_text_is_short_and_harmless(tmp_path: Path) -> None:
    bad = line("de", 1, "\x1b[2J\u2028\u009b" + "long " * 100)
    (found,) = check(tmp_path, [(bad, line("en", 1))]).suspicious()
    assert len(found.src) == 60
    for layout in ("text", "jsonl"):
        assert len(found.show(layout).splitlines()) == 1
        assert "\x1b" not in found.show(layout)


def test_the_threshold_is_that_of_a_plain_language(tmp_path: Path) -> None:
    pair = (line("de", 0.8), line("en", 0.8))
    assert check(tmp_path, [pair]).counts["swapped"] == 0
    assert check(tmp_path, [pair], threshold=0.7).counts["swapped"] == 1


def test_languages_can_be_given(tmp_path: Path) -> None:
    found = check(tmp_path, [], languages=("de", "en"))
    assert found.counts["swapped"] == 20
    assert "f: de, as 0 of 20 lines" in found.lines()[0]
    with pytest.raises(ConfigError, match="knows de, en, fr, but not 'it'"):
        check(tmp_path, [], languages=("it", "en"))


def test_files_that_cannot_be_compared(tmp_path: Path) -> None:
    classifier = cast(TextClassifier, ByWord())
    english = write(tmp_path / "a", f"{line('en', 1)}\n" * 3)
    unsure = write(tmp_path / "b", f"{line('de', 0.5)}\n" * 3)
    shorter = write(tmp_path / "c", f"{line('de', 1)}\n" * 2)
    for other, message in (
        (english, r"/a and .*/a are both in one language, en"),
        (unsure, r"/b: there is no line whose language is plain"),
        (shorter, r"has 3 lines but .* has 2"),
        (tmp_path / "nowhere", r"nowhere: is no file"),
        (tmp_path, r"is no plain file, but must be read twice"),
    ):
        with pytest.raises(DataError, match=message):
            check_pairs(classifier, (english, other), batch_tokens=77)
