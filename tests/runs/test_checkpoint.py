"""Run directories: replaced whole or not at all, refused when damaged, free of code."""

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_runs import flip, logged, make_config, reverse_pairs
from torch import Tensor

from transformer_mt import load
from transformer_mt.config.load import to_yaml
from transformer_mt.config.tasks import TranslationConfig
from transformer_mt.corpus.source import load_corpus
from transformer_mt.data.vocabularies import build_tokenizers
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.files import atomic
from transformer_mt.files.atomic import DamagedError, verify
from transformer_mt.metrics.translation import perplexity
from transformer_mt.model.transformer import Transformer
from transformer_mt.runs import checkpoint, run_dir, train_state
from transformer_mt.runs.checkpoint import load_run, load_training, save_training
from transformer_mt.runs.kinds import TRANSLATION
from transformer_mt.runs.recovery import recover
from transformer_mt.runs.run_dir import RunDir
from transformer_mt.runs.train_state import TrainState
from transformer_mt.text.tokenizer import Tokenizers
from transformer_mt.training.loop import training_step, updates
from transformer_mt.training.optimizer import make_optimizer
from transformer_mt.training.session import Session, load_session

pytestmark = pytest.mark.usefixtures("own_cache")

CPU = torch.device("cpu")
MODEL, STATE, TRAINING = "model.safetensors", "state.json", "training_state.safetensors"
SUMS, MARKER = "SHA256SUMS", ".transformer_mt"


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """After one update, so that the optimiser has a state."""
    return after_update(load_session(make_config(tmp_path), "cpu"))


def after_update(session: Session) -> Session:
    training_step(session, next(updates(session)), lr=0.01)
    session.state.step += 1
    return session


def save(session: Session, run: RunDir) -> None:
    save_training(run, session.model, session.optimizer, session.state)


@pytest.fixture
def place(tmp_path: Path) -> RunDir:
    """To save in."""
    return RunDir(tmp_path / "run")


def untrained(session: Session) -> tuple[Transformer, torch.optim.Optimizer]:
    torch.manual_seed(99)
    config, tokenizers = session.config, session.vocabulary
    assert isinstance(config, TranslationConfig)
    assert isinstance(tokenizers, Tokenizers)
    model = TRANSLATION.make_model(config, tokenizers)
    return model, make_optimizer(model, session.config.training)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def assert_same_optimizer(first: torch.optim.Optimizer, second: torch.optim.Optimizer) -> None:
    ours, theirs = first.state_dict()["state"], second.state_dict()["state"]
    assert ours.keys() == theirs.keys()
    assert len(ours) > 10
    for index, values in ours.items():
        for name, value in values.items():
            assert torch.equal(value, theirs[index][name]), (index, name)


def test_everything_comes_back(session: Session, place: RunDir) -> None:
    state = session.state
    state.seconds, state.best_score, state.scores = 0.1 + 0.2, -1 / 3, {"loss": 1e-300}
    save(session, place)
    following = torch.rand(5)
    model, optimizer = untrained(session)
    assert load_training(place, model, optimizer) == state
    assert torch.equal(torch.rand(5), following)  # dropout goes on where it was
    for (name, ours), theirs in zip(
        session.model.state_dict().items(), model.state_dict().values(), strict=True
    ):
        assert torch.equal(ours, theirs), name
    assert_same_optimizer(session.optimizer, optimizer)


def test_saving_changes_nothing(session: Session, tmp_path: Path, place: RunDir) -> None:
    before = {name: w.clone() for name, w in session.model.state_dict().items()}
    random = torch.get_rng_state()
    save(session, place)
    checkpoint.save_weights(tmp_path / "best", checkpoint.weights_of(session.model), session.state)
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(w, before[name]) for name, w in session.model.state_dict().items())
    save(session, place)
    assert contents(place.last) == contents(place.previous)


def test_finishing_replaces_the_numbers_alone(session: Session, place: RunDir) -> None:
    save(session, place)
    before = contents(place.last)
    state = replace(session.state, finished="all updates made")
    checkpoint.update_state(place, state)
    after = contents(place.last)
    assert {name for name, content in after.items() if content != before[name]} == {STATE, SUMS}
    assert train_state.load_state(place.last) == state
    verify(place.last)
    assert not place.previous.exists()


@pytest.mark.parametrize("name", [MODEL, TRAINING])
def test_finishing_seals_no_damage(session: Session, place: RunDir, name: str) -> None:
    save(session, place)
    save(session, place)
    flip(place.last / name)
    with pytest.raises(DamagedError, match=name):
        checkpoint.update_state(place, session.state)
    recover(place)
    assert load_training(place, *untrained(session)) == session.state


def test_no_checkpoint_is_no_error(session: Session, place: RunDir) -> None:
    assert load_training(place, session.model, session.optimizer) is None


# --- replaced whole or not at all


class Crash(BaseException):
    """The end of the process."""


def fail_at(
    patch: pytest.MonkeyPatch, owner: Any, name: str, occasion: int, error: BaseException
) -> None:
    """Let the nth call of a function raise."""
    real: Callable[..., object] = getattr(owner, name)
    calls = []

    def failing(*args: Any, **kwargs: Any) -> object:
        calls.append(args)
        if len(calls) == occasion:
            raise error
        return real(*args, **kwargs)

    patch.setattr(owner, name, failing)


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
WHILE_WRITING = [
    (checkpoint, "save_file", 1),
    (checkpoint, "save_file", 2),
    (checkpoint, "save_state", 1),
    (atomic, "flush", 2),
    (atomic, "write_text", 1),
]


@pytest.mark.parametrize(("owner", "function", "occasion"), WHILE_WRITING)
@pytest.mark.parametrize("error", [FULL, Crash()], ids=["full disk", "crash"])
def test_failure_while_writing_leaves_the_old_one(
    session: Session,
    place: RunDir,
    owner: Any,
    function: str,
    occasion: int,
    error: BaseException,
) -> None:
    save(session, place)
    before, model, optimizer = contents(place.last), *untrained(session)
    saved = replace(session.state)
    after_update(session)
    with pytest.MonkeyPatch.context() as patch:
        fail_at(patch, owner, function, occasion, error)
        expected = Crash if isinstance(error, Crash) else DataError
        with pytest.raises(expected) as raised:
            save(session, place)
    if error is FULL:
        assert str(place.last) in str(raised.value)
        assert "No space left on device): make room there and run the same" in str(raised.value)
        assert [path.name for path in place.path.iterdir()] == ["last"]  # what was written is gone
    assert contents(place.last) == before
    assert load_training(place, model, optimizer) == saved
    save(session, place)  # the remains are no obstacle
    assert load_training(place, model, optimizer) == session.state
    assert sorted(path.name for path in place.path.iterdir()) == ["last", "previous"]


@pytest.mark.parametrize(("occasion", "newest"), [(1, False), (2, True), (3, True)])
def test_crash_around_the_renames(
    session: Session, place: RunDir, occasion: int, newest: bool
) -> None:
    save(session, place)
    save(session, place)
    model, optimizer = untrained(session)
    saved = replace(session.state)
    after_update(session)
    real, left = Path.rename, [occasion]

    def rename(self: Path, target: Path) -> Path:
        left[0] -= 1
        if not left[0]:
            raise Crash
        return real(self, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "rename", rename)
        if occasion < 3:
            with pytest.raises(Crash):
                save(session, place)
        else:
            save(session, place)
    assert place.last.exists() is (occasion != 2)  # else the new one waits under its other name
    recover(place)
    assert load_training(place, model, optimizer) == (session.state if newest else saved)
    save(session, place)
    assert load_training(place, model, optimizer) == session.state
    assert sorted(path.name for path in place.path.iterdir()) == ["last", "previous"]


def test_crash_of_a_version_without_checksums(session: Session, place: RunDir) -> None:
    save(session, place)
    (place.last / SUMS).unlink()
    place.last.rename(place.previous)
    recover(place)
    assert load_training(place, *untrained(session)) == session.state


@pytest.mark.parametrize("occasion", [1, 2])
def test_crash_while_a_kept_checkpoint_is_written_again(
    session: Session, place: RunDir, occasion: int
) -> None:
    weights = checkpoint.weights_of(session.model)
    checkpoint.keep_checkpoint(place, weights, session.state, keep=2)
    save(session, place)
    with pytest.MonkeyPatch.context() as patch:
        fail_at(patch, Path, "rename", occasion, Crash())
        with pytest.raises(Crash):
            checkpoint.keep_checkpoint(place, weights, session.state, keep=2)
    recover(place)
    assert [path.name for path in place.checkpoints.iterdir()] == ["step-00000001"]
    verify(place.checkpoints / "step-00000001")


def test_recovery_removes_nothing_of_others(session: Session, place: RunDir) -> None:
    save(session, place)
    for name in (".config.yaml.new", ".metrics.jsonl.new", ".notes.new"):
        (place.path / name).touch()
    recover(place)
    assert sorted(path.name for path in place.path.iterdir()) == [".notes.new", "last"]


def test_best_can_be_read_while_it_is_replaced(run: Path) -> None:
    new, old = run / ".best.new", run / ".best.old"
    (run / "best").rename(old)
    assert load_run(run, CPU, TRANSLATION).state == train_state.load_state(old)
    shutil.copytree(old, new)
    save_file({}, old / MODEL)
    assert load_run(run, CPU, TRANSLATION).state == train_state.load_state(new)
    recover(RunDir(run))
    assert not old.exists()
    assert not new.exists()
    load_run(run, CPU, TRANSLATION)


def test_text_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new folder" / "file"
    atomic.write_text(path, "first")
    fail_at(monkeypatch, Path, "replace", 1, FULL)
    with pytest.raises(DataError, match="No space left"):
        atomic.write_text(path, "second")
    assert path.read_text("utf-8") == "first"
    assert list(path.parent.iterdir()) == [path]


def test_place_that_cannot_be_written_to(session: Session, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    below_a_file = tmp_path / "file" / "run"
    with pytest.raises(DataError, match=r"file.*cannot be written"):
        save(session, RunDir(below_a_file))
    with pytest.raises(DataError, match=r"file.*cannot be written"):
        atomic.write_text(below_a_file, "")


# --- weights


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize(
    ("tied", "copies"),
    [("none", set()), ("decoder", {"output"}), ("all", {"output", "tgt_embedding.token"})],
)
def test_tied_weights_are_saved_once(
    tmp_path: Path, place: RunDir, tied: str, copies: set[str], norm: str
) -> None:
    config = make_config(
        tmp_path, f"model.tied_embeddings={tied}", "tokenizer.joint=true", f"model.norm={norm}"
    )
    session = load_session(config, "cpu")
    save(session, place)
    saved = load_file(place.last / MODEL)
    matrices = {"src_embedding.token", "tgt_embedding.token", "output"}
    found = {name for name in matrices if f"{name}.weight" in saved}
    assert len(found) == len(matrices) - len(copies)
    assert sum(w.numel() for w in saved.values()) == sum(
        p.numel() for p in session.model.parameters()
    )
    model, _ = untrained(session)
    src, tgt = torch.tensor([[5, 6, 7, 3]]), torch.tensor([[2, 8, 9]])
    trained: Any = session.model.eval()
    wanted = trained.project(trained(src, tgt))
    assert not torch.equal(model.eval().project(model(src, tgt)), wanted)
    load_training(place, model, make_optimizer(model, config.training))
    assert torch.equal(model.project(model(src, tgt)), wanted)
    tied_now = model.output.weight is model.tgt_embedding.token.weight
    assert tied_now is (tied != "none")
    assert (model.src_embedding.token.weight is model.output.weight) is (tied == "all")


def without(weights: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key: value for key, value in weights.items() if key != name}


NAME = "encoder.0.feed_forward.inner.weight"
MISFITS: dict[str, Callable[[dict[str, Tensor]], dict[str, Tensor]]] = {
    "shape": lambda w: {**w, NAME: w[NAME][:-1].contiguous()},
    "transposed": lambda w: {**w, NAME: w[NAME].T.contiguous()},
    "missing": lambda w: without(w, NAME),
    "renamed": lambda w: {**without(w, NAME), f"{NAME}x": w[NAME]},
    "more": lambda w: {**w, f"{NAME}.lora": torch.zeros(2)},
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_weights_of_another_model_are_refused(session: Session, place: RunDir, misfit: str) -> None:
    save(session, place)
    path = place.last / MODEL
    save_file(MISFITS[misfit](load_file(path)), path)
    model, optimizer = untrained(session)
    before = {name: w.clone() for name, w in model.state_dict().items()}
    with pytest.raises(DataError) as raised:
        load_training(place, model, optimizer)
    assert str(path) in str(raised.value)
    assert NAME in str(raised.value)
    assert all(torch.equal(w, before[name]) for name, w in model.state_dict().items())


def test_average_is_the_mean(session: Session, tmp_path: Path) -> None:
    folders = [tmp_path / f"step-{index}" for index in range(3)]
    for folder in folders:
        checkpoint.save_weights(folder, checkpoint.weights_of(session.model), session.state)
        after_update(session)
    each = [load_file(folder / MODEL) for folder in folders]
    average = checkpoint.average_weights(folders)
    assert average.keys() == each[0].keys()
    for name, value in average.items():
        mean = sum(weights[name].double() for weights in each) / 3
        torch.testing.assert_close(value.double(), mean, rtol=1e-6, atol=1e-8)
        assert value.dtype == torch.float32
    assert not torch.equal(average[NAME], each[0][NAME])


def test_only_the_latest_are_kept(session: Session, tmp_path: Path) -> None:
    run = RunDir(tmp_path / "run")
    for step in (5, 50, 500, 1_000_000):
        state = TrainState(step=step)
        checkpoint.keep_checkpoint(run, checkpoint.weights_of(session.model), state, keep=2)
    assert [train_state.load_state(f).step for f in checkpoint.kept_checkpoints(run)] == [
        500,
        1_000_000,
    ]


# --- damage


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def garbage(path: Path) -> None:
    path.write_bytes(b"\x80\x04\x95garbage\xff" * 9)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def other_tensors(path: Path) -> None:
    save_file({"x": torch.zeros(2)}, path)


@pytest.fixture
def run(trained_run: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(trained_run, tmp_path / "copy"))


DAMAGES = [Path.unlink, cut, garbage, emptied, flip]
FEWER_DAMAGES = [Path.unlink, emptied, flip]  # for what looks at the checksum alone


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(
    "name", ["last/" + MODEL, "last/" + STATE, "tokenizer.src.json", "tokenizer.tgt.json"]
)
def test_damaged_run_is_refused_by_file(
    run: Path, name: str, damage: Callable[[Path], None]
) -> None:
    load_run(run, CPU, TRANSLATION, "last")
    damage(run / name)
    with pytest.raises(DataError) as raised:
        load_run(run, CPU, TRANSLATION, "last")
    assert str(run / name) in str(raised.value)


@pytest.mark.parametrize("damage", FEWER_DAMAGES)
@pytest.mark.parametrize("name", [MODEL, STATE, SUMS])
def test_newest_whole_checkpoint_takes_the_place_of_a_damaged_best(
    run: Path, name: str, damage: Callable[[Path], None]
) -> None:
    damage(run / "best" / name)
    if (name, damage) == (SUMS, Path.unlink):  # of an earlier version: taken as it is
        load_run(run, CPU, TRANSLATION)
        return
    for whole in ("checkpoints/step-00000600", "last"):
        with logged() as messages:
            loaded = load_run(run, CPU, TRANSLATION)
        assert messages == [messages[0]]
        assert messages[0].startswith(f"{run / 'best' / name}: ")
        assert messages[0].endswith(f"; {run / whole} is used instead")
        assert loaded.state == train_state.load_state(run / whole)
        damage(run / whole / name)
    with pytest.raises(DamagedError, match="best"):
        load_run(run, CPU, TRANSLATION)


@pytest.mark.parametrize("damage", [garbage, emptied])
def test_damaged_config_is_refused_by_file(run: Path, damage: Callable[[Path], None]) -> None:
    damage(run / "config.yaml")
    with pytest.raises(DataError, match=r"config\.yaml"):
        load_run(run, CPU, TRANSLATION)


@pytest.mark.parametrize("damage", FEWER_DAMAGES)
@pytest.mark.parametrize("name", [MODEL, TRAINING, STATE, SUMS])
def test_previous_takes_the_place_of_a_damaged_last(
    session: Session, place: RunDir, name: str, damage: Callable[[Path], None]
) -> None:
    save(session, place)
    saved = replace(session.state)
    save(after_update(session), place)
    damage(place.last / name)
    if (name, damage) == (SUMS, Path.unlink):  # of an earlier version: taken as it is
        recover(place)
        assert load_training(place, *untrained(session)) == session.state
        return
    with logged() as messages:
        recover(place)
    assert len(messages) == 1
    assert messages[0].startswith(f"{place.last / name}: ")
    assert messages[0].endswith(f"; going on from {place.previous}, after update 1")
    assert load_training(place, *untrained(session)) == saved
    assert sorted(path.name for path in place.path.iterdir()) == ["last", "last.damaged"]
    damage(place.last / name)
    with pytest.raises(DamagedError) as raised:
        recover(place)
    assert str(place.last / name) in str(raised.value)
    assert sorted(path.name for path in place.path.iterdir()) == ["last", "last.damaged"]


@pytest.mark.parametrize("name", [MODEL, STATE, SUMS])
def test_copy_takes_the_place_of_a_damaged_best(session: Session, place: RunDir, name: str) -> None:
    weights = checkpoint.weights_of(session.model)
    session.state.best_step = session.state.step
    checkpoint.save_weights(place.best, weights, session.state)
    checkpoint.keep_checkpoint(place, weights, session.state, keep=2)
    save(session, place)
    whole = contents(place.best)
    flip(place.best / name)
    with pytest.MonkeyPatch.context() as patch:
        fail_at(patch, atomic, "write_text", 1, FULL)
        with pytest.raises(DataError, match="make room"):
            recover(place)
    recover(place)  # there is room again
    assert contents(place.best) == whole
    verify(place.best)
    changed = {key: value + 1 for key, value in weights.items()}
    checkpoint.save_weights(place.best, changed, replace(session.state, best_score=2.0))
    flip(place.best / name)
    with logged() as messages:
        recover(place)
    assert "the next validation chooses a new best" in messages[0]
    assert not place.best.exists()


def test_checkpoints_of_updates_to_be_made_again_are_forgotten(
    session: Session, place: RunDir
) -> None:
    for step in (1, 2, 3):
        session.state.step = step
        checkpoint.keep_checkpoint(place, checkpoint.weights_of(session.model), session.state, 5)
        if step < 3:
            save(session, place)
    recover(place)  # a crash came before the third was saved
    assert [path.name[-1] for path in checkpoint.kept_checkpoints(place)] == ["1", "2"]


@pytest.mark.parametrize("left", range(12))
def test_overwriting_that_is_cut_off_leaves_the_old_run_or_none(run: Path, left: int) -> None:
    """Never a part of it that a new one would go on with."""
    calls = [left]

    def counted(real: Callable[..., None]) -> Callable[..., None]:
        def call(*args: Any, **kwargs: Any) -> None:
            calls[0] -= 1
            if calls[0] < 0:
                raise Crash
            real(*args, **kwargs)

        return call

    place = RunDir(run)
    shutil.copytree(place.last, place.previous)
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in ((shutil, "rmtree"), (Path, "rename"), (Path, "unlink")):
            patch.setattr(owner, name, counted(getattr(owner, name)))
        with contextlib.suppress(Crash):
            checkpoint.remove_run(place)
    recover(place)
    if place.last.is_dir():
        assert place.config.is_file()
        assert run_dir.has_vocabulary(place, Tokenizers)
        verify(place.last)
    else:
        assert not place.previous.exists()
        assert place.config.is_file() or not run_dir.has_vocabulary(place, Tokenizers)


WRONG_STATES = [
    "[1]",
    "{",
    "[" * 100_000,
    '{"no such": 1}',
    '{"step": "1"}',
    '{"step": true}',
    '{"step": 1.5}',
    '{"step": -1}',
    '{"step": 9223372036854775808}',
    '{"seconds": NaN}',
    '{"best_score": Infinity}',
    '{"finished": 1}',
    '{"scores": [1]}',
    '{"scores": {"bleu": "1"}}',
    "\x00",
]


@pytest.mark.parametrize("text", WRONG_STATES)
def test_state_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / STATE).write_text(text, "utf-8")
    with pytest.raises(DataError) as raised:
        train_state.load_state(tmp_path)
    assert str(tmp_path / STATE) in str(raised.value)


def test_state_of_a_very_bad_model_can_be_read_again(tmp_path: Path) -> None:
    state = TrainState(scores={"loss": 1e30, "perplexity": perplexity(1e30)})
    train_state.save_state(tmp_path, state)
    assert train_state.load_state(tmp_path) == state


@pytest.mark.parametrize("name", [MODEL, TRAINING])
def test_training_state_with_other_tensors_is_refused_by_file(
    session: Session, place: RunDir, name: str
) -> None:
    save(session, place)
    other_tensors(place.last / name)
    with pytest.raises(DataError) as raised:
        load_training(place, *untrained(session))
    assert str(place.last / name) in str(raised.value)


def test_what_is_no_run_is_said(tmp_path: Path, session: Session) -> None:
    with pytest.raises(DataError, match="no such run directory"):
        load_run(tmp_path / "nowhere", CPU, TRANSLATION)
    with pytest.raises(DataError, match=r"is not a run directory.*config\.yaml"):
        load_run(tmp_path / "data", CPU, TRANSLATION)
    run = RunDir(tmp_path / "run")
    run_dir.save_config(run, session.config)
    assert not run_dir.has_vocabulary(run, Tokenizers)
    run_dir.save_vocabulary(run, session.vocabulary)
    assert run_dir.has_vocabulary(run, Tokenizers)
    with pytest.raises(DataError, match=r"no checkpoint 'best' yet.*tmt train"):
        load_run(run.path, CPU, TRANSLATION)


# --- what a run directory is


def test_no_file_can_hold_code(trained_run: Path) -> None:
    files = [path for path in trained_run.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {MODEL, STATE, TRAINING, "config.yaml", "info.json"}
    for path in files:
        if path.suffix == ".safetensors":
            load_file(path)
        elif path.suffix == ".json":
            json.loads(path.read_text("utf-8"))
        elif path.parent.name != "tensorboard":
            assert path.suffix in (".yaml", ".jsonl") or path.name in (SUMS, MARKER), path
            path.read_text("utf-8")
        assert path.read_bytes()[:2] not in (b"PK", b"\x80\x02", b"\x80\x04"), f"{path}: a pickle?"


def test_run_can_be_moved(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [pair.src for pair in reverse_pairs(20, seed=5, names=True)]
    before = [t.text for t in load(run, device="cpu").translate(lines)]
    moved = run.rename(tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path)
    for path in (moved, Path("elsewhere")):
        assert [t.text for t in load(path, device="cpu").translate(lines)] == before


@pytest.mark.parametrize("name", ["best", "last", "checkpoints/step-00000600"])
def test_any_checkpoint_can_be_loaded(trained_run: Path, name: str) -> None:
    run = load_run(trained_run, CPU, TRANSLATION, name)
    assert run.state.step == 600
    assert not run.model.training
    saved = load_file(trained_run / name / MODEL)
    assert torch.equal(run.model.output.weight, saved["tgt_embedding.token.weight"])


def test_loaded_configuration_and_tokenizers_are_those_saved(
    tmp_path: Path, session: Session
) -> None:
    config = session.config
    assert isinstance(config, TranslationConfig)
    run = RunDir(tmp_path / "run")
    run_dir.save_config(run, config)
    run_dir.save_vocabulary(run, build_tokenizers(config, load_corpus(config.data)))
    assert run_dir.load_run_config(run) == config
    assert run.config.read_text("utf-8") == to_yaml(config)
    loaded = run_dir.load_vocabulary(run, Tokenizers)
    assert loaded.texts() == session.vocabulary.texts()


def test_newest_run_is_the_last_finished(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no finished run"):
        train_state.newest_run(tmp_path / "runs")
    states = {"a": "time is up", "b": "all updates made", "c": "all updates made", "d": None}
    for age, (name, finished) in enumerate(states.items()):
        path = tmp_path / "runs" / name / "last" / STATE
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"finished": finished}), "utf-8")
        when = 1_700_000_000 + (99 if name == "b" else age)
        os.utime(path, (when, when))
    broken = tmp_path / "runs" / "e" / "last"
    broken.mkdir(parents=True)
    (broken / STATE).write_text("{", "utf-8")
    assert train_state.newest_run(tmp_path / "runs") == tmp_path / "runs" / "b"
    imported = tmp_path / "runs" / "f" / "best"  # has no `last`
    imported.mkdir(parents=True)
    (imported / STATE).write_text(json.dumps({"finished": "imported from x"}), "utf-8")
    for when, newest in ((1_700_000_098, "b"), (1_700_000_100, "f")):
        os.utime(imported / STATE, (when, when))
        assert train_state.newest_run(tmp_path / "runs") == tmp_path / "runs" / newest
    begun = tmp_path / "runs" / "g" / "best"  # a crash came before the first `last`
    begun.mkdir(parents=True)
    (begun / STATE).write_text(json.dumps({"step": 7}), "utf-8")
    assert train_state.newest_run(tmp_path / "runs") == tmp_path / "runs" / "f"


def test_how_far_a_run_is_stands_in_last_or_in_best_where_there_is_none(tmp_path: Path) -> None:
    run = RunDir(tmp_path / "run")
    assert train_state.state_folder(run) is None
    run.best.mkdir(parents=True)
    assert train_state.state_folder(run) == run.best
    run.last.mkdir()
    assert train_state.state_folder(run) == run.last


@pytest.mark.parametrize("finished", [None, "imported from x"])
@pytest.mark.parametrize("last", [False, True])
def test_imported_models_are_known_by_a_finished_best_alone(
    tmp_path: Path, finished: str | None, last: bool
) -> None:
    run = RunDir(tmp_path / "run")
    train_state.refuse_imported(run)
    for folder in (run.best, *([run.last] if last else [])):
        checkpoint.save_weights(folder, {}, TrainState(finished=finished))
    if finished is not None and not last:
        with pytest.raises(ConfigError, match=r"not trained here.*another run_dir, with init_from"):
            train_state.refuse_imported(run)
    else:
        train_state.refuse_imported(run)
