"""Figures of a test set, against the sacrebleu program and against computation by hand."""

import functools
import json
import math
from collections import Counter
from dataclasses import fields
from pathlib import Path

import pytest
import torch
from tiny_runs import WORDS, corpus_loss, model_of, reverse_pairs, run_sacrebleu
from torch.nn import functional as F

from transformer_mt.config.tasks import TranslationConfig, TranslationTrainingConfig
from transformer_mt.corpus.source import SentencePair, read_parallel
from transformer_mt.data.translation import encode_pairs
from transformer_mt.errors import ConfigError
from transformer_mt.inference.evaluation import (
    Evaluation,
    evaluate_model,
    evaluate_translations,
    unknown_rate,
)
from transformer_mt.inference.translator import Translator
from transformer_mt.metrics import translation
from transformer_mt.metrics.translation import (
    References,
    Scoring,
    corpus_scores,
    length_ratio,
    perplexity,
)
from transformer_mt.training.tasks.translation import TranslationTask

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


def sides(pairs: list[SentencePair]) -> tuple[list[str], list[str]]:
    return [pair.src for pair in pairs], [pair.tgt for pair in pairs]


def sacrebleu_program(
    folder: Path, pairs: list[SentencePair], digits: int, *options: str
) -> dict[str, str]:
    """What the program prints for two files: name to "score signature"."""
    hypotheses, references = sides(pairs)
    return run_sacrebleu(folder, hypotheses, [references], digits, *options)


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


LANGUAGES: dict[str, tuple[list[SentencePair], str, list[str]]] = {
    # our code of the language: hypothesis and reference, sacrebleu's code, its further options
    "zh": (
        [
            SentencePair("我喜欢这本书。", "我很喜欢这本书。"),
            SentencePair("他在北京大学工作", "他在北京的大学里工作"),
            SentencePair("iPhone 15手机很贵", "iPhone 15 手机太贵了"),
        ],
        "zh",
        ["--ter-normalized", "--ter-asian-support"],
    ),
    "ja": (
        [
            SentencePair("今日は天気がいい。", "今日は天気が良いです。"),
            SentencePair("私はこの本が好きです。", "私はこの本がとても好きです。"),
            SentencePair("駅はどこですか", "駅はどこにありますか"),
        ],
        "ja",
        ["--ter-normalized", "--ter-asian-support"],
    ),
    "ko": (
        [
            SentencePair("나는 이 책을 좋아합니다.", "나는 이 책을 아주 좋아해요."),
            SentencePair("역이 어디에 있습니까?", "역은 어디에 있습니까?"),
        ],
        "ko",
        [],
    ),
    "th": (
        [
            SentencePair("ฉันชอบหนังสือเล่มนี้", "ฉันชอบหนังสือเล่มนี้มาก"),
            SentencePair("สถานีรถไฟอยู่ที่ไหน", "สถานีอยู่ที่ไหนครับ"),
        ],
        "th",
        ["-tok", "char"],
    ),
    "km": ([SentencePair("ខ្ញុំចូលចិត្តសៀវភៅនេះ", "ខ្ញុំចូលចិត្តសៀវភៅនេះណាស់")], "km", ["-tok", "char"]),
    "my": ([SentencePair("ဒီစာအုပ်ကိုကြိုက်တယ်", "ဒီစာအုပ်ကိုကြိုက်ပါတယ်")], "my", ["-tok", "char"]),
    "lo": ([SentencePair("ຂ້ອຍມັກປຶ້ມນີ້", "ຂ້ອຍມັກປຶ້ມຫົວນີ້")], "lo", ["-tok", "char"]),
    "de": (
        [SentencePair("Ich mag das Buch.", "Ich mag dieses Buch.")],
        "de",
        [],
    ),
}
OTHER_CODES = {
    "zh": ["zh-CN", "zh_Hant_TW", "zho_Hans", "cmn", "yue", "ZH", "chinese"],
    "ja": ["jpn", "ja-JP", "jpn_Jpan", "japanese"],
    "ko": ["kor", "ko-KR", "kor_Hang"],
    "th": ["tha_Thai", "th-TH"],
    "de": ["de-CH", "deu_Latn"],
}


@pytest.mark.parametrize("code", LANGUAGES)
def test_scores_of_a_language_are_those_of_the_sacrebleu_program(
    tmp_path: Path, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    pairs, theirs, options = LANGUAGES[code]
    wanted = sacrebleu_program(tmp_path, pairs, 6, "-l", f"en-{theirs}", *options)
    if code in ("th", "km", "my", "lo"):  # a line without spaces is one word
        del wanted["TER"]
    for name in (code, *OTHER_CODES.get(code, ())):
        found = evaluate_translations(*sides(pairs), language=name)
        assert {s.name: f"{s.value:.6f} {s.signature}" for s in found.scores} == wanted
        assert found.scores[0].value > 0
    equal = [pair.tgt for pair in pairs]
    assert evaluate_translations(equal, equal, language=code).scores[0].value == pytest.approx(100)
    assert not caplog.records


@pytest.mark.parametrize("code", ["zh-Latn", "ja-Latn", "en", "fr-CA", "vi", "id", "jv", "", "x"])
def test_other_languages_have_words(code: str) -> None:
    assert Scoring.of(code) == Scoring.of() == Scoring("13a")


@pytest.mark.parametrize(("code", "extra"), [("ja", "ja"), ("ko-KR", "ko")])
def test_a_missing_tokenizer_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, code: str, extra: str
) -> None:
    from sacrebleu.tokenizers import tokenizer_ja_mecab, tokenizer_ko_mecab

    for module in (tokenizer_ja_mecab, tokenizer_ko_mecab):
        monkeypatch.setattr(module, "MeCab", None)
    monkeypatch.setattr(translation, "_usable", translation._usable.__wrapped__)
    monkeypatch.setattr(translation, "_usable", functools.cache(translation._usable))
    for _ in range(3):
        assert Scoring.of(code).tokenize == "char"
    assert len(caplog.records) == 1
    assert f"transformer_mt[{extra}]" in caplog.text


def test_a_text_without_spaces_is_noticed(caplog: pytest.LogCaptureFixture) -> None:
    lines = [pair.tgt for pair in LANGUAGES["th"][0]]
    evaluate_translations(lines, lines, language="en")
    evaluate_translations(lines, lines, tokenize="char")
    evaluate_translations(["naïve"], ["안녕하세요 세계, привет"])
    assert not caplog.records
    evaluate_translations(lines, lines)
    assert "--lang" in caplog.text


@pytest.mark.parametrize("tokenize", ["intl", "none", "char", "zh"])
def test_tokenize_is_that_of_the_sacrebleu_program(tmp_path: Path, tokenize: str) -> None:
    pairs = TEXTS["punctuation and spaces"]
    wanted = sacrebleu_program(tmp_path, pairs, 6, "-tok", tokenize)
    found = evaluate_translations(*sides(pairs), tokenize=tokenize)
    assert {s.name: f"{s.value:.6f} {s.signature}" for s in found.scores} == wanted


def test_a_tokenizer_that_there_is_not() -> None:
    with pytest.raises(ConfigError, match="--tokenize 14a: must be one of none, zh, 13a"):
        Scoring.of(tokenize="14a")


def test_several_references_are_those_of_the_sacrebleu_program(tmp_path: Path) -> None:
    hypotheses, first = sides(TEXTS["ordinary"])
    second = [*hypotheses[:1], "Rain fell all day long.", "A man -- a plan: Panama"]
    wanted = run_sacrebleu(tmp_path, hypotheses, [first, second], 6)
    found = evaluate_translations(hypotheses, [first, second])
    assert {s.name: f"{s.value:.6f} {s.signature}" for s in found.scores} == wanted
    assert all("nrefs:2" in score.signature for score in found.scores)
    assert evaluate_translations(hypotheses, [first]) == evaluate_translations(hypotheses, first)
    rights = ["that is right"] * 2
    references = [["no, that is wrong", *rights[:1]], [*rights[:1], "no, that is wrong"]]
    assert evaluate_translations(rights, references).scores[2].value == 0


def test_every_reference_must_be_as_long() -> None:
    with pytest.raises(ValueError, match="2 hypotheses for 1 references"):
        corpus_scores(["a", "b"], [["a", "b"], ["a"]])


@pytest.mark.parametrize(
    ("hypotheses", "references", "language", "ratio"),
    [
        (["a b", "c"], ["x y z", "u v w"], "en", 0.5),
        (["a  b\tc "], [" x "], "en", 3.0),
        ([""], ["a b"], "en", 0.0),
        (["a b"], [""], "en", 0.0),  # no division by 0
        (["我们"], ["我们喜欢"], "zh", 0.5),
        (["หนังสือ"], ["หนังสือ" * 2], "th", 0.5),
        (["a b c"], [["x"], ["x y z u v"], ["x y z u"]], "en", 0.75),  # the closest
    ],
)
def test_the_length_ratio_is_that_of_all_words(
    hypotheses: list[str], references: References, language: str, ratio: float
) -> None:
    assert length_ratio(hypotheses, references, Scoring.of(language)) == ratio


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
    figures = evaluate_model(any_translator, *sides(PAIRS), batch_tokens=64)
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
    figures = evaluate_model(translator, *sides(PAIRS), batch_tokens=64)
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
    config = TranslationConfig(
        run_dir="r",
        data=any_translator.data,
        training=TranslationTrainingConfig(batch_tokens=64, validate_sentences=10),
        decoding=any_translator.decoding,
    )
    task = TranslationTask(config, any_translator.tokenizers)
    found = task.validate(model_of(any_translator), task.encode(PAIRS))
    translated = any_translator.translate([p.src for p in PAIRS[:10]], beam_size=1)
    scores = corpus_scores([t.text for t in translated], [p.tgt for p in PAIRS[:10]])
    wanted_loss = loss_by_hand(any_translator, PAIRS)  # of all, though only 10 are translated
    assert len(found.samples) == 3
    pair, text = PAIRS[0], translated[0].text
    assert found.samples[0] == f"{pair.src}\n  = {text}\n  ~ {pair.tgt}"
    assert found.figures == pytest.approx(
        {
            "loss": wanted_loss,
            "perplexity": math.exp(wanted_loss),
            "bleu": scores[0].value,
            "chrf": scores[1].value,
        },
        rel=1e-5,
    )
