"""The Python API: what `import transformer_mt` offers, against plain torch and the command line."""

import ast
import copy
import inspect
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import perturb, tiny_config
from tiny_runs import (
    logged,
    make_config,
    metrics,
    model_of,
    python,
    reverse_pairs,
    tmt,
    write_config,
    write_lines,
)

import transformer_mt
from transformer_mt.config.load import load_config
from transformer_mt.errors import ConfigError, DataError, TmtError
from transformer_mt.inference.evaluation import Evaluation
from transformer_mt.inference.results import Candidate, Translation
from transformer_mt.inference.torch_engine import TorchEngine
from transformer_mt.inference.translator import Translator
from transformer_mt.model.embedding import Embedding
from transformer_mt.model.transformer import Transformer
from transformer_mt.runs.train_state import TrainState
from transformer_mt.runtime.rounding import rounded
from transformer_mt.text.tokenizer import (
    EOS_ID,
    PAD_ID,
    SOS_ID,
    UNK_ID,
)

pytestmark = pytest.mark.usefixtures("own_cache")

PAIRS = reverse_pairs(30, seed=41, names=True)
LINES = [pair.src for pair in PAIRS]


# --- the package


IMPORT = """
import sys
before = set(sys.modules)
import transformer_mt
first = set(sys.modules) - before
for name, module in transformer_mt._MODULES.items():
    if module.partition(".")[0] not in ("training", "interop"):
        getattr(transformer_mt, name)
print(*sorted(first), "|", *sys.modules)
"""


def test_import_loads_nothing_and_what_uses_a_model_loads_no_torch() -> None:
    done = subprocess.run(python("-c", IMPORT), capture_output=True, text=True, check=True)
    first, later = (part.split() for part in done.stdout.split("|"))
    ours = [name for name in first if name.startswith("transformer_mt")]
    assert ours == ["transformer_mt", "transformer_mt._version"]
    assert {name.split(".")[0] for name in first} - set(ours) <= set(sys.stdlib_module_names)
    assert "transformer_mt.inference.load" in later
    assert {"torch", "datasets", "sacrebleu", "matplotlib", "ctranslate2"}.isdisjoint(later)


def test_each_public_name_is_documented_where_it_is_defined() -> None:
    names = transformer_mt.__all__
    assert names == sorted(names)
    assert dir(transformer_mt) == sorted([*names, "__version__"])
    for name in names:
        found = getattr(transformer_mt, name)
        assert found.__module__ == f"transformer_mt.{transformer_mt._MODULES[name]}"
        assert found.__doc__
    with pytest.raises(AttributeError, match="'transformer_mt' has no attribute 'trian'"):
        _ = transformer_mt.trian


def test_type_checkers_are_told_of_every_name() -> None:
    imported = {
        alias.name: str(part.module)
        for node in ast.walk(ast.parse(inspect.getsource(transformer_mt)))
        if isinstance(node, ast.If)
        for part in node.body
        if isinstance(part, ast.ImportFrom)
        for alias in part.names
    }
    modules = transformer_mt._MODULES
    assert imported == {name: f"transformer_mt.{module}" for name, module in modules.items()}
    assert (Path(transformer_mt.__file__).parent / "py.typed").is_file()


# --- translate


def test_str_gives_one_translation_and_list_a_list(translator: Translator) -> None:
    assert translator.translate("red Namex blue").text == "blue Namex red"
    for lines in ([], ["red blue"], ["red blue", "", "green pink red"]):
        found = translator.translate(lines)
        assert [t.source for t in found] == lines
        assert [t.text for t in found] == [" ".join(reversed(line.split())) for line in lines]
    alone = translator.translate("red blue")
    assert isinstance(alone, Translation)
    assert alone == translator.translate(["red blue"])[0]


def test_properties_are_those_of_the_best(any_translator: Translator) -> None:
    found = any_translator.translate("red Namex blue", n_best=3, attention=True)
    best = found.candidates[0]
    for name in ("text", "score", "tokens", "token_log_probs", "alignment", "attention"):
        assert getattr(found, name) is getattr(best, name)
        assert getattr(found, name) is not None


def test_search_options_are_heeded(untrained: Translator) -> None:
    run = untrained.decoding
    assert (run.beam_size, run.length_penalty) == (5, 1.0)
    default = untrained.translate(LINES, n_best=5)
    assert untrained.translate(LINES, n_best=5, beam_size=5, length_penalty=1.0) == default
    assert untrained.translate(LINES, n_best=5, beam_size=8) != default
    for translation in untrained.translate(LINES, length_penalty=0.0):
        assert translation.score == translation.candidates[0].log_prob
    greedy = [t.candidates[0].token_ids for t in untrained.translate(LINES, beam_size=1)]
    assert greedy == [greedy_by_hand(untrained, line) for line in LINES]


def greedy_by_hand(translator: Translator, line: str) -> tuple[int, ...]:
    """The most probable token again and again, each from a whole pass of the model."""
    model, src_ids = model_of(translator).eval(), translator.tokenizers.src.encode(line)
    tgt = [SOS_ID]
    while len(tgt) <= translator.decoding.length_limit(len(src_ids)):
        with torch.no_grad():
            logits = model.project(model(torch.tensor([[*src_ids, EOS_ID]]), torch.tensor([tgt])))
        logits = logits[0, -1]
        logits[[PAD_ID, SOS_ID]] = -torch.inf
        if (token := int(logits.argmax())) == EOS_ID:
            break
        tgt.append(token)
    return tuple(tgt[1:])


def test_n_best_widens_the_beam_of_the_run(untrained: Translator) -> None:
    found = untrained.translate(LINES[0], n_best=9)
    assert untrained.decoding.beam_size == 5
    assert len(found.candidates) == 9
    assert found == untrained.translate(LINES[0], n_best=9, beam_size=9)
    with pytest.raises(ValueError, match="'n_best' must be at most beam_size, 2, not 3"):
        untrained.translate("red", n_best=3, beam_size=2)


def log_probs_by_hand(model: Transformer, src: Sequence[int], tgt: Sequence[int]) -> list[float]:
    """Of one pair, without padding."""
    tgt_in, tgt_out = torch.tensor([[SOS_ID, *tgt]]), torch.tensor([*tgt, EOS_ID])
    with torch.no_grad():
        logits = model.eval().project(model(torch.tensor([[*src, EOS_ID]]), tgt_in))[0]
    found: list[float] = logits.log_softmax(dim=1)[range(len(tgt_out)), tgt_out].tolist()
    return found


def test_details_are_those_of_the_model(any_translator: Translator) -> None:
    model = model_of(any_translator)
    for translation in any_translator.translate(LINES, n_best=3):
        for candidate in translation.candidates:
            assert candidate.token_log_probs is not None
            by_hand = log_probs_by_hand(model, translation.src_ids, candidate.token_ids)
            assert candidate.token_log_probs == pytest.approx(by_hand, abs=1e-4)
            assert len(candidate.token_log_probs) == len(candidate.tokens) + 1
            assert sum(candidate.token_log_probs) == pytest.approx(candidate.log_prob, abs=1e-3)
            assert candidate.tokens == tuple(
                any_translator.tokenizers.tgt.tokens(candidate.token_ids)
            )
            assert candidate.alignment is not None
            assert len(candidate.alignment) == len(candidate.tokens)
            assert set(candidate.alignment) <= set(range(len(translation.src_tokens)))


def test_details_change_nothing_else(translator: Translator) -> None:
    full = translator.translate(LINES, n_best=2)
    bare = translator.translate(LINES, n_best=2, details=False)
    assert any(UNK_ID in t.candidates[0].token_ids for t in full)
    assert bare == [
        replace(
            t,
            candidates=tuple(
                replace(c, token_log_probs=None, alignment=None) for c in t.candidates
            ),
        )
        for t in full
    ]
    assert all(t.attention is None for t in full)


def test_alignment_of_a_model_that_reverses(translator: Translator) -> None:
    right = total = 0
    for translation in translator.translate(LINES):
        words = len(translation.src_tokens)
        for place, source in enumerate(translation.alignment or ()):
            right += source == words - 1 - place
            total += 1
    assert right >= 0.9 * total > 50


@pytest.mark.parametrize(("layers", "aligned"), [(1, 0), (2, 0), (3, 1), (6, 4)])
def test_alignment_is_the_attention_of_the_last_layer_but_one(
    untrained: Translator, layers: int, aligned: int
) -> None:
    model = Transformer(tiny_config(num_decoder_layers=layers), 40, 40, PAD_ID)
    perturb(model)
    deep = Translator(TorchEngine(model), untrained.tokenizers, untrained.data, untrained.decoding)
    others = 0
    for found in deep.translate(LINES[:4], n_best=2, attention=True):
        for candidate in found.candidates:
            assert candidate.attention is not None
            cross = candidate.attention.cross[:, :, :-1, :-1].mean(axis=1)  # without [EOS]
            by_layer = [tuple(layer.argmax(axis=1).tolist()) for layer in cross]
            assert candidate.alignment == by_layer[aligned]
            others += sum(each != candidate.alignment for each in by_layer)
    assert others > 0 or layers == 1


def test_empty_and_cut_lines(untrained: Translator) -> None:
    cutting = Translator(
        untrained.engine,
        untrained.tokenizers,
        replace(untrained.data, max_length=3),
        untrained.decoding,
    )
    with logged() as messages:
        empty, cut, whole = cutting.translate(["", "red Namex blue green", "red Namex blue"])
    assert len(messages) == 1
    assert empty == Translation("", (), (), (Candidate("", 0.0, 0.0, (), (), (), ()),))
    assert cut.source == "red Namex blue green"
    assert cut.src_tokens == whole.src_tokens == ("red", "Namex", "blue")
    assert replace(cut, source=whole.source) == whole
    assert cutting.translate(" ").text == ""


# --- score


def test_score_of_any_references(any_translator: Translator) -> None:
    """Unequal lengths, empty sides, a source that is cut, a very long reference."""
    dice = Random(1)
    sources = ["", "red", "", "red blue", " ".join(["red", "blue"] * 200), *LINES]
    references = ["", "", "blue", "blue red", "pink", *(pair.tgt for pair in PAIRS)]
    sources.append("green")
    references.append(" ".join(dice.choices(["red", "Namex", "blue"], k=700)))
    found = any_translator.score(sources, references)
    tokenizers, longest = any_translator.tokenizers, any_translator.data.max_length
    for source, reference, scored in zip(sources, references, found, strict=True):
        src, tgt = tokenizers.src.encode(source)[:longest], tokenizers.tgt.encode(reference)
        by_hand = log_probs_by_hand(model_of(any_translator), src, tgt)
        assert scored.token_log_probs == pytest.approx(by_hand, abs=2e-4)
        assert scored.log_prob == pytest.approx(sum(by_hand), rel=1e-5)
        length = len(tgt) + 1
        assert scored.score == pytest.approx(scored.log_prob / ((5 + length) / 6), rel=1e-6)
        assert scored.token_ids == tuple(tgt)
        assert (scored.text, scored.tokens) == (reference, tuple(tokenizers.tgt.tokens(tgt)))
        assert scored.alignment is None
        assert scored.attention is None
    for batch_tokens in (1, 50):
        again = any_translator.score(sources, references, batch_tokens=batch_tokens)
        for one, other in zip(again, found, strict=True):
            assert one.token_log_probs == pytest.approx(other.token_log_probs, abs=2e-4)


def test_score_of_its_own_translation(translator: Translator) -> None:
    for alpha in (0.0, 1.0):
        other = Translator(
            translator.engine,
            translator.tokenizers,
            translator.data,
            replace(translator.decoding, length_penalty=alpha),
        )
        known = [line for line in LINES if "Name" not in line]  # a replaced [UNK] is another text
        own = [t.candidates[0] for t in other.translate(known)]
        scored = other.score(known, [candidate.text for candidate in own])
        for one, candidate in zip(scored, own, strict=True):
            assert one.token_ids == candidate.token_ids
            assert one.log_prob == pytest.approx(candidate.log_prob, abs=1e-4)
            assert one.score == pytest.approx(candidate.score, abs=1e-4)


def test_score_needs_pairs(translator: Translator) -> None:
    assert translator.score([], []) == []
    with pytest.raises(ValueError, match="2 sources for 1 references"):
        translator.score(["red", "blue"], ["red"])


# --- several threads


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Threads take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("eager_threads")
def test_threads_do_not_disturb_each_other(untrained: Translator) -> None:
    """Also where the table of positions grows while others read it."""
    data = replace(untrained.data, max_length=2000)
    decoding = replace(untrained.decoding, max_length_ratio=0.0, max_length_offset=5, beam_size=2)

    def fresh() -> Translator:
        torch.manual_seed(3)
        model = Transformer(tiny_config(num_encoder_layers=1), 40, 40, PAD_ID)
        return Translator(TorchEngine(model), untrained.tokenizers, data, decoding)

    def tasks(shared: Translator) -> list[Callable[[], object]]:
        long = " ".join(["red", "Namex", "blue"] * 200)
        each: list[Callable[[], object]] = []
        for line in LINES[:6]:
            each += [
                partial(shared.translate, line, n_best=2),
                partial(drawn, shared, line),
                partial(shared.score, [line], [long]),
                partial(shared.translate, f"{long} {line}"),
                partial(shared.score, [f"{long} {long} {line}"], [line]),
            ]
        Random(2).shuffle(each)
        return each

    wanted = [task() for task in tasks(fresh())]
    for _ in range(2):
        shared = fresh()
        with ThreadPoolExecutor(8) as pool:
            found = [future.result() for future in [pool.submit(t) for t in tasks(shared)]]
        assert found == wanted
        assert not any(module._forward_hooks for module in model_of(shared).modules())


def drawn(translator: Translator, line: str) -> list[bytes]:
    """The attention, comparable."""
    maps = translator.translate(line, attention=True).attention
    assert maps is not None
    return [part.tobytes() for part in (maps.encoder, maps.decoder, maps.cross)]


def test_table_of_positions_that_another_thread_replaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a shorter one, just when a longer one was made."""
    embedding = Embedding(tiny_config(), 40, PAD_ID)
    ids = torch.arange(4, 34).repeat(25)[None]
    wanted = copy.deepcopy(embedding)(ids)
    real = Embedding.__setattr__

    def replaced(module: Embedding, name: str, value: Any) -> None:
        real(module, name, value)
        if name == "positions":
            real(module, name, value[:600])

    monkeypatch.setattr(Embedding, "__setattr__", replaced)
    assert torch.equal(embedding(ids), wanted)
    assert len(embedding.positions) == 600


# --- training, evaluation, and the rest, from a program


def test_training_goes_on_whatever_names_the_configuration(tmp_path: Path) -> None:
    path = write_config(tmp_path)
    state = transformer_mt.train(str(path), device="cpu")
    assert isinstance(state, TrainState)
    assert (state.step, state.finished) == (8, "all updates made")
    assert len(metrics(tmp_path / "run", "train")) == 8
    again = transformer_mt.train(path, device="cpu")
    assert (again.step, again.finished) == (8, "all updates made")
    assert len(metrics(tmp_path / "run", "train")) == 8
    longer = replace(load_config(path), training=replace(load_config(path).training, max_steps=10))
    assert transformer_mt.train(longer, device="cpu").step == 10
    assert len(metrics(tmp_path / "run", "train")) == 10
    other = replace(load_config(path), seed=7)
    with pytest.raises(ConfigError, match="was begun with another value of seed"):
        transformer_mt.train(other, device="cpu")
    assert transformer_mt.train(other, device="cpu", overwrite=True).step == 8
    assert len(metrics(tmp_path / "run", "train")) == 8


def test_train_in_another_thread(tmp_path: Path) -> None:
    """Only the main thread may set signal handlers; there they stay as they are."""
    config = make_config(tmp_path)
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    states: list[TrainState] = []
    thread = threading.Thread(
        target=lambda: states.append(transformer_mt.train(config, device="cpu"))
    )
    thread.start()
    thread.join()
    assert [state.step for state in states] == [8]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert transformer_mt.load(tmp_path / "run").translate("red").text is not None


def test_train_refuses(tmp_path: Path) -> None:
    with pytest.raises(TmtError, match=r"no\.yaml"):
        transformer_mt.train(tmp_path / "no.yaml")
    with pytest.raises(ConfigError, match="--device tpu"):
        transformer_mt.train(make_config(tmp_path), device="tpu")
    missing = make_config(tmp_path, "data.train=[no.src,no.tgt]")
    with pytest.raises(DataError, match=r"no\.src"):
        transformer_mt.train(missing)
    assert not (tmp_path / "run").exists()


def figures(*args: object) -> dict[str, Any]:
    result = tmt("evaluate", "--json", "--device", "cpu", *args)
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def as_json(figures: Evaluation) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(figures.to_dict()))
    return found


def test_evaluate_on_a_split(trained_run: Path, translator: Translator) -> None:
    shown = figures("--model", trained_run)
    for model in (trained_run, str(trained_run), translator):
        found = transformer_mt.evaluate(model)
        assert as_json(found) == shown
        assert len(found.translations) == found.sentences == 12
    other = transformer_mt.evaluate(translator, split="validation", beam_size=1, length_penalty=0.0)
    given = ("--split", "validation", "--beam-size", 1, "--length-penalty", 0)
    assert as_json(other) == figures("--model", trained_run, *given) != shown


def test_evaluate_sentences(
    trained_run: Path, untrained: Translator, translator: Translator, tmp_path: Path
) -> None:
    sources, references = LINES, [pair.tgt for pair in PAIRS]
    files = [
        write_lines(tmp_path / name, lines)
        for name, lines in (("src", sources), ("ref", references))
    ]
    found = transformer_mt.evaluate(translator, sources, references)
    given = ("--source", files[0], "--reference", files[1])
    assert as_json(found) == figures("--model", trained_run, *given)
    assert list(found.translations) == [t.text for t in translator.translate(sources)]
    scored = transformer_mt.evaluate_translations(found.translations, references)
    assert (scored.scores, scored.loss) == (found.scores, None)
    assert (transformer_mt.evaluate(untrained, sources, references).loss or 0) > (
        found.loss or 0
    ) + 1


def test_evaluate_refuses(translator: Translator, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="belong together"):
        transformer_mt.evaluate(translator, ["red"])
    with pytest.raises(ValueError, match="belong together"):
        transformer_mt.evaluate(translator, references=["red"])
    with pytest.raises(ValueError, match="2 sources for 1 references"):
        transformer_mt.evaluate(translator, ["red", "blue"], ["red"])
    with pytest.raises(ValueError, match="no sentences"):
        transformer_mt.evaluate(translator, [], [])
    with pytest.raises(ValueError, match="no translations"):
        transformer_mt.evaluate_translations([], [])
    with pytest.raises(ValueError, match="split must be test or validation, not train"):
        transformer_mt.evaluate(translator, split="train")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no such run directory"):
        transformer_mt.evaluate(tmp_path / "none")


@pytest.mark.parametrize("kind", [str, Path])
def test_tokenizers(tmp_path: Path, kind: Callable[[Path], str | Path]) -> None:
    path = write_config(tmp_path)
    tokenizers: Any = transformer_mt.build_tokenizers(kind(path))
    assert tokenizers.src.encode("red Namex") == [tokenizers.src.encode("red")[0], UNK_ID]
    written = {f.name: f.read_bytes() for f in (tmp_path / "run").glob("tokenizer.*")}
    assert written["tokenizer.src.json"].decode() == tokenizers.src.to_json()
    assert written["tokenizer.tgt.json"].decode() == tokenizers.tgt.to_json()
    other = load_config(path, ["tokenizer.vocab_size=6"])
    with pytest.raises(ConfigError, match="--force replaces it"):
        transformer_mt.build_tokenizers(other)
    assert transformer_mt.build_tokenizers(other, force=True).sizes[0] == 6


def test_describe_run(trained_run: Path, tmp_path: Path) -> None:
    shown = json.loads(tmt("info", trained_run, "--json").stdout)
    assert (
        transformer_mt.describe_run(trained_run)
        == transformer_mt.describe_run(str(trained_run))
        == shown
    )
    with pytest.raises(DataError, match="no such run directory"):
        transformer_mt.describe_run(tmp_path / "none")


def test_render(translator: Translator, tmp_path: Path) -> None:
    found = translator.translate("red Namex blue", n_best=2, attention=True)
    maps = [candidate.attention for candidate in found.candidates if candidate.attention]
    transformer_mt.render(maps, tmp_path / "a.json")
    drawn = json.loads((tmp_path / "a.json").read_text("utf-8"))
    text = json.dumps(drawn)
    assert all(candidate.text in text for candidate in found.candidates)
    transformer_mt.render(maps[:1], str(tmp_path / "a.html"))
    assert "Namex" in (tmp_path / "a.html").read_text("utf-8")
    with pytest.raises(ConfigError, match=r"a\.txt"):
        transformer_mt.render(maps, tmp_path / "a.txt")
    with pytest.raises(DataError, match="cannot be written"):
        transformer_mt.render(maps, tmp_path / "a.json" / "a.json")


def test_load_refuses(trained_run: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such run directory"):
        transformer_mt.load(tmp_path / "none")
    with pytest.raises(DataError, match="is not a run directory"):
        transformer_mt.load(tmp_path)
    transformer_mt.build_tokenizers(make_config(tmp_path))
    for engine in ("torch", "ctranslate2"):
        with pytest.raises(DataError, match="no checkpoint 'best' yet; run tmt train first"):
            transformer_mt.load(tmp_path / "run", engine=engine)
    with pytest.raises(ConfigError, match="engine 'onnx': must be torch or ctranslate2"):
        transformer_mt.load(trained_run, engine="onnx")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="quantization int8: only the engine ctranslate2"):
        transformer_mt.load(trained_run, quantization="int8")
    with pytest.raises(ConfigError, match="--device tpu: there is no such device"):
        transformer_mt.load(trained_run, device="tpu")


# --- the command line says the same


def test_command_line_translates_as_the_api(trained_run: Path, translator: Translator) -> None:
    lines = [*LINES[:8], "", "red, blue"]
    given = ("--model", trained_run, "--device", "cpu", "--n-best", 2, "--beam-size", 4)
    stdin = "".join(f"{line}\n" for line in lines)
    shown = tmt("translate", *given, "--format", "jsonl", stdin=stdin).stdout.splitlines()
    found = translator.translate(lines, n_best=2, beam_size=4)
    for number, (record, translation) in enumerate(zip(map(json.loads, shown), found, strict=True)):
        assert record.pop("line") == number + 1
        assert record.pop("source") == lines[number]
        assert record.pop("translation") == translation.text
        assert record.pop("score") == rounded(translation.score)
        assert record.pop("source_tokens") == list(translation.src_tokens)
        candidates = record.pop("candidates")
        assert record == {}
        for told, candidate in zip(candidates, translation.candidates, strict=True):
            norm = ((5 + len(candidate.tokens) + 1) / 6) ** translator.decoding.length_penalty
            assert told.pop("norm") == pytest.approx(norm if candidate.tokens else 1.0, abs=1e-4)
            assert told == rounded(
                {
                    "text": candidate.text,
                    "score": candidate.score,
                    "log_prob": candidate.log_prob,
                    "tokens": candidate.tokens,
                    "token_log_probs": candidate.token_log_probs or (),
                    "alignment": candidate.alignment or (),
                }
            )
    plain = tmt("translate", *given, stdin=stdin).stdout.splitlines()
    assert plain == ["\t".join(c.text for c in t.candidates) for t in found]


def test_command_line_draws_what_the_api_draws(
    trained_run: Path, translator: Translator, tmp_path: Path
) -> None:
    line = "red Namex blue"
    done = tmt("attention", line, "-o", tmp_path / "a.json", "--model", trained_run)
    assert (done.exit_code, done.stdout) == (0, "blue Namex red\n")
    maps = translator.translate(line, attention=True).attention
    assert maps is not None
    transformer_mt.render([maps], tmp_path / "b.json")
    drawn = [json.loads((tmp_path / name).read_text("utf-8")) for name in ("a.json", "b.json")]
    assert drawn[0] == drawn[1]
    assert np.allclose(maps.cross.sum(axis=-1), 1, atol=1e-5)
