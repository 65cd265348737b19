"""Training speed in target tokens per second, with the same batches for all contestants."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.report import Cell, fastest, ratios
from benchmarks.settings import OURS, Settings
from benchmarks.text import write_corpus
from benchmarks.worker import Answer, Clock, Contestant, Request, interleave
from transformer_mt.config.tasks import (
    EncoderDecoderConfig,
    PairsConfig,
    PairTokenizerConfig,
    TranslationConfig,
    TranslationTrainingConfig,
)
from transformer_mt.runs.run_dir import RunDir, load_run_config

if TYPE_CHECKING:
    from transformer_mt.data.batching import PairBatch
    from transformer_mt.training.session import Session

TOKENS = "Training, real target tokens a second"
RATIOS = f"Training, {OURS} against each peer: tokens a second, times"
SHARE = "Training, share of the matrix rate that is reached, %"
MEMORY = "Training, peak memory, MiB (all rounds of a row are one process)"

LEARNING_RATE = 1e-4
VOCABULARY = 10_000
_PAIRS = 12_000
"""Pairs of the corpus: enough for 40 batches of 4,096 positions."""

SHAPES = {
    "tiny": EncoderDecoderConfig(
        d_model=128,
        num_heads=4,
        d_ff=256,
        num_encoder_layers=4,
        num_decoder_layers=4,
        dropout=0.3,
        tied_embeddings="all",
    ),
    "base": EncoderDecoderConfig(tied_embeddings="all"),
    "big": EncoderDecoderConfig(
        d_model=1024, num_heads=16, d_ff=4096, dropout=0.3, tied_embeddings="all"
    ),
}
_ROWS = {  # contestant, attention implementation -> row
    ("ours", ""): OURS,
    ("torch", ""): "torch.nn.Transformer",
    ("transformers", "sdpa"): "MarianMTModel",
    ("transformers", "eager"): "MarianMTModel, eager",
    ("transformers", "dropout"): "MarianMTModel, attention dropout",
}

Update = Callable[[list["PairBatch"], Request], float]
"""Function that makes one update for a request and returns the mean loss of a token."""


def make_config(
    shape: str, files: Sequence[str], folder: str, batch_tokens: int, run: str | None = None
) -> TranslationConfig:
    """Return the configuration of a shape, for generated text or the corpus of a run.

    Args:
        shape: one of SHAPES.
        files: parallel text for train, validation and test.
        folder: the run directory; only a training writes there.
        batch_tokens: positions of a batch.
        run: a run directory, whose corpus is used with one vocabulary for both sides.
    """
    if run is None:
        src, tgt = files
        data = PairsConfig(
            src_lang="src",
            tgt_lang="tgt",
            train=(src, tgt),
            validation=(src, tgt),
            test=(src, tgt),
            max_length=512,
        )
        tokenizer = PairTokenizerConfig(vocab_size=VOCABULARY, min_frequency=1, joint=True)
    else:
        trained = load_run_config(RunDir(Path(run)), TranslationConfig)
        data, tokenizer = trained.data, replace(trained.tokenizer, joint=True)
    return TranslationConfig(
        run_dir=folder,
        data=data,
        tokenizer=tokenizer,
        model=SHAPES[shape],
        training=TranslationTrainingConfig(batch_tokens=batch_tokens, precision="fp32"),
    )


def contestant(spec: Request) -> Contestant:
    """Load a contestant: the data as `tmt train` does, and a model of ours or of a peer."""
    from transformer_mt.text.tokenizer import PAD_ID
    from transformer_mt.training.loop import updates
    from transformer_mt.training.session import load_session

    config = make_config(
        spec["shape"], spec["files"], spec["folder"], spec["batch_tokens"], spec["run"]
    )
    session = load_session(config, spec["device"], anew=True)
    count = spec["updates"]
    coming: list[list[Any]] = list(islice(updates(session), count * spec["rounds"]))
    if spec["name"] != "ours":
        del session.model, session.optimizer  # else a peer's memory would include them
    make = {"ours": _ours, "torch": _torch, "transformers": _transformers}[spec["name"]]
    update = make(session, config)

    def go(request: Request) -> Answer:
        first = request["round"] * count
        chosen = coming[first : first + count]
        with Clock(spec["clock"], session.device.type) as clock:
            losses = [update(batches, request) for batches in chosen]
        flat = [batch for batches in chosen for batch in batches]
        return {
            "seconds": clock.seconds,
            "tokens": sum(batch.num_tokens for batch in flat),
            "src_tokens": sum(int((batch.src != PAD_ID).sum()) for batch in flat),
            "sentences": sum(len(batch.src) for batch in flat),
            "vocabulary": session.vocabulary.sizes[-1],
            "loss": sum(losses) / len(losses),
        }

    return go


def _ours(session: "Session", config: TranslationConfig) -> Update:
    """Return the update step of `tmt train`, in the requested precision."""
    from transformer_mt.runtime.device import keep_freed_memory
    from transformer_mt.training.loop import training_step

    keep_freed_memory()  # as `tmt train` does; the peers use their defaults

    def update(batches: list[Any], request: Request) -> float:
        precision = replace(config.training, precision=request["precision"])
        session.config = replace(config, training=precision)
        return training_step(session, batches, LEARNING_RATE)[0]

    return update


def _torch(session: "Session", config: TranslationConfig) -> Update:
    from benchmarks.peers import TorchTransformer, Trainer

    model = TorchTransformer(config, session.vocabulary.sizes[-1])
    trainer = Trainer(model, config, session.device)
    return lambda batches, request: trainer.update(
        batches, LEARNING_RATE, bf16=request["precision"] == "bf16"
    )


def _transformers(session: "Session", config: TranslationConfig) -> Update:
    from benchmarks.peers import Marian, Trainer

    model = Marian(config, session.vocabulary.sizes[-1])
    trainer = Trainer(model, config, session.device)

    def update(batches: list["PairBatch"], request: Request) -> float:
        model.choose(request["attention"])
        return trainer.update(batches, LEARNING_RATE, bf16=request["precision"] == "bf16")

    return update


def run(settings: Settings, machine: Sequence[Cell]) -> list[Cell]:
    """Measure all shapes, in every precision that is useful on the device."""
    files = write_corpus(settings.folder, "train", _PAIRS)
    cells: list[Cell] = []
    shapes = ("base", "big") if settings.device == "cuda" else ("tiny", "base")
    for shape in shapes:
        cells += _run_shape(settings, shape, files, _best_rates(machine))
    tokens = [cell for cell in cells if cell.table == TOKENS]
    best = [
        cell
        for shape in shapes
        for row in dict.fromkeys(_ROWS.values())
        if (cell := _fastest_of(tokens, shape, row))
    ]
    return [
        *tokens,
        *ratios([*tokens, *best], RATIOS, OURS),
        *(cell for cell in cells if cell.table == SHARE),
        *(cell for cell in cells if cell.table == MEMORY),
    ]


def _run_shape(
    settings: Settings, shape: str, files: Sequence[str], best_rates: dict[str, float]
) -> list[Cell]:
    """Measure tokens per second, fraction of the best matrix rate of the precision, and memory."""
    small = settings.quick and shape != "tiny"
    batch_tokens = 25_000 if settings.device == "cuda" else 1024 if small else 4096
    count = 10 if settings.device == "cuda" else 1 if settings.quick or shape == "base" else 2
    specs = {
        name: settings.spec(
            name=name,
            shape=shape,
            files=files,
            folder=str(settings.folder / "none"),
            batch_tokens=batch_tokens,
            updates=count,
        )
        for name, _ in _ROWS
    }
    precisions = ("bf16",) if settings.device == "cuda" or settings.quick else ("fp32", "bf16")
    if not settings.bf16:
        precisions = ("fp32",)
    plan = [(*who, precision) for precision in precisions for who in _ROWS]
    if settings.quick:  # only the variants that may be fastest
        slow = ["eager", "dropout"] if not settings.bf16 else ["dropout"] if small else []
        plan = [each for each in plan if each[1] not in slow]
    answers = interleave(
        "training",
        specs,
        [(name, {"attention": attention, "precision": p}) for name, attention, p in plan],
        settings.rounds,
    )
    cells = []
    for (name, attention, precision), found in zip(plan, answers, strict=True):
        if not found:
            continue
        row, column = _ROWS[name, attention], f"{shape} {precision}"
        rates = tuple(answer["tokens"] / answer["seconds"] for answer in found)
        cells.append(Cell(TOKENS, row, column, rates, "tok/s"))
        memory = (max(answer["memory"] for answer in found),)
        cells.append(Cell(MEMORY, row, column, memory, "MiB"))
        if precision in best_rates:
            peak = 1e3 * best_rates[precision]  # MFLOP a second
            work = [mflop(SHAPES[shape], answer) for answer in found]
            shares = tuple(100 * r * w / peak for r, w in zip(rates, work, strict=True))
            cells.append(Cell(SHARE, row, column, shares, "%"))
    return cells


def _fastest_of(cells: Sequence[Cell], shape: str, row: str) -> Cell | None:
    """Return the cell of a contestant's fastest precision."""
    own = [c for c in cells if c.row == row and c.column.startswith(f"{shape} ")]
    return fastest(own, f"{shape}, fastest")


def mflop(model: EncoderDecoderConfig, answer: Answer) -> float:
    """Return the million floating point operations of the matrix products per target token.

    A product of (n, k) and (k, m) matrices has 2nkm operations; the backward pass has twice the
    operations of the forward pass.
    """
    d, per_target = model.d_model, answer["src_tokens"] / answer["tokens"]
    src_len = answer["src_tokens"] / answer["sentences"]
    tgt_len = answer["tokens"] / answer["sentences"]
    encoder = 4 * d * d + 2 * d * model.d_ff + 2 * src_len * d
    decoder = 6 * d * d + 2 * d * model.d_ff + 2 * (src_len + tgt_len) * d
    memory = 2 * d * d  # keys and values of the cross-attention
    forward = (
        per_target * (model.num_encoder_layers * encoder + model.num_decoder_layers * memory)
        + model.num_decoder_layers * decoder
        + d * answer["vocabulary"]
    )
    return 3 * 2 * forward / 1e6


def _best_rates(machine: Sequence[Cell]) -> dict[str, float]:
    """Return the largest measured matrix rate of each precision, in GFLOP/s."""
    rates: dict[str, float] = {}
    for cell in machine:
        precision = cell.column.split(",")[0]
        rates[precision] = max(cell.median, rates.get(precision, 0))
    return rates
