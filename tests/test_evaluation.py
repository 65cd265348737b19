"""Figures of a test set, against the sacrebleu program and against computation by hand."""

import json
import math
import subprocess
import sys
from collections import Counter
from dataclasses import fields
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F
from training_helpers import WORDS, model_of, reverse_pairs, write_lines
from transformer_mt.training.validation import corpus_loss, validate

from transformer_mt.data.cleaning import encode_pairs
from transformer_mt.data.corpus import SentencePair, read_parallel
from transformer_mt.evaluation import (
    Evaluation,
    evaluate_model,
    evaluate_translations,
    unknown_rate,
)
from transformer_mt.metrics import corpus_scores, length_ratio, perplexity
from transformer_mt.translator import Translator

pytest_plugins = ["training_fixtures"]
pytestmark = pytest.mark.usefixtures("own_cache")

PAIRS = reverse_pairs(30, seed=31, names=True)

TEXTS: dict[str, list[SentencePair]] = {  # hypothesis, reference
    "equal": [SentencePair("The cat sat on the mat .", "The cat sat on the mat .")] * 3,
    "nothing in common": [SentencePair("a b c d e", "v w x y z")] * 2,
    "ordinary": [
        SentencePair("The cat sits on the mat.", "The cat sat on the mat."),
        SentencePair("It rained all of the day long.", "It was raining the whole day."),
        SentencePair("A man, a plan, a canal: Panama!", "A man, a plan, a canal -- Panama!"),
    ],
    "empty hypotheses": [
        SentencePair("", "Ein Mann schläft."),
        SentencePair("Zwei Hunde rennen über die Wiese.", "Zwei Hunde laufen über eine Wiese."),
        SentencePair("", "Ende"),
    ],
    "all hypotheses empty": [SentencePair("", "Ein Mann."), SentencePair("", "Zwei Männer.")],
    "punctuation and spaces": [
        SentencePair("«Non», dit-il ; «l'été…»  100%", "« Non », dit-il : « l'été… » 100 %"),
        SentencePair('"don\'t" -- e.g. 3,14 & <b>', "'do not' - e.g. 3.14 &amp; <b>"),
        SentencePair("  spaces   around  ", "spaces around"),
        SentencePair("tab\there", "tab here"),
    ],
    "other scripts": [
        SentencePair("Übergrößenträger füßeln schön .", "Übergroßenträger füsseln schön ."),
        SentencePair("Ãœber naïve café", "Über naïve café"),
        SentencePair("今日は天気がいい。", "今日は天気が良いです。"),
        SentencePair("line\u2028separator \U0001f642", "line separator \U0001f642"),
    ],
    "short": [SentencePair("yes", "yes"), SentencePair("no no", "no")],
}


def sacrebleu_program(folder: Path, pairs: list[SentencePair], digits: int) -> dict[str, str]:
    """What the program prints for two files: name to "score signature"."""
    hypotheses = write_lines(folder / "hypotheses", [pair.src for pair in pairs])
    references = write_lines(folder / "references", [pair.tgt for pair in pairs])
    command = [sys.executable, "-m", "sacrebleu", references, "-i", hypotheses, "-w", digits]
    done = subprocess.run(
        [*map(str, command), "-m", "bleu", "chrf", "ter"],
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    return {
        record["name"]: f"{record['score']:.{digits}f} {record['signature']}"
        for record in json.loads(done.stdout)
    }


@pytest.mark.parametrize("name", TEXTS)
def test_scores_are_those_of_the_sacrebleu_program(tmp_path: Path, name: str) -> None:
    wanted = sacrebleu_program(tmp_path, TEXTS[name], digits=6)
    assert wanted.keys() == {"BLEU", "chrF2", "TER"}
    pairs = (
        read_parallel(tmp_path / "hypotheses", tmp_path / "references")
        if name != ("all hypotheses empty")
        else TEXTS[name]
    )
    found = evaluate_translations([pair.src for pair in pairs], [pair.tgt for pair in pairs])
    assert {s.name: f"{s.value:.6f} {s.signature}" for s in found.scores} == wanted
    assert found.sentences == len(pairs)


def test_sides_of_unequal_length_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="1 hypotheses for 2 references"):
        corpus_scores(["a"], ["a", "b"])


@pytest.mark.parametrize(
    ("hypotheses", "references", "ratio"),
    [
        (["a b", "c"], ["x y z", "u v w"], 0.5),
        (["a  b\tc "], [" x "], 3.0),
        ([""], ["a b"], 0.0),
        (["a b"], [""], 2.0),  # no division by 0
    ],
)
def test_length_ratio(hypotheses: list[str], references: list[str], ratio: float) -> None:
    assert length_ratio(hypotheses, references) == ratio


def loss_by_hand(translator: Translator, pairs: list[SentencePair]) -> float:
    """Cross-entropy of one sentence at a time, over whole logits."""
    total, tokens = 0.0, 0
    for pair in pairs:
        src = torch.tensor([[*translator.tokenizers.src.encode(pair.src), 3]])
        ids = translator.tokenizers.tgt.encode(pair.tgt)
        with torch.no_grad():
            logits = model_of(translator).project(
                model_of(translator)(src, torch.tensor([[2, *ids]]))
            )
        labels = torch.tensor([*ids, 3])
        total += F.cross_entropy(logits[0].double(), labels, reduction="sum").item()
        tokens += len(labels)
    return total / tokens


def test_loss_is_the_mean_cross_entropy(any_translator: Translator) -> None:
    model_of(any_translator).eval()
    wanted = loss_by_hand(any_translator, PAIRS)
    dataset = encode_pairs(PAIRS, any_translator.tokenizers)
    model_of(any_translator).train()  # dropout must not matter
    for batch_tokens in (1, 40, 100_000):
        loss = corpus_loss(model_of(any_translator), dataset, batch_tokens)
        assert loss == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(("loss", "wanted"), [(0.0, 1.0), (1.0, math.e), (1e4, math.exp(700))])
def test_perplexity(loss: float, wanted: float) -> None:
    assert perplexity(loss) == pytest.approx(wanted)


def test_unknown_rate_is_the_share_of_words_outside_the_vocabulary(translator: Translator) -> None:
    words = Counter(word for pair in PAIRS for word in pair.src.split())
    unknown = sum(count for word, count in words.items() if word not in WORDS)
    assert 0 < unknown < words.total()
    wanted = unknown / words.total()
    found = unknown_rate(translator.tokenizers.src, [pair.src for pair in PAIRS])
    assert found == pytest.approx(wanted)
    assert unknown_rate(translator.tokenizers.src, ["red blue"]) == 0
    assert unknown_rate(translator.tokenizers.src, ["", ""]) == 0


def test_evaluation_puts_it_together(any_translator: Translator) -> None:
    figures = evaluate_model(any_translator, PAIRS, batch_tokens=64)
    hypotheses = list(figures.translations)
    references = [pair.tgt for pair in PAIRS]
    assert hypotheses == [t.text for t in any_translator.translate([p.src for p in PAIRS])]
    without_model = evaluate_translations(hypotheses, references)
    assert (figures.scores, figures.length_ratio) == (
        without_model.scores,
        without_model.length_ratio,
    )
    assert figures.loss == pytest.approx(loss_by_hand(any_translator, PAIRS), rel=1e-5)
    assert figures.perplexity == pytest.approx(math.exp(figures.loss or 0))
    assert figures.src_unk_rate == figures.tgt_unk_rate  # the same words, backwards
    assert 0 < (figures.src_unk_rate or 0) < 0.5
    assert figures.sentences == len(PAIRS)


def test_evaluation_as_json_and_as_a_table(translator: Translator) -> None:
    figures = evaluate_model(translator, PAIRS, batch_tokens=64)
    loaded = json.loads(json.dumps(figures.to_dict()))
    assert loaded.keys() == {field.name for field in fields(Evaluation)} - {"translations"}
    bleu = figures.scores[0]
    assert loaded["scores"][0] == {
        "name": "BLEU",
        "value": bleu.value,
        "signature": bleu.signature,
    }
    table = "\n".join(figures.lines())
    for text in (f"{bleu.value:.2f}", bleu.signature, f"{figures.loss:.4f}", "TER", "chrF2"):
        assert text in table
    short = "\n".join(evaluate_translations(["a"], ["a"]).lines())
    assert "loss" not in short
    assert "UNK" not in short


def test_validation_puts_it_together(any_translator: Translator) -> None:
    dataset = encode_pairs(PAIRS, any_translator.tokenizers)
    model = model_of(any_translator)
    found = validate(model, any_translator, dataset, PAIRS[:10], batch_tokens=64)
    scores = corpus_scores([t.text for t in found.translations], [p.tgt for p in PAIRS[:10]])
    wanted_loss = loss_by_hand(any_translator, PAIRS)  # of all, though only 10 are translated
    assert len(found.translations) == 10
    assert found.figures() == pytest.approx(
        {
            "loss": wanted_loss,
            "perplexity": math.exp(wanted_loss),
            "bleu": scores[0].value,
            "chrf": scores[1].value,
        },
        rel=1e-5,
    )
