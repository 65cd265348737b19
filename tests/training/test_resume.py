"""A run that was interrupted, or crashed, ends as one that never was: bit for bit."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import (
    assert_same_result,
    at_update,
    finish,
    interrupt,
    make_config,
    metrics,
    read_state,
    result_of,
    reverse_pairs,
    start_tmt,
    tmt,
    write_config,
)

from transformer_mt.config.tasks import TranslationConfig
from transformer_mt.data.batching import token_batches
from transformer_mt.runs import checkpoint
from transformer_mt.training import loop
from transformer_mt.training.loop import train
from transformer_mt.training.session import load_session
from transformer_mt.training.signals import Interrupted
from transformer_mt.training.tasks.translation import TranslationTask

pytestmark = pytest.mark.usefixtures("own_cache")

DROPOUT = ("model.dropout=0.2", "model.attention_dropout=0.2")


class Crash(BaseException):
    """The end of a process, wherever it is raised: nothing in the package may catch it."""


def crash(*_: object) -> None:
    raise Crash


def uninterrupted(folder: Path, *settings: str) -> Path:
    return finish(make_config(folder / "reference", *settings))


def epoch_length(config: TranslationConfig) -> int:
    """Batches in the first epoch."""
    train_set = load_session(config, "cpu").data.train
    return len(token_batches(train_set, config.training.batch_tokens, (config.seed, 0)))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_run_stopped_within_an_epoch_ends_as_one_that_was_not(
    tmp_path: Path, precision: str, accumulate: int
) -> None:
    settings = (
        *DROPOUT,
        f"training.precision={precision}",
        f"training.accumulate={accumulate}",
        "training.log_every=3",
    )
    reference = uninterrupted(tmp_path, *settings)
    config = make_config(tmp_path, *settings)
    with pytest.raises(Interrupted) as stopped, at_update(5, interrupt):
        train(config, device="cpu")
    assert stopped.value.exit_code == 130
    state = read_state(tmp_path / "run" / "last")
    assert state["step"] == 5  # the update that was under way is made
    assert state["position"] > 0
    assert state["position"] < epoch_length(config)
    assert_same_result(finish(config), reference)


def test_a_run_stopped_again_and_again_ends_as_one_that_was_not(tmp_path: Path) -> None:
    """Before the first validation, at validations, at the end of an epoch, in the last update."""
    settings = (*DROPOUT, "training.max_steps=10", "training.log_every=3")
    reference = uninterrupted(tmp_path, *settings)
    config = make_config(tmp_path, *settings)
    stops = (1, 2, 4, 8, 9)
    assert epoch_length(config) in stops
    for step in stops:
        with pytest.raises(Interrupted), at_update(step, interrupt):
            train(config, device="cpu")
        assert read_state(tmp_path / "run" / "last")["step"] == step
    with at_update(10, interrupt):  # too late: there is nothing to go on with
        assert train(config, device="cpu").finished == "all updates made"
    assert_same_result(tmp_path / "run", reference)


@contextmanager
def patched(owner: Any, name: str, new: Callable[..., object]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, new)
        yield


@contextmanager
def crash_between_renames(name: str, occasion: int) -> Iterator[None]:
    """The process ends when folder `name`, written for the nth time, is to take its place."""
    real, left = Path.rename, [occasion]

    def rename(self: Path, target: Path) -> Path:
        if Path(target).name == name:
            left[0] -= 1
            if not left[0]:
                raise Crash
        return real(self, target)

    with patched(Path, "rename", rename):
        yield


CRASHES: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "in the first update": lambda: at_update(1, crash),
    "in an update": lambda: at_update(7, crash),
    "while the validation before the first checkpoint is made": lambda: patched(
        TranslationTask, "validate", crash
    ),
    "when the best checkpoint takes its place": lambda: crash_between_renames("best", 1),
    "when the last checkpoint takes its place, the first time": lambda: crash_between_renames(
        "last", 1
    ),
    "when the last checkpoint takes its place, later": lambda: crash_between_renames("last", 2),
    "between keeping a checkpoint and saving the last": lambda: patched(
        checkpoint, "save_training", crash
    ),
    "after the last validation": lambda: patched(loop, "_finish", crash),
    "when the average is tried": lambda: patched(checkpoint, "average_weights", crash),
    "before the run is marked as finished": lambda: patched(checkpoint, "update_state", crash),
}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return uninterrupted(tmp_path_factory.mktemp("whole"), *DROPOUT)


@pytest.mark.parametrize("moment", CRASHES)
def test_a_run_that_crashed_ends_as_one_that_did_not(
    tmp_path: Path, reference: Path, moment: str
) -> None:
    config = make_config(tmp_path, *DROPOUT)
    with pytest.raises(Crash), CRASHES[moment]():
        train(config, device="cpu")
    assert_same_result(finish(config), reference)


def wait_for_points(run: Path, count: int, process: subprocess.Popen[str]) -> None:
    path, deadline = run / "metrics.jsonl", time.monotonic() + 120
    while not path.is_file() or path.read_bytes().count(b"\n") < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "training does not get anywhere"
        time.sleep(0.005)


LONG = (*DROPOUT, "training.max_steps=100", "training.validate_every=50")


@pytest.fixture(scope="module")
def long_reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return uninterrupted(tmp_path_factory.mktemp("long"), *LONG)


@pytest.mark.parametrize(
    ("number", "exit_code", "goes_on_in"),
    [(signal.SIGINT, 130, "a process of its own"), (signal.SIGTERM, 143, "this process")],
)
def test_a_signal_saves_and_the_same_command_goes_on(
    tmp_path: Path, long_reference: Path, number: signal.Signals, exit_code: int, goes_on_in: str
) -> None:
    overrides = [f"--set={setting}" for setting in LONG]
    command = ("train", "--config", write_config(tmp_path), "--device", "cpu", *overrides)
    process = start_tmt(*command)
    wait_for_points(tmp_path / "run", 5, process)
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    assert process.returncode == exit_code
    assert out == ""
    assert err.splitlines()[-1] == (
        f"stopped by {number.name}; saved: run the same command again to go on"
    )
    assert "Traceback" not in err
    assert 5 <= read_state(tmp_path / "run" / "last")["step"] < 100
    if goes_on_in == "this process":
        assert tmt(*command).exit_code == 0
    else:
        process = start_tmt(*command)
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0
        assert "going on after update" in err
    assert_same_result(tmp_path / "run", long_reference)


def files_with_times(run: Path) -> dict[Path, tuple[bytes, int]]:
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in run.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def finished(tmp_path: Path) -> tuple[str, Path]:
    """The arguments of a finished command, and its run directory."""
    command = ("train", "--config", str(write_config(tmp_path)), "--device", "cpu")
    assert tmt(*command).exit_code == 0
    return " ".join(command), tmp_path / "run"


def test_finished_run_is_left_alone(finished: tuple[str, Path]) -> None:
    command, run = finished
    before = files_with_times(run)
    result = tmt(*command.split())
    assert result.exit_code == 0
    assert "finished (all updates made); nothing to do" in result.stderr
    assert files_with_times(run) == before


def test_overwrite_starts_anew(finished: tuple[str, Path]) -> None:
    command, run = finished
    first = result_of(run)
    (run / "notes.txt").write_text("mine", encoding="utf-8")
    shutil.copytree(run / "last", run / ".last.old")  # left by a crash
    shutil.copytree(run / "best", run / ".best.new")
    again = tmt(*command.split(), "--overwrite", "--set=seed=2", "--set=tokenizer.vocab_size=8")
    assert again.exit_code == 0
    assert "going on" not in again.stderr
    assert (run / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert metrics(run, "train")[0]["step"] == 1
    assert [path.name for path in run.glob(".*")] == [".transformer_mt"]
    other = result_of(run)
    vocabulary = json.loads((run / "tokenizer.src.json").read_text(encoding="utf-8"))["model"]
    assert len(vocabulary["vocab"]) == 8
    assert other["last/model.safetensors"] != first["last/model.safetensors"]
    assert tmt(*command.split(), "--overwrite").exit_code == 0
    (run / "notes.txt").unlink()
    assert result_of(run) == first


def test_overwrite_removes_nothing_before_the_data_are_read(finished: tuple[str, Path]) -> None:
    command, run = finished
    before = files_with_times(run)
    result = tmt(*command.split(), "--overwrite", "--set=data.train=[no.src, no.tgt]")
    assert (result.exit_code, "no.src" in result.stderr) == (1, True)
    assert files_with_times(run) == before


REFUSED = [
    "seed=3",
    "model.d_model=16",
    "model.dropout=0.5",
    "tokenizer.vocab_size=50",
    "data.max_length=5",
    "data.heldout_size=5",
    "data.max_length_ratio=2.0",
    "training.learning_rate=0.5",
    "training.schedule=cosine",
    "training.batch_tokens=32",
    "training.accumulate=2",
    "training.precision=bf16",
    "training.best_metric=loss",
]


def test_changed_settings_are_refused_by_name(finished: tuple[str, Path]) -> None:
    command, run = finished
    before = files_with_times(run)
    for setting in (*REFUSED, " ".join(REFUSED)):
        overrides = [f"--set={part}" for part in setting.split()]
        result = tmt(*command.split(), *overrides)
        assert result.exit_code == 2, setting
        (message,) = result.stderr.splitlines()
        for part in setting.split():
            assert part.split("=")[0] in message
        assert str(run) in message
        assert "--overwrite" in message
    assert files_with_times(run) == before


def test_changed_settings_are_refused_while_interrupted(tmp_path: Path) -> None:
    with pytest.raises(Interrupted), at_update(5, interrupt):
        train(make_config(tmp_path), device="cpu")
    command = ("train", "--config", write_config(tmp_path), "--device", "cpu")
    result = tmt(*command, "--set=model.d_ff=32")
    assert (result.exit_code, "model.d_ff" in result.stderr) == (2, True)
    assert read_state(tmp_path / "run" / "last")["step"] == 5


def test_changed_training_data_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Interrupted), at_update(5, interrupt):
        train(make_config(tmp_path), device="cpu")
    other = write_config(tmp_path, reverse_pairs(60, seed=4))  # the same files, other text
    result = tmt("train", "--config", other, "--device", "cpu")
    assert (result.exit_code, "training data have changed" in result.stderr) == (1, True)
    assert read_state(tmp_path / "run" / "last")["step"] == 5


def test_settings_may_change_before_the_first_checkpoint(tmp_path: Path) -> None:
    """Then there are only tokenizers, which depend on the data and on their own settings."""
    with pytest.raises(Crash), at_update(1, crash):
        train(make_config(tmp_path), device="cpu")
    command = ("train", "--config", write_config(tmp_path), "--device", "cpu")
    assert tmt(*command, "--set=tokenizer.vocab_size=6").exit_code == 2
    assert tmt(*command, "--set=model.d_ff=32").exit_code == 0


def test_what_was_kept_before_the_first_checkpoint_is_not_averaged(tmp_path: Path) -> None:
    with pytest.raises(Crash), patched(checkpoint, "save_training", crash):
        train(make_config(tmp_path), device="cpu")
    kept = tmp_path / "run" / "checkpoints"
    assert [path.name[-1] for path in kept.iterdir()] == ["4"]
    other = ("training.max_steps=2", "training.validate_every=1", "model.d_ff=32")
    train(make_config(tmp_path, *other), device="cpu")
    assert sorted(path.name[-1] for path in kept.iterdir()) == ["1", "2"]


def test_more_updates_go_on(finished: tuple[str, Path]) -> None:
    command, run = finished
    harmless = ("--set=training.log_every=2", "--set=decoding.beam_size=2")
    assert "nothing to do" in tmt(*command.split(), *harmless).stderr
    result = tmt(*command.split(), *harmless, "--set=training.max_steps=11")
    assert result.exit_code == 0
    assert "going on after update 8" in result.stderr
    assert read_state(run / "last")["step"] == 11
    assert read_state(run / "last")["finished"] == "all updates made"
    assert [p["step"] for p in metrics(run, "train")] == [1, 2, 3, 4, 5, 6, 7, 8, 10]
    assert [p["step"] for p in metrics(run, "validation")] == [4, 8, 11]


def test_fewer_updates_than_were_made_end_with_a_validation(tmp_path: Path) -> None:
    with pytest.raises(Interrupted), at_update(3, interrupt):
        train(make_config(tmp_path), device="cpu")
    state = train(make_config(tmp_path, "training.max_steps=2"), device="cpu")
    assert (state.step, state.finished) == (3, "all updates made")
    assert [p["step"] for p in metrics(tmp_path / "run", "validation")] == [3]
    assert (tmp_path / "run" / "best" / "model.safetensors").is_file()
