"""Translation speed, ids to ids, with equal weights, sentences, batches and limits for all.

The length penalty alpha is the run's, but its formula differs: we divide a log-probability by
((5 + length) / 6) ** alpha, Hugging Face and CTranslate2 by length ** alpha; and CTranslate2 has
another rule to end a beam. So beam searches may end and rank differently, the more so the worse the
model is; the table of score differences shows by how much. Without a penalty all rank alike and
should find the same translations, as in greedy search. (CTranslate2 then ends a beam when the best
hypothesis has ended, because no other can become better.)
"""

import json
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from benchmarks.report import Cell, ratios
from benchmarks.settings import OURS, Settings
from benchmarks.weights import exports, mean_scores, trained_run
from benchmarks.worker import Answer, Clock, Contestant, Request, interleave
from transformer_mt.config.tasks import DecodingConfig, TranslationConfig

TOKENS = "Translation, output tokens a second ([EOS] included)"
SENTENCES = "Translation, sentences a second"
RATIOS = f"Translation, {OURS} against each peer: sentences a second, times"
SAME = f"Translation, share that is the same as that of {OURS}, %"
SCORES = f"Translation, mean score of our model, difference from {OURS}"
MEMORY = "Translation, peak memory, MiB"

_ROWS = {
    "ours": OURS,
    "transformers": "Hugging Face generate",
    "float32": "CTranslate2 float32",
    "int8": "CTranslate2 int8",
}
_PLAN = (  # column, beam size, sentences of a batch, with length penalty
    ("greedy, batch 64", 1, 64, True),
    ("beam 5, batch 64", 5, 64, True),
    ("greedy, batch 1", 1, 1, True),
    ("beam 5, batch 1", 5, 1, True),
    ("beam 5, batch 64, no length penalty", 5, 64, False),
)

Ids = list[int]
Parts = tuple[
    Callable[[list[Ids]], Any], Callable[[Any, int, int, float], Any], Callable[[Any], Ids]
]
"""Three functions: untimed preparation of a batch; timed search (prepared batch, maximum tokens,
beam size, length penalty); untimed conversion of each result to ids."""


def contestant(spec: Request) -> Contestant:
    """Load a contestant that translates the sentences of a file, in batches."""
    search_of = {"ours": _ours, "transformers": _transformers}.get(spec["name"], _ctranslate2)
    prepare, search, ids_of = search_of(spec)
    work = json.loads(Path(spec["sentences"]).read_text(encoding="utf-8"))

    def go(request: Request) -> Answer:
        found: list[Ids] = []
        seconds = 0.0
        for sources, limit in work[str(request["batch"])]:
            prepared = prepare(sources)
            with Clock(spec["clock"], spec["device"]) as clock:
                results = search(prepared, limit, request["beam"], request["length_penalty"])
            seconds += clock.seconds
            found += [ids_of(result)[:limit] for result in results]
        return {"seconds": seconds, "ids": found}

    return go


def _ours(spec: Request) -> Parts:
    """Return the parts for the engine of `tmt translate`."""
    import transformer_mt
    from transformer_mt.decoding.hypothesis import SearchOptions
    from transformer_mt.text.tokenizer import EOS_ID, PAD_ID, SOS_ID

    translator = transformer_mt.load(spec["model"], device=spec["device"])

    def search(sources: list[Ids], limit: int, beam: int, alpha: float) -> Any:
        options = SearchOptions(
            sos_id=SOS_ID,
            eos_id=EOS_ID,
            forbidden=(PAD_ID, SOS_ID),
            beam_size=beam,
            length_penalty=alpha,
        )
        return translator.engine.search(sources, [limit] * len(sources), options)

    return list, search, lambda hypotheses: list(hypotheses[0].token_ids)


def _transformers(spec: Request) -> Parts:
    """Return the parts for Hugging Face `generate` on the exported model."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    from transformer_mt.interop.quiet import quiet_transformers
    from transformer_mt.text.tokenizer import EOS_ID, PAD_ID

    with quiet_transformers() as transformers:
        model = transformers.AutoModelForSeq2SeqLM.from_pretrained(
            spec["model"], dtype=torch.float32, local_files_only=True
        )
    transformers.utils.logging.set_verbosity_error()
    model.eval().to(spec["device"])

    def search(sources: list[Ids], limit: int, beam: int, alpha: float) -> Any:
        rows = [torch.tensor([*ids, EOS_ID]) for ids in sources]
        src = pad_sequence(rows, batch_first=True, padding_value=PAD_ID).to(spec["device"])
        generated = model.generate(
            input_ids=src,
            attention_mask=(src != PAD_ID).long(),
            num_beams=beam,
            do_sample=False,
            early_stopping=False,
            max_new_tokens=min(limit + 1, model.config.max_position_embeddings),
            **({"length_penalty": alpha} if beam > 1 else {}),
        )
        return generated[:, 1:].tolist()

    return list, search, lambda ids: list(takewhile(lambda token: token != EOS_ID, ids))


def _ctranslate2(spec: Request) -> Parts:
    """Return the parts for CTranslate2, which takes and returns tokens."""
    from transformer_mt.runs.run_dir import RunDir, load_vocabulary
    from transformer_mt.runtime.extras import require
    from transformer_mt.text.tokenizer import Tokenizers

    ctranslate2 = require("ctranslate2")
    tokenizers = load_vocabulary(RunDir(Path(spec["trained"])), Tokenizers)
    names = tokenizers.tgt.tokens(range(tokenizers.tgt.vocab_size))
    ids_of = {token: number for number, token in enumerate(names)}
    translator = ctranslate2.Translator(
        spec["model"], device=spec["device"], intra_threads=spec["threads"], inter_threads=1
    )

    def prepare(sources: list[Ids]) -> list[list[str]]:
        return [tokenizers.src.tokens(ids) for ids in sources]

    def search(sources: list[list[str]], limit: int, beam: int, alpha: float) -> Any:
        return translator.translate_batch(
            sources,
            beam_size=beam,
            length_penalty=alpha,
            max_decoding_length=limit + 1,
            min_decoding_length=0,
            max_input_length=0,
        )

    return prepare, search, lambda result: [ids_of[token] for token in result.hypotheses[0]]


def make_batches(sources: Sequence[Ids], size: int, decoding: DecodingConfig) -> list[list[Any]]:
    """Return batches of sentences, longest first, each with the length limit of its longest."""
    ordered = sorted(sources, key=len, reverse=True)
    groups = [ordered[first : first + size] for first in range(0, len(ordered), size)]
    return [[group, decoding.length_limit(len(group[0]))] for group in groups]


def run(settings: Settings, machine: Sequence[Cell]) -> list[Cell]:  # noqa: ARG001
    """Measure all contestants on the test set of the run."""
    from transformer_mt.corpus.source import load_split
    from transformer_mt.runs.run_dir import RunDir, load_run_config, load_vocabulary
    from transformer_mt.text.tokenizer import Tokenizers

    trained = trained_run(settings)
    run_dir = RunDir(trained)
    config, tokenizers = (
        load_run_config(run_dir, TranslationConfig),
        load_vocabulary(run_dir, Tokenizers),
    )
    lines = [pair.src for pair in load_split(config.data, "test")]
    encoded = [ids[: config.data.max_length] for ids in tokenizers.src.encode_batch(lines)]
    encoded = [ids for ids in encoded if ids]
    count = {64: 64 if settings.quick else 1024, 1: 8 if settings.quick else 128}
    work = {size: make_batches(encoded[: count[size]], size, config.decoding) for size in count}
    sentences = settings.folder / "sentences.json"
    sentences.write_text(json.dumps(work), encoding="utf-8")
    specs = {
        name: settings.spec(
            name=name,
            model=str(folder),
            trained=str(trained),
            sentences=str(sentences),
        )
        for name, folder in {"ours": trained, **exports(settings, trained)}.items()
    }
    kinds = _PLAN[:4] if settings.quick else _PLAN
    plan = [(name, *each) for each in kinds for name in specs]
    alpha = config.decoding.length_penalty
    requests = [
        (name, {"beam": beam, "batch": size, "length_penalty": alpha if penalty else 0.0})
        for name, _, beam, size, penalty in plan
    ]
    answers = interleave("translation", specs, requests, settings.rounds)
    results = {
        (name, column): found
        for (name, column, *_), found in zip(plan, answers, strict=True)
        if found
    }
    sources = {
        column: [ids for group, _ in work[size] for ids in group] for column, _, size, _ in kinds
    }
    return _speeds(results, settings.device) + _agreement(settings, results, sources, trained)


def _speeds(results: dict[tuple[str, str], list[Answer]], device: str) -> list[Cell]:
    tokens, sentences, memory = [], [], []
    for (name, column), found in results.items():
        row = _ROWS[name]
        count, seconds = len(found[0]["ids"]), [answer["seconds"] for answer in found]
        written = sum(len(ids) + 1 for ids in found[0]["ids"])
        tokens.append(Cell(TOKENS, row, column, tuple(written / s for s in seconds), "tok/s"))
        sentences.append(
            Cell(SENTENCES, row, column, tuple(count / s for s in seconds), "sentences/s")
        )
        if device == "cpu" or name in ("ours", "transformers"):  # GPU: only torch's memory is known
            peak = max(answer["memory"] for answer in found)
            memory.append(Cell(MEMORY, row, column, (peak,), "MiB"))
    return [*tokens, *sentences, *ratios(sentences, RATIOS, OURS), *memory]


def _agreement(
    settings: Settings,
    results: dict[tuple[str, str], list[Answer]],
    sources: dict[str, list[Ids]],
    trained: Path,
) -> list[Cell]:
    """Return the fraction of translations equal to ours, and differences of our model's score."""
    found = {key: answers[0]["ids"] for key, answers in results.items()}
    pairs = [(sources[column], ids) for (_, column), ids in found.items()]
    scores = dict(zip(found, mean_scores(settings, trained, pairs), strict=True))
    same, differences = [], []
    for (name, column), theirs in found.items():
        own = found.get(("ours", column))
        if name == "ours" or own is None:
            continue
        share = 100 * sum(a == b for a, b in zip(own, theirs, strict=True)) / len(own)
        same.append(Cell(SAME, _ROWS[name], column, (share,), "%"))
        difference = scores[name, column] - scores["ours", column]
        differences.append(Cell(SCORES, _ROWS[name], column, (difference,), "natural logarithms"))
    return same + differences
