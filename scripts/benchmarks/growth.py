"""Growth of our cost with sentence length, batch size and corpus size.

The model has the tiny shape; in translation the weights are untrained, so that nearly every
translation reaches the limit, which is the length of the source.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.report import Cell
from benchmarks.settings import OURS, Settings
from benchmarks.text import write_corpus
from benchmarks.training import LEARNING_RATE, make_config
from benchmarks.training import contestant as training_contestant
from benchmarks.worker import (
    Answer,
    Clock,
    Contestant,
    ContestantError,
    Request,
    Worker,
    interleave,
    say,
)

LENGTH = "Growth with the words of a sentence, tokens a second"
TRAINING_BATCH = "Growth with the positions of a training batch, tokens a second"
TRANSLATION_BATCH = "Growth with the sentences of a greedy batch, tokens a second"
PREPARATION = "Growth with the pairs of the corpus, until the first update is made"

_BATCH_TOKENS = 4096
_LATER = 50
"""Updates after which the memory is measured again."""
_SENTENCES = 32
"""Sentences of a batch where the length grows."""


def contestant(spec: Request) -> Contestant:
    """Load a contestant that trains and translates, or that measures the start of a training."""
    if spec["name"] == "preparation":
        return _preparation(spec)
    trainings: dict[tuple[str, int], Contestant] = {}

    def go(request: Request) -> Answer:
        if request["what"] == "training":
            key = request["files"][0], request["batch_tokens"]
            if key not in trainings:
                trainings[key] = training_contestant(spec | request | {"name": "ours"})
            return trainings[key](request)
        return _translate(spec, request)

    return go


def _translate(spec: Request, request: Request) -> Answer:
    """Measure greedy search on random words."""
    import torch

    from transformer_mt.decoding.hypothesis import SearchOptions
    from transformer_mt.inference.torch_engine import TorchEngine
    from transformer_mt.model.transformer import Transformer
    from transformer_mt.runtime.device import choose_device
    from transformer_mt.text.tokenizer import EOS_ID, PAD_ID, SOS_ID

    config = make_config("tiny", request["files"], spec["folder"], _BATCH_TOKENS)
    torch.manual_seed(1)
    vocab_size, length, count = config.tokenizer.vocab_size, request["length"], request["sentences"]
    model = Transformer(config.model, vocab_size, vocab_size, pad_id=PAD_ID)
    engine = TorchEngine(model.to(choose_device(spec["device"])).eval())
    sources = torch.randint(EOS_ID + 1, vocab_size, (count, length)).tolist()
    options = SearchOptions(
        sos_id=SOS_ID, eos_id=EOS_ID, forbidden=(PAD_ID, SOS_ID), beam_size=1, length_penalty=1.0
    )
    with Clock(spec["clock"], spec["device"]) as clock:
        found = engine.search(sources, [length] * count, options)
    tokens = sum(len(hypotheses[0].token_ids) + 1 for hypotheses in found)
    return {"seconds": clock.seconds, "tokens": tokens}


def _preparation(spec: Request) -> Contestant:
    """Return a contestant that makes updates; the first one includes `open_session`."""
    from transformer_mt.training.loop import training_step, updates
    from transformer_mt.training.session import open_session

    logging.getLogger("transformer_mt").setLevel(logging.ERROR)
    made = make_config("tiny", spec["files"], spec["folder"], _BATCH_TOKENS)
    tokenizer = replace(made.tokenizer, type="bpe", vocab_size=8000, min_frequency=2)
    validation = tuple(spec["validation"])
    data = replace(made.data, validation=validation, test=validation)
    config = replace(
        made, tokenizer=tokenizer, data=data, training=replace(made.training, precision="auto")
    )

    def train() -> Iterator[None]:
        session = open_session(config, device=spec["device"])
        for batches in updates(session):
            training_step(session, batches, LEARNING_RATE)
            yield

    training = train()

    def go(request: Request) -> Answer:
        with Clock(spec["clock"], spec["device"]) as clock:
            for _ in range(request["updates"]):
                next(training)
        return {"seconds": clock.seconds}

    return go


def run(settings: Settings, machine: Sequence[Cell]) -> list[Cell]:  # noqa: ARG001
    """Measure all four tables."""
    return [*_speeds(settings), *_preparations(settings)]


def _speeds(settings: Settings) -> list[Cell]:
    precision = "bf16" if settings.bf16 else "fp32"
    lengths = (10, 80) if settings.quick else (10, 25, 50, 100, 200, 400)
    budgets = (1024, 4096) if settings.quick else (512, 1024, 2048, 4096, 8192, 16384)
    sizes = (1, 64) if settings.quick else (1, 4, 16, 64, 256)
    common = {"shape": "tiny", "precision": precision, "updates": 1}
    plan: list[tuple[str, str, str, Request]] = []
    captions = write_corpus(settings.folder, "captions", 12_000)
    for length in lengths:
        pairs = _BATCH_TOKENS * (settings.rounds + 3) // length
        files = write_corpus(settings.folder, f"length{length}", pairs, length=length)
        training = {"what": "training", "files": files, "batch_tokens": _BATCH_TOKENS, **common}
        greedy = {"what": "greedy", "files": files, "length": length, "sentences": _SENTENCES}
        plan.append((LENGTH, f"training, {precision}", str(length), training))
        plan.append((LENGTH, f"greedy, batch {_SENTENCES}", str(length), greedy))
    for budget in budgets:
        training = {"what": "training", "files": captions, "batch_tokens": budget, **common}
        plan.append((TRAINING_BATCH, f"training, {precision}", f"{budget:,}", training))
    for size in sizes:
        greedy = {"what": "greedy", "files": captions, "length": 13, "sentences": size}
        plan.append((TRANSLATION_BATCH, "greedy, 13 words", str(size), greedy))
    spec = settings.spec(name="speed", folder=str(settings.folder / "none")) | {"run": None}
    requests = [(OURS, request) for *_, request in plan]
    answers = interleave("growth", {OURS: spec}, requests, settings.rounds)
    return [
        Cell(table, row, column, tuple(a["tokens"] / a["seconds"] for a in found), "tok/s")
        for (table, row, column, _), found in zip(plan, answers, strict=True)
        if found
    ]


def _preparations(settings: Settings) -> Iterator[Cell]:
    """Measure a first and a second start for each corpus size, each in a new process."""
    folder = settings.folder / "corpora"
    validation = write_corpus(folder, "validation", 1000, vocabulary=50_000)
    sizes = (10_000,) if settings.quick else (10_000, 100_000, 1_000_000, settings.pairs)
    for pairs in sorted(size for size in set(sizes) if size <= settings.pairs):
        say(f"    {pairs:,} pairs")
        files = write_corpus(folder, f"pairs{pairs}", pairs, vocabulary=50_000)
        spec = settings.spec(
            name="preparation",
            files=files,
            validation=validation,
            folder=str(settings.folder / f"run-{pairs}"),
        )
        for start, more in (("first", 0), ("second", _LATER)):
            try:
                with Worker("growth", spec) as worker:
                    worker.ready()
                    answer = worker.go({"updates": 1})
                    later = worker.go({"updates": more})
            except ContestantError as error:
                say(f"{pairs:,} pairs are left out: {error}")
                break
            for what, unit in (("seconds", "s"), ("memory", "MiB")):
                column = f"{start} start, {unit}"
                yield Cell(PREPARATION, f"{pairs:,}", column, (answer[what],), unit)
        else:
            column = f"{_LATER} updates later, MiB"
            yield Cell(PREPARATION, f"{pairs:,}", column, (later["memory"],), "MiB")
        for file in files:
            Path(file).unlink()
