"""`tmt export`, as a whole: what it says, what it leaves behind, and what the model card promises.

That the weights are right is told by the tests of each format.
"""

import ast
import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tiny_runs import Result, files, make_config, make_run, reverse_pairs, tmt, write_pairs

pytest.importorskip("ctranslate2")
pytest.importorskip("transformers")

import ctranslate2

import transformer_mt
from transformer_mt.config.tasks import PairTokenizerConfig, TranslationConfig
from transformer_mt.corpus.source import SentencePair, load_corpus
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.inference.ctranslate2.convert import write_ctranslate2
from transformer_mt.inference.translator import Translator
from transformer_mt.interop import export as exporting
from transformer_mt.metrics.translation import corpus_scores
from transformer_mt.runs.checkpoint import TranslatorRun
from transformer_mt.runs.run_dir import RunDir, load_run_config
from transformer_mt.text.tokenizer import Tokenizers
from transformer_mt.training.loop import train

KNOWN = "red blue green white"
WITH_NAME = "red Zanzibar blue"
FILES = {
    "ctranslate2": {
        "README.md",
        "config.json",
        "model.bin",
        "shared_vocabulary.json",
        "tokenizer.src.json",
        "tokenizer.tgt.json",
    },
    "transformers": {
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    },
}
TARGET_FILES: dict[
    str, set[str]
] = {  # also of a joint vocabulary, whose sides are cleaned differently
    "ctranslate2": set(),
    "transformers": {
        f"target_tokenizer/{name}" for name in ("tokenizer.json", "tokenizer_config.json")
    },
}
FORMATS = list(FILES)


def export(run: Path, output: Path, to: str, *options: str) -> Result:
    return tmt("export", run, "--output", output, "--to", to, *options)


@dataclass(frozen=True)
class Exported:
    """A folder and what the program said."""

    folder: Path
    said: Result

    @property
    def card(self) -> str:
        return (self.folder / "README.md").read_text("utf-8")

    @property
    def metadata(self) -> dict[str, Any]:
        parts = self.card.split("---\n")
        assert parts[0] == ""
        loaded: dict[str, Any] = yaml.safe_load(parts[1])
        return loaded

    def scores(self) -> dict[str, float]:
        """As the metadata have them."""
        (model,) = self.metadata["model-index"]
        (result,) = model["results"]
        return {metric["type"]: metric["value"] for metric in result["metrics"]}


Exports = Callable[..., Exported]


@pytest.fixture(scope="module")
def exports(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Exports:
    """The trained run in each format, made once; not to be changed."""

    @cache
    def made(to: str, *options: str) -> Exported:
        folder = tmp_path_factory.mktemp("exports") / "out"
        return Exported(folder, export(trained_run, folder, to, *options))

    return made


@pytest.fixture
def run_copy(trained_run: Path, tmp_path: Path) -> Path:
    """A run to be changed, with its data beside it."""
    copied = Path(shutil.copytree(trained_run.parent, tmp_path / "copy"))
    config = RunDir(copied / "run").config
    text = config.read_text("utf-8").replace(str(trained_run.parent), str(copied))
    config.write_text(text, "utf-8")
    return copied / "run"


# what is written and said


@pytest.mark.parametrize("to", FORMATS)
def test_says_what_was_made_and_how_far_it_is_from_the_run(exports: Exports, to: str) -> None:
    exported = exports(to)
    size = sum(map(len, files(exported.folder).values()))
    assert (exported.said.exit_code, exported.said.stderr) == (0, "")
    lines = exported.said.stdout.splitlines()
    assert lines[:2] == [
        f"{exported.folder}: {to}, float32, {size / 1e6:.1f} MB",
        "compared on 4 sentence pairs with the real engine:",
    ]
    figures = re.fullmatch(
        r"    references: largest difference of log-probability (\S+), of a token's (\S+)", lines[2]
    )
    assert figures
    assert all(float(figure) < 1e-4 for figure in figures.groups())
    assert lines[3] == "    greedy translations: 100.00 % equal (4 of 4)"
    assert len(lines) == {"ctranslate2": 5, "transformers": 4}[to]


def measured(translator: Translator) -> dict[str, str]:
    """The scores of the greedy translations, by sacrebleu."""
    pairs = load_corpus(translator.data).validation[:4]
    texts = [t.text for t in translator.translate([pair.src for pair in pairs], beam_size=1)]
    scores = corpus_scores(texts, [pair.tgt for pair in pairs], names=("BLEU", "chrF"))
    return {score.name: f"{score.value:.2f}" for score in scores}


def test_says_the_scores_of_both(exports: Exports, translator: Translator) -> None:
    bleu = measured(translator)["BLEU"]
    last = exports("ctranslate2").said.stdout.splitlines()[-1]
    assert last == f"    BLEU, greedy: ours {bleu}, exported {bleu}"
    assert 0 < float(bleu) < 100


@pytest.mark.parametrize("to", FORMATS)
def test_folder_is_complete_and_readable(exports: Exports, to: str) -> None:
    folder = exports(to).folder
    assert set(files(folder)) == FILES[to] | TARGET_FILES[to]
    assert {path.name for path in folder.parent.iterdir()} == {folder.name}
    modes = {path.stat().st_mode for path in folder.rglob("*") if path.is_file()}
    assert len(modes) == 1


@pytest.mark.parametrize("to", FORMATS)
def test_separate_vocabularies_are_all_there(to: str, tmp_path: Path) -> None:
    assert export(make_run(tmp_path / "run"), tmp_path / "out", to, "--no-verify").exit_code == 0
    found = set(files(tmp_path / "out"))
    if to == "ctranslate2":
        separate = {"source_vocabulary.json", "target_vocabulary.json"}
        assert found == FILES[to] - {"shared_vocabulary.json"} | separate
    else:
        assert found == FILES[to] | TARGET_FILES[to]


@pytest.mark.parametrize("to", FORMATS)
def test_nothing_tells_of_this_machine(exports: Exports, to: str, trained_run: Path) -> None:
    for name, content in files(exports(to).folder).items():
        assert str(trained_run.parent).encode() not in content, name


def test_int8_is_smaller_and_tells_both_scores(exports: Exports, translator: Translator) -> None:
    exported = exports("ctranslate2", "--quantization", "int8")
    assert exported.said.exit_code == 0
    lines = exported.said.stdout.splitlines()
    assert re.fullmatch(r".*/out: ctranslate2, int8, \d+\.\d MB", lines[0])
    scores = re.fullmatch(r"    BLEU, greedy: ours (\S+), exported (\S+)", lines[-1])
    assert scores
    assert scores[1] == measured(translator)["BLEU"]
    assert exported.scores()["bleu"] == float(scores[2])
    assert "| weights | int8 |" in exported.card
    sizes = [
        (each.folder / "model.bin").stat().st_size for each in (exported, exports("ctranslate2"))
    ]
    assert sizes[0] < 0.8 * sizes[1]


def test_int8_far_from_the_run_is_told_and_written(
    trained_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its metadata have its own score, not that of the run."""
    monkeypatch.setattr(exporting, "write_ctranslate2", disturbed(write_ctranslate2))
    exported = Exported(
        tmp_path / "out",
        export(trained_run, tmp_path / "out", "ctranslate2", "--quantization=int8"),
    )
    assert exported.said.exit_code == 0
    ours, theirs = re.findall(r"(?:ours|exported) (\S+?)(?:,|$)", exported.said.stdout, re.M)
    assert float(theirs) < float(ours)
    assert exported.scores()["bleu"] == float(theirs)


@pytest.mark.parametrize("to", FORMATS)
def test_python_api_returns_what_the_program_says(
    exports: Exports, to: str, trained_run: Path, tmp_path: Path
) -> None:
    made = transformer_mt.export_model(str(trained_run), str(tmp_path / "out"), to=to)
    assert (made.folder, made.to, made.quantization) == (tmp_path / "out", to, "float32")
    assert made.size == sum(map(len, files(made.folder).values()))
    assert made.parity
    assert made.parity.sentences == made.parity.equal_greedy == 4
    assert max(made.parity.token_difference, made.parity.log_prob_difference) < 1e-4
    assert bool(made.parity.other_scores) == (to == "ctranslate2")
    assert made.lines()[1:] == exports(to).said.stdout.splitlines()[1:]
    assert files(made.folder) == files(exports(to).folder)


def test_unverified_export_is_the_same_but_for_the_card(
    exports: Exports, trained_run: Path, tmp_path: Path
) -> None:
    made = transformer_mt.export_model(
        trained_run, tmp_path / "out", to="ctranslate2", verify=False
    )
    assert made.parity is None
    assert len(made.lines()) == 1
    verified, unverified = files(exports("ctranslate2").folder), files(made.folder)
    differing = {name for name in verified if verified[name] != unverified[name]}
    assert differing == {"README.md"}


@pytest.mark.parametrize("to", FORMATS)
def test_references_with_words_that_are_forbidden_compare_too(run_copy: Path, to: str) -> None:
    config = RunDir(run_copy).config
    text = config.read_text("utf-8")
    assert "unknown_words: replace" in text
    config.write_text(text.replace("unknown_words: replace", "unknown_words: forbid"), "utf-8")
    pairs = reverse_pairs(12, seed=4, names=True)
    write_pairs(run_copy.parent / "data", "validation", pairs)
    made = transformer_mt.export_model(run_copy, run_copy.parent / "out", to=to)
    assert made.parity
    assert made.parity.equal_greedy == made.parity.sentences == 4
    assert made.parity.token_difference < 1e-4


# the model card


@pytest.mark.parametrize("to", FORMATS)
def test_metadata_are_those_that_the_hub_reads(
    exports: Exports, to: str, translator: Translator
) -> None:
    from huggingface_hub import ModelCard

    exported = exports(to)
    data = ModelCard.load(exported.folder / "README.md").data
    assert data.to_dict() == exported.metadata | {"model-index": data.to_dict()["model-index"]}
    assert data.language == ["src", "tgt"]
    assert data.pipeline_tag == "translation"
    assert data.library_name == to
    assert "translation" in data.tags
    results = {result.metric_type: result.metric_value for result in data.eval_results}
    expected = {name: float(value) for name, value in measured(translator).items()}
    assert results == {"bleu": expected["BLEU"], "chrf": expected["chrF2"]}
    assert exported.scores() == results


def test_card_tells_what_the_run_is(exports: Exports, translator: Translator) -> None:
    text = exports("ctranslate2").card
    for fact in (
        "| languages | src -> tgt |",
        "| tokenizer | word |",
        "| weights | float32 |",
        "Local files: `train.src`, `train.tgt`.",
        "Of 4 sentences of the validation set",
        f"| BLEU | {measured(translator)['BLEU']} | this folder, greedy |",
        "of at most 256 tokens",
    ):
        assert fact in text
    for line in text.splitlines():  # no cell is cut in two by a bar of a signature
        if line.startswith(("| BLEU", "| chrF")):
            assert len(re.split(r"(?<!\\)\|", line)) == 6


def test_card_without_comparison_has_the_scores_of_training(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", dataset="someone/data", subset="en-fr", train=None)
    assert export(run, tmp_path / "out", "ctranslate2", "--no-verify").exit_code == 0
    exported = Exported(tmp_path / "out", Result(0, "", ""))
    assert "measured in training: bleu 12.50, loss 3.50." in exported.card
    assert "model-index" not in exported.metadata  # it was not measured on this folder
    assert exported.metadata["datasets"] == ["someone/data"]
    assert "`someone/data`, subset `en-fr`." in exported.card


def run_snippet(
    folder: Path,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> str:
    """What the program in the model card prints within the folder."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", (folder / "README.md").read_text(), re.M | re.S)
    assert code.count("A sentence to translate.") == 1
    monkeypatch.chdir(folder)
    capsys.readouterr()
    exec(compile(code.replace("A sentence to translate.", sentence), "README.md", "exec"), {})
    return capsys.readouterr().out.rstrip("\n")


@pytest.mark.parametrize("sentence", [KNOWN, "pink", "brown grey black pink white"])
def test_snippet_for_transformers_translates_as_we_do(
    exports: Exports,
    translator: Translator,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    printed = run_snippet(exports("transformers").folder, sentence, monkeypatch, capsys)
    assert ast.literal_eval(printed) == [translator.translate(sentence, beam_size=1).text]


@pytest.mark.parametrize("sentence", [KNOWN, "pink", WITH_NAME, "brown grey Kim.2 pink white"])
def test_snippet_for_ctranslate2_translates_as_we_do(
    exports: Exports,
    translator: Translator,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    printed = run_snippet(exports("ctranslate2").folder, sentence, monkeypatch, capsys)
    assert printed == translator.translate(sentence).text
    assert sentence != WITH_NAME or printed == "blue Zanzibar red"


@pytest.fixture(scope="module", params=["word", "bpe"])
def separate_run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained a little on two languages that share no word."""
    folder = tmp_path_factory.mktemp("separate")
    settings = (
        "training.batch_tokens=256",
        "training.max_steps=150",
        "training.validate_every=150",
    )
    config = make_config(folder, *settings, "decoding.beam_size=1")
    pairs = [SentencePair(src, tgt.upper()) for src, tgt in reverse_pairs(600, seed=1)]
    for name in ("train", "validation"):
        write_pairs(folder / "data", name, pairs if name == "train" else pairs[:12])
    tokenizer = PairTokenizerConfig(type=request.param, vocab_size=60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        train(replace(config, tokenizer=tokenizer), device="cpu")
    return folder / "run"


@pytest.mark.parametrize("to", FORMATS)
def test_snippet_with_separate_vocabularies_translates_as_we_do(
    separate_run: Path,
    to: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    transformer_mt.export_model(separate_run, tmp_path / "out", to=to)
    ours = transformer_mt.load(separate_run, device="cpu")
    printed = run_snippet(tmp_path / "out", KNOWN, monkeypatch, capsys)
    if to == "transformers":
        (printed,) = ast.literal_eval(printed)
    assert printed == ours.translate(KNOWN).text
    assert printed.isupper()


# what is refused


def disturbed(write: Callable[..., None]) -> Callable[..., None]:
    """Writes another model than it is given."""

    def write_another(run: TranslatorRun, folder: Path, *options: str) -> None:
        weight = run.model.output.weight
        before = weight.detach().clone()
        with torch.no_grad():
            weight[4:] = before[4:].flip(0)  # each word has the meaning of another
            write(run, folder, *options)
            weight.copy_(before)

    return write_another


@pytest.mark.parametrize("to", FORMATS)
def test_another_model_is_refused_and_nothing_is_left(
    trained_run: Path, to: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"write_{to}"
    monkeypatch.setattr(exporting, name, disturbed(getattr(exporting, name)))
    output = tmp_path / "out"
    result = export(trained_run, output, to)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.error.startswith(f"{output}: differs from the original (")
    assert result.error.endswith("; nothing was written")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_an_empty_folder_as_it_was(
    trained_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "write_ctranslate2", disturbed(write_ctranslate2))
    output = tmp_path / "out"
    output.mkdir()
    assert export(trained_run, output, "ctranslate2").exit_code == 1
    assert [*tmp_path.rglob("*")] == [output]


def test_what_exists_is_left_alone(trained_run: Path, tmp_path: Path) -> None:
    folder, file = tmp_path / "folder", tmp_path / "file"
    folder.mkdir()
    for path in (folder / "mine.txt", file):
        path.write_text("mine")
    before = files(tmp_path)
    for output in (folder, file, trained_run):
        result = export(trained_run, output, "ctranslate2")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.error == f"{output}: exists; name a new folder, or remove this one first"
    assert files(tmp_path) == before


@pytest.mark.parametrize("place", ["empty", "a/b/c"])
def test_an_empty_folder_and_a_deep_one_are_new(
    exports: Exports, trained_run: Path, place: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    output = tmp_path / place
    assert export(trained_run, output, "ctranslate2").exit_code == 0
    assert files(output) == files(exports("ctranslate2").folder)
    assert {path.name for path in output.parent.iterdir()} == {output.name}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--to", "onnx"], "--to onnx: must be ctranslate2 or transformers"),
        (
            ["--to", "ctranslate2", "--quantization", "int4"],
            "--quantization int4: must be one of float32, float16, ",
        ),
        (
            ["--to", "transformers", "--quantization", "int8"],
            "--quantization int8: a transformers folder holds float32 weights, ",
        ),
    ],
    ids=str,
)
def test_wrong_options(options: list[str], message: str, trained_run: Path, tmp_path: Path) -> None:
    result = tmt("export", trained_run, "-o", tmp_path / "out", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.error.startswith(message)
    assert list(tmp_path.iterdir()) == []


def test_wide_attention_is_for_ctranslate2_alone(tmp_path: Path) -> None:
    run, output = make_run(tmp_path / "run", attention="wide"), tmp_path / "out"
    refused = export(run, output, "transformers", "--no-verify")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "none of them can hold one with 'model.attention: wide'" in refused.error
    assert not output.exists()
    written = export(run, output, "ctranslate2", "--no-verify")
    assert (written.exit_code, written.stderr) == (0, "")


@pytest.mark.parametrize("option", ["--to", "--output"])
def test_both_options_are_needed(option: str, tmp_path: Path) -> None:
    given = {"--to": "ctranslate2", "--output": str(tmp_path / "out")}
    del given[option]
    result = tmt("export", tmp_path, *next(iter(given.items())))
    assert result.exit_code == 2
    assert option in result.stderr


@pytest.mark.parametrize("to", FORMATS)
def test_validation_data_that_is_gone(run_copy: Path, to: str, tmp_path: Path) -> None:
    gone = run_copy.parent / "data" / "validation.src"
    gone.unlink()
    output = tmp_path / "out"
    result = export(run_copy, output, to)
    assert (result.exit_code, result.stdout) == (1, "")
    assert str(gone) in result.error
    assert "--no-verify" in result.error
    assert not output.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"copy"}

    result = export(run_copy, output, to, "--no-verify")
    assert (result.exit_code, result.stderr) == (0, "")
    assert len(result.stdout.splitlines()) == 1
    assert set(files(output)) == FILES[to] | TARGET_FILES[to]


def test_a_run_without_data_of_its_own_is_compared_on_request_only(tmp_path: Path) -> None:
    """As `tmt import` makes it."""
    run = make_run(tmp_path / "run", train=None)
    result = export(run, tmp_path / "out", "ctranslate2")
    assert result.exit_code == 2
    assert "--no-verify" in result.error
    assert export(run, tmp_path / "out", "ctranslate2", "--no-verify").exit_code == 0
    card = (tmp_path / "out" / "README.md").read_text()
    assert "Not known: the model was imported." in card


def test_what_is_no_trained_run(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    untrained = make_run(tmp_path / "untrained")
    for folder in (RunDir(untrained).best, RunDir(untrained).last):
        shutil.rmtree(folder)
    output = tmp_path / "out"
    for run, message in (
        (tmp_path / "nothing", "there is no such run directory"),
        (tmp_path / "empty", "is not a run directory (it has no config.yaml)"),
        (untrained, "has no checkpoint 'best' yet; run tmt train first"),
    ):
        result = export(run, output, "ctranslate2")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.error == f"{run}: {message}"
        assert not output.exists()


@pytest.mark.parametrize("to", FORMATS)
def test_a_missing_package_is_named_with_its_extra(
    trained_run: Path, to: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, to, None)
    result = export(trained_run, tmp_path / "out", to)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f'pip install "transformer_mt[{to}]"' in result.error
    assert list(tmp_path.iterdir()) == []


def test_python_api_raises_the_same(trained_run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--to onnx"):
        transformer_mt.export_model(trained_run, tmp_path / "out", to="onnx")
    with pytest.raises(DataError, match="no such run directory"):
        transformer_mt.export_model(tmp_path / "none", tmp_path / "out", to="ctranslate2")
    assert list(tmp_path.iterdir()) == []


def test_export_leaves_the_run_as_it_is(run_copy: Path, tmp_path: Path) -> None:
    before = files(run_copy)
    for to in FORMATS:
        assert export(run_copy, tmp_path / to, to).exit_code == 0
    assert files(run_copy) == before


def test_exported_ctranslate2_folder_loads_by_itself(exports: Exports, trained_run: Path) -> None:
    """Its tokenizers are those of the run, and its vocabulary is theirs."""
    folder, run = exports("ctranslate2").folder, RunDir(trained_run)
    for name in Tokenizers.names:
        assert (folder / name).read_text("utf-8") == (run.path / name).read_text("utf-8")
    vocabulary = json.loads((folder / "shared_vocabulary.json").read_text("utf-8"))
    assert vocabulary[:4] == ["[PAD]", "[UNK]", "[SOS]", "[EOS]"]
    assert load_run_config(run, TranslationConfig).training.validate_sentences == 4
    assert ctranslate2.Translator(str(folder)).compute_type == "float32"
