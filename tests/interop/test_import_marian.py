"""`tmt import`, as a whole: from a folder of the transformers library to a run, and back."""

import json
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tiny_runs import PAIRS, Result, files, tmt, tsv, write

pytest.importorskip("sentencepiece")
pytest.importorskip("transformers")

from marian_models import edit_json, make_marian_folder, phrases

import transformer_mt
from transformer_mt.corpus.source import SentencePair
from transformer_mt.data.batching import Collator
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.interop import import_marian
from transformer_mt.interop.from_marian import marian_engine, read_marian
from transformer_mt.interop.quiet import quiet_transformers
from transformer_mt.runs.checkpoint import load_run
from transformer_mt.runs.kinds import TRANSLATION
from transformer_mt.text.tokenizer import EOS_ID, PAD_ID, SOS_ID

pytestmark = pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")

SOURCES, TARGETS = phrases("source", 40), phrases("target", 40)
LIMIT = 20


@dataclass(frozen=True)
class Imported:
    """A folder, the run that was made of it, and what the program said."""

    folder: Path
    run: Path
    said: Result


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    """Not to be changed. Its positions are enough for every translation of the phrasebook."""
    root = tmp_path_factory.mktemp("imported")
    folder = make_marian_folder(root / "opus-mt-en-fr", max_position_embeddings=128)
    run = root / "runs" / "made" / "en-fr"
    return Imported(folder, run, tmt("import", folder, "--output", run))


@pytest.fixture
def folder(imported: Imported, tmp_path: Path) -> Path:
    """A model folder to be changed."""
    return Path(shutil.copytree(imported.folder, tmp_path / "model"))


# the run


def test_says_what_was_made_and_how_far_it_is_from_the_original(imported: Imported) -> None:
    said = imported.said
    assert (said.exit_code, said.stderr) == (0, "")
    first, second, differences, greedy = said.stdout.splitlines()
    assert first == f"{imported.run}: en to fr"
    assert second == "compared on 200 sentence pairs with the real engine:"
    figures = re.findall(r"\d\.\de-\d\d", differences)
    assert len(figures) == 2
    assert all(float(figure) < 1e-4 for figure in figures)
    assert greedy == "    greedy translations: 100.00 % equal (200 of 200)"
    assert [path.name for path in imported.run.parent.iterdir()] == ["en-fr"]


def test_the_run_translates(imported: Imported) -> None:
    lines = SOURCES[:5]
    text = "".join(f"{line}\n" for line in lines)
    result = tmt("translate", "--model", imported.run, "--device", "cpu", stdin=text)
    assert result.exit_code == 0
    expected = transformer_mt.load(imported.run, device="cpu").translate(lines)
    assert result.stdout.splitlines() == [translation.text for translation in expected]
    assert len({translation.text for translation in expected}) > 1


def test_info_tells_where_it_is_from(imported: Imported) -> None:
    result = tmt("info", imported.run)
    assert (result.exit_code, result.stderr) == (0, "")
    facts = dict(re.split(r"  +", line, maxsplit=1) for line in result.stdout.splitlines())
    assert facts["languages"] == "en -> fr"
    assert facts["status"] == "imported from opus-mt-en-fr"
    assert facts["model"].startswith("2+2 layers, d_model 16, 2 heads, d_ff 24, post-norm")
    assert facts["tokenizer"] == "unigram, joint"
    assert facts["source"] == "none"
    assert "update 0" not in result.stdout
    assert facts.keys().isdisjoint({"trained", "best checkpoint", "validation"})
    assert json.loads(tmt("info", "--json", imported.run).stdout).keys() == facts.keys()


def test_it_can_be_trained_further(
    imported: Imported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    before, table = files(imported.run), str(write(tmp_path / "train.tsv", tsv(PAIRS)))
    settings = {
        "run_dir": str(tmp_path / "further"),
        "init_from": str(imported.run),
        "data": {"src_lang": "en", "tgt_lang": "fr", "train": table, "validation": table},
        "training": {
            "batch_tokens": 128,
            "max_steps": 20,
            "learning_rate": 0.01,
            "warmup_steps": 2,
            "validate_every": 20,
            "log_every": 1,
        },
    }
    config = write(tmp_path / "c.yaml", yaml.safe_dump(settings))
    result = tmt("train", "--config", config, "--set=data.heldout_size=1", "--device", "cpu")
    assert result.exit_code == 0, result.stderr
    lines = (tmp_path / "further" / "metrics.jsonl").read_text("utf-8").splitlines()
    points = map(json.loads, lines)
    losses = [point["loss"] for point in points if point["kind"] == "train"]
    assert len(losses) == 20
    assert all(0 < loss < 100 for loss in losses)  # NaN neither
    assert losses[-1] < 0.8 * losses[0]
    assert files(imported.run) == before
    first, second = (
        load_run(path, torch.device("cpu"), TRANSLATION)
        for path in (imported.run, tmp_path / "further")
    )
    assert second.config.model == first.config.model
    assert second.vocabulary.tgt.to_json() == first.vocabulary.tgt.to_json()
    assert not torch.equal(first.model.output.weight, second.model.output.weight)


def test_python_api_tells_the_same(imported: Imported, tmp_path: Path) -> None:
    made = transformer_mt.import_model(str(imported.folder), str(tmp_path / "run"))
    assert (made.run_dir, made.src_lang, made.tgt_lang) == (tmp_path / "run", "en", "fr")
    assert made.parity.sentences == made.parity.equal_greedy == 200
    assert made.parity.token_difference <= made.parity.log_prob_difference < 1e-4
    assert made.parity.other_scores == []
    assert made.lines()[1:] == imported.said.stdout.splitlines()[1:]
    ours, theirs = files(made.run_dir), files(imported.run)
    assert ours.keys() == theirs.keys()
    assert {name for name in ours if ours[name] != theirs[name]} == {"config.yaml"}  # run_dir


# and back


@dataclass(frozen=True)
class RoundTrip:
    """The original and what was exported of its import, with the original's id of each of ours."""

    original: Any
    exported: Any
    rows: Sequence[int]
    folder: Path

    def to_original(self, ids: torch.Tensor) -> torch.Tensor:
        return torch.tensor(self.rows)[ids]


@pytest.fixture(scope="module")
def round_trip(imported: Imported, tmp_path_factory: pytest.TempPathFactory) -> RoundTrip:
    folder = tmp_path_factory.mktemp("round") / "out"
    result = tmt("export", imported.run, "-o", folder, "--to", "transformers", "--no-verify")
    assert result.exit_code == 0, result.stderr
    with quiet_transformers() as transformers:
        original, exported = (
            transformers.AutoModelForSeq2SeqLM.from_pretrained(path, dtype=torch.float32).eval()
            for path in (imported.folder, folder)
        )
    return RoundTrip(original, exported, read_marian(imported.folder).tgt_rows, folder)


def batch(imported: Imported) -> tuple[torch.Tensor, torch.Tensor]:
    """Source and decoder input in our ids."""
    tokenizers = load_run(imported.run, torch.device("cpu"), TRANSLATION).vocabulary
    collator = Collator(PAD_ID, SOS_ID, EOS_ID)
    return (
        collator.pad(tokenizers.src.encode_batch(SOURCES), after=EOS_ID),
        collator.pad(tokenizers.tgt.encode_batch(TARGETS), before=SOS_ID),
    )


@torch.inference_mode()
def test_logits_after_the_round_trip_are_the_original_ones(
    imported: Imported, round_trip: RoundTrip
) -> None:
    src, tgt_in = batch(imported)
    mask, real = (src != PAD_ID).long(), tgt_in != PAD_ID
    found = round_trip.exported(input_ids=src, attention_mask=mask, decoder_input_ids=tgt_in)
    expected = round_trip.original(
        input_ids=round_trip.to_original(src),
        attention_mask=mask,
        decoder_input_ids=round_trip.to_original(tgt_in),
    )
    ordinary = [i for i in range(len(round_trip.rows)) if i not in (PAD_ID, SOS_ID)]
    wanted = expected.logits[real][:, [round_trip.rows[i] for i in ordinary]]
    torch.testing.assert_close(found.logits[real][:, ordinary], wanted, atol=1e-5, rtol=0)
    assert wanted.std() > 0.5


@torch.inference_mode()
def test_translations_after_the_round_trip_are_the_original_ones(
    imported: Imported, round_trip: RoundTrip
) -> None:
    """From text to text, each with its own tokenizer and no options but the beam's width."""
    src, _ = batch(imported)
    mask = (src != PAD_ID).long()
    found = round_trip.exported.generate(
        input_ids=src, attention_mask=mask, num_beams=1, max_new_tokens=LIMIT
    )
    expected = round_trip.original.generate(
        input_ids=round_trip.to_original(src),
        attention_mask=mask,
        num_beams=1,
        max_new_tokens=LIMIT,
        max_length=None,
    )
    assert torch.equal(round_trip.to_original(found), expected)
    with quiet_transformers() as transformers:
        theirs = transformers.MarianTokenizer.from_pretrained(imported.folder)
        ours = transformers.AutoTokenizer.from_pretrained(round_trip.folder)
        ours_tgt = transformers.AutoTokenizer.from_pretrained(
            round_trip.folder, subfolder="target_tokenizer"
        )
    inputs = ours(SOURCES, padding=True, return_tensors="pt")
    assert torch.equal(inputs.input_ids, src)
    texts = ours_tgt.batch_decode(found, skip_special_tokens=True)
    assert texts == theirs.batch_decode(expected, skip_special_tokens=True)
    assert len(set(texts)) > 3


def test_to_ctranslate2_it_is_the_same_too(imported: Imported, tmp_path: Path) -> None:
    """Compared on data that the run is told of."""
    pytest.importorskip("ctranslate2")
    run = Path(shutil.copytree(imported.run, tmp_path / "run"))
    table = tsv([SentencePair(*pair) for pair in zip(SOURCES, TARGETS, strict=True)])
    settings = yaml.safe_load((run / "config.yaml").read_text("utf-8"))
    settings["data"] |= dict.fromkeys(
        ("train", "validation", "test"), str(write(tmp_path / "data.tsv", table))
    )
    write(run / "config.yaml", yaml.safe_dump(settings))
    made = transformer_mt.export_model(run, tmp_path / "out", to="ctranslate2")
    assert made.parity
    assert made.parity.sentences == made.parity.equal_greedy == 40
    assert made.parity.token_difference < 1e-5
    assert [s.value for s in made.parity.scores] == [s.value for s in made.parity.other_scores]


# what is refused


def refused(folder: Path, output: Path) -> tuple[int, str]:
    """The exit code and the message; nothing may be left."""
    before = sorted(output.parent.rglob("*"))
    result = tmt("import", folder, "-o", output)
    assert result.stdout == ""
    assert sorted(output.parent.rglob("*")) == before
    return result.exit_code, result.error


def test_what_is_no_model_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path / "file", "")
    for name in ("nothing", "empty", "file"):
        code, message = refused(tmp_path / name, tmp_path / "run")
        assert code == 1
        assert message.startswith(str(tmp_path / name))


Change = Callable[[Path], None]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: edit_json(f / "config.json", model_type="t5"), r"a model of type t5; only"),
        (lambda f: (f / "model.safetensors").unlink(), r"has no weights"),
        (lambda f: (f / "target.spm").unlink(), r"target\.spm"),
        (lambda f: (f / "vocab.json").unlink(), r"vocab\.json"),
        (lambda f: write(f / "config.json", "{"), r"config\.json"),
        (lambda f: write(f / "model.safetensors", b"no weights"), r"is damaged"),
    ],
    ids=["t5", "no weights", "no target.spm", "no vocabulary", "no JSON", "damaged"],
)
def test_a_folder_that_ours_cannot_be(
    change: Change, message: str, folder: Path, tmp_path: Path
) -> None:
    change(folder)
    code, said = refused(folder, tmp_path / "run")
    assert code == 1
    assert said.startswith(str(folder))
    assert re.search(message, said)


def test_another_model_is_refused_and_nothing_is_left(
    imported: Imported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_another(folder: Path) -> Any:
        marian = read_marian(folder)
        marian.weights["output.bias"][7] += 1.0
        return marian

    monkeypatch.setattr(import_marian, "read_marian", read_another)
    code, message = refused(imported.folder, tmp_path / "run")
    assert code == 1
    assert message.startswith(f"{imported.folder}: differs from the original")


def test_tokens_that_are_others_are_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the library split text otherwise than we know of."""
    real = marian_engine

    def another_engine(*args: Any) -> Any:
        engine = real(*args)
        encode = engine.encode_tgt
        engine.encode_tgt = lambda texts: [[ids[0], *ids] for ids in encode(texts)]
        return engine

    monkeypatch.setattr(import_marian, "marian_engine", another_engine)
    code, message = refused(folder, tmp_path / "run")
    assert code == 1
    assert "differs from the original" in message


def test_what_exists_is_left_alone(imported: Imported, tmp_path: Path) -> None:
    write(tmp_path / "run" / "mine.txt", "mine")
    before = files(tmp_path)
    code, message = refused(imported.folder, tmp_path / "run")
    assert code == 2
    assert message == f"{tmp_path / 'run'}: exists; name a new folder, or remove this one first"
    assert files(tmp_path) == before
    assert refused(imported.folder, imported.run)[0] == 2


def test_the_output_is_needed(imported: Imported) -> None:
    result = tmt("import", imported.folder)
    assert result.exit_code == 2
    assert "--output" in result.stderr


@pytest.mark.parametrize("package", ["transformers", "sentencepiece"])
def test_a_missing_package_is_named_with_its_extra(
    imported: Imported, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    code, message = refused(imported.folder, tmp_path / "run")
    assert code == 2
    assert message.startswith(f"{package} cannot be imported")
    assert 'pip install "transformer_mt[transformers]"' in message


def test_python_api_raises_the_same(imported: Imported, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing"):
        transformer_mt.import_model(tmp_path / "nothing", tmp_path / "run")
    write(tmp_path / "run", "a file")
    with pytest.raises(ConfigError, match="run: exists"):
        transformer_mt.import_model(imported.folder, tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
