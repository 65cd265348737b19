"""The benchmark counts what it says it counts, and gives everyone the same work."""

import json
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import benchmark
import pytest
import torch
from benchmarks import startup, training, translation, weights
from benchmarks.report import Cell, fastest, number, ratios, render
from benchmarks.settings import OURS, Settings
from benchmarks.text import words, write_corpus
from benchmarks.worker import Contestant, ContestantError, Worker, interleave
from tiny_models import EOS, PAD, SOS, as_src, as_tgt, sentences
from tiny_runs import PAIRS, make_run, tsv, write
from torch.utils.flop_counter import FlopCounterMode

from transformer_mt.config.tasks import DecodingConfig, EncoderDecoderConfig, TranslationConfig
from transformer_mt.data.batching import PairBatch

SMALL = EncoderDecoderConfig(
    d_model=16,
    num_heads=2,
    d_ff=24,
    num_encoder_layers=2,
    num_decoder_layers=1,
    dropout=0.0,
    tied_embeddings="all",
)
VOCAB = 50
CONTESTANTS = [name for name, attention in training._ROWS if attention in ("", "sdpa")]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(training.SHAPES, "small", SMALL)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def spec(where: Path, **more: Any) -> dict[str, Any]:
    """What a contestant is told."""
    settings = Settings(threads=1, device="cpu", quick=True, clock="wall", folder=where)
    return settings.spec(**more)


def small_training(folder: Path, name: str, *, batch_tokens: int, updates: int = 1) -> Contestant:
    """A contestant of the small shape, on 200 pairs."""
    if name == "transformers":
        pytest.importorskip("transformers")
    files = write_corpus(folder, "train", 200, vocabulary=VOCAB)
    more = {"shape": "small", "files": files, "batch_tokens": batch_tokens, "updates": updates}
    return training.contestant(spec(folder, name=name, folder=str(folder), rounds=3, **more))


def a_batch(*lengths: int, extra: int = 0) -> PairBatch:
    """Sources and targets of these lengths, with `extra` positions of padding."""
    rows = sentences(*lengths, vocab=VOCAB)
    tgt_in, tgt_out = as_tgt(rows, extra)
    return PairBatch(as_src(rows, extra), tgt_in, tgt_out, num_tokens=sum(lengths) + len(lengths))


def small_config() -> TranslationConfig:
    return training.make_config("small", ("a", "b"), "run", 4096)


def test_made_up_text_is_what_was_asked_for(tmp_path: Path) -> None:
    known = words(3000)
    assert len(set(known)) == 3000
    paths = [Path(path) for path in write_corpus(tmp_path, "a", 500, vocabulary=3000)]
    src, tgt = (path.read_text().splitlines() for path in paths)
    assert len(src) == len(tgt) == 500
    assert {word for line in src for word in line.split()} == set(known)
    assert 10 < sum(len(line.split()) for line in src) / 500 < 16
    before = [path.read_bytes() for path in paths]
    write_corpus(tmp_path, "a", 500, vocabulary=3000)
    assert [path.read_bytes() for path in paths] == before
    for path in write_corpus(tmp_path, "b", 7, length=25):
        assert [len(line.split()) for line in Path(path).read_text().splitlines()] == [25] * 7


@pytest.mark.parametrize("name", CONTESTANTS)
def test_every_target_token_is_counted_once(tmp_path: Path, name: str) -> None:
    contestant = small_training(tmp_path, name, batch_tokens=100_000)  # all pairs in one batch
    answer = contestant({"round": 0, "precision": "fp32", "attention": "sdpa"})
    lines = {side: (tmp_path / f"train.{side}").read_text().splitlines() for side in ("src", "tgt")}
    assert answer["tokens"] == sum(len(line.split()) + 1 for line in lines["tgt"])
    assert answer["src_tokens"] == sum(len(line.split()) + 1 for line in lines["src"])
    assert answer["sentences"] == 200
    assert answer["seconds"] > 0


def test_the_corpus_of_a_run_takes_the_place_of_made_up_text(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", train=str(write(tmp_path / "t.tsv", tsv(PAIRS * 2))))
    data = {"files": (), "batch_tokens": 100_000, "updates": 1, "rounds": 1, "folder": "none"}
    told = spec(tmp_path, name="ours", shape="small", **data) | {"run": str(run)}
    answer = training.contestant(told)({"round": 0, "precision": "fp32"})
    trained_on = answer["sentences"]  # the others are held out
    assert 0 < trained_on < 2 * len(PAIRS)
    assert answer["tokens"] == answer["src_tokens"] == 6 * trained_on  # all have five words


def test_all_train_on_the_same_batches(tmp_path: Path) -> None:
    rounds: dict[str, list[tuple[int, int, int]]] = {}
    for name in CONTESTANTS:
        contestant = small_training(tmp_path, name, batch_tokens=300, updates=2)
        answers = [
            contestant({"round": n, "precision": "fp32", "attention": "sdpa"}) for n in range(3)
        ]
        rounds[name] = [(a["tokens"], a["src_tokens"], a["sentences"]) for a in answers]
    assert len(set(rounds["ours"])) == 3
    assert len(set(map(tuple, rounds.values()))) == 1


@pytest.mark.parametrize("name", CONTESTANTS)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_everyone_learns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, precision: str
) -> None:
    monkeypatch.setattr(training, "LEARNING_RATE", 0.01)
    contestant = small_training(tmp_path, name, batch_tokens=400, updates=4)
    losses = [
        contestant({"round": n, "precision": precision, "attention": "eager"})["loss"]
        for n in range(3)
    ]
    assert losses[0] < 2 * math.log(VOCAB)  # a mean for each token, not a sum
    assert all(later < earlier for earlier, later in pairwise(losses))


@pytest.mark.parametrize("name", CONTESTANTS[1:])
def test_padding_does_not_change_what_a_peer_computes(name: str) -> None:
    tight, padded = a_batch(5, 5), a_batch(5, 5, extra=3)
    model = make_peer(name)
    torch.testing.assert_close(model(padded)[:, : tight.tgt_in.shape[1]], model(tight))


def make_peer(name: str) -> torch.nn.Module:
    from benchmarks.peers import Marian, TorchTransformer

    if name == "torch":
        return TorchTransformer(small_config(), VOCAB).eval()
    pytest.importorskip("transformers")
    return Marian(small_config(), VOCAB).eval()


def test_the_ways_of_attention_agree_without_dropout() -> None:
    from benchmarks.peers import Marian

    model, batch = make_peer("transformers"), a_batch(4, 7)
    assert isinstance(model, Marian)
    found = []
    for attention in ("sdpa", "eager", "dropout"):
        model.choose(attention)
        found.append(model(batch))
    torch.testing.assert_close(found[0], found[1])
    torch.testing.assert_close(found[0], found[2])


def test_attention_dropout_drops_only_where_it_is_chosen() -> None:
    from benchmarks.peers import Marian

    pytest.importorskip("transformers")
    config = small_config()
    model = Marian(replace(config, model=replace(SMALL, dropout=0.5)), VOCAB).train()
    model.model.model.encoder.dropout = model.model.model.decoder.dropout = 0.0
    for layer in (*model.model.model.encoder.layers, *model.model.model.decoder.layers):
        layer.dropout = 0.0  # what is left is that of the attention
    batch = a_batch(6, 6)
    for attention, changes in (("eager", False), ("dropout", True), ("sdpa", False)):
        model.choose(attention)
        assert torch.equal(model(batch), model(batch)) != changes


def test_the_operations_are_those_that_torch_counts() -> None:
    from benchmarks.peers import Marian

    model, batch = make_peer("transformers"), a_batch(9, 9, 9)
    assert isinstance(model, Marian)
    model.choose("eager")
    with FlopCounterMode(display=False) as counter:
        model(batch)
    answer = {"tokens": 30, "src_tokens": 30, "sentences": 3, "vocabulary": VOCAB}
    assert 30e6 * training.mflop(SMALL, answer) == pytest.approx(3 * counter.get_total_flops())


@pytest.fixture
def translation_spec(tmp_path: Path) -> dict[str, Any]:
    """Seven sentences for an untrained run, in batches of 3."""
    run = make_run(tmp_path / "run")
    settings = Settings(threads=1, device="cpu", quick=True, clock="wall", folder=tmp_path)
    config = DecodingConfig(max_length_offset=3)
    work = {3: translation.make_batches(sentences(3, 5, 4, 1, 2, 6, 3), 3, config)}
    path = write(tmp_path / "sentences.json", json.dumps(work))
    folders = {"ours": run, **weights.exports(settings, run)}
    more = {"trained": str(run), "sentences": str(path)}
    return {name: spec(tmp_path, name=name, model=str(f), **more) for name, f in folders.items()}


def test_batches_hold_every_sentence_and_the_limit_of_the_longest() -> None:
    config = DecodingConfig()
    sources = sentences(3, 5, 4, 1, 2, 6, 3)
    batches = translation.make_batches(sources, 3, config)
    assert [len(group) for group, _ in batches] == [3, 3, 1]
    assert sorted(ids for group, _ in batches for ids in group) == sorted(sources)
    for group, limit in batches:
        assert limit == max(config.length_limit(len(ids)) for ids in group)


def test_all_find_the_same_translations(translation_spec: dict[str, Any]) -> None:
    contestants = {
        name: translation.contestant(each)
        for name, each in translation_spec.items()
        if name != "int8"
    }
    for beam in (1, 4):
        request = {"beam": beam, "batch": 3, "length_penalty": 0.0}
        found = {name: contestant(request)["ids"] for name, contestant in contestants.items()}
        assert len(found["ours"]) == 7
        assert {PAD, SOS, EOS}.isdisjoint(token for ids in found["ours"] for token in ids)
        for name, ids in found.items():
            assert ids == found["ours"], (name, beam)


def test_a_round_takes_everyone_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = f"import sys; open({str(log)!r}, 'a').write(sys.argv[1])"
    plan = [(name, {"command": [sys.executable, "-c", code, name]}) for name in "AB"]
    answers = interleave("startup", {name: spec(tmp_path) for name in "AB"}, plan, rounds=2)
    assert log.read_text() == "ABABAB"  # the first round warms up
    assert [len(found) for found in answers] == [2, 2]
    assert all(
        answer["seconds"] > 0 and answer["memory"] > 1 for found in answers for answer in found
    )


def test_who_is_not_installed_is_left_out_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "missing" / "ctranslate2.py", "raise ImportError('no such program')")
    path = os.pathsep.join([str(tmp_path / "missing"), *filter(None, sys.path)])
    monkeypatch.setenv("PYTHONPATH", path)
    run = make_run(tmp_path / "run")
    write(tmp_path / "sentences.json", "{}")
    each = spec(
        tmp_path,
        name="int8",
        model="-",
        trained=str(run),
        sentences=str(tmp_path / "sentences.json"),
    )
    assert interleave("translation", {"CTranslate2": each}, [("CTranslate2", {})], 2) == [[]]
    said = capfd.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith("CTranslate2 is left out: ctranslate2 cannot be imported (no such")


def test_a_worker_that_dies_is_one_sentence(tmp_path: Path) -> None:
    with Worker("startup", spec(tmp_path)) as worker:
        worker.ready()
        worker.process.kill()
        with pytest.raises(ContestantError, match=r"ended with exit code -9 \(silent\)"):
            worker.go({"command": [sys.executable, "-c", ""]})


def test_commands_of_the_cold_start_exist(tmp_path: Path) -> None:
    wanted = startup.commands(tmp_path, {})
    answer = startup.contestant(spec(tmp_path))({"command": wanted["tmt --help"]})
    assert answer["seconds"] > 0
    assert 5 < answer["peak"] < 5000  # MiB


CELLS = [
    Cell("speed", OURS, "x", (10.0, 30.0, 40.0), "tok/s"),
    Cell("speed", "peer", "x", (15.0, 10.0, 40.0), "tok/s"),
    Cell("speed", "other", "y", (1.0,), "tok/s"),
]


def test_ratios_are_those_of_the_medians() -> None:
    (ratio,) = ratios(CELLS, "ratio", OURS)
    assert (ratio.table, ratio.row, ratio.column, ratio.values) == ("ratio", "peer", "x", (2.0,))
    best = fastest(CELLS, "best")
    assert best is not None
    assert (best.row, best.column, best.values) == (OURS, "best", CELLS[0].values)
    assert fastest([], "best") is None


def test_a_table_holds_every_cell_once() -> None:
    rows = [line.split("|")[1:-1] for line in render(CELLS).splitlines() if line.startswith("|")]
    assert [[text.strip() for text in row] for row in (rows[0], *rows[2:])] == [
        ["", "x", "y"],
        [OURS, "30.0 ±50%", ""],
        ["peer", "15.0 ±100%", ""],
        ["other", "", "1.00"],
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "1,234"), (99.94, "99.9"), (1.234, "1.23"), (-0.1234, "-0.123")]
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text


def run_main(monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str]) -> int:
    """The command line, whose sections find the cells above."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.setattr(benchmark, "measure", lambda *_: (CELLS, {"threads": 1}))
    return benchmark.main(arguments)


def test_tables_go_to_stdout_and_each_cell_is_a_line_of_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(monkeypatch, ["--json", str(tmp_path / "cells.jsonl")]) == 0
    assert capsys.readouterr().out == render(CELLS) + "\n"
    lines = [json.loads(line) for line in (tmp_path / "cells.jsonl").read_text().splitlines()]
    for cell, line in zip(CELLS, lines, strict=True):
        assert line == {
            "table": cell.table,
            "row": cell.row,
            "column": cell.column,
            "unit": cell.unit,
            "median": median(cell.values),
            "least": min(cell.values),
            "most": max(cell.values),
            "rounds": len(cell.values),
            "threads": 1,
        }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "training,speed"], "'speed' is none of training, scaling, translation"),
        (["--threads", "0"], "'0' is no positive number"),
    ],
)
def test_wrong_usage_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    with pytest.raises(SystemExit) as exit_info:
        run_main(monkeypatch, arguments)
    assert exit_info.value.code == 2
    assert message in capsys.readouterr().err
