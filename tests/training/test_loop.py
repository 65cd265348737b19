"""The training loop: its gradients, its order, when it ends, what it keeps and what it shows."""

import errno
import math
import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_runs import (
    at_update,
    logged,
    make_config,
    metrics,
    read_state,
    reverse_pairs,
    scripted_loss,
    tmt,
    write_config,
)
from torch import Tensor
from torch.nn import functional as F

from transformer_mt.config.limits import LIMITS, Limits
from transformer_mt.config.tasks import TranslationConfig
from transformer_mt.data.batching import Batch, Collator, PairBatch
from transformer_mt.errors import TrainingError
from transformer_mt.runs.ownership import claim
from transformer_mt.runs.run_dir import RunDir
from transformer_mt.runs.train_state import TrainState
from transformer_mt.training import loop, progress
from transformer_mt.training.loop import train, training_step, updates
from transformer_mt.training.session import Session, load_session
from transformer_mt.training.tasks.task import Validation
from transformer_mt.training.tasks.translation import TranslationTask

pytestmark = pytest.mark.usefixtures("own_cache")

TENSORS = "model.safetensors"


def weights(checkpoint: Path) -> dict[str, Tensor]:
    return load_file(checkpoint / TENSORS)


def run_of(config: TranslationConfig) -> Path:
    return Path(config.run_dir)


# --- one update


def first_batches(session: Session, count: int) -> list[PairBatch]:
    return cast(list[PairBatch], next(updates(replace_accumulate(session, count))))


def replace_accumulate(session: Session, count: int) -> Session:
    config = session.config
    training = replace(config.training, accumulate=count)
    return replace(session, config=replace(config, training=training), state=TrainState())


def joined(batches: list[PairBatch]) -> PairBatch:
    """One batch of all sentences of several."""
    collator = Collator(0, 2, 3)
    src, tgt = (
        [row[(row > 0) & (row != 3)].tolist() for batch in batches for row in getattr(batch, side)]
        for side in ("src", "tgt_out")
    )
    return PairBatch(
        src=collator.pad(src, after=3),
        tgt_in=collator.pad(tgt, before=2),
        tgt_out=collator.pad(tgt, after=3),
        num_tokens=sum(len(ids) + 1 for ids in tgt),
    )


def moved_by_one_update(
    config: TranslationConfig, batches: list[PairBatch]
) -> tuple[dict[str, Tensor], float]:
    """How plain gradient descent of rate 1 moves the weights (the gradient, clipped), and the loss.

    Adam would hide the size of the gradient.
    """
    session = load_session(config, "cpu")
    session.optimizer = torch.optim.SGD(session.model.parameters(), lr=0.0)
    before = {name: p.detach().clone() for name, p in session.model.named_parameters()}
    loss, _ = training_step(session, batches, lr=1.0)
    after = session.model.named_parameters()
    return {name: before[name] - p.detach() for name, p in after}, loss


@pytest.mark.parametrize("clip_norm", [0.0, 0.5])
def test_update_of_several_batches_is_one_of_all_their_tokens(
    tmp_path: Path, clip_norm: float
) -> None:
    config = make_config(tmp_path, "model.dropout=0", f"training.clip_norm={clip_norm}")
    session = load_session(config, "cpu")
    batches = first_batches(session, 3)
    whole = joined(batches)
    assert len({batch.num_tokens for batch in batches}) > 1  # a mean of means would differ

    model: Any = session.model.train()
    logits = model.project(model(whole.src, whole.tgt_in)).flatten(0, 1)
    labels = whole.tgt_out.flatten()
    loss = F.cross_entropy(logits, labels, ignore_index=0, label_smoothing=0.1, reduction="sum")
    mean = loss / (labels != 0).sum()
    names, parameters = zip(*model.named_parameters(), strict=True)
    gradients = torch.autograd.grad(mean, parameters)
    norm = math.sqrt(sum(float(g.square().sum()) for g in gradients))
    scale = min(1.0, clip_norm / norm) if clip_norm else 1.0
    assert norm > 0.5  # clipping matters

    for grouped in (batches, [whole]):
        moved, loss_value = moved_by_one_update(config, grouped)
        assert loss_value == pytest.approx(mean.item(), rel=1e-5)
        for name, gradient in zip(names, gradients, strict=True):
            assert torch.allclose(moved[name], gradient * scale, rtol=1e-3, atol=1e-6), name


def test_bf16_products_change_the_loss_a_little(tmp_path: Path) -> None:
    losses = {}
    for precision in ("fp32", "bf16"):
        config = make_config(tmp_path, "model.dropout=0", f"training.precision={precision}")
        batches = first_batches(load_session(config, "cpu"), 2)
        _, losses[precision] = moved_by_one_update(config, batches)
    assert losses["fp32"] != losses["bf16"]
    assert losses["fp32"] == pytest.approx(losses["bf16"], rel=0.02)


# --- the order of the data


def sources(batches: list[Batch]) -> list[list[list[int]]]:
    """The source sentences of some batches."""
    return [batch.src.tolist() for batch in batches if isinstance(batch, PairBatch)]


def epochs(config: TranslationConfig, count: int) -> list[list[tuple[tuple[int, ...], ...]]]:
    """The source sentences of each batch of the first epochs."""
    session = load_session(config, "cpu")
    found: list[list[tuple[tuple[int, ...], ...]]] = [[] for _ in range(count + 1)]
    for batches in updates(session):
        if session.state.epoch == count:
            return found[:count]
        found[session.state.epoch] += [tuple(map(tuple, src)) for src in sources(batches)]
    raise AssertionError("updates never end")


@pytest.mark.parametrize("accumulate", [1, 3])
def test_order_depends_on_seed_and_epoch_alone(tmp_path: Path, accumulate: int) -> None:
    setting = f"training.accumulate={accumulate}"
    first, again = (epochs(make_config(tmp_path, setting), 3) for _ in range(2))
    other = epochs(make_config(tmp_path, setting, "seed=2"), 3)
    assert first == again
    assert len({tuple(batches) for batches in (*first, *other)}) == 6
    contents = [Counter(ids for batch in epoch for ids in batch) for epoch in (*first, *other)]
    unpadded = [Counter(tuple(i for i in ids if i) for ids in c.elements()) for c in contents]
    assert unpadded[1:] == unpadded[:-1]  # every sentence once in every epoch
    assert unpadded[0].total() == 60


def test_updates_go_on_from_the_position(tmp_path: Path) -> None:
    session = load_session(make_config(tmp_path, "training.accumulate=2"), "cpu")
    whole = [sources(batches) for batches in islice(updates(session), 9)]
    for done in range(1, 9):
        first = replace(session, state=TrainState())
        for _ in islice(updates(first), done):
            pass
        resumed = replace(session, state=replace(first.state))
        rest = [sources(batches) for batches in islice(updates(resumed), 9 - done)]
        assert rest == whole[done:]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_seed_decides_everything(tmp_path: Path, precision: str) -> None:
    runs: dict[str, bytes] = {}
    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        torch.rand(len(runs) + 1)  # the state that training finds must not matter
        config = make_config(
            tmp_path / name,
            f"seed={seed}",
            f"training.precision={precision}",
            "training.max_steps=4",
        )
        train(config, device="cpu")
        runs[name] = (run_of(config) / "last" / TENSORS).read_bytes()
    assert runs["first"] == runs["again"] != runs["other"]


# --- when it ends


@pytest.mark.parametrize(
    "settings",
    [["training.max_time=3s"], ["training.time_limit=3s", "training.max_steps=1000000"]],
)
def test_time_ends_training_and_the_schedule(tmp_path: Path, settings: list[str]) -> None:
    config = make_config(tmp_path, *settings, "training.validate_every=100000")
    start = time.perf_counter()
    state = train(config, device="cpu")
    seconds = time.perf_counter() - start
    assert state.finished == "time is up"
    assert 2 < state.seconds < 5.5
    assert state.seconds <= seconds < state.seconds + 6  # loading, a picture, saving
    points = metrics(run_of(config), "train")
    assert state.step == len(points) > 8  # max_steps has no say
    rates = [point["lr"] for point in points]
    assert max(rates) > 0.85 * 0.01
    assert 0 <= rates[-1] < 0.1 * max(rates)
    assert (run_of(config) / "best" / TENSORS).is_file()


def test_a_limit_that_is_not_reached_changes_nothing(tmp_path: Path) -> None:
    runs: list[bytes] = []
    for name, setting in (("without", "log_every=1"), ("with", "time_limit=1h")):
        config = make_config(tmp_path / name, f"training.{setting}")
        assert train(config, device="cpu").finished == "all updates made"
        runs.append((run_of(config) / "last" / TENSORS).read_bytes())
    assert runs[0] == runs[1]


def test_two_kinds_of_time_are_refused(tmp_path: Path) -> None:
    config_file = write_config(tmp_path)
    limit = "--set=training.time_limit=1h"
    result = tmt("train", "-c", config_file, limit, "--set=training.max_time=2h")
    assert result.exit_code == 2
    assert "'training.time_limit' is for training by max_steps" in result.stderr
    shown = tmt("train", "-c", config_file, limit, "--max-time=2h", "--dry-run")
    assert "time_limit: null" in shown.stdout


def test_max_time_includes_validations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    validate = TranslationTask.validate

    def slow(*args: Any) -> Validation:
        time.sleep(0.7)
        return validate(*args)

    monkeypatch.setattr(TranslationTask, "validate", slow)
    config = make_config(tmp_path, "training.max_time=4s", "training.validate_every=3")
    state = train(config, device="cpu")
    assert len(metrics(run_of(config), "validation")) >= 2
    assert 2.4 < state.seconds < 4.8  # time is kept for the last one, and for the average's


def test_all_updates_are_made_and_the_last_is_validated(tmp_path: Path) -> None:
    config = make_config(tmp_path, "training.max_steps=7", "training.validate_every=3")
    state = train(config, device="cpu")
    assert (state.finished, state.step) == ("all updates made", 7)
    assert [p["step"] for p in metrics(run_of(config), "validation")] == [3, 6, 7]
    assert [p["step"] for p in metrics(run_of(config), "train")] == list(range(1, 8))


def test_points_are_means_over_the_tokens_since_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a validation comes between two points."""
    made: list[tuple[float, int]] = []

    def recorded(session: Session, batches: Sequence[Batch], lr: float) -> tuple[float, float]:
        loss, norm = training_step(session, batches, lr)
        made.append((loss, sum(batch.num_tokens for batch in batches)))
        return loss, norm

    monkeypatch.setattr(loop, "training_step", recorded)
    config = make_config(tmp_path, "training.log_every=3")
    train(config, device="cpu")
    assert len(made) == 8
    assert len({tokens for _, tokens in made}) > 1
    wanted = [
        sum(loss * tokens for loss, tokens in made[i : i + 3])
        / sum(tokens for _, tokens in made[i : i + 3])
        for i in (0, 3)
    ]
    found = metrics(run_of(config), "train")
    assert [point["step"] for point in found] == [3, 6]
    assert [point["loss"] for point in found] == pytest.approx(wanted, rel=1e-9)


# --- which checkpoint is best


def scripted(
    monkeypatch: pytest.MonkeyPatch, bleu: list[float], chrf: list[float], loss: list[float]
) -> None:
    """Let validations give these figures, one after the other."""
    coming = zip(loss, bleu, chrf, strict=True)

    def validate(*_: object) -> Validation:
        return Validation(dict(zip(("loss", "bleu", "chrf"), next(coming), strict=True)))

    monkeypatch.setattr(TranslationTask, "validate", validate)


NEVER = [0.0] * 5


@pytest.mark.parametrize(
    ("metric", "bleu", "chrf", "loss", "best"),
    [
        ("bleu", [1, 9, 2, 3], [9, 1, 1, 1], [1, 9, 9, 9], 2),
        ("chrf", [9, 1, 1, 1], [1, 2, 9, 3], [1, 9, 9, 9], 3),
        ("loss", [1, 1, 1, 9], [1, 1, 1, 9], [5, 4, 3, 4], 3),
        ("loss", [9, 1, 1, 1], [9, 1, 1, 1], [2, 3, 4, 5], 1),
        ("bleu", [5, 5, 5, 5], NEVER[:4], [4, 2, 3, 3], 2),  # at equal score the lower loss
        ("chrf", NEVER[:4], [5, 5, 4, 5], [4, 3, 1, 2], 4),
        ("bleu", [5, 5, 5, 5], NEVER[:4], NEVER[:4], 4),  # all equal: the later one
        ("bleu", NEVER[:4], [1, 2, 4, 3], [1, 2, 3, 4], 3),  # BLEU says nothing yet
        ("bleu", [0.001, 0, 0.004, 0], [1, 3, 2, 3], [1, 9, 2, 8], 4),  # to the printed digit
        ("bleu", NEVER[:4], NEVER[:4], [4, 3, 2, 3], 3),
        ("bleu", [0, 0.1, 0, 0], [9, 1, 99, 9], [1, 9, 1, 1], 2),  # something is more than 0
    ],
)
def test_best_is_the_best_by_the_metric(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    metric: str,
    bleu: list[float],
    chrf: list[float],
    loss: list[float],
    best: int,
) -> None:
    average = {"bleu": [-1.0], "chrf": [-1.0], "loss": [99.0]}
    scripted(monkeypatch, bleu + average["bleu"], chrf + average["chrf"], loss + average["loss"])
    config = make_config(
        tmp_path,
        f"training.best_metric={metric}",
        "training.max_steps=4",
        "training.validate_every=1",
        "training.keep_checkpoints=4",
    )
    state = train(config, device="cpu")
    run = run_of(config)
    points = {point["step"]: point[metric] for point in metrics(run, "validation")}
    assert state.best_step == best
    assert (run / "best" / TENSORS).read_bytes() == (
        run / "checkpoints" / f"step-{best:08d}" / TENSORS
    ).read_bytes()
    assert read_state(run / "best")["scores"][metric] == points[best]


@pytest.mark.parametrize(
    ("bleu", "chrf", "loss", "steps"),
    [
        (NEVER, [1, 2, 3, 3, 3], [5, 5, 5, 5, 5], 5),  # chrF rose until update 3
        (NEVER, NEVER, [5, 4, 4, 4, 3], 4),  # only the loss did
        ([7] * 5, NEVER, [5, 4, 3, 2, 1], 5),
        ([7] * 5, NEVER, [5] * 5, 3),  # equal in everything is no better
    ],
)
def test_patience_counts_what_decides(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bleu: list[float],
    chrf: list[float],
    loss: list[float],
    steps: int,
) -> None:
    scripted(monkeypatch, [*bleu, -1.0], [*chrf, -1.0], [*loss, 9.0])
    state = train(
        make_config(
            tmp_path,
            "training.best_metric=bleu",
            "training.max_steps=5",
            "training.validate_every=1",
            "training.patience=2",
            "training.keep_checkpoints=1",
        ),
        device="cpu",
    )
    assert state.step == steps


def test_what_decided_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, NEVER, [1, 4, 3, 2, 0], [1, 1, 1, 1, 9])
    config = make_config(
        tmp_path, "training.best_metric=bleu", "training.max_steps=4", "training.validate_every=1"
    )
    with logged() as messages:
        train(config, device="cpu")
    assert "best chrf, as bleu was 0: 4.00 after update 2" in messages[-1]
    table = tmt("info", config.run_dir).stdout
    assert "update 2, by chrf, as bleu was 0" in table


@pytest.mark.parametrize("average_wins", [True, False])
def test_average_of_the_kept_checkpoints_competes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, average_wins: bool
) -> None:
    scores = [10.0, 30.0, 20.0, 25.0, 31.0 if average_wins else 29.0]
    scripted(monkeypatch, scores, NEVER, NEVER)
    config = make_config(
        tmp_path, "training.max_steps=8", "training.validate_every=2", "training.keep_checkpoints=3"
    )
    state = train(config, device="cpu")
    run = run_of(config)
    kept = sorted(folder.name for folder in (run / "checkpoints").iterdir())
    assert kept == ["step-00000004", "step-00000006", "step-00000008"]
    each = [weights(run / "checkpoints" / name) for name in kept]
    mean = {name: torch.stack([w[name] for w in each]).double().mean(dim=0) for name in each[0]}
    best = weights(run / "best")
    if average_wins:
        assert state.best_score == 31
        assert best.keys() == mean.keys()
        for name, value in best.items():
            torch.testing.assert_close(value.double(), mean[name], rtol=1e-6, atol=1e-7)
    else:
        assert (state.best_score, state.best_step) == (30, 4)
        assert all(torch.equal(best[name], each[0][name]) for name in mean)
    last = weights(run / "last")  # training would go on from here: not from the average
    assert all(torch.equal(last[name], each[-1][name]) for name in mean)


@pytest.mark.parametrize("patience", [1, 2, 3])
def test_patience_ends_a_training_that_gets_no_better(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patience: int
) -> None:
    scores = [1.0, 2.0, 1.5, 3.0, 2.9, 2.9, 3.0, 3.0]
    scripted(monkeypatch, scores, [0.0] * 8, [0.0] * 8)
    config = make_config(
        tmp_path,
        "training.max_steps=8",
        "training.validate_every=1",
        f"training.patience={patience}",
        "training.keep_checkpoints=1",
    )
    state = train(config, device="cpu")
    assert state.finished == "no better for some time"
    assert (state.step, state.best_step) == {1: (3, 2), 2: (6, 4), 3: (7, 7)}[patience]


# --- a loss that is no number


NONE = [None] * 5
"""A finite loss, as it is."""


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_without_rescue_a_loss_that_is_no_number_ends_training_and_spares_the_checkpoint(
    tmp_path: Path, value: float
) -> None:
    config_file = write_config(tmp_path)
    arguments = ("train", "--config", config_file, "--device", "cpu")
    with scripted_loss(*NONE, value):
        result = tmt(*arguments, "--no-rescue")
    assert result.exit_code == 1
    message = result.stderr.splitlines()[-1]
    assert message.startswith(f"error: the loss of update 6 is {value}:")
    assert "training.learning_rate" in message
    assert read_state(tmp_path / "run" / "last")["step"] == 4
    assert tmt(*arguments).exit_code == 0  # the accident over, it goes on
    assert read_state(tmp_path / "run" / "last")["step"] == 8


def test_updates_without_a_finite_loss_are_left_out(tmp_path: Path) -> None:
    """As if their batches had not been there: the schedule does not notice."""
    config = make_config(tmp_path, "training.max_steps=6")
    rates, made = [], []

    def recorded(session: Session, batches: Sequence[Batch], lr: float) -> tuple[float, float]:
        rates.append(lr)
        result = training_step(session, batches, lr)
        made.append(lr)
        return result

    with pytest.MonkeyPatch.context() as patch, scripted_loss(None, math.nan, math.inf, None):
        patch.setattr(loop, "training_step", recorded)
        with logged() as messages:
            state = train(config, device="cpu")
    assert (state.step, state.skipped, state.rescues) == (6, 2, 0)
    assert (state.epoch, state.position) == (1, 0) or state.position == 8
    assert rates == [made[0], made[1], made[1], made[1], *made[2:]]
    assert [p["skipped"] for p in metrics(run_of(config), "train")] == [0, 2, 2, 2, 2, 2]
    left_out = [message for message in messages if "left out" in message]
    assert left_out == [
        "the loss of update 2 is nan: this update is left out",
        "the loss of update 2 is inf: this update is left out",
    ]


@pytest.mark.parametrize("validated", [0, 4])
def test_after_three_in_a_row_training_goes_back_with_half_the_rate(
    tmp_path: Path, validated: int
) -> None:
    """Also where there is no checkpoint yet."""
    config = make_config(tmp_path)
    reference = train(make_config(tmp_path / "other"), device="cpu")
    bad = [math.nan] * 3
    with logged() as messages, scripted_loss(*[None] * (validated + 1), *bad):
        state = train(config, device="cpu")
    assert (state.step, state.skipped, state.learning_rate_factor) == (8, 3, 0.5)
    assert (state.tokens, state.epoch, state.position) == (
        reference.tokens,
        reference.epoch,
        reference.position,
    )
    points = metrics(run_of(config), "train")
    assert [point["step"] for point in points] == [1, 2, 3, 4, 5, 6, 7, 8]
    usual = metrics(run_of(make_config(tmp_path / "other")), "train")
    factors = [point["lr"] / other["lr"] for point, other in zip(points[:-1], usual, strict=False)]
    assert factors == [1] * validated + [0.5] * (7 - validated)
    # the first validation finds a new best, which forgives
    assert [p["rescues"] for p in points] == ([1] * 4 + [0] * 4, [0] * 4 + [1] * 4)[validated > 0]
    back = f"back to update {validated} with 0.5 of the learning rate (rescue 1 of at most 3)"
    assert any(message.endswith(back) for message in messages)
    steps = [event.step for event in events(run_of(config)).Scalars("train/loss")]
    assert steps == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_rescue_does_without_a_damaged_checkpoint(tmp_path: Path) -> None:
    config = make_config(tmp_path, "training.checkpoint_every=2")
    weights = run_of(config) / "last" / "model.safetensors"

    def damage() -> None:
        if read_state(weights.parent)["step"] == 4:
            weights.write_bytes(weights.read_bytes()[:-1] + b"?")

    with logged() as messages, scripted_loss(*[None] * 4, *[math.nan] * 3), at_update(5, damage):
        state = train(config, device="cpu")
    assert (state.step, state.skipped, state.learning_rate_factor) == (8, 3, 0.5)
    assert any(str(weights) in message and "is damaged" in message for message in messages)
    assert any("back to update 2 with 0.5" in message for message in messages)
    assert [point["step"] for point in metrics(run_of(config), "train")] == [*range(1, 9)]


def test_a_rescue_survives_a_crash(tmp_path: Path) -> None:
    """Cut off right after it, training ends as without, bit for bit."""
    setting = "training.checkpoint_every=1"
    losses = [*NONE, *[math.nan] * 3, None, math.nan]
    with scripted_loss(*losses):
        train(make_config(tmp_path / "reference", setting), device="cpu")
    config = make_config(tmp_path, setting)
    with scripted_loss(*losses[:8]), pytest.raises(ZeroDivisionError), at_update(6, count_to(4)):
        train(config, device="cpu")
    with scripted_loss(*losses[8:]):
        state = train(config, device="cpu")
    assert (state.skipped, state.learning_rate_factor) == (4, 0.5)
    for name in ("last/model.safetensors", "last/training_state.safetensors", "metrics.jsonl"):
        reference = tmp_path / "reference" / "run" / name
        assert (run_of(config) / name).read_bytes() == reference.read_bytes()


def count_to(number: int) -> Any:
    """A function that divides by zero when it is called for the nth time."""
    left = [number]

    def call() -> float:
        left[0] -= 1
        return 1 / left[0]

    return call


def test_a_new_best_forgives_earlier_rescues(tmp_path: Path) -> None:
    bad = [math.nan] * 3
    config = make_config(
        tmp_path, "training.best_metric=loss", "training.validate_every=1", "training.max_steps=6"
    )
    with scripted_loss(*[None, *bad] * 5):
        state = train(config, device="cpu")
    assert (state.step, state.skipped, state.rescues) == (6, 15, 0)
    assert state.learning_rate_factor == 0.5**5


@pytest.mark.parametrize("validate_every", [1, 100])
def test_real_divergence_is_a_sentence_after_three_rescues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, validate_every: int
) -> None:
    monkeypatch.setitem(LIMITS, "learning_rate", Limits(0, 1e39, whole=False))
    config = make_config(
        tmp_path,
        "training.learning_rate=1e38",
        "training.warmup_steps=1",
        "training.max_steps=100",
        f"training.validate_every={validate_every}",
        "training.clip_norm=0",
    )
    said = (
        r"(loss|norm).* is (nan|inf), although training went back 3 times.*0\.125 .*learning_rate"
    )
    for _ in range(2):  # to start it again does not change that
        with pytest.raises(TrainingError, match=said):
            train(config, device="cpu")
        last = run_of(config) / "last"
        assert all(w.isfinite().all() for w in weights(last).values())


def test_gradient_that_is_not_finite_never_reaches_the_weights(tmp_path: Path) -> None:
    session = load_session(make_config(tmp_path), "cpu")
    parameter = next(session.model.parameters())
    parameter.register_hook(lambda gradient: gradient * math.inf)
    with pytest.raises(TrainingError, match="gradient"):
        training_step(session, first_batches(session, 1), lr=0.1)
    assert all(p.isfinite().all() for p in session.model.parameters())


# --- what it shows


def events(run: Path) -> EventAccumulator:
    sizes = dict.fromkeys(("scalars", "tensors", "images"), 0)  # all of them
    return EventAccumulator(str(run / "tensorboard"), size_guidance=sizes).Reload()


def wait_for_another_second() -> None:
    """TensorBoard reads its files by their names: the second, then a plain number."""
    second = int(time.time())
    while int(time.time()) == second:
        time.sleep(0.01)


def test_tensorboard_shows_the_points_of_the_metrics(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    with pytest.raises(ZeroDivisionError), at_update(7, lambda: 1 / 0):  # killed ...
        train(config, device="cpu")
    wait_for_another_second()
    train(config, device="cpu")  # ... and gone on from update 4
    found = events(run_of(config))
    for kind, names in {
        "train": ["loss", "lr", "grad_norm"],
        "validation": ["loss", "perplexity", "bleu", "chrf"],
    }.items():
        points = metrics(run_of(config), kind)
        for name in names:
            scalars = [(e.step, e.value) for e in found.Scalars(f"{kind}/{name}")]
            assert [step for step, _ in scalars] == [p["step"] for p in points]
            wanted = [point[name] for point in points]
            assert [value for _, value in scalars] == pytest.approx(wanted, rel=1e-5)
    assert [point["step"] for point in metrics(run_of(config), "train")] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [event.step for event in found.Scalars("train/tokens_per_second")] == list(range(1, 9))
    texts = {
        tag: [(e.step, e.tensor_proto.string_val[0].decode()) for e in found.Tensors(tag)]
        for tag in ("samples/text_summary", "config/text_summary")
    }
    assert [step for step, _ in texts["samples/text_summary"]] == [4, 8]
    for pair in reverse_pairs(12, seed=2)[:3]:
        assert pair.src in texts["samples/text_summary"][0][1]
        assert f"~ {pair.tgt}" in texts["samples/text_summary"][0][1]
    assert [step for step, _ in texts["config/text_summary"]] == [0, 4]  # where a session began
    assert "d_model: 32" in texts["config/text_summary"][0][1]
    pictures = found.Images("attention")
    assert [picture.step for picture in pictures] == [4, 8]
    assert all(p.encoded_image_string.startswith(b"\x89PNG") and p.width > 99 for p in pictures)
    settings = found.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    assert all(name in settings for name in (b"model.d_model", b"training.warmup_steps"))
    assert len(found.Scalars("best")) == 1


def test_crash_before_the_first_checkpoint_leaves_no_points_behind(tmp_path: Path) -> None:
    config = make_config(tmp_path, "training.max_steps=3")
    with pytest.raises(ZeroDivisionError), at_update(3, lambda: 1 / 0):
        train(config, device="cpu")
    wait_for_another_second()
    train(config, device="cpu")
    assert [event.step for event in events(run_of(config)).Scalars("train/loss")] == [1, 2, 3]
    assert [point["step"] for point in metrics(run_of(config), "train")] == [1, 2, 3]


@pytest.mark.parametrize("torn", [b'{"kind": "train", "st', b"\0\0\n", b"\xff\n", b"12\n"])
def test_metrics_with_a_line_cut_off_by_a_crash(tmp_path: Path, torn: bytes) -> None:
    config = make_config(tmp_path, "training.max_steps=2")
    shutil.copytree(tmp_path / "data", tmp_path / "run" / "data")
    claim(RunDir(tmp_path / "run"))
    (tmp_path / "run" / "metrics.jsonl").write_bytes(torn)
    train(config, device="cpu")
    assert [point["step"] for point in metrics(run_of(config), "train")] == [1, 2]


def test_a_quota_that_is_looked_at_only_when_flushing_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flush(_: Path) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(progress, "flush", flush)
    result = tmt("train", "-q", "--config", write_config(tmp_path), "--device", "cpu")
    assert result.exit_code == 1
    assert re.match(r"error: .*metrics\.jsonl: cannot be written .*make room", result.stderr)


# --- what it is for


def test_learns_to_reverse_unseen_sentences(trained_run: Path) -> None:
    seen = {pair.src for pair in reverse_pairs(1500, seed=1, names=True)}
    pairs = [pair for pair in reverse_pairs(150, seed=77, names=True) if pair.src not in seen]
    assert len(pairs) > 100
    lines = "".join(f"{pair.src}\n" for pair in pairs)
    result = tmt("translate", "--model", trained_run, "--device", "cpu", stdin=lines)
    right = sum(
        line == pair.tgt for line, pair in zip(result.stdout.splitlines(), pairs, strict=True)
    )
    assert right >= 0.95 * len(pairs)
