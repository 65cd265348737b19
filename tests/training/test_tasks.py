"""The laws of training hold for every task; what each measures is what it is by hand."""

import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_runs import (
    TASKS,
    Task,
    assert_same_result,
    at_update,
    files,
    finish,
    interrupt,
    label_of,
    logged,
    metrics,
    random_line,
    read_state,
    task_config,
    task_file,
    tmt,
)
from torch import Tensor, nn

from transformer_mt.config.load import load_config
from transformer_mt.corpus.rows import LabelledText, Text
from transformer_mt.data.batching import token_batches
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.runtime.launch import Place
from transformer_mt.runtime.process_group import ProcessGroup
from transformer_mt.text.tokenizer import EOS_ID, SOS_ID
from transformer_mt.training.distributed import own_batch
from transformer_mt.training.loop import train, training_step
from transformer_mt.training.session import Session, load_session
from transformer_mt.training.signals import Interrupted

pytestmark = pytest.mark.usefixtures("own_cache")

NEW: tuple[Task, ...] = ("language-model", "classification")
every_task = pytest.mark.parametrize("task", TASKS)
every_new_task = pytest.mark.parametrize("task", NEW)
FIGURES = {
    "translation": ["loss", "perplexity", "bleu", "chrf"],
    "language-model": ["loss", "perplexity", "bits_per_character"],
    "classification": ["loss", "accuracy", "macro_f1"],
}


# --- the loop


@every_new_task
def test_a_run_that_was_stopped_ends_as_one_that_was_not(tmp_path: Path, task: Task) -> None:
    """Bit for bit, with dropout: before, at, and between validations, of which each samples."""
    settings = ("training.accumulate=2", "training.validate_every=3")
    reference = finish(task_config(tmp_path / "reference", task, *settings))
    config = task_config(tmp_path, task, *settings)
    for step in (2, 3, 7):
        with pytest.raises(Interrupted), at_update(step, interrupt):
            train(config, device="cpu")
        assert read_state(tmp_path / "run" / "last")["step"] == step
    assert_same_result(finish(config), reference)
    state = read_state(reference / "last")
    assert state["finished"] == "all updates made"
    assert list(state["scores"]) == FIGURES[task]
    assert state["tokens"] > 0


@every_new_task
def test_validations_disturb_no_random_number(tmp_path: Path, task: Task) -> None:
    """Not even those of the samples that a language model makes up."""
    often = finish(task_config(tmp_path / "often", task, "training.validate_every=1"))
    once = finish(task_config(tmp_path / "once", task, "training.validate_every=8"))
    for name in ("model.safetensors", "training_state.safetensors"):
        assert (often / "last" / name).read_bytes() == (once / "last" / name).read_bytes()
    assert len(metrics(often, "validation")) == 8


@every_new_task
def test_a_finished_run_is_left_alone_refused_or_overwritten(tmp_path: Path, task: Task) -> None:
    config = task_file(tmp_path, task)
    arguments = ("train", "--config", config, "--device", "cpu", "--set", "training.max_steps=2")
    assert tmt(*arguments).exit_code == 0
    over = tmt(*arguments)
    assert over.exit_code == 0
    assert "finished (all updates made); nothing to do" in over.stderr

    key = {"language-model": "data.block_size=13", "classification": "model.pooling=max"}[task]
    changed = tmt(*arguments, "--set", "training.log_every=3", "--set", key)
    assert (changed.exit_code, changed.stdout) == (2, "")
    told = f"was begun with another value of {key.split('=')[0]}; use another run_dir"
    assert told in changed.stderr  # of no other

    weights = (tmp_path / "run/last/model.safetensors").read_bytes()
    anew = tmt(*arguments, "--set", "seed=5", "--overwrite")
    assert anew.exit_code == 0
    assert (tmp_path / "run/last/model.safetensors").read_bytes() != weights
    assert len(metrics(tmp_path / "run", "validation")) == 1


@every_new_task
def test_curves_and_samples_of_every_task_are_shown(tmp_path: Path, task: Task) -> None:
    with logged() as messages:
        run = finish(task_config(tmp_path, task))
    points = metrics(run, "validation")
    assert [point["step"] for point in points] == [4, 8]
    for point in points:
        assert [*point][3:] == FIGURES[task]
        assert all(math.isfinite(point[name]) for name in FIGURES[task])
    assert len(metrics(run, "train")) == 8
    sizes = dict.fromkeys(("scalars", "tensors", "images"), 0)
    board = EventAccumulator(str(run / "tensorboard"), size_guidance=sizes).Reload()
    for name in FIGURES[task]:
        told = [(event.step, event.value) for event in board.Scalars(f"validation/{name}")]
        assert told == [(p["step"], pytest.approx(p[name], rel=1e-6)) for p in points]
    samples = board.Tensors("samples/text_summary")
    assert [event.step for event in samples] == [4, 8]
    said = "\n".join(messages)
    if task == "classification":
        pictures = board.Images("confusion")
        assert [event.step for event in pictures] == [4, 8]
        assert pictures[0].encoded_image_string.startswith(b"\x89PNG")
        assert "precision  recall     F1" in said
        assert "accuracy" in said
    else:
        assert board.Tags()["images"] == []
        assert "bits per character" in said


# --- init_from


def child(folder: Path, task: Task, parent: Path) -> Path:
    """A configuration without `model`, for a run that begins with another's weights."""
    folder.mkdir(exist_ok=True)
    path = task_file(folder, task)
    settings = yaml.safe_load(path.read_text("utf-8"))
    del settings["model"]
    path.write_text(yaml.safe_dump(settings | {"init_from": str(parent)}), "utf-8")
    return path


@every_new_task
def test_a_run_begins_with_the_weights_of_another(tmp_path: Path, task: Task) -> None:
    parent = finish(task_config(tmp_path, task, "model.activation=gelu", "model.positions=learned"))
    config = load_config(child(tmp_path / "child", task, parent))
    assert config.model.activation == "gelu"  # what is left out is the parent's
    session = load_session(config, "cpu")
    best = load_file(parent / "best" / "model.safetensors")
    for name, value in session.model.named_parameters():
        assert torch.equal(value, best[name]), name
    run = finish(config)
    assert read_state(run / "last")["step"] == 8
    for file in ("tokenizer.json", "labels.json")[: 1 + (task == "classification")]:
        assert (run / file).read_bytes() == (parent / file).read_bytes()

    with pytest.raises(ConfigError, match=r"'model.d_ff' is 26, but must be 24 as in init_from"):
        load_config(child(tmp_path / "other", task, parent), ["model.d_ff=26"])


def test_labels_are_those_of_the_parent(tmp_path: Path) -> None:
    parent = finish(task_config(tmp_path, "classification", "training.max_steps=1"))
    path = child(tmp_path / "child", "classification", parent)
    table = tmp_path / "child" / "data" / "train.tsv"
    table.write_text(table.read_text("utf-8") + "red\tanother\n", "utf-8")
    message = "train: the label 'another' is none of those that the model learns: long, red, short"
    with pytest.raises(DataError, match=message):
        train(load_config(path), device="cpu")


@pytest.fixture(scope="module")
def parents(tmp_path_factory: pytest.TempPathFactory) -> dict[Task, Path]:
    """A run of each task."""
    folder = tmp_path_factory.mktemp("parents")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        return {
            task: finish(task_config(folder / task, task, "training.max_steps=1")) for task in TASKS
        }


two_tasks = pytest.mark.parametrize(
    ("other", "task"), list(zip(TASKS, (*TASKS[1:], TASKS[0]), strict=True))
)


@two_tasks
@pytest.mark.parametrize("inherits", [True, False])
def test_a_run_of_another_task_is_no_parent(
    tmp_path: Path, parents: dict[Task, Path], other: Task, task: Task, inherits: bool
) -> None:
    """One sentence says what it is, and what is needed; nothing is written."""
    parent = parents[other]
    path = child(tmp_path, task, parent) if inherits else task_file(tmp_path, task)
    result = tmt("train", "-q", "-c", path, f"--set=init_from={parent}", "--device=cpu")
    assert result.exit_code in (1, 2)
    assert len(result.stderr.splitlines()) == 1
    assert f"its task is {other}, but {task} is needed here" in result.stderr
    assert str(parent) in result.stderr
    assert not (tmp_path / "run").exists()


@two_tasks
@pytest.mark.parametrize("trained", [True, False])
def test_a_run_of_another_task_is_not_overwritten_unasked(
    tmp_path: Path, parents: dict[Task, Path], other: Task, task: Task, trained: bool
) -> None:
    """Neither one that is trained, nor one that has but a vocabulary."""
    run = tmp_path / "run"
    shutil.copytree(parents[other], run)
    if not trained:
        for folder in ("last", "best", "previous", "checkpoints"):
            shutil.rmtree(run / folder, ignore_errors=True)
    before = files(run)
    path = task_file(tmp_path, task)
    refused = tmt("train", "-q", "-c", path, "--device=cpu")
    assert refused.exit_code == 2
    assert refused.stderr == (
        f"error: {run}: was begun with another value of task; use another run_dir, or --overwrite"
        " to start anew\n"
    )
    build = ("build-tokenizer", "-q", "-c", path, "--set=tokenizer.type=character")
    refused = tmt(*build)
    assert refused.exit_code == 2
    assert len(refused.stderr.splitlines()) == 1
    assert "holds another tokenizer" in refused.stderr
    assert files(run) == before
    if trained:
        assert tmt(*build, "--force").exit_code == 2
        assert files(run) == before


def test_overwriting_leaves_nothing_of_another_task(
    tmp_path: Path, parents: dict[Task, Path]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(parents["classification"], run)
    path = task_file(tmp_path, "translation")
    result = tmt(
        "train", "-q", "-c", path, "--device=cpu", "--overwrite", "--set=training.max_steps=1"
    )
    assert result.exit_code == 0, result.stderr
    fresh = task_config(tmp_path / "fresh", "translation", "training.max_steps=1")
    assert {p.name for p in run.iterdir()} == {p.name for p in finish(fresh).iterdir()}


# --- what is measured


LINES = [
    "red blue",
    "",
    "a line of characters that no other text has: Zürich ☃",
    "green",
    " ",
    "white black pink grey brown red blue green white black pink",
]


def nats(model: Any, read: Sequence[int], target: int) -> float:
    """-log p(target | all that is read), from the logits alone."""
    logits = model.project(model(torch.tensor([read])))[0, -1].double()
    return float(-logits.log_softmax(0)[target])


@torch.no_grad()
def by_hand(session: Session, lines: Sequence[str]) -> tuple[float, float]:
    """Loss and bits per character of a language model, token by token."""
    data: Any = session.config.data
    encode = session.task.vocabulary.tokenizer.encode  # type: ignore[attr-defined]
    if data.examples == "blocks":
        stream = [EOS_ID]
        for line in lines:
            stream += [*encode(line), EOS_ID]
        size, characters = data.block_size, sum(len(line) + 1 for line in lines)
        read = [(stream[(i - 1) // size * size : i], stream[i]) for i in range(1, len(stream))]
    else:
        read, characters = [], 0
        for line in filter(encode, lines):
            ids = [SOS_ID, *encode(line), EOS_ID]
            size = data.block_size
            read += [(ids[(i - 1) // size * size : i], ids[i]) for i in range(1, len(ids))]
            characters += len(line) + 1
    model = session.model.eval()
    total = sum(nats(model, *each) for each in read)
    return total / len(read), total / math.log(2) / characters


@pytest.mark.parametrize("examples", ["blocks", "lines"])
@pytest.mark.parametrize("tokenizer", ["word", "character", "byte"])
def test_loss_and_bits_per_character_by_hand(tmp_path: Path, examples: str, tokenizer: str) -> None:
    settings = (f"data.examples={examples}", f"tokenizer.type={tokenizer}")
    session = load_session(task_config(tmp_path, "language-model", *settings), "cpu")
    with torch.no_grad():
        for parameter in session.model.parameters():
            parameter.mul_(2).add_(0.1 * torch.randn_like(parameter))
    validation = [row.text for row in session.data.validation_rows]
    given = session.task.encode([Text(line) for line in LINES])
    for lines, measured in ((validation, session.validation), (LINES, given)):
        loss, bits = by_hand(session, lines)
        figures = session.task.validate(session.model, measured).figures
        assert figures["loss"] == pytest.approx(loss, rel=1e-5)
        assert figures["bits_per_character"] == pytest.approx(bits, rel=1e-5)
        assert figures["perplexity"] == pytest.approx(math.exp(loss), rel=1e-5)


@torch.no_grad()
def test_loss_accuracy_and_f1_by_hand(tmp_path: Path) -> None:
    session = load_session(task_config(tmp_path, "classification"), "cpu")
    model: Any = session.model.eval()
    model.output.weight.mul_(20)  # it does not take all texts for the same
    dice = Random(5)
    lines = [random_line(dice) for _ in range(40)] + [" unknown", ""]
    rows = [LabelledText(line, label_of(line)) for line in lines]
    vocabulary: Any = session.vocabulary
    labels = vocabulary.labels
    assert labels == ("long", "red", "short")
    truth = [labels.index(row.label) for row in rows]
    found, loss = [], 0.0
    for row, label in zip(rows, truth, strict=True):
        ids = vocabulary.tokenizer.encode(row.text) or [1]  # [UNK]
        logits = model.project(model(torch.tensor([ids])))[0].double()
        found.append(int(logits.argmax()))
        loss -= float(logits.log_softmax(0)[label])
    assert len(set(found)) > 1
    scores = []
    for label in set(truth) | set(found):
        hits = sum(t == f == label for t, f in zip(truth, found, strict=True))
        scores.append(2 * hits / (truth.count(label) + found.count(label)))
    right = sum(t == f for t, f in zip(truth, found, strict=True))

    result = session.task.validate(session.model, session.task.encode(rows))
    assert result.figures == {
        "loss": pytest.approx(loss / len(rows), rel=1e-5),
        "accuracy": pytest.approx(100 * right / len(rows)),
        "macro_f1": pytest.approx(100 * sum(scores) / len(scores)),
    }
    assert result.details["counts"] == [
        [list(zip(truth, found, strict=True)).count((t, f)) for f in range(3)] for t in range(3)
    ]
    commonest = max(truth.count(label) for label in truth)
    (baseline,) = session.task.baselines(rows, rows).values()
    assert baseline == pytest.approx(100 * commonest / len(rows))


# --- batches


def all_rows(session: Session) -> list[Any]:
    return token_batches(session.data.train, 64, (1, 0))


@every_task
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_the_shares_of_several_processes_are_the_batch(
    tmp_path: Path, task: Task, size: int
) -> None:
    session = load_session(task_config(tmp_path, task), "cpu")
    session.model.eval()
    for rows in all_rows(session)[:4]:
        whole = session.task.batch(session.data.train, rows)
        shares = [
            own_batch(ProcessGroup(Place(rank, rank, size)), session.task, session.data.train, rows)
            for rank in range(size)
        ]
        assert {share.num_tokens for share in shares} == {whole.num_tokens}
        assert sum(map(len, shares)) == len(whole) == len(rows)
        filled = [share for share in shares if len(share)]
        losses = [session.task.loss(session.model, share, 0.1).item() for share in filled]
        assert sum(losses) == pytest.approx(
            session.task.loss(session.model, whole, 0.1).item(), rel=1e-5
        )


@every_task
def test_padding_changes_no_loss(tmp_path: Path, task: Task) -> None:
    """A text has in a batch of others, longer ones among them, the loss that it has alone."""
    session = load_session(task_config(tmp_path, task), "cpu")
    model, dataset = session.model.eval(), session.data.train
    rows = np.arange(20, dtype=np.int32)
    lengths = dataset.columns[0].lengths[rows]
    if task == "language-model":  # blocks are of one length but for the last
        rows = np.append(rows[:5], np.int32(len(dataset) - 1))
        lengths = dataset.columns[0].lengths[rows]
    assert len(set(lengths.tolist())) > 1
    alone = [session.task.batch(dataset, rows[i : i + 1]) for i in range(len(rows))]
    together = session.task.batch(dataset, rows)
    assert sum(batch.num_tokens for batch in alone) == together.num_tokens
    for smoothing in (0.0, 0.2):
        wanted = sum(session.task.loss(model, batch, smoothing).item() for batch in alone)
        found = session.task.loss(model, together, smoothing).item()
        assert found == pytest.approx(wanted, rel=1e-5)


def moved(session: Session, batches: Sequence[Any]) -> tuple[dict[str, Tensor], float]:
    """Where one step of plain gradient descent leads, and the loss: Adam would hide the size."""
    model = nn.ModuleList([session.model])[0]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    session.optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    loss, _ = training_step(session, batches, lr=1.0)
    after = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(before)
    return after, loss


@every_new_task
def test_an_update_of_several_batches_is_one_of_all_of_them(tmp_path: Path, task: Task) -> None:
    quiet = ("model.dropout=0", "model.attention_dropout=0")
    session = load_session(task_config(tmp_path, task, *quiet), "cpu")
    rows = all_rows(session)[:3]
    batches = [session.task.batch(session.data.train, each) for each in rows]
    if task != "language-model":
        assert len({batch.num_tokens for batch in batches}) > 1  # a mean of means would differ
    weights, loss = moved(session, batches)
    wanted, wanted_loss = moved(
        session, [session.task.batch(session.data.train, np.concatenate(rows))]
    )
    assert loss == pytest.approx(wanted_loss, rel=1e-5)
    for name, value in weights.items():
        torch.testing.assert_close(value, wanted[name], rtol=0, atol=1e-5, msg=name)
