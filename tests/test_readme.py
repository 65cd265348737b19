"""The Python examples of the README run as they stand, in order, in a folder like its reader's."""

import re
import shutil
from pathlib import Path

import pytest
from training_helpers import reverse_pairs, write_lines

import transformer_mt as tmt
from transformer_mt.phrasebook import phrasebook_splits
from transformer_mt.phrasebook.corpus import words

pytest_plugins = ["training_fixtures"]
pytestmark = pytest.mark.usefixtures("own_cache")

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The code blocks of the README in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def test_python_examples_run(
    trained_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained_run, tmp_path / "runs" / "quickstart")
    pairs = reverse_pairs(300, seed=1)
    for side, suffix in (("src", "en"), ("tgt", "de")):
        write_lines(tmp_path / f"corpus.{suffix}", [getattr(pair, side) for pair in pairs])
    (tmp_path / "my.yaml").write_text(blocks("yaml")[0], encoding="utf-8")

    *with_tmt, with_transformers = blocks("python")
    names: dict[str, object] = {}
    for block in with_tmt:
        assert "transformers import" not in block
        exec(block.replace("training.max_time=30m", "training.max_time=2s"), names)
    printed = capsys.readouterr().out
    assert re.search(r"^BLEU +\d+\.\d\d ", printed, flags=re.MULTILINE)
    assert (tmp_path / "attention.html").is_file()

    pytest.importorskip("transformers")
    tmt.export_model("runs/my", "my-hf", to="transformers", verify=False)
    exec(with_transformers, {})
    assert capsys.readouterr().out.startswith("['")


PLACEHOLDERS = {"A sentence.", "A sentence of yours.", "Your own sentence.", "..."}
"""What stands for a reader's own text."""


def test_sentences_that_are_translated_are_in_the_words_of_the_phrasebook() -> None:
    """The first model that a reader has knows no others."""
    known = {word for en, _ in phrasebook_splits()["train"] for word in words(en)}
    script = (ROOT / "scripts" / "quickstart.sh").read_text("utf-8")
    texts = README + script + (ROOT / "transformer_mt" / "__init__.py").read_text("utf-8")
    calls = re.findall(r"(?:tmt (?:translate|attention)|\.translate\().*", texts)
    sentences = re.findall(r'"([A-Z][^"$]*[.?!])"', "\n".join(calls))
    sentences += re.findall(r'^ {4}"([A-Z].*[.?!])"$', script, flags=re.MULTILINE)
    assert len(sentences) > 10
    unknown = {
        sentence: missing
        for sentence in set(sentences) - PLACEHOLDERS
        if (missing := set(words(sentence)) - known)
    }
    assert unknown == {}
