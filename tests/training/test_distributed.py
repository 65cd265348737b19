"""Several processes work as one: the same updates, the same end, one that writes."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import (
    Task,
    assert_same_result,
    at_update,
    make_config,
    metrics,
    read_state,
    reverse_pairs,
    task_file,
    tmt,
    write_lines,
    write_pairs,
)
from torch import Tensor
from torch._C._distributed_c10d import HashStore, PrefixStore

from transformer_mt.data.batching import BilingualDataset, token_batches
from transformer_mt.data.sequences import Sequences
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.runs.lock import locked
from transformer_mt.runs.run_dir import RunDir
from transformer_mt.runtime import process_group
from transformer_mt.runtime.launch import Place
from transformer_mt.runtime.process_group import ProcessGroup
from transformer_mt.text.tokenizer import EOS_ID, PAD_ID
from transformer_mt.training.distributed import own_batch
from transformer_mt.training.loop import train
from transformer_mt.training.session import load_session
from transformer_mt.training.signals import Interrupted, StopSignals
from transformer_mt.training.tasks.translation import TranslationTask

TESTS = Path(__file__).parents[1]
NO_DROPOUT = "--set=model.dropout=0"


@dataclass(frozen=True)
class Answer:
    """What one process made of a command."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Surprise:
    """What happens in one process during a command."""

    rank: int
    action: str = ""
    """At the beginning of an update: "term", it gets the signal; "die", it ends."""
    step: int = 0
    losses: Sequence[float | None] = ()
    """Added to those of its first batches."""
    folder: Path | None = None
    """Where it works."""
    args: Sequence[str] = ()
    """Further ones."""


class Group:
    """Several processes, each of which takes the same commands."""

    def __init__(self, size: int = 2) -> None:
        self._processes = [start(rank, size) for rank in range(size)]

    def tmt(self, *args: object, surprise: Surprise | None = None) -> list[Answer | None]:
        """Run a command in all processes; None for one that has ended."""
        port = free_port()
        for rank, process in enumerate(self._processes):
            if process.poll() is not None:
                process.communicate()  # closes its pipes
                process = self._processes[rank] = start(rank, len(self._processes))
            own = surprise if surprise and surprise.rank == rank else Surprise(rank)
            request = {
                "port": port,
                "args": [*map(str, args), *own.args],
                "action": own.action,
                "step": own.step,
                "losses": own.losses,
                "folder": str(own.folder or Path.cwd()),
            }
            assert process.stdin is not None
            process.stdin.write(f"{json.dumps(request)}\n")
            process.stdin.flush()
        hurry = threading.Timer(100, self.kill)  # a test that hangs is to fail
        hurry.start()
        try:
            return [self._answer(process) for process in self._processes]
        finally:
            hurry.cancel()

    def _answer(self, process: "subprocess.Popen[str]") -> Answer | None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("ANSWER "):
                return Answer(**json.loads(line.removeprefix("ANSWER ")))
        return None

    def kill(self) -> None:
        for process in self._processes:
            process.kill()

    def close(self) -> None:
        self.kill()
        for process in self._processes:
            process.communicate()


def start(rank: int, size: int) -> "subprocess.Popen[str]":
    place = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size)}
    return subprocess.Popen(
        [sys.executable, str(TESTS / "group_worker.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=os.environ | place | {"MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": "1"},
    )


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Group]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        started = Group()
        yield started
        started.close()


def settings(**values: object) -> list[str]:
    return [f"--set=training.{key}={value}" for key, value in values.items()]


def ended(answers: list[Answer | None], code: int) -> list[str]:
    """What each process has said, all of which have ended with this code."""
    assert [answer and answer.code for answer in answers] == [code] * len(answers), answers
    return [answer.stderr for answer in answers if answer]


def in_one_process(config: Path, run: Path, *options: str) -> Path:
    result = tmt("train", "-q", "-c", config, f"--set=run_dir={run}", "--device=cpu", *options)
    assert result.exit_code == 0, result.stderr
    return run


def in_all(
    group: Group, config: Path, run: Path, *options: str, surprise: Surprise | None = None
) -> list[Answer | None]:
    own = ("-c", config, f"--set=run_dir={run}", "--device=cpu")
    return group.tmt("train", *own, *options, surprise=surprise)


def weights(run: Path) -> dict[str, Tensor]:
    return load_file(run / "last" / "model.safetensors")


def config_in(folder: Path) -> Path:
    make_config(folder)
    return folder / "config.yaml"


def assert_close_weights(run: Path, reference: Path) -> None:
    """To 1e-6, but for the biases of the keys.

    These add the same to all scores of a query, which changes nothing: their gradient is zero but
    for rounding, which Adam, dividing by its size, makes whole steps of.
    """
    found, wanted = weights(run), weights(reference)
    assert found.keys() == wanted.keys()
    for name, value in found.items():
        if not name.endswith("k_proj.bias"):
            torch.testing.assert_close(value, wanted[name], rtol=0, atol=1e-6, msg=name)


@pytest.mark.parametrize(("batch_tokens", "accumulate"), [(64, 1), (64, 2), (8, 3)])
def test_the_updates_are_those_of_one_process(
    tmp_path: Path, group: Group, batch_tokens: int, accumulate: int
) -> None:
    """Also where batches of one or two rows leave a process without any."""
    config = config_in(tmp_path)
    options = (
        NO_DROPOUT,
        *settings(max_steps=50, validate_every=50, log_every=10, learning_rate=0.003),
        *settings(batch_tokens=batch_tokens, accumulate=accumulate),
    )
    alone = in_one_process(config, tmp_path / "alone", *options)
    both = tmp_path / "both"
    said = ended(in_all(group, config, both, *options), 0)
    assert_close_weights(both, alone)
    for kind in ("train", "validation"):
        for point, wanted in zip(metrics(both, kind), metrics(alone, kind), strict=True):
            assert point.pop("kind") == wanted.pop("kind")
            assert point == pytest.approx(wanted, rel=1e-4)
    one, other = (read_state(run / "last") for run in (alone, both))
    for key in ("step", "epoch", "position", "tokens", "data"):
        assert one[key] == other[key]
    assert "finished: all updates made" in said[0]
    assert said[1] == ""  # the main process speaks, the other is silent
    assert {p.name for p in both.iterdir()} == {p.name for p in alone.iterdir()}


@pytest.mark.parametrize("task", ["language-model", "classification"])
def test_other_tasks_are_learnt_as_by_one_process(tmp_path: Path, group: Group, task: Task) -> None:
    """Their figures too, to which each process gives its part."""
    config = task_file(tmp_path, task)
    options = (NO_DROPOUT, "--set=model.attention_dropout=0", "--set=training.accumulate=2")
    alone = in_one_process(config, tmp_path / "alone", *options)
    both = tmp_path / "both"
    ended(in_all(group, config, both, *options), 0)
    assert_close_weights(both, alone)
    for kind in ("train", "validation"):
        for point, wanted in zip(metrics(both, kind), metrics(alone, kind), strict=True):
            assert point.pop("kind") == wanted.pop("kind")
            assert point == pytest.approx(wanted, rel=1e-4)
    assert read_state(both / "last")["tokens"] == read_state(alone / "last")["tokens"]


def test_biases_of_the_keys_change_nothing(tmp_path: Path) -> None:
    """Why `assert_close_weights` may leave them out."""
    session = load_session(make_config(tmp_path), "cpu")
    session.model.eval()
    ids = torch.tensor([[5, 6, 7, EOS_ID]])
    wanted = session.model(ids, ids)
    shifted = [p for n, p in session.model.named_parameters() if n.endswith("k_proj.bias")]
    with torch.no_grad():
        for bias in shifted:
            bias.add_(torch.randn_like(bias))
    assert shifted
    torch.testing.assert_close(session.model(ids, ids), wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("batch_tokens", [4, 30])
def test_each_pair_is_in_one_share_of_an_epoch(size: int, batch_tokens: int) -> None:
    random = np.random.default_rng(1)
    lengths = random.integers(1, 9, size=(2, 50))
    number = [[row + 4] * length for row, length in enumerate(lengths[0])]
    other = [[5] * length for length in lengths[1]]
    dataset = BilingualDataset(Sequences.pack(number), Sequences.pack(other))
    nothing: Any = None  # what batches need of neither the configuration nor the tokenizers
    task = TranslationTask(nothing, nothing)
    seen: list[int] = []
    for rows in token_batches(dataset, batch_tokens, (1, 0)):
        shares = [
            own_batch(ProcessGroup(Place(rank, rank, size)), task, dataset, rows)
            for rank in range(size)
        ]
        seen.extend(int(first) - 4 for share in shares for first in share.src[:, 0])
        real = [int((share.tgt_out != PAD_ID).sum()) for share in shares]
        assert {share.num_tokens for share in shares} == {sum(real)}  # all divide by the same
        counts = [len(share.src) for share in shares]
        assert max(counts) - min(counts) <= 1
    assert sorted(seen) == list(range(50))


def test_a_group_that_was_stopped_ends_as_one_that_was_not(tmp_path: Path, group: Group) -> None:
    """Bit for bit, with dropout; the signal reaches one process, and not the main one."""
    config = config_in(tmp_path)
    options = ("--set=model.dropout=0.2", "--set=model.attention_dropout=0.2")
    reference, run = tmp_path / "reference", tmp_path / "run"
    ended(in_all(group, config, reference, *options), 0)
    stop = Surprise(1, "term", step=3)
    said = ended(in_all(group, config, run, *options, surprise=stop), 143)
    assert "stopped by SIGTERM; saved: run the same command again to go on" in said[0]
    assert said[1] == ""
    assert read_state(run / "last")["step"] == 3
    states = load_file(run / "last" / "training_state.safetensors")
    assert not torch.equal(states["random.cpu"], states["random.cpu.1"])
    ended(in_all(group, config, run, *options), 0)
    assert_same_result(run, reference)


def test_the_number_of_processes_may_change(tmp_path: Path, group: Group) -> None:
    config = config_in(tmp_path)
    options = (NO_DROPOUT, *settings(max_steps=12, validate_every=12))
    reference = in_one_process(config, tmp_path / "reference", *options)
    run = tmp_path / "run"
    ended(in_all(group, config, run, *options, surprise=Surprise(0, "term", step=4)), 143)
    with at_update(8, lambda: os.kill(os.getpid(), signal.SIGINT)):
        alone = tmt("train", "-c", config, f"--set=run_dir={run}", "--device=cpu", *options)
    assert alone.exit_code == 130
    ended(in_all(group, config, run, *options), 0)
    assert_close_weights(run, reference)
    assert read_state(run / "last")["tokens"] == read_state(reference / "last")["tokens"]


def test_time_is_up_for_all_at_once(tmp_path: Path, group: Group) -> None:
    options = settings(max_time="1s", max_steps=1_000_000, validate_every=1_000_000, log_every=999)
    said = ended(in_all(group, config_in(tmp_path), tmp_path / "run", *options), 0)
    assert "finished: time is up" in said[0]


def test_a_loss_of_one_process_that_is_no_number_is_known_to_all(
    tmp_path: Path, group: Group
) -> None:
    config, run = config_in(tmp_path), tmp_path / "run"
    options = settings(checkpoint_every=2, validate_every=8, accumulate=1)
    nan = float("nan")
    said = ended(in_all(group, config, run, *options, surprise=Surprise(1, losses=[None, nan])), 0)
    assert "the loss of update 2 is nan: this update is left out" in said[0]
    assert said[1] == ""
    assert read_state(run / "last")["skipped"] == 1
    ended(
        in_all(group, config, tmp_path / "back", *options, surprise=Surprise(1, losses=[nan] * 3)),
        0,
    )
    state = read_state(tmp_path / "back" / "last")
    assert state["learning_rate_factor"] == 0.5
    assert state["step"] == 8


def test_wrong_settings_or_data_of_one_machine_are_told_once(tmp_path: Path, group: Group) -> None:
    config, run = config_in(tmp_path), tmp_path / "run"
    for option in ("--set=seed=2", "--overwrite"):
        other = Surprise(1, args=[option])
        said = ended(in_all(group, config, run, surprise=other), 2)
        assert "process 1 was started with other settings than process 0" in said[0]
        assert said[0].count("error:") == 1
        assert said[1] == ""
    assert not (run / "last").exists()

    here = tmp_path / "here" / "data"
    write_pairs(here, "own", reverse_pairs(40, seed=5))
    own = "[data/own.src,data/own.tgt]"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path / "here")
        lost, differs = Surprise(1, folder=elsewhere), (2, "process 1 has read other data")
        for split, (code, message) in (
            ("train", (1, "data/own.src")),
            ("train", differs),
            ("validation", differs),
        ):
            said = ended(
                in_all(group, config, run, f"--set=data.{split}={own}", surprise=lost), code
            )
            assert message in said[0]
            assert said[0].count("error:") == 1
            assert said[1] == ""
            write_pairs(elsewhere / "data", "own", reverse_pairs(40, seed=6))


def test_a_second_group_is_refused(tmp_path: Path, group: Group) -> None:
    run = tmp_path / "run"
    with locked(RunDir(run)):
        said = ended(in_all(group, config_in(tmp_path), run), 1)
    assert f"is being trained by process {os.getpid()} on " in said[0]
    assert said[1] == ""


def test_lines_are_translated_and_scored_as_by_one_process(tmp_path: Path, group: Group) -> None:
    config = config_in(tmp_path)
    run = in_one_process(config, tmp_path / "run", *settings(max_steps=40, validate_every=40))
    pairs = reverse_pairs(100, seed=7) * 22  # more than two chunks of lines
    source = write_lines(tmp_path / "in", [p.src if n % 9 else "" for n, p in enumerate(pairs)])
    model = (f"--model={run}", "--device=cpu")
    for command in (["translate", "--greedy", f"--input={source}"], ["evaluate", "--json"]):
        wanted = tmt(*command, *model).stdout
        assert [answer and answer.stdout for answer in group.tmt(*command, *model)] == [wanted, ""]
    out = tmp_path / "out"
    ended(group.tmt("translate", *model, "--greedy", f"--input={source}", f"--output={out}"), 0)
    assert len(out.read_text("utf-8").splitlines()) == len(pairs)


def test_standard_input_is_not_shared(group: Group, tmp_path: Path) -> None:
    said = ended(group.tmt("translate", f"--model={tmp_path}"), 2)
    assert "several processes translate a file: name it with --input" in said[0]
    assert said[1] == ""


def test_a_process_that_dies_leaves_none_waiting(tmp_path: Path, group: Group) -> None:
    death = Surprise(1, "die", step=3)
    said, gone = in_all(group, config_in(tmp_path), tmp_path / "run", surprise=death)
    assert gone is None
    assert said is not None
    assert said.code == 1
    assert "another process of the group has ended" in said.stderr


@pytest.mark.slow
def test_torchrun_starts_again_when_a_worker_is_killed(tmp_path: Path, group: Group) -> None:
    """From the last checkpoint; the result is that of a run that met no harm, bit for bit."""
    config, run, reference = config_in(tmp_path), tmp_path / "run", tmp_path / "reference"
    options = ["--set=model.dropout=0.2", *settings(max_steps=24, checkpoint_every=5)]
    ended(in_all(group, config, reference, *options), 0)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run"),
            *("--nproc-per-node", "2", "--max-restarts", "3", str(TESTS / "dying_worker.py")),
            *("train", "-c", str(config), f"--set=run_dir={run}", "--device=cpu", *options),
        ],
        capture_output=True,
        text=True,
        timeout=200,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert "failed (exitcode: -9) local_rank: 1" in done.stderr
    assert "going on after update 12" in done.stderr
    assert_same_result(run, reference)


# --- in this process


@pytest.mark.parametrize("stale", [[], ["name"], ["name", "seen"]])
def test_the_dead_of_an_earlier_start_are_not_met(
    stale: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, ranks = HashStore(), range(3)
    seen = hashlib.sha256(b"dead0 dead1 dead2").hexdigest()
    for rank in ranks:
        for place in (store, PrefixStore(seen, store)):
            place.set(f"I am {rank}", "dead")
        if "name" in stale:
            store.set(f"name of {rank}", f"dead{rank}")
        if "seen" in stale:
            store.set(f"seen by dead{rank}", seen)
    module = sys.modules["torch.distributed.rendezvous"]
    monkeypatch.setattr(module, "rendezvous", lambda *_, **__: iter([(store, 0, 3)]))
    found: dict[int, set[bytes]] = {}

    def meet(rank: int) -> None:
        time.sleep(0.1 * rank)
        own = process_group._own_store(Place(rank, rank, len(ranks)))
        own.set(f"I am {rank}", "alive")
        found[rank] = {own.get(f"I am {other}") for other in ranks}

    threads = [threading.Thread(target=meet, args=[rank], daemon=True) for rank in ranks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == {rank: {b"alive"} for rank in ranks}


def test_a_signal_that_is_passed_on_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with StopSignals(launched=True) as stop:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.received == signal.SIGINT
        later = time.monotonic() + 10
        monkeypatch.setattr(time, "monotonic", lambda: later)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_that_holds_for_the_only_one_that_torchrun_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("RANK", "0"), ("LOCAL_RANK", "0"), ("WORLD_SIZE", "1")):
        monkeypatch.setenv(name, value)

    def interrupt_twice() -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted), at_update(3, interrupt_twice):
        train(make_config(tmp_path), device="cpu")
    assert read_state(tmp_path / "run" / "last")["step"] == 3


def test_nothing_is_overwritten_by_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHELASTIC_MAX_RESTARTS", "3")
    result = tmt("train", "-c", config_in(tmp_path), "--device=cpu", "--overwrite")
    assert (result.exit_code, "--max-restarts" in result.stderr) == (2, True)
    assert not (tmp_path / "run").exists()


def test_lines_before_a_failure_are_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    def chunks() -> Iterator[list[str]]:
        yield from (["1", "2"], ["3"], ["4"])
        raise DataError("breaks off")

    pair = ProcessGroup(Place(rank=0, local_rank=0, world_size=2))
    monkeypatch.setattr(pair, "gather", lambda value: [value, None])
    monkeypatch.setattr(pair, "broadcast", lambda value: value)
    found = pair.broadcast_chunks(chunks())
    assert [next(found), next(found)] == [["1", "2", "3"], ["4"]]
    with pytest.raises(DataError, match="breaks off"):
        next(found)


@pytest.mark.parametrize(
    ("name", "gpus", "device"),
    [
        ("auto", 0, "cpu"),
        ("auto", 2, "cuda:1"),
        ("cuda", 2, "cuda:1"),
        ("cpu", 2, "cpu"),
        ("auto", 1, "has no GPU, there are 1"),
        ("cuda:0", 2, "is one device for several processes"),
        ("mps", 0, "is one device for several processes"),
    ],
)
def test_each_process_has_a_device_of_its_own(
    name: str, gpus: int, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    second = ProcessGroup(Place(rank=5, local_rank=1, world_size=8))
    if " " in device:
        with pytest.raises(ConfigError, match=device):
            second.device_name(name)
    else:
        assert second.device_name(name) == device
    assert ProcessGroup().device_name(name) == name
