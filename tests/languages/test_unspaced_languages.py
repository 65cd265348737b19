"""Training towards languages without spaces: the best model is delivered, the scores are right."""

import json
from itertools import product
from pathlib import Path
from random import Random

import pytest
from tiny_runs import metrics, run_sacrebleu, tmt, write_lines

WHO = ("the teacher", "my friend", "the doctor", "our neighbour", "the student", "your brother")
DOES = ("likes", "buys", "sees", "sells", "finds", "wants")
WHAT = ("this book", "a red car", "old houses", "warm bread", "the green tea", "new shoes")
WHEN = ("today", "every day", "in the morning", "on Sunday")

GRAMMARS: dict[str, tuple[str, str]] = {
    # words in the order of WHO, DOES, WHAT, WHEN; and how they are put together
    "zh": (
        "老师 我的朋友 医生 我们的邻居 学生 你哥哥 喜欢 买 看见 卖 找到 想要"
        " 这本书 一辆红色的车 旧房子 热面包 绿茶 新鞋子 今天 每天 早上 星期天",
        "{who}{when}{does}{what}。",
    ),
    "ja": (
        "先生 私の友達 医者 私たちの隣人 学生 あなたの兄 好みます 買います 見ます 売ります"
        " 見つけます 欲しがります この本 赤い車 古い家 温かいパン 緑茶 新しい靴"
        " 今日 毎日 朝 日曜日",
        "{when}、{who}は{what}を{does}。",
    ),
    "th": (
        "ครู เพื่อนของฉัน หมอ เพื่อนบ้านของเรา นักเรียน พี่ชายของคุณ ชอบ ซื้อ เห็น ขาย หา ต้องการ"
        " หนังสือเล่มนี้ รถสีแดง บ้านเก่า ขนมปังอุ่น ชาเขียว รองเท้าใหม่ วันนี้ ทุกวัน ตอนเช้า วันอาทิตย์",
        "{who}{does}{what}{when}",
    ),
}
OPTIONS = {"zh": [], "ja": [], "th": ["-tok", "char"]}


def corpus(language: str) -> list[tuple[str, str]]:
    """All sentences of a small grammar, in a random order."""
    listed, pattern = GRAMMARS[language]
    words = listed.split()
    sizes = (len(WHO), len(DOES), len(WHAT), len(WHEN))
    pairs = []
    for who, does, what, when in product(*map(range, sizes)):
        source = f"{WHEN[when].capitalize()} {WHO[who]} {DOES[does]} {WHAT[what]}."
        places = (who, 6 + does, 12 + what, 18 + when)
        parts = dict(
            zip(("who", "does", "what", "when"), map(words.__getitem__, places), strict=True)
        )
        pairs.append((source, pattern.format(**parts)))
    Random(1).shuffle(pairs)
    return pairs


@pytest.mark.slow
@pytest.mark.parametrize("language", GRAMMARS)
def test_the_best_checkpoint_is_the_best_by_the_sacrebleu_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.chdir(tmp_path)
    pairs = corpus(language)
    for name, part in (
        ("train", pairs[200:]),
        ("validation", pairs[:100]),
        ("test", pairs[100:200]),
    ):
        for column, side in enumerate(("en", language)):
            write_lines(tmp_path / f"{name}.{side}", [pair[column] for pair in part])
    config = {
        "run_dir": "run",
        "data": {
            "src_lang": "en",
            "tgt_lang": language,
            **{
                name: [f"{name}.en", f"{name}.{language}"]
                for name in ("train", "validation", "test")
            },
        },
        "tokenizer": {"type": "character"},
        "model": {
            "d_model": 64,
            "num_heads": 4,
            "d_ff": 128,
            "num_encoder_layers": 2,
            "num_decoder_layers": 2,
            "norm": "pre",
        },
        "training": {
            "batch_tokens": 1500,
            "learning_rate": 0.004,
            "warmup_steps": 50,
            "max_steps": 600,
            "validate_every": 50,
            "patience": 10,
            "best_metric": "bleu",
        },
    }
    Path("config.yaml").write_text(json.dumps(config), encoding="utf-8")
    trained = tmt("train", "--config", "config.yaml", "--device", "cpu")
    assert trained.exit_code == 0, trained.stderr
    points = metrics(Path("run"), "validation")
    best = max(points, key=lambda point: point["bleu"])
    assert points[0]["bleu"] < best["bleu"]
    assert "finished: all updates made; best bleu" in trained.stderr

    figures = json.loads(tmt("evaluate", "-m", "run", "-o", "out", "--json").stdout)
    hypotheses = Path("out").read_text(encoding="utf-8").splitlines()
    references = Path(f"test.{language}").read_text(encoding="utf-8").splitlines()
    options = ["-l", f"en-{language}", *OPTIONS[language]]
    theirs = run_sacrebleu(tmp_path, hypotheses, [references], 2, *options)
    scores = {
        each["name"]: f"{each['value']:.2f} {each['signature']}" for each in figures["scores"]
    }
    for name in ("BLEU", "chrF2"):
        assert scores[name] == theirs[name]
    assert float(theirs["BLEU"].split()[0]) > 80
