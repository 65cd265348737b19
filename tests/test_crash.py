"""The crash test finds what is lost; a little of it is run here, all of it by hand."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random

import crash_test
import pytest
from crash import kills
from crash.aims import draw
from crash.compare import SUMS, damage, damaged, differences, newest_step
from crash.corruption import Damage, flip, truncate
from crash.plan import Case, Plan, Reference, Row, complaint, render
from crash.stages import STAGES, WRITE_STAGES, write_stage
from crash.trainings import Failed, Pace, Process, Training

from transformer_mt.config.load import load_config
from transformer_mt.files.atomic import is_whole, sealed_folder, write_text
from transformer_mt.training.loop import train

FILES = ("model.safetensors", "training_state.safetensors", "state.json")
BYTES = bytes(range(256)) * 4


def seal(folder: Path, step: int, previous: Path | None = None) -> None:
    """A checkpoint as the package writes it."""
    with sealed_folder(folder, previous) as new:
        for name in FILES[:2]:
            (new / name).write_bytes(BYTES + bytes([step]))
        state = {"step": step, "best_step": 1, "seconds": Random().random()}
        (new / FILES[2]).write_text(json.dumps(state), encoding="utf-8")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


def make_run(run: Path) -> Path:
    for step in (5, 10):
        seal(run / "last", step, run / "previous")
    seal(run / "best", 5)
    seal(run / "checkpoints" / "step-00000005", 5)
    write_text(run / "metrics.jsonl", '{"kind": "train", "step": 5}\n')
    write_text(run / "tensorboard" / "events", "one")
    return run


def test_two_runs_may_differ_in_time_and_in_what_is_their_own(run: Path, tmp_path: Path) -> None:
    other = make_run(tmp_path / "other")
    seal(other / "previous", 7)
    seal(other / "last.damaged", 8)
    (other / ".lock").write_text("process 1", encoding="utf-8")
    (other / "tensorboard" / "events").write_text("two", encoding="utf-8")
    assert differences(run, other) == differences(other, run) == []


@pytest.mark.parametrize("hurt", [truncate, flip])
def test_no_other_change_escapes(run: Path, tmp_path: Path, hurt: Damage) -> None:
    exempt = ("previous/", "tensorboard/", SUMS, "state.json")  # see below for the last
    reference, dice = make_run(tmp_path / "reference"), Random(1)
    names = [path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()]
    names = [name for name in names if not name.startswith(exempt) and not name.endswith(exempt)]
    assert len(names) == 7
    for name in names:
        whole = (run / name).read_bytes()
        hurt(run / name, dice)
        assert differences(run, reference) == [f"{name} differs"]
        (run / name).unlink()
        assert differences(run, reference) == [f"{name} is in one run only"]
        (run / name).write_bytes(whole)
    seal(run / "best", 6)
    assert "best/state.json differs" in differences(run, reference)


@pytest.mark.parametrize("hurt", [truncate, flip])
@pytest.mark.parametrize("name", [*FILES, SUMS])
def test_damage_is_found_as_the_package_finds_it(run: Path, name: str, hurt: Damage) -> None:
    file = run / "last" / name
    whole = file.read_bytes()
    for seed in range(20):
        file.write_bytes(whole)
        assert damaged(run) == []
        assert is_whole(run / "last")
        hurt(file, Random(seed))
        found = damage(run / "last")
        comment = name == SUMS and file.read_bytes()[:1] == b"#"
        assert found or comment  # of which this script knows nothing
        assert not is_whole(run / "last")
        assert newest_step(run) == (5 if found else 10)
        assert damaged(run) == ([found] if found else [])


@dataclass
class Still:
    """A process that stands still."""

    run: Path
    began: float = 0.0


STATES = {
    None: [],
    "writing a checkpoint's files": [".last.new", "last", "previous"],
    "before its renames": [".last.new/SHA256SUMS", "last"],
    "between its renames": [".last.new/SHA256SUMS", "previous"],
    "removing the old one": [".best.old", "best"],
}


@pytest.mark.parametrize("stage", STATES)
def test_stages_of_a_write(tmp_path: Path, stage: str | None) -> None:
    for name in STATES[stage]:
        place = tmp_path / name
        if place.name == SUMS:
            write_text(place, "")
        else:
            place.mkdir()
    (tmp_path / ".config.yaml.new").touch()
    assert write_stage(Still(tmp_path)) == stage  # type: ignore[arg-type]
    by_an_earlier_one = Still(tmp_path, began=float("inf"))
    assert write_stage(by_an_earlier_one) is None  # type: ignore[arg-type]
    assert {*STATES} == {None, *WRITE_STAGES}
    assert {*WRITE_STAGES} <= {*STAGES}


def python(folder: Path, code: str) -> Process:
    return Process([sys.executable, "-S", "-c", code], folder)


def test_only_a_kill_that_ends_a_process_counts(tmp_path: Path) -> None:
    with python(tmp_path, "import time; time.sleep(100)") as process:
        assert process.kill()
    assert not process.lives
    with python(tmp_path, "pass") as process:
        assert process.wait() == 0
        assert not process.kill()
    with python(tmp_path, "pass") as process:
        assert not process.wait_until(lambda _: False)


@pytest.mark.parametrize(
    ("code", "problems"),
    [
        ("sys.exit('error: disk full')", 0),
        ("print('error: disk full', file=sys.stderr)", 1),
        ("sys.exit('error: hungry')", 1),
        ("sys.exit('error: disk full\\nerror: disk full')", 1),
        ("sys.exit('Traceback\\nerror: disk full')", 1),
        ("1 / 0", 2),
    ],
)
def test_only_one_clear_error_is_clear(tmp_path: Path, code: str, problems: int) -> None:
    with python(tmp_path, f"import sys; {code}") as process:
        assert len(complaint(process, 1, "full", "quota")) == problems


def make_plan(folder: Path, seed: int = 1) -> Plan:
    return Plan(folder=folder, seed=seed, kills=1, quick=True, jobs=2)


def test_what_a_trial_lost_is_told_and_stays(tmp_path: Path) -> None:
    drawn: list[float] = []

    def fine(folder: Path, dice: Random) -> list[str]:
        folder.mkdir()
        drawn.append(dice.random())
        return []

    def lossy(folder: Path, _: Random) -> list[str]:
        folder.mkdir()
        return ["a bit"]

    def stuck(_: Path, __: Random) -> list[str]:
        raise Failed("does not end")

    def surprised(folder: Path, _: Random) -> list[str]:
        raise FileNotFoundError(folder)

    cases = [
        Case("a", "x", [fine, lossy]),
        Case("b", "y", [fine]),
        Case("c", "z", [stuck, surprised]),
    ]
    rows = make_plan(tmp_path).rows("some", cases)
    assert [(row.case, row.trials, len(row.lost)) for row in rows] == [
        ("a", "2 trials", 1),
        ("b", "1 trials", 0),
        ("c", "2 trials", 2),
    ]
    assert rows[0].lost == (f"a 2: a bit (see {tmp_path / 'a-2'})",)
    assert [path.name for path in tmp_path.iterdir()] == ["a-2"]
    make_plan(tmp_path).rows("again", cases[1:2])
    make_plan(tmp_path, seed=2).rows("with another seed", cases[1:2])
    assert len(set(drawn)) == len(drawn) - 1  # the same choices for the same seed and trial
    assert draw(Random(1), 50) == draw(Random(1), 50) != draw(Random(2), 50)


LOST = Row("SIGKILL", "1 kills", "all", ("last/ differs",))
FINE = Row("SIGKILL", "1 kills", "all", ())


@pytest.mark.parametrize(("row", "code"), [(LOST, 1), (FINE, 0)])
def test_the_table_goes_to_stdout_and_a_loss_is_an_exit_code(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    row: Row,
    code: int,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(crash_test, "_run", lambda *_: [row])
    assert crash_test.main(["--only", "disk", "--seed", "7"]) == code
    printed = capsys.readouterr()
    assert printed.out.startswith(render([row]) + "\n")
    assert ("LOST: last/ differs" in printed.out) == bool(code)
    assert "seed 7" in printed.err
    assert len([*tmp_path.iterdir()]) == code  # what a loss was found in stays


def test_a_reference_that_fails_is_a_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: Plan) -> list[Row]:
        raise Failed("ends with exit code 7")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("crash.elastic.run", fail)
    assert crash_test.main(["--only", "elastic"]) == 1
    assert "LOST: elastic: ends with exit code 7" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--only", "kills,fire"], ["--kills", "many"]])
def test_wrong_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        crash_test.main(arguments)
    assert stopped.value.code == 2


@pytest.mark.slow
def test_a_training_survives_kills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not to be killed is trained in this process, which has torch loaded."""

    def finish(training: Training) -> None:
        monkeypatch.chdir(training.folder)
        monkeypatch.setenv("XDG_CACHE_HOME", str(training.folder / "cache"))
        train(load_config(Path("config.yaml")), device="cpu")

    monkeypatch.setattr(Training, "finish", finish)
    undisturbed = Training(tmp_path / "undisturbed")
    undisturbed.finish()
    plan = Plan(folder=tmp_path, seed=8, kills=2, quick=True, jobs=1)
    plan.references["fp32"] = Reference(undisturbed, Pace(3, 1.5), "")
    rows = kills.run(plan)
    assert rows[0].trials == "2 kills"
    assert [row.lost for row in rows] == [()] * len(rows)


@pytest.mark.slow
def test_everything_in_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert crash_test.main(["--quick", "--seed", "1"]) == 0


def test_the_training_is_the_one_that_is_documented(tmp_path: Path) -> None:
    """Each trial trains the same, wherever its folder is."""
    first, second = Training(tmp_path / "a"), Training(tmp_path / "b")
    assert differences(first.folder, second.folder) == []
