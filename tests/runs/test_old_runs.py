"""Run directories from when translation was the one task are used, and trained further, as ever."""

import json
from pathlib import Path

import pytest
from tiny_runs import (
    assert_same_result,
    at_update,
    interrupt,
    read_state,
    reverse_pairs,
    tmt,
    write_pairs,
)

from transformer_mt import load
from transformer_mt.config.load import load_config
from transformer_mt.config.tasks import TranslationConfig
from transformer_mt.training.loop import train
from transformer_mt.training.signals import Interrupted

pytestmark = pytest.mark.usefixtures("own_cache")

CONFIG = """\
run_dir: {run}
seed: 1
init_from: null
data:
  src_lang: src
  tgt_lang: tgt
  dataset: null
  subset: null
  train:
  - {data}/train.src
  - {data}/train.tgt
  validation:
  - {data}/validation.src
  - {data}/validation.tgt
  test:
  - {data}/validation.src
  - {data}/validation.tgt
  src_column: null
  tgt_column: null
  heldout_size: 1000
  max_length: 256
  max_length_ratio: 9.0
tokenizer:
  type: word
  vocab_size: 10000
  min_frequency: 2
  joint: false
  lowercase: false
  normalization: nfc
model:
  d_model: 16
  num_heads: 2
  d_ff: 24
  num_encoder_layers: 1
  num_decoder_layers: 1
  dropout: 0.2
  attention_dropout: 0.0
  norm: pre
  tied_embeddings: decoder
  activation: relu
  output_bias: false
training:
  batch_tokens: 64
  accumulate: 1
  max_steps: 6
  max_time: null
  learning_rate: 0.01
  warmup_steps: 4
  schedule: linear
  adam_beta1: 0.9
  adam_beta2: 0.98
  adam_epsilon: 1.0e-09
  label_smoothing: 0.1
  clip_norm: 1.0
  precision: fp32
  validate_every: 3
  checkpoint_every: 10m
  validate_sentences: 4
  best_metric: bleu
  patience: 0
  keep_checkpoints: 2
  log_every: 1
  rescue: true
decoding:
  beam_size: 5
  length_penalty: 1.0
  max_length_ratio: 2.0
  max_length_offset: 10
  unknown_words: replace
"""
"""As such a run has it: no task, no kind of attention."""
INFO = {
    "parameters": 5376,
    "vocabulary": [12, 1200],
    "data": {
        "read": 4060,
        "empty": 0,
        "too_long": 0,
        "ratio": 0,
        "kept": 4000,
        "duplicates": 0,
        "validation": 12,
        "test": 13,
        "validation_overlap": 0,
        "test_overlap": 0,
        "notes": [],
    },
    "peak_learning_rate": 0.01,
    "device": "cpu",
    "versions": {"transformer_mt": "0.1.0", "torch": "2.13.0"},
}


def old_config(folder: Path) -> str:
    """Its text; the files that it names are there."""
    for name, size in (("train", 60), ("validation", 12)):
        write_pairs(folder / "data", name, reverse_pairs(size, len(name)))
    return CONFIG.format(run=folder / "run", data=folder / "data")


def begin(folder: Path, stop: int | None = None) -> TranslationConfig:
    """Train, perhaps not to the end, and leave what an old run has."""
    text = old_config(folder)
    (folder / "c.yaml").write_text(text)
    config = load_config(folder / "c.yaml", (), TranslationConfig)
    if stop is None:
        train(config, device="cpu")
    else:
        with pytest.raises(Interrupted), at_update(stop, interrupt):
            train(config, device="cpu")
    (folder / "run" / "config.yaml").write_text(text)
    (folder / "run" / "info.json").write_text(json.dumps(INFO, indent=2))
    return config


def test_an_old_run_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs").mkdir()
    begin(tmp_path / "runs")
    run = tmp_path / "runs" / "run"
    described = tmt("info", "--json", run)
    assert described.exit_code == 0, described.stderr
    told = json.loads(described.stdout)
    assert told["task"] == "translation"
    assert told["languages"] == "src -> tgt"
    assert told["vocabulary"] == "12 source, 1,200 target tokens"
    assert told["data"] == "4,000 training, 12 validation, 13 test examples"
    assert "wide" not in told["model"]
    assert "12 source, 1,200 target tokens" in tmt("info", run).stdout

    monkeypatch.chdir(tmp_path)  # where it is the newest translator
    found = tmt("translate", "-q", "--device=cpu", "red blue", "")
    assert found.exit_code == 0, found.stderr
    assert found.stdout.splitlines() == [load(run, device="cpu").translate("red blue").text, ""]
    scored = tmt("evaluate", "-q", "--json", "--device=cpu")
    assert scored.exit_code == 0, scored.stderr
    assert json.loads(scored.stdout)["sentences"] == 12
    again = tmt("train", "-c", run / "config.yaml", "--device=cpu")
    assert again.exit_code == 0
    assert "nothing to do" in again.stderr


def test_an_old_run_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    (tmp_path / "reference").mkdir()
    begin(tmp_path / "reference")
    config = begin(tmp_path, stop=4)
    train(config, device="cpu")
    assert read_state(tmp_path / "run" / "last")["finished"] == "all updates made"
    (tmp_path / "reference" / "run" / "info.json").unlink()
    (tmp_path / "run" / "info.json").unlink()  # is made anew
    assert_same_result(tmp_path / "run", tmp_path / "reference" / "run")


def test_settings_that_are_new_cannot_change_in_it(tmp_path: Path) -> None:
    begin(tmp_path, stop=4)
    wide = tmt("train", "-q", "-c", tmp_path / "c.yaml", "--set=model.attention=wide")
    assert wide.exit_code == 2
    assert "was begun with another value of model.attention" in wide.error


def test_a_setting_left_out_keeps_the_default_that_an_old_run_had(tmp_path: Path) -> None:
    begin(tmp_path)
    path = tmp_path / "mine.yaml"
    path.write_text(old_config(tmp_path).replace("  normalization: nfc\n", ""))
    assert load_config(path, ()).tokenizer.normalization == "nfc"
    assert load_config(path, (f"run_dir={tmp_path}/new",)).tokenizer.normalization == "clean"
    set_here = load_config(path, ("tokenizer.normalization=clean",))
    assert set_here.tokenizer.normalization == "clean"
    again = tmt("train", "-c", path, "--device=cpu")
    assert "nothing to do" in again.stderr


@pytest.mark.parametrize("wrong", [[], [1], [1, 2, "x"], {"a": 1}, None, 3])
def test_a_wrong_record_gives_one_sentence(tmp_path: Path, wrong: object) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text(old_config(tmp_path))
    (run / "info.json").write_text(json.dumps(INFO | {"vocabulary": wrong}))
    result = tmt("info", run)
    assert result.exit_code == 1
    assert f"{run / 'info.json'}: cannot be read" in result.error
