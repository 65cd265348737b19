"""The whole way by the command line, as the README tells it."""

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tiny_runs import start_tmt, tmt, write_lines, write_pairs

from transformer_mt.corpus.source import SentencePair
from transformer_mt.phrasebook import phrasebook_splits

pytestmark = pytest.mark.usefixtures("own_cache")

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Output:
    exit_code: int
    stdout: str
    stderr: str


Tmt = Callable[..., Output]


def tmt_here(*args: object) -> Output:
    result = tmt(*args)
    return Output(result.exit_code, result.stdout, result.stderr)


def tmt_program(*args: object) -> Output:
    process = start_tmt(*args)
    out, err = process.communicate(timeout=300)
    return Output(process.returncode, out, err)


@pytest.mark.parametrize(
    "run_tmt",
    [
        pytest.param(tmt_here, id="in this process"),
        pytest.param(tmt_program, id="real programs", marks=pytest.mark.slow),
    ],
)
def test_from_a_corpus_to_a_picture(
    tmp_path: Path, run_tmt: Tmt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TMT_MODEL", raising=False)

    def succeed(*args: object) -> str:
        output = run_tmt(*args)
        assert output.exit_code == 0, output.stderr
        assert "Traceback" not in output.stderr
        return output.stdout

    config = quickstart(tmp_path)
    check_tokenizers(succeed("build-tokenizer", *config), tmp_path / "runs" / "quickstart")
    plan = succeed("train", *config, "--device", "cpu", "--dry-run")
    assert "40 updates" in plan
    assert succeed("train", *config, "--device", "cpu") == ""
    check_translations(succeed, tmp_path)
    check_evaluation(succeed, tmp_path)
    check_attention(succeed, tmp_path)
    check_info(succeed)


def quickstart(folder: Path) -> list[str]:
    """The shipped configuration, cut down to the first pairs and to a few updates."""
    splits = phrasebook_splits()
    settings = {"data.dataset": "null", "training.max_time": "null", "training.max_steps": "40"}
    for name, size in (("train", 300), ("validation", 20), ("test", 20)):
        pairs = [SentencePair(*pair) for pair in splits[name][:size]]
        files = write_pairs(folder / "data", name, pairs)
        settings[f"data.{name}"] = json.dumps(files)
    settings |= {"training.validate_every": "20", "training.warmup_steps": "10"}
    overrides = [f"--set={key}={value}" for key, value in settings.items()]
    return ["--config", str(ROOT / "configs" / "quickstart.yaml"), *overrides]


def check_tokenizers(report: str, run: Path) -> None:
    for language, side in (("en", "src"), ("fr", "tgt")):
        vocabulary = json.loads((run / f"tokenizer.{side}.json").read_text("utf-8"))["model"]
        size = len(vocabulary["vocab"])
        assert size > 100
        assert f"{language}: {size:,} tokens" in report
    assert report.count("UNK rate") == 2


def check_translations(succeed: Callable[..., str], folder: Path) -> None:
    lines = (folder / "data" / "test.src").read_text("utf-8").splitlines()
    source = write_lines(folder / "lines.txt", [*lines, "", *lines[:2]])
    assert succeed("translate", "-i", source, "-o", folder / "out.txt", "--device", "cpu") == ""
    text = (folder / "out.txt").read_text("utf-8")
    assert "[UNK]" not in text
    translations = text.removesuffix("\n").split("\n")
    assert len(translations) == len(lines) + 3
    assert translations[len(lines)] == ""
    assert translations[-2:] == translations[:2]
    printed = succeed("translate", *lines[:2], "--device", "cpu")
    assert printed.splitlines() == translations[:2]


def check_evaluation(succeed: Callable[..., str], folder: Path) -> None:
    figures = json.loads(succeed("evaluate", "--json", "--device", "cpu", "-o", folder / "hyp"))
    assert figures["sentences"] == 20
    assert 0 < figures["loss"] < 6
    assert [score["name"] for score in figures["scores"]] == ["BLEU", "chrF2", "TER"]
    files = ("--hypothesis", folder / "hyp", "--reference", folder / "data" / "test.tgt")
    again = json.loads(succeed("evaluate", "--json", *files))
    assert again["scores"] == figures["scores"]
    assert again["loss"] is None


def check_attention(succeed: Callable[..., str], folder: Path) -> None:
    sentence = "Where is the station?"
    (printed,) = succeed("translate", sentence, "--device", "cpu").splitlines()
    for suffix in ("html", "png", "svg", "json"):
        out = succeed("attention", sentence, "-o", folder / f"a.{suffix}", "--device", "cpu")
        assert out == f"{printed}\n"
    page = (folder / "a.html").read_text("utf-8")
    assert "<html" in page
    assert "station" in page
    assert (folder / "a.png").read_bytes().startswith(b"\x89PNG\r\n")
    assert ElementTree.parse(folder / "a.svg").getroot().tag.endswith("svg")
    (maps,) = json.loads((folder / "a.json").read_text("utf-8"))
    assert maps["src_tokens"] == ["Where", "is", "the", "station", "\uffed?", "[EOS]"]
    assert len(maps["cross"]) == 2  # layers


def check_info(succeed: Callable[..., str]) -> None:
    record = json.loads(succeed("info", "runs/quickstart", "--json"))
    assert record["languages"] == "en -> fr"
    assert record["status"] == "finished (all updates made)"
    assert "300 training, 20 validation, 20 test examples" in record["data"]
    printed = succeed("info", "runs/quickstart")
    assert all(str(value) in printed for value in record.values())
