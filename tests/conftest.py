"""One thread, one seed for every test, no cache of the user; and runs that many tests read."""

import fcntl
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings
from tiny_runs import reverse_pairs, tmt, write_config

from transformer_mt import load
from transformer_mt.config.tasks import TranslationConfig
from transformer_mt.inference.torch_engine import TorchEngine
from transformer_mt.inference.translator import Translator
from transformer_mt.runs.kinds import TRANSLATION
from transformer_mt.runs.run_dir import RunDir, load_run_config, load_vocabulary
from transformer_mt.text.tokenizer import Tokenizers

torch.set_num_threads(1)
# CTranslate2 reads it once. On a processor without VNNI oneDNN's sums of int8 products overflow,
# those of MKL do not: what is tested is the export, not the processor.
os.environ.setdefault("CT2_USE_MKL", "1")
settings.register_profile("tests", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("tests")
# A background job of a shell ignores Ctrl-C, and so would the programs that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file goes to one process, so that its runs are trained once; the largest file first."""
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def _no_cache_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _logging_as_found() -> Iterator[None]:
    """The command line sets it up for a process of its own."""
    logger = logging.getLogger("transformer_mt")
    found = logger.level, logger.propagate, logger.handlers
    yield
    logger.level, logger.propagate, logger.handlers = found


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Encoded data is cached where no other test finds it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def own_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data sets too."""
    import datasets

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "hf"))
    datasets.disable_progress_bars()


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A run of the command line that has learnt to reverse sentences with unknown names.

    Trained once, by the first process of pytest that asks for it; not to be changed.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    folder = shared / "trained"
    with (shared / "trained.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _train(folder)
    return folder / "run"


def _train(folder: Path) -> None:
    folder.mkdir()
    config = write_config(folder, reverse_pairs(1500, seed=1, names=True))
    settings = {
        "model.dropout": 0,
        "training.batch_tokens": 512,
        "training.warmup_steps": 50,
        "training.max_steps": 600,
        "training.validate_every": 600,
        "training.log_every": 50,
    }
    overrides = [f"--set={key}={value}" for key, value in settings.items()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        result = tmt("train", "--config", config, "--device", "cpu", *overrides)
    assert result.exit_code == 0, result.stderr


@pytest.fixture(scope="session")
def translator(trained_run: Path) -> Translator:
    return load(trained_run, device="cpu")


@pytest.fixture(scope="session")
def untrained(trained_run: Path) -> Translator:
    """The same with random weights: it writes nonsense, mostly up to the greatest length."""
    config = load_run_config(RunDir(trained_run), TranslationConfig)
    tokenizers = load_vocabulary(RunDir(trained_run), Tokenizers)
    torch.manual_seed(5)
    model = TRANSLATION.make_model(config, tokenizers)
    torch.nn.init.normal_(model.output.weight, std=0.4)
    return Translator(TorchEngine(model), tokenizers, config.data, config.decoding)


@pytest.fixture(params=["translator", "untrained"])
def any_translator(request: pytest.FixtureRequest) -> Translator:
    chosen: Translator = request.getfixturevalue(request.param)
    return chosen
