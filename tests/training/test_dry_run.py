"""A dry run refuses what training refuses, with one sentence and code, and writes nothing."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_runs import PAIRS, Result, flip, make_run, tiny_config_file, tmt, tsv, write

from transformer_mt.files.atomic import is_whole
from transformer_mt.runs.lock import locked
from transformer_mt.runs.run_dir import RunDir

OPTIONS = ["--set", "training.max_steps=2", "--set", "training.validate_every=1", "-q"]
Spoil = Callable[[Path], object]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with c.yaml, train.tsv and a trained run/."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        tiny_config_file(Path())
        assert train().exit_code == 0
    assert is_whole(folder / "run" / "previous")
    return folder


@pytest.fixture
def place(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it to spoil, which is the current folder."""
    shutil.copytree(trained, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def train(*more: str) -> Result:
    return tmt("train", "-c", "c.yaml", *OPTIONS, "--device", "cpu", *more)


def content(folder: Path) -> dict[str, bytes | None]:
    """All that stands there, and when it was changed."""
    return {
        f"{path} {path.lstat().st_mtime_ns}": path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def only_tokenizers(_: Path) -> None:
    shutil.rmtree("run")
    assert tmt("build-tokenizer", "-c", "c.yaml").exit_code == 0


def imported(_: Path) -> None:
    shutil.rmtree("run")
    shutil.rmtree(make_run(Path("run"), "imported from x") / "last")


def damaged_twice(_: Path) -> None:
    for name in ("last", "previous"):
        flip(Path("run") / name / "model.safetensors")


def unsealed(name: str) -> Spoil:
    def spoil(_: Path) -> None:
        Path("run/last/SHA256SUMS").unlink()
        Path("run/last", name).write_text("junk")

    return spoil


def nothing(_: Path) -> None:
    pass


def no_run(_: Path) -> None:
    shutil.rmtree("run")


def a_file(_: Path) -> None:
    shutil.rmtree("run")
    write(Path("run"), "x")


REFUSED: dict[str, tuple[Spoil, list[str], int]] = {
    "other model": (nothing, ["--set", "model.d_ff=16"], 2),
    "other tokenizer setting": (nothing, ["--set", "tokenizer.vocab_size=9"], 2),
    "other task": (nothing, ["--set", "task=classification", "--set", "data=null"], 2),
    "other tokenizers": (only_tokenizers, ["--set", "tokenizer.lowercase=true"], 2),
    "damaged tokenizer": (lambda _: flip(Path("run/tokenizer.src.json")), [], 1),
    "damaged configuration": (lambda _: Path("run/config.yaml").write_text("junk"), [], 2),
    "imported": (imported, [], 2),
    "other data": (lambda p: write(p / "train.tsv", tsv(PAIRS[:11])), [], 1),
    "no data": (lambda p: (p / "train.tsv").unlink(), [], 1),
    "damaged twice": (damaged_twice, [], 1),
    "no weights": (unsealed("model.safetensors"), [], 1),
    "no state": (unsealed("state.json"), [], 1),
    "no optimizer": (unsealed("training_state.safetensors"), [], 1),
    "no device": (nothing, ["--device", "cuda:99"], 2),
    "no parent": (no_run, ["--set", "init_from=nowhere"], 1),
    "a file": (a_file, [], 1),
    "in a file": (lambda _: write(Path("x"), "x"), ["--set", "run_dir=x/run"], 1),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_training_refuses_a_dry_run_refuses_too(place: Path, case: str) -> None:
    spoil, options, exit_code = REFUSED[case]
    options = ["--set", "training.max_steps=3", *options]  # else the run would be finished
    spoil(place)
    before = content(place)
    rehearsed = train("--dry-run", *options)
    assert content(place) == before
    real = train(*options)
    assert (real.exit_code, real.stdout) == (exit_code, "")
    assert rehearsed == real
    assert rehearsed.error


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_a_run_that_is_being_trained_is_refused(dry: list[str]) -> None:
    with locked(RunDir(Path("run"))):
        result = train(*dry)
    assert result.exit_code == 1
    assert result.error.startswith("run: is being trained by process ")


def damaged_last(_: Path) -> None:
    flip(Path("run/last/model.safetensors"))


def cut_off(_: Path) -> None:
    """By a crash between two renames."""
    shutil.rmtree("run/previous")
    Path("run/last").rename("run/previous")


@pytest.mark.parametrize(
    ("spoil", "options"),
    [
        (nothing, ["--set", "training.max_steps=3"]),
        (nothing, ["--overwrite", "--set", "model.d_ff=16"]),
        (damaged_twice, ["--overwrite"]),
        (no_run, []),
        (only_tokenizers, ["--set", "model.d_ff=16"]),
        (damaged_last, ["--set", "training.max_steps=3"]),
        (cut_off, ["--set", "training.max_steps=3"]),
        (lambda _: write(Path("run/.lock"), "process 1"), ["--set", "training.max_steps=3"]),
    ],
)
def test_what_training_accepts_a_dry_run_plans(
    place: Path, spoil: Spoil, options: list[str]
) -> None:
    spoil(place)
    before = content(place)
    planned = train("--dry-run", *options)
    assert (planned.exit_code, "parameters on cpu" in planned.stdout) == (0, True), planned.stderr
    assert content(place) == before
    assert train(*options).exit_code == 0


def test_a_finished_run_leaves_nothing_to_plan(place: Path) -> None:
    (place / "train.tsv").unlink()  # nobody reads it
    before = content(place)
    planned = train("--dry-run")
    assert (planned.exit_code, planned.stderr) == (0, "")
    assert planned.stdout.endswith("run: finished; nothing to do\n")
    assert content(place) == before
    assert train() == Result(0, "", "")
