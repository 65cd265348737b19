"""Nothing of a person's is deleted or overwritten: what is no run's is refused by its name."""

import os
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_runs import PAIRS, TINY_YAML, Result, make_run, tiny_config_file, tmt, tsv, write

import transformer_mt
from transformer_mt.errors import ConfigError, TmtError
from transformer_mt.files import atomic, cache
from transformer_mt.runs.run_dir import RunDir

pytestmark = pytest.mark.usefixtures("own_cache")

FILES = (
    ".transformer_mt",
    "config.yaml",
    "info.json",
    "metrics.jsonl",
    "SHA256SUMS",
    "tokenizer.json",
    "tokenizer.src.json",
    "tokenizer.tgt.json",
    "labels.json",
)
_CHECKPOINTS = ("best", "last", "previous")
CHECKPOINTS = (*_CHECKPOINTS, *(f"{name}.damaged" for name in _CHECKPOINTS))
NAMES = (
    *FILES,
    *(f".{name}.new" for name in FILES),
    ".lock",
    *CHECKPOINTS,
    *(f".{name}.{end}" for name in CHECKPOINTS for end in ("new", "old")),
    "checkpoints",
    "tensorboard",
)
"""Written down here once more: a name that is forgotten in `RunDir` is missed."""


def a_file(path: Path) -> None:
    path.write_text("mine")


def a_folder(path: Path) -> None:
    path.mkdir()
    (path / "step-00000001").mkdir()
    (path / "step-00000001" / "model.safetensors").write_text("mine")


def a_link_to_a_file(path: Path) -> None:
    path.symlink_to(path.parent.parent / "elsewhere" / "file")


def a_link_to_a_folder(path: Path) -> None:
    path.symlink_to(path.parent.parent / "elsewhere")


def a_dangling_link(path: Path) -> None:
    path.symlink_to(path.parent.parent / "nowhere")


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


KINDS = (a_file, a_folder, a_link_to_a_file, a_link_to_a_folder, a_dangling_link, a_pipe)
kinds = pytest.mark.parametrize("make", KINDS, ids=lambda kind: kind.__name__)


def names_for(make: Callable[[Path], None]) -> tuple[str, ...]:
    """All for a file; some for what else can stand there, which is looked at in one way."""
    return NAMES if make is a_file else NAMES[::5]


COMMANDS = ("train", "train --overwrite", "build-tokenizer", "build-tokenizer --force")


def state_of(root: Path) -> dict[str, tuple[object, ...]]:
    """Everything below a folder, as the file system tells it, with contents."""
    found: dict[str, tuple[object, ...]] = {}
    for path in [root, *root.rglob("*")]:
        told = path.lstat()
        content: object = None
        if stat.S_ISLNK(told.st_mode):
            content = path.readlink()
        elif stat.S_ISREG(told.st_mode):
            content = path.read_bytes()
        name = path.relative_to(root).as_posix()
        found[name] = (told.st_ino, told.st_mode, told.st_mtime_ns, told.st_ctime_ns, content)
    return found


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


@pytest.fixture
def command(tmp_path: Path) -> Callable[[str], Result]:
    """Runs a command on a configuration whose run is `tmp_path`/run."""
    write(tmp_path / "elsewhere" / "file", "mine")
    config = tiny_config_file(tmp_path)
    settings = ("--device=cpu", "--set=training.max_steps=2", "--set=training.precision=fp32")

    def call(name: str, *more: str) -> Result:
        options = settings if name.startswith("train") else settings[1:]
        return tmt(*name.split(), "-c", config, *options, *more)

    return call


def test_every_name_is_known(tmp_path: Path) -> None:
    assert {path.name for path in RunDir(tmp_path).names()} == set(NAMES)


@kinds
@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_no_run_is_refused_by_name(
    tmp_path: Path,
    command: Callable[[str], Result],
    name: str,
    make: Callable[[Path], None],
) -> None:
    run = tmp_path / "run"
    write(run / "notes.txt", "mine")
    for each in names_for(make):
        make(run / each)
        before = state_of(tmp_path)
        result = command(name)
        assert result.exit_code == 2, (each, result.stderr)
        assert f"{run / each}: exists and is not of a run" in result.error
        assert state_of(tmp_path) == before, each
        remove(run / each)


@kinds
def test_what_is_none_of_a_run_is_refused_by_name(
    tmp_path: Path, command: Callable[[str], Result], make: Callable[[Path], None]
) -> None:
    """Also there where a run stands, and its own files are replaced."""
    run = tmp_path / "run"
    assert command("build-tokenizer").exit_code == 0
    for each in NAMES if make is a_folder else names_for(make):
        if make is a_file and (each in FILES or each.startswith(".")):
            continue  # its own, or what a crash leaves
        if each in ("checkpoints", "tensorboard") and make in (a_folder, a_link_to_a_folder):
            continue  # may hold other things, or stand elsewhere: tested below
        there = (run / each).exists()
        if there:
            (run / each).rename(tmp_path / "aside")
        make(run / each)
        before = state_of(tmp_path)
        for name in COMMANDS[1:3]:
            result = command(name)
            assert result.exit_code == 2, (each, name, result.stderr)
            assert f"{run / each}" in result.error
            assert "was not written by this run" in result.error
            assert state_of(tmp_path) == before, each
        remove(run / each)
        if there:
            (tmp_path / "aside").rename(run / each)


@pytest.mark.parametrize("folder", ["best", "last", ".best.new", "best.damaged"])
def test_a_file_among_those_of_a_checkpoint_is_refused(
    tmp_path: Path, command: Callable[[str], Result], folder: str
) -> None:
    run = make_run(tmp_path / "run")
    if folder not in ("best", "last"):
        shutil.copytree(run / "best", run / folder)
    write(run / folder / "notes.txt", "mine")
    before = state_of(tmp_path)
    for name in COMMANDS:
        result = command(name)
        assert result.exit_code == 2
        assert f"{run / folder / 'notes.txt'}: was not written by this run" in result.error
        assert state_of(tmp_path) == before


def test_overwriting_leaves_all_else(tmp_path: Path, command: Callable[..., Result]) -> None:
    run = tmp_path / "run"
    assert command("train").exit_code == 0
    mine = [
        write(run / name, "mine")
        for name in (
            "notes.txt",
            "engines/mine",
            "checkpoints/notes.txt",
            "checkpoints/step-by-step/notes.txt",
            "checkpoints/.step-notes.new/notes.txt",
            "tensorboard/events.txt",
            "tensorboard/mine/events.out.tfevents.1",
        )
    ]
    events = {*run.glob("tensorboard/events.out*")}
    assert command("train").exit_code == 0  # finished
    assert command("train", "--set=training.max_steps=3").exit_code == 0
    result = command("train --overwrite")
    assert result.exit_code == 0, result.stderr
    assert all(path.read_text() == "mine" for path in mine)
    assert events.isdisjoint(run.glob("tensorboard/events.out*"))
    assert [path.name for path in run.glob("checkpoints/step-0*")] == ["step-00000002"]


@pytest.mark.parametrize("step", ["checkpoints", "elsewhere"])
def test_a_folder_named_as_a_kept_checkpoint_is_refused(
    tmp_path: Path, command: Callable[..., Result], step: str
) -> None:
    run = tmp_path / "run"
    assert command("build-tokenizer").exit_code == 0
    (tmp_path / step).mkdir(exist_ok=True)
    (run / "checkpoints").symlink_to(tmp_path / step)
    write(tmp_path / step / "step-00000001" / "model.safetensors", "mine")
    before = state_of(tmp_path)
    for name in ("train", "train --overwrite"):
        result = command(name)
        assert result.exit_code == 2
        assert f"{run / 'checkpoints' / 'step-00000001'}: was not written" in result.error
        assert state_of(tmp_path) == before


def test_checkpoints_may_stand_on_another_disk(
    tmp_path: Path, command: Callable[..., Result]
) -> None:
    run, disk = tmp_path / "run", tmp_path / "disk"
    assert command("train").exit_code == 0
    (run / "checkpoints").rename(disk)
    write(disk / "notes.txt", "mine")
    (run / "checkpoints").symlink_to(disk)
    (run / "tensorboard").rename(tmp_path / "events")
    (run / "tensorboard").symlink_to(tmp_path / "events")
    events = {*(tmp_path / "events").iterdir()}
    assert command("train", "--set=training.max_steps=3").exit_code == 0
    assert {path.name for path in disk.iterdir()} == {
        "notes.txt",
        "step-00000002",
        "step-00000003",
    }
    assert command("train --overwrite", "--set=training.max_steps=1").exit_code == 0
    assert {path.name for path in disk.iterdir()} == {"notes.txt", "step-00000001"}
    assert (run / "checkpoints").is_symlink()
    assert events < {*(tmp_path / "events").iterdir()}  # maybe among those of others


def test_the_configuration_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`run_dir: .` beside a configuration under each name that a run would write."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "train.tsv", tsv(PAIRS))
    for name in NAMES:
        file = write(tmp_path / name, "# mine\n" + TINY_YAML.format(run_dir=".", train="train.tsv"))
        before = state_of(tmp_path)
        for command in COMMANDS[1:3]:
            result = tmt(*command.split(), "-c", name)
            assert result.exit_code == 2
            assert name in result.error
            assert state_of(tmp_path) == before
        with pytest.raises(ConfigError, match=name):
            transformer_mt.train(name, device="cpu")
        assert state_of(tmp_path) == before
        file.unlink()


def test_the_configuration_under_another_name_in_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "train.tsv", tsv(PAIRS))
    text = "# mine\n" + TINY_YAML.format(run_dir=".", train="train.tsv")
    write(tmp_path / "c.yaml", text)
    assert tmt("build-tokenizer", "-c", "c.yaml").exit_code == 0
    assert (tmp_path / "c.yaml").read_text() == text
    write(tmp_path / "labels.json", text)
    before = state_of(tmp_path)
    for command in COMMANDS:
        result = tmt(*command.split(), "-c", "labels.json")
        assert result.exit_code == 2
        assert "labels.json: the run would write its own labels.json there" in result.error
        assert state_of(tmp_path) == before


def test_the_configuration_of_a_run_keeps_what_a_person_wrote(
    tmp_path: Path, command: Callable[..., Result]
) -> None:
    assert command("train").exit_code == 0
    own = tmp_path / "run" / "config.yaml"
    own.write_text("# mine\n" + own.read_text().replace("max_steps: 2", "max_steps: 3"))
    text = own.read_text()
    assert tmt("train", "-c", own, "--device=cpu").exit_code == 0
    assert own.read_text() == text
    assert tmt("train", "-c", own, "--device=cpu", "--overwrite").exit_code == 0
    assert own.read_text() == text
    before = state_of(tmp_path)
    for name in COMMANDS[:2]:
        result = tmt(*name.split(), "-c", own, "--device=cpu", "--set=training.max_steps=4")
        assert result.exit_code == 2
        assert f"{own}: was edited or damaged, and would be replaced" in result.error
        assert state_of(tmp_path) == before


def test_an_old_run_gets_the_marker(tmp_path: Path, command: Callable[..., Result]) -> None:
    assert command("build-tokenizer").exit_code == 0
    marker = tmp_path / "run" / ".transformer_mt"
    marker.unlink()  # as earlier versions left it: with tokenizers alone
    assert command("train").exit_code == 0
    assert marker.is_file()
    marker.unlink()  # and finished
    assert command("train").exit_code == 0
    assert marker.is_file()


def test_a_configuration_beside_others_files_makes_no_old_run(
    tmp_path: Path, command: Callable[..., Result]
) -> None:
    assert command("train").exit_code == 0
    run = tmp_path / "run"
    (run / ".transformer_mt").unlink()
    config = (run / "config.yaml").read_text()
    write(run / "config.yaml", "# mine\n" + config)
    assert command("train --overwrite").exit_code == 2
    write(run / "config.yaml", config)
    for part in ("best", "last", "previous", "SHA256SUMS"):
        shutil.rmtree(run / part, ignore_errors=True)
    (run / "SHA256SUMS").unlink()
    before = state_of(tmp_path)
    assert command("train --overwrite").exit_code == 2
    assert state_of(tmp_path) == before


@pytest.mark.parametrize("left", ["..transformer_mt.new", ".lock"])
def test_what_a_crash_leaves_before_or_after_the_marker_is_no_obstacle(
    tmp_path: Path, command: Callable[..., Result], left: str
) -> None:
    holder = "process 12 on a, since 2026-01-01 10:00:00+00:00\n"
    texts = {"..transformer_mt.new": ("", "A run of"), ".lock": (holder,)}
    for text in texts[left]:
        write(tmp_path / "run" / left, text)
        assert command("build-tokenizer").exit_code == 0
        assert sorted(path.name for path in (tmp_path / "run").glob(".*")) == [".transformer_mt"]
        shutil.rmtree(tmp_path / "run")


@kinds
def test_a_new_folder_is_new(tmp_path: Path, make: Callable[[Path], None]) -> None:
    run = make_run(tmp_path / "run")
    write(tmp_path / "elsewhere" / "file", "mine")
    (tmp_path / "out").mkdir()
    output = tmp_path / "out" / "new"
    make(output)
    before = state_of(tmp_path)
    for arguments in (
        ("export", run, "--to=ctranslate2", "--no-verify"),
        ("export", run, "--to=transformers", "--no-verify"),
        ("import", tmp_path / "no"),
    ):
        result = tmt(*arguments, "-o", output)
        assert result.exit_code == 2
        assert f"{output}: exists" in result.error
        assert state_of(tmp_path) == before


def test_no_output_goes_into_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path / "run")
    text = write(tmp_path / "text", "The cat is big .\n")
    monkeypatch.setenv("TMT_MODEL", str(run))
    places = [run / name for name in NAMES if name not in ("tensorboard", "checkpoints")]
    places += [run / "best" / "model.safetensors", run / "tensorboard" / "new", run / "last" / "x"]
    before = state_of(tmp_path)
    for place in places:
        for arguments in (
            ("translate", "-i", text),
            ("classify", "-i", text),
            ("rescore", "--lm", run, "-i", text),
            ("evaluate", "--source", text, "--reference", text),
            ("export", run, "--to=ctranslate2"),
            ("import", tmp_path / "no"),
        )[: None if place in places[::12] else 1]:
            result = tmt(*arguments, "-o", place)
            assert result.exit_code == 2, (arguments, place)
            assert str(place) in result.error
            assert state_of(tmp_path) == before


def test_no_output_goes_to_a_folder_or_an_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, own = write(tmp_path / "text", "The cat .\n"), write(tmp_path / "test.tsv", tsv(PAIRS))
    run = make_run(tmp_path / "run", test=str(own))
    reference = write(tmp_path / "reference", "Le chat .\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(reference)
    monkeypatch.setenv("TMT_MODEL", str(run))
    before = state_of(tmp_path)
    scored = ("evaluate", "--source", text, "--reference", reference)
    for arguments, output in (
        (("translate", "-i", text), text),
        (("translate", "-i", text), tmp_path / "folder"),
        (scored, text),
        (scored, reference),
        (scored, tmp_path / "link"),
        (scored, own),
        (scored, tmp_path / "folder"),
        (("evaluate",), own),
        (("rescore", "--lm", run, "-i", text), tmp_path / "folder"),
        (("classify", "-i", text), tmp_path / "folder"),
    ):
        result = tmt(*arguments, "-o", output)
        assert result.exit_code == 2, (arguments, result.stderr)
        assert f"--output {output} is" in result.error
        assert state_of(tmp_path) == before


def test_what_is_written_touches_no_other_name(tmp_path: Path) -> None:
    neighbour = write(tmp_path / ".out.new", "mine")
    target, link = write(tmp_path / "target", "old"), tmp_path / "out"
    link.symlink_to("target")
    atomic.write_output(link, b"new")
    assert target.read_bytes() == b"new"
    assert link.is_symlink()
    assert neighbour.read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {".out.new", "target", "out"}


def test_a_pipe_that_is_written_to_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    atomic.write_output(pipe, b"text")
    assert os.read(reader, 10) == b"text"
    os.close(reader)
    assert pipe.is_fifo()


def test_the_cache_is_cleared_of_our_files_alone(tmp_path: Path) -> None:
    folder, digest = cache.cache_folder(), "0123456789abcdef" * 2
    ours = [
        write(folder / f"{digest}-{digest}.arrow", "x"),
        folder / f"ctranslate2-int8_float32-{digest}",
    ]
    write(ours[1] / "model.bin", "x")
    atomic.write_sums(ours[1], [ours[1] / "model.bin"])
    others = [
        write(folder / name, "mine")
        for name in (
            "corpus.arrow",
            "model.safetensors",
            f"{digest}.arrow",
            f"{digest}-notes.arrow",
            "ctranslate2-notes.txt",
            f"ctranslate2-int8-{digest}.txt",
            f"ctranslate2-int8-{digest}/model.bin",
            "ctranslate2-mine/model.bin",
        )
    ]
    mixed = folder / f"ctranslate2-int16-{digest}"
    write(mixed / "model.bin", "x")
    atomic.write_sums(mixed, [mixed / "model.bin"])
    others.append(write(mixed / "notes.txt", "mine"))
    (folder / f"{digest}-{digest[::-1]}.arrow").symlink_to(write(tmp_path / "mine", "mine"))
    long_ago = time.time() - 100 * 24 * 3600
    for path in folder.rglob("*"):
        os.utime(path, (long_ago, long_ago), follow_symlinks=False)
    cache.remove_unused()
    assert not any(path.exists() for path in ours)
    assert all(path.read_text() == "mine" for path in others)
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_refused_place_is_not_made(tmp_path: Path, command: Callable[[str], Result]) -> None:
    """A dangling link in the place of the run directory itself, or a file."""
    for make in (a_file, a_link_to_a_file, a_dangling_link, a_pipe):
        make(tmp_path / "run") if make in (a_file, a_pipe) else (tmp_path / "run").symlink_to(
            tmp_path / ("elsewhere/file" if make is a_link_to_a_file else "nowhere")
        )
        before = state_of(tmp_path)
        for name in COMMANDS[:3]:
            assert command(name).exit_code in (1, 2)
            after = state_of(tmp_path)
            assert after["run"] == before["run"]
            assert after["elsewhere/file"] == before["elsewhere/file"]
        assert not (tmp_path / "nowhere").exists()
        remove(tmp_path / "run")


def test_the_python_api_refuses_the_same(tmp_path: Path) -> None:
    config = tiny_config_file(tmp_path)
    write(tmp_path / "run" / "metrics.jsonl", "mine")
    before = state_of(tmp_path)
    for call in (
        lambda: transformer_mt.train(config, device="cpu"),
        lambda: transformer_mt.train(
            transformer_mt.load_config(config), device="cpu", overwrite=True
        ),
        lambda: transformer_mt.build_tokenizers(config, force=True),
    ):
        with pytest.raises(TmtError, match=r"metrics\.jsonl: exists and is not of a run"):
            call()
        assert state_of(tmp_path) == before
