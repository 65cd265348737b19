"""A model directory from a stranger gives one sentence; nothing in it is executed or followed."""

import pickle
import subprocess
from pathlib import Path

import hostile
import pytest
from helpers import make_run, python, tmt
from hostile import CASES, CONFIG_CASES, MARK, commands, copy_of

ENGINES = ("translate", "translate with ctranslate2")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "a")


def refusal(run: Path, case: str, command: str, folder: Path) -> str:
    """The one line that is said of a spoiled copy."""
    spoiled = copy_of(run, folder / "model", CASES[case][0])
    result = tmt(*commands(spoiled, folder)[command])
    assert (result.exit_code, result.stdout) == (1, "")
    return result.error


@pytest.mark.parametrize("case", CASES)
def test_each_gives_one_sentence(
    run: Path, case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    error = refusal(run, case, "translate", tmp_path)
    assert CASES[case][1] in error
    assert str(tmp_path / "model") in error or "scores are no numbers" in error
    assert len(error) < 600
    assert not Path(MARK).exists()


@pytest.mark.parametrize("options", [(), ("--greedy",)])
def test_both_engines_refuse_weights_that_are_no_numbers(
    run: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    pytest.importorskip("ctranslate2")
    spoiled = copy_of(run, tmp_path / "model", CASES["weights that are NaN"][0])
    for engine in ("torch", "ctranslate2"):
        result = tmt("translate", "-q", "--engine", engine, "-m", spoiled, *options, "cat")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.error == "the model's scores are no numbers: its weights are damaged"


def test_the_bomb_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickle.dumps(hostile.Bomb())).close()
    assert Path(MARK).exists()


@pytest.mark.parametrize("command", ["evaluate", "attention", "export", ENGINES[1]])
@pytest.mark.parametrize(
    "case",
    ["a pickle bomb as the weights", "10**9 layers", "max_length of 10**15", "tokenizer: a list"],
)
def test_every_command_refuses(
    run: Path, case: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "ctranslate2" in command:
        pytest.importorskip("ctranslate2")
    monkeypatch.chdir(tmp_path)
    assert CASES[case][1] in refusal(run, case, command, tmp_path)
    assert not Path(MARK).exists()
    assert not (tmp_path / "export").exists()


@pytest.mark.parametrize("case", ["the checkpoint a link out of it", *CONFIG_CASES])
def test_info_refuses(run: Path, case: str, tmp_path: Path) -> None:
    assert CASES[case][1] in refusal(run, case, "info", tmp_path)


@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, '{"data": 1}', "[]", '{"parameters": "x"}', "x" * (2 << 20), b"\xff"],
)
def test_info_of_a_wrong_record(run: Path, content: str | bytes, tmp_path: Path) -> None:
    spoiled = copy_of(run, tmp_path / "model", hostile.content("info.json", content))
    result = tmt("info", spoiled)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{spoiled / 'info.json'}: cannot be read" in result.error


def test_an_unspoiled_copy_works(run: Path, tmp_path: Path) -> None:
    copied = copy_of(run, tmp_path / "model", lambda _: None)
    results = {name: tmt(*args) for name, args in commands(copied, tmp_path).items()}
    assert {name: result.exit_code for name, result in results.items()} == dict.fromkeys(results, 0)


def test_a_run_may_be_reached_by_a_link_and_hold_links_within(run: Path, tmp_path: Path) -> None:
    copied = copy_of(run, tmp_path / "model", lambda _: None)
    (copied / "best").rename(copied / "checkpoint-7")
    (copied / "best").symlink_to("checkpoint-7")
    (tmp_path / "alias").symlink_to(copied)
    (copied / ".venv").mkdir()  # what is not read may lead anywhere
    (copied / ".venv/python").symlink_to("/usr/bin/python3")
    (copied / "checkpoints").symlink_to(tmp_path)
    assert tmt("translate", "--model", tmp_path / "alias", "cat").exit_code == 0


def test_no_other_configuration_is_read_for_a_run(run: Path, tmp_path: Path) -> None:
    """A saved configuration that lacks keys has defaults, not those of what it was begun with."""
    parent = copy_of(run, tmp_path / "parent", hostile.content("config.yaml", "not: read"))
    text = (run / "config.yaml").read_text().replace("init_from: null", f"init_from: {parent}")
    text = text.replace("  output_bias: false\n", "")
    copied = copy_of(run, tmp_path / "model", hostile.content("config.yaml", text))
    assert str(parent) in text
    assert tmt("translate", "--model", copied, "cat").exit_code == 0


def test_rules_that_fail_on_some_texts_give_one_sentence(run: Path, tmp_path: Path) -> None:
    """A search tree whose numbers lead out of it: the library finds that out as it reads."""
    rules = {"type": "Precompiled", "precompiled_charsmap": "BAAAAP////8AYQ=="}
    spoil = hostile.tokenizer(lambda saved: saved.update(normalizer=rules))
    copied = copy_of(run, tmp_path / "model", spoil)
    result = tmt("translate", "--model", copied, "The cat")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "the tokenizer cannot process this text" in result.error


PROGRAM = """
import resource, sys
from transformer_mt.cli import main
sys.argv = ["tmt", *sys.argv[1:]]
try:
    main()
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    print(*sys.modules)
"""


def test_claims_take_no_memory(run: Path, tmp_path: Path) -> None:
    """Of a model that would have 2.2 GB, there are but a few kilobytes."""
    spoil = hostile.settings(model__d_model=4096, model__d_ff=65536)
    copied = copy_of(run, tmp_path / "giant", spoil)
    command = python("-c", PROGRAM, "translate", "--model", str(copied), "cat")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "does not fit this model" in done.stderr
    resident, loaded = done.stdout.splitlines()
    assert int(resident) < 1 << 20  # KiB, the libraries included
    assert "torch" in loaded.split()
    assert "torch._dynamo" not in loaded.split()  # looking takes no time: it would be a second


def test_an_honest_model_is_made_at_once(run: Path) -> None:
    command = python("-c", PROGRAM, "translate", "--model", str(run), "cat")
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "torch._dynamo" not in done.stdout.split()
