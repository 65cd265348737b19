"""Fine-tuning: a new run begins with the tokenizers and best weights of another, and no more."""

import json
import os
import re
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tiny_runs import (
    at_update,
    corpus_loss,
    files,
    logged,
    make_config,
    metrics,
    read_state,
    reverse_pairs,
    tmt,
    write_config,
    write_pairs,
)

from transformer_mt.config.load import load_config, to_yaml
from transformer_mt.config.tasks import PairsConfig, TranslationConfig
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.runs import checkpoint, run_dir, train_state
from transformer_mt.runs.checkpoint import load_run, weights_of
from transformer_mt.runs.info import describe_run
from transformer_mt.runs.kinds import TRANSLATION
from transformer_mt.runs.ownership import claim
from transformer_mt.runs.run_dir import RunDir, load_run_config
from transformer_mt.runs.train_state import TrainState
from transformer_mt.training.loop import train
from transformer_mt.training.session import load_session
from transformer_mt.training.signals import Interrupted

pytestmark = pytest.mark.usefixtures("own_cache")

CPU = torch.device("cpu")
PARENT = (  # what no shape of a tensor tells is other than the default too
    "model.activation=gelu",
    "model.output_bias=true",
    "model.tied_embeddings=all",
    "tokenizer.joint=true",
    "tokenizer.min_frequency=1",
)
IMPORTED = "imported from opus-mt-xx-yy"


@pytest.fixture(scope="module")
def trained_parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parent")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        train(make_config(folder, *PARENT), device="cpu")
    return folder / "run"


@pytest.fixture
def parent(trained_parent: Path, tmp_path: Path) -> Path:
    """A copy of its own for each test."""
    return Path(shutil.copytree(trained_parent, tmp_path / "parent"))


@pytest.fixture
def imported(trained_parent: Path, tmp_path: Path) -> Path:
    """A run directory as `tmt import` makes it: no data, and no training to go on with."""
    origin, run = load_run(trained_parent, CPU, TRANSLATION), RunDir(tmp_path / "imported")
    data = PairsConfig(src_lang="src", tgt_lang="tgt")
    run_dir.save_config(run, replace(origin.config, run_dir=str(run.path), data=data))
    run_dir.save_vocabulary(run, origin.vocabulary)
    checkpoint.save_weights(run.best, weights_of(origin.model), TrainState(finished=IMPORTED))
    return run.path


def child_file(folder: Path, **sections: dict[str, Any]) -> Path:
    """A configuration without `model` and `tokenizer`, on data of its own; run: `folder`/run."""
    folder.mkdir(exist_ok=True)
    path = write_config(folder, reverse_pairs(40, seed=7))
    settings = yaml.safe_load(path.read_text("utf-8"))
    del settings["model"]
    path.write_text(yaml.safe_dump(settings | sections, sort_keys=False), "utf-8")
    return path


def child_config(tmp_path: Path, parent: Path, *overrides: str) -> TranslationConfig:
    return load_config(
        child_file(tmp_path / "child"), (f"init_from={parent}", *overrides), TranslationConfig
    )


def assert_same_weights(first: Any, second: Any) -> None:
    ours, theirs = weights_of(first.model), weights_of(second.model)
    assert ours.keys() == theirs.keys()
    assert "output.bias" in ours
    for name, value in ours.items():
        assert torch.equal(value, theirs[name]), name


# settings


def test_settings_left_out_are_those_of_the_parent(parent: Path, tmp_path: Path) -> None:
    inherited, of_parent = child_config(tmp_path, parent), load_run_config(RunDir(parent))
    assert inherited.model == of_parent.model
    assert inherited.tokenizer == of_parent.tokenizer
    assert inherited.model.activation == "gelu"
    assert inherited.init_from == str(parent)
    assert inherited.training.max_steps == 8  # all else is its own
    assert inherited.data.train != of_parent.data.train


def test_the_file_may_name_it_too(parent: Path, tmp_path: Path) -> None:
    path = child_file(tmp_path / "child", model={"dropout": 0.3, "activation": "gelu"})
    path.write_text(f"init_from: {parent}\n" + path.read_text("utf-8"), "utf-8")
    config = load_config(path, ["model.attention_dropout=0.25"])
    expected = load_run_config(RunDir(parent))
    assert config.model == replace(expected.model, dropout=0.3, attention_dropout=0.25)
    assert config.tokenizer == expected.tokenizer
    without = load_config(path, ["init_from=null"])
    assert (without.init_from, without.model.d_model) == (None, 512)


def test_the_file_may_stand_where_the_run_will_keep_its_own(parent: Path, tmp_path: Path) -> None:
    path = child_file(tmp_path / "run")
    config = load_config(path, [f"init_from={parent}", f"run_dir={path.parent}"])
    path.write_text(f"init_from: {parent}\n{path.read_text('utf-8')}", "utf-8")
    assert load_config(path, [f"run_dir={path.parent}"]) == config
    assert config.model == load_run_config(RunDir(parent)).model


@pytest.mark.parametrize(
    ("key", "value", "shown", "needed"),
    [
        ("model.d_model", 64, "64", "32"),
        ("model.num_heads", 4, "4", "2"),
        ("model.num_encoder_layers", 6, "6", "1"),
        ("model.norm", "post", "'post'", "'pre'"),
        ("model.activation", "relu", "'relu'", "'gelu'"),
        ("model.output_bias", False, "false", "true"),
        ("model.tied_embeddings", "decoder", "'decoder'", "'all'"),
        ("tokenizer.type", "bpe", "'bpe'", "'word'"),
        ("tokenizer.lowercase", True, "true", "false"),
        ("tokenizer.vocab_size", 77, "77", "10000"),
    ],
)
@pytest.mark.parametrize("in_file", [True, False])
def test_settings_that_contradict_the_parent_are_refused_where_they_stand(
    parent: Path, tmp_path: Path, key: str, value: object, shown: str, needed: str, in_file: bool
) -> None:
    section, name = key.split(".")
    path = child_file(tmp_path / "child", **({section: {name: value}} if in_file else {}))
    overrides = [f"init_from={parent}", *([] if in_file else [f"{key}={json.dumps(value)}"])]
    with pytest.raises(ConfigError) as raised:
        load_config(path, overrides)
    if in_file:
        lines = path.read_text("utf-8").splitlines()
        line = 1 + next(i for i, text in enumerate(lines) if text.startswith(f"  {name}:"))
        where = f"{path}:{line}"
    else:
        where = f"--set {overrides[-1]}"
    assert str(raised.value) == (
        f"{where}: '{key}' is {shown}, but must be {needed} as in init_from ({parent})"
    )


def test_impossible_together_with_the_parent_is_told_where_it_was_set(
    parent: Path, tmp_path: Path
) -> None:
    path = child_file(tmp_path / "child", model={"d_model": 33})
    with pytest.raises(ConfigError, match=rf"^{path}:\d+: 'model.num_heads' must divide .* 33"):
        load_config(path, [f"init_from={parent}"])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("''", "'init_from' must not be empty"),
        ("[a]", "'init_from' must be te"),
    ],
)
def test_an_impossible_value(tmp_path: Path, value: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"--set init_from={value}: {message}")):
        load_config(child_file(tmp_path / "child"), [f"init_from={value}"])


@pytest.mark.parametrize("spelling", ["{}", "{}/", "{}/../run"])
def test_a_run_does_not_begin_with_itself(tmp_path: Path, spelling: str) -> None:
    path = child_file(tmp_path / "child")
    name = spelling.format(tmp_path / "child" / "run")
    (tmp_path / "child" / "run").mkdir()
    with pytest.raises(ConfigError, match=r"^--set init_from=.*'init_from' is the run itself"):
        load_config(path, [f"init_from={name}"])


def test_a_spoiled_configuration_of_the_parent_is_named(parent: Path, tmp_path: Path) -> None:
    (parent / "config.yaml").write_text("run_dir: [", "utf-8")
    with pytest.raises(ConfigError, match=rf"^{parent}/config.yaml:1: not valid YAML"):
        child_config(tmp_path, parent)


def test_the_parent_of_a_parent_is_not_asked(parent: Path, tmp_path: Path) -> None:
    middle = Path(train_child(tmp_path / "middle", parent).run_dir)
    shutil.rmtree(parent)
    config = child_config(tmp_path, middle)
    assert config.model == load_run_config(RunDir(middle)).model
    assert_same_weights(load_session(config, "cpu"), load_run(middle, CPU, TRANSLATION))


# training


def train_child(folder: Path, parent: Path, *overrides: str) -> TranslationConfig:
    config = load_config(child_file(folder), (f"init_from={parent}", *overrides), TranslationConfig)
    train(config, device="cpu")
    return config


def test_a_new_run_is_the_parent_before_its_first_update(parent: Path, tmp_path: Path) -> None:
    origin = load_run(parent, CPU, TRANSLATION)
    config = child_config(tmp_path, parent, "model.dropout=0.4")
    with logged() as messages:
        session = load_session(config, "cpu")
    assert f"beginning with the tokenizers and best weights of {parent}" in messages
    assert "building the vocabulary" not in messages
    assert_same_weights(session, origin)
    assert (origin.model.output.bias != 0).any()  # it has learnt
    model: Any = session.model
    assert model.config.dropout == 0.4
    assert session.vocabulary.texts() == origin.vocabulary.texts()
    assert session.optimizer.state_dict()["state"] == {}
    assert session.state == TrainState(data=session.data.train.fingerprint)
    loss = corpus_loss(model, session.data.validation, 64)
    assert loss == pytest.approx(read_state(parent / "best")["scores"]["loss"], rel=1e-6)
    assert not (tmp_path / "child" / "run").exists()


def test_fine_tuning_begins_at_the_loss_of_the_parent_and_leaves_it_alone(
    parent: Path, tmp_path: Path
) -> None:
    before = files(parent)
    steps = ("training.max_steps=1", "training.validate_every=1", "training.label_smoothing=0")
    config = train_child(tmp_path / "child", parent, "training.learning_rate=1e-9", *steps)
    (point,) = metrics(Path(config.run_dir), "validation")
    assert point["loss"] == pytest.approx(read_state(parent / "best")["scores"]["loss"], rel=1e-4)
    own = load_config(child_file(tmp_path / "own", model=small_model()), steps)  # from nothing
    train(own, device="cpu")
    assert metrics(Path(own.run_dir), "validation")[0]["loss"] > point["loss"] + 0.1
    assert files(parent) == before


def test_fine_tuning_learns(parent: Path, tmp_path: Path) -> None:
    config = train_child(tmp_path / "child", parent)
    trained = load_run(Path(config.run_dir), CPU, TRANSLATION)
    assert trained.state.scores["loss"] < read_state(parent / "best")["scores"]["loss"]
    assert trained.config == config
    assert describe_run(Path(config.run_dir))["begun from"] == str(parent)
    assert "begun from" not in describe_run(parent)


@pytest.mark.parametrize("deleted", [False, True])
def test_going_on_needs_no_parent(parent: Path, tmp_path: Path, deleted: bool) -> None:
    """Bit for bit, whether the parent is gone or is another by now."""
    reference = train_child(tmp_path / "reference", parent, "model.dropout=0.2")
    options = (f"init_from={parent}", "model.dropout=0.2")
    path = child_file(tmp_path / "child")
    with (
        pytest.raises(Interrupted),
        at_update(6, lambda: os.kill(os.getpid(), signal.SIGINT)),
    ):
        train(load_config(path, options), device="cpu")
    shutil.rmtree(parent)
    if not deleted:
        other = make_config(tmp_path / "other", f"run_dir={parent}", "model.d_model=16")
        train(other, device="cpu")
    with logged() as messages:
        train(load_config(path, options), device="cpu")
    assert "going on after update 6 (epoch 1)" in messages
    assert not [message for message in messages if message.startswith("beginning with")]
    for name in ("best", "last"):
        ours, theirs = (
            load_run(run, CPU, TRANSLATION, name)
            for run in (tmp_path / "child/run", Path(reference.run_dir))
        )
        assert_same_weights(ours, theirs)
    again = load_config(path, options)
    with logged() as messages:
        assert train(again, device="cpu").finished == "all updates made"
    assert messages == [f"{again.run_dir}: finished (all updates made); nothing to do"]


def test_a_finished_run_is_complete(
    parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = train_child(tmp_path / "child", parent)
    before = load_run(Path(config.run_dir), CPU, TRANSLATION)
    shutil.rmtree(parent)
    moved = Path(config.run_dir).rename(tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "child")
    monkeypatch.chdir(tmp_path)
    assert load_run_config(RunDir(moved)) == config
    assert_same_weights(load_run(moved, CPU, TRANSLATION), before)
    assert describe_run(moved)["status"] == "finished (all updates made)"
    # a parent of another shape that has come to stand there is no matter either
    train(make_config(tmp_path / "other", f"run_dir={parent}", "model.d_model=16"), device="cpu")
    assert load_run_config(RunDir(moved)) == config


def test_a_saved_configuration_of_an_earlier_version_needs_no_parent(
    parent: Path, tmp_path: Path
) -> None:
    """It lacks the keys that have come since."""
    config = child_config(tmp_path, parent, "run_dir=r")
    run = RunDir(tmp_path / "run")
    run_dir.save_config(run, config)
    text = run.config.read_text("utf-8")
    run.config.write_text(text.replace("  attention_dropout: 0.0\n", ""), "utf-8")
    assert run.config.read_text("utf-8") != text
    shutil.rmtree(parent)
    assert load_run_config(run) == config


def test_other_tokenizers_in_the_run_directory_are_not_used(parent: Path, tmp_path: Path) -> None:
    config = child_config(tmp_path, parent)
    run = RunDir(Path(config.run_dir))
    other = load_session(make_config(tmp_path / "other", "tokenizer.vocab_size=6"), "cpu")
    run_dir.save_vocabulary(run, other.vocabulary)
    claim(run)
    train(config, device="cpu")
    assert (run.path / "tokenizer.src.json").read_bytes() == (
        RunDir(parent).path / "tokenizer.src.json"
    ).read_bytes()


def test_overwrite_begins_with_the_parent_as_it_is_now(parent: Path, tmp_path: Path) -> None:
    config = train_child(tmp_path / "child", parent)
    path = tmp_path / "child" / "config.yaml"
    result = tmt("train", "-c", path, f"--set=init_from={parent}", "--overwrite", "-q")
    assert result.exit_code == 0, result.stderr
    assert load_run_config(RunDir(Path(config.run_dir))) == config
    shutil.rmtree(parent)
    result = tmt("train", "-c", path, f"--set=init_from={parent}", "--overwrite")
    assert result.exit_code == 1
    assert f"init_from: {parent}: there is no such run directory" in result.stderr
    load_run(Path(config.run_dir), CPU, TRANSLATION)  # nothing was removed


# refusals


def remove_best(parent: Path) -> None:
    shutil.rmtree(parent / "best")


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (shutil.rmtree, "{}: there is no such run directory"),
    "no run": (lambda p: (p / "config.yaml").unlink(), "{}: is not a run directory (it has no con"),
    "untrained": (remove_best, "{}: has no checkpoint 'best' yet; run tmt train first"),
    "damaged": (
        lambda p: [path.write_bytes(b"x" * 99) for path in p.rglob("model.safetensors")],
        "{}/best/mod",
    ),
    "tokenizer": (lambda p: (p / "tokenizer.src.json").unlink(), "{}/tokenizer.src.json: "),
}


@pytest.mark.parametrize("case", SPOILED)
@pytest.mark.parametrize("dry_run", [False, True])
def test_what_a_run_cannot_begin_with_is_one_sentence(
    parent: Path, tmp_path: Path, case: str, dry_run: bool
) -> None:
    spoil, message = SPOILED[case]
    spoil(parent)
    path = child_file(tmp_path / "child")
    options = ["--dry-run"] if dry_run else []
    result = tmt("train", "-c", path, f"--set=init_from={parent}", *options)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"error: init_from: {message.format(parent)}")
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "child" / "run").exists()


@pytest.mark.parametrize("change", ["model.num_heads=4", "tokenizer.lowercase=true"])
def test_a_configuration_that_leaves_nothing_out_is_checked_too(
    parent: Path, tmp_path: Path, change: str
) -> None:
    """No shape of a tensor would tell that these do not fit."""
    complete = to_yaml(child_config(tmp_path, parent))
    path = tmp_path / "complete.yaml"
    path.write_text(complete, "utf-8")
    load_session(load_config(path), "cpu")
    key, value = change.split("=")
    with pytest.raises(ConfigError, match=rf"^'{key}' is {value}, but must be .* as in init_from"):
        load_session(load_config(path, [change]), "cpu")


def test_a_begun_run_keeps_its_beginning(parent: Path, tmp_path: Path) -> None:
    config = train_child(tmp_path / "child", parent, "training.max_steps=4")
    shutil.copytree(parent, tmp_path / "copy")
    longer = replace(config, training=replace(config.training, max_steps=8))
    for init_from in (None, str(tmp_path / "copy")):
        for changed in (replace(config, init_from=init_from), replace(longer, init_from=init_from)):
            with pytest.raises(ConfigError, match="was begun with another value of init_from;"):
                train(changed, device="cpu")
    assert train(longer, device="cpu").step == 8


def test_a_run_begun_without_is_not_begun_again(parent: Path, tmp_path: Path) -> None:
    path = child_file(tmp_path / "child")
    shape = [f"model.{key}=1" for key in ("num_encoder_layers", "num_decoder_layers", "num_heads")]
    train(load_config(path, [*shape, "model.d_model=16", "model.d_ff=16"]), device="cpu")
    result = tmt("train", "-c", path, f"--set=init_from={parent}")
    assert result.exit_code == 2
    assert re.search(r"was begun with another value of init_from, ", result.stderr)


def test_tokenizers_built_for_a_run_of_its_own_are_not_replaced(
    parent: Path, tmp_path: Path
) -> None:
    path = child_file(tmp_path / "child")
    assert tmt("build-tokenizer", "-c", path, "--set=tokenizer.joint=true").exit_code == 0
    before = files(tmp_path / "child" / "run")
    result = tmt("train", "-c", path, f"--set=init_from={parent}")
    assert result.exit_code == 2
    assert "was begun with another value of init_from" in result.stderr
    assert files(tmp_path / "child" / "run") == before


def test_no_tokenizers_are_built_where_those_of_a_parent_are_taken(
    parent: Path, tmp_path: Path
) -> None:
    path = child_file(tmp_path / "child")
    result = tmt("build-tokenizer", "-c", path, f"--set=init_from={parent}")
    assert result.exit_code == 2
    assert f"'init_from' is set: the tokenizers are those of {parent}" in result.stderr
    assert not (tmp_path / "child" / "run").exists()


def test_a_dry_run_shows_the_model_of_the_parent(parent: Path, tmp_path: Path) -> None:
    path = child_file(tmp_path / "child")
    result = tmt("train", "-c", path, f"--set=init_from={parent}", "--dry-run")
    assert result.exit_code == 0, result.stderr
    shown = yaml.safe_load(result.stdout.split("\n\n")[0])
    assert (shown["init_from"], shown["model"]["d_model"]) == (str(parent), 32)
    info = json.loads((parent / "info.json").read_text("utf-8"))
    assert f"model: {info['parameters']:,} parameters" in result.stdout
    assert not (tmp_path / "child" / "run").exists()


# models made elsewhere


def test_an_imported_model_is_trained_further(imported: Path, tmp_path: Path) -> None:
    before = files(imported)
    session = load_session(child_config(tmp_path, imported), "cpu")
    assert_same_weights(session, load_run(imported, CPU, TRANSLATION))
    config = train_child(tmp_path / "child", imported)
    assert load_run(Path(config.run_dir), CPU, TRANSLATION).state.step > 0
    assert files(imported) == before


@pytest.mark.parametrize("command", ["train", "build-tokenizer"])
def test_an_imported_model_is_not_replaced(imported: Path, tmp_path: Path, command: str) -> None:
    before = files(imported)
    path = child_file(tmp_path / "child")
    result = tmt(command, "-c", path, f"--set=run_dir={imported}")
    assert result.exit_code == 2
    assert result.stderr == (
        f"error: {imported}: holds a model that was not trained here; train it further from"
        f" another run_dir, with init_from: {imported}\n"
    )
    result = tmt("train", "-c", imported / "config.yaml")
    assert result.exit_code == 2
    assert "holds a model that was not trained here" in result.stderr
    after = files(imported)
    del after[".transformer_mt"]  # it is a run, now marked as one
    assert after == before


def test_an_imported_model_is_replaced_by_overwrite(imported: Path, tmp_path: Path) -> None:
    path = child_file(tmp_path / "child", model=small_model())
    result = tmt("train", "-c", path, f"--set=run_dir={imported}", "--overwrite", "-q")
    assert result.exit_code == 0, result.stderr
    assert load_run(imported, CPU, TRANSLATION).config.model.d_model == 16


def small_model() -> dict[str, int]:
    names = ("num_heads", "num_encoder_layers", "num_decoder_layers")
    return {"d_model": 16, "d_ff": 16} | dict.fromkeys(names, 1)


def test_a_crash_after_the_first_best_is_no_import(tmp_path: Path) -> None:
    """Then there is a `best` too, and no `last`: training begins again."""
    config = make_config(tmp_path)
    train(config, device="cpu")
    run = RunDir(Path(config.run_dir))
    expected = files(run.best)["model.safetensors"]
    shutil.rmtree(run.last)
    assert train(config, device="cpu").finished == "all updates made"
    assert files(run.best)["model.safetensors"] == expected


def test_a_run_without_data_says_so_when_it_is_to_be_trained(
    imported: Path, tmp_path: Path
) -> None:
    config = load_run_config(RunDir(imported))
    assert config.data == PairsConfig(src_lang="src", tgt_lang="tgt")
    anew = replace(config, run_dir=str(tmp_path / "new"), init_from=str(imported))
    with pytest.raises(ConfigError, match=r"^'data.train' is missing: give two parallel files"):
        train(anew, device="cpu")
    assert not (tmp_path / "new").exists()
    files_of_its_own = tuple(write_pairs(tmp_path, "more", reverse_pairs(50, seed=8)))
    data = replace(anew.data, train=(files_of_its_own[0], files_of_its_own[1]))
    assert train(replace(anew, data=data), device="cpu").finished == "all updates made"


def test_a_damaged_import_is_named(imported: Path, tmp_path: Path) -> None:
    (imported / "best" / "state.json").write_text("{", "utf-8")
    with pytest.raises(DataError, match=r"best/state\.json: cannot be read"):
        describe_run(imported)
    with pytest.raises(ConfigError, match="no finished run"):
        train_state.newest_run(tmp_path)
