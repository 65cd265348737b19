"""The engine CTranslate2 against our own model, and the export that is kept beside a run."""

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import perturb
from tiny_runs import logged, python, refused, reverse_pairs, start_tmt, tmt, write_lines

import transformer_mt
from transformer_mt.config.tasks import (
    DecodingConfig,
    EncoderDecoderConfig,
    PairsConfig,
    PairTokenizerConfig,
    TranslationConfig,
)
from transformer_mt.corpus.source import Corpus, SentencePair
from transformer_mt.data.vocabularies import build_tokenizers
from transformer_mt.decoding.hypothesis import length_normalization
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.inference.ctranslate2 import cache, convert, engine
from transformer_mt.inference.ctranslate2.engine import QUANTIZATIONS, CTranslate2Engine
from transformer_mt.inference.results import Translation
from transformer_mt.inference.translator import Translator
from transformer_mt.runs import checkpoint, run_dir
from transformer_mt.runs.checkpoint import load_run
from transformer_mt.runs.kinds import TRANSLATION
from transformer_mt.runs.run_dir import RunDir
from transformer_mt.runs.train_state import TrainState
from transformer_mt.text.tokenizer import (
    EOS_ID,
    PAD_ID,
    SOS_ID,
    UNK_ID,
    Tokenizers,
)

pytest.importorskip("ctranslate2")
pytestmark = pytest.mark.usefixtures("own_cache")

PAIRS = [
    SentencePair(src, f"{tgt.upper()} !") for src, tgt in reverse_pairs(60, seed=51, names=True)
]
LINES = [pair.src for pair in PAIRS[:24]]
REFERENCES = [pair.tgt for pair in PAIRS[:24]]

VOCABULARIES = {  # joint, tied embeddings
    "separate": (False, "none"),
    "joint": (True, "decoder"),
    "tied": (True, "all"),
}


def make_run(
    path: Path,
    vocabulary: str = "separate",
    kind: str = "word",
    *,
    max_length: int = 60,
    max_length_ratio: float = 1.2,
    **model: Any,
) -> Path:
    """A run with a random model, in which no two parameters are alike: it writes nonsense."""
    joint, tied = VOCABULARIES[vocabulary]
    shape: dict[str, Any] = {"d_model": 16, "num_heads": 4, "d_ff": 24, "num_decoder_layers": 3}
    config = TranslationConfig(
        run_dir=str(path),
        data=PairsConfig(src_lang="en", tgt_lang="fr", train="-", max_length=max_length),
        tokenizer=PairTokenizerConfig(type=kind, joint=joint, vocab_size=70),  # type: ignore[arg-type]
        model=EncoderDecoderConfig(
            **{**shape, "num_encoder_layers": 2, "tied_embeddings": tied, **model}
        ),
        decoding=DecodingConfig(
            beam_size=4, max_length_ratio=max_length_ratio, max_length_offset=3
        ),
    )
    tokenizers = build_tokenizers(config, Corpus(PAIRS, PAIRS, PAIRS))
    made = TRANSLATION.make_model(config, tokenizers)
    perturb(made)
    run_dir.save_config(RunDir(path), config)
    run_dir.save_vocabulary(RunDir(path), tokenizers)
    state = TrainState(step=1, best_step=1, finished="all updates made")
    checkpoint.save_weights(RunDir(path).best, checkpoint.weights_of(made), state)
    return path


def both(path: Path, **decoding: Any) -> tuple[Translator, Translator]:
    """A run in torch and in CTranslate2, searching alike."""
    pair = (
        transformer_mt.load(path, device="cpu"),
        transformer_mt.load(path, device="cpu", engine="ctranslate2"),
    )
    for translator in pair:
        translator.decoding = replace(translator.decoding, **decoding)
    return pair


@pytest.fixture(scope="module")
def nonsense(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(4)
    return make_run(tmp_path_factory.mktemp("nonsense") / "run")


@pytest.fixture(scope="module")
def trained_pair(trained_run: Path) -> tuple[Translator, Translator]:
    return both(trained_run)


@pytest.fixture(params=["trained", "nonsense"])
def any_pair(request: pytest.FixtureRequest, nonsense: Path) -> tuple[Translator, Translator]:
    if request.param == "nonsense":
        return both(nonsense)
    chosen: tuple[Translator, Translator] = request.getfixturevalue("trained_pair")
    return chosen


# --- the same model


def largest_difference(
    first: Sequence[Sequence[float]], second: Sequence[Sequence[float]]
) -> float:
    assert [len(row) for row in first] == [len(row) for row in second]
    return max(
        abs(a - b) for x, y in zip(first, second, strict=True) for a, b in zip(x, y, strict=True)
    )


def compare(ours: Translator, theirs: Translator, tolerance: float = 2e-5) -> None:
    """Scores of references, greedy translations, and what both tell of them."""
    sources, references = [*LINES, "", "red"], [*REFERENCES, "RED !", ""]
    wanted, found = (t.score(sources, references) for t in (ours, theirs))
    assert [c.token_ids for c in found] == [c.token_ids for c in wanted]
    told = [[c.token_log_probs or () for c in each] for each in (wanted, found)]
    assert largest_difference(*told) < tolerance
    src_ids = ours.tokenizers.src.encode_batch(LINES)
    tgt_ids = [[], *ours.tokenizers.tgt.encode_batch(REFERENCES[1:])]
    assert theirs.engine.alignments(src_ids, tgt_ids) == ours.engine.alignments(src_ids, tgt_ids)
    lines = [*LINES, "", "red Жук blue 7"]
    for one, other in zip(*(t.translate(lines, beam_size=1) for t in (ours, theirs)), strict=True):
        assert other.src_tokens == one.src_tokens
        assert other.text == one.text
        assert (other.tokens, other.alignment) == (one.tokens, one.alignment)
        assert other.candidates[0].log_prob == pytest.approx(one.candidates[0].log_prob, abs=1e-4)


RUNS: dict[str, dict[str, Any]] = {
    **{
        f"{norm} {vocabulary}": {"norm": norm, "vocabulary": vocabulary}
        for norm in ("pre", "post")
        for vocabulary in VOCABULARIES
    },
    "separate bpe": {"kind": "bpe"},
    "tied bpe": {"vocabulary": "tied", "kind": "bpe"},
    "character": {"vocabulary": "joint", "kind": "character", "max_length": 100},
    "byte": {"vocabulary": "joint", "kind": "byte", "max_length": 100},
    "gelu": {"activation": "gelu", "output_bias": True},
    "swish": {"activation": "swish", "norm": "post"},
    "one layer": {"num_encoder_layers": 1, "num_decoder_layers": 1},
    "one head": {"num_encoder_layers": 3, "num_decoder_layers": 6, "num_heads": 1},
    "wide": {"attention": "wide"},
    "wide, 3 heads": {"attention": "wide", "num_heads": 3, "norm": "pre"},  # do not divide d_model
}


@pytest.mark.parametrize("run", RUNS)
def test_export_is_the_same_model(tmp_path: Path, run: str) -> None:
    compare(*both(make_run(tmp_path, **RUNS[run])))


def test_trained_model(trained_pair: tuple[Translator, Translator]) -> None:
    """It does write [UNK], which becomes the same source word."""
    ours, theirs = trained_pair
    compare(ours, theirs)
    found = theirs.translate(LINES, details=False)
    assert sum(UNK_ID in t.candidates[0].token_ids for t in found) > 10
    assert [t.text for t in found] == [t.text for t in ours.translate(LINES, details=False)]


def test_long_sentences(tmp_path: Path) -> None:
    """Beyond our table of 512 positions and CTranslate2's own limit of 1024, to the last one."""
    ours, theirs = both(make_run(tmp_path, max_length=1100, max_length_ratio=1.2))
    words = " ".join(LINES * 20).split()
    sources = [" ".join(words[:length]) for length in (700, 1100)]
    found = theirs.translate(sources, beam_size=1)
    for one, other in zip(ours.translate(sources, beam_size=1), found, strict=True):
        assert other.candidates[0].token_ids == one.candidates[0].token_ids
        assert other.alignment == one.alignment
    assert [len(t.src_ids) for t in found] == [700, 1100]
    assert len(found[1].tokens) == int(1100 * 1.2) + 3
    references = [sources[1], REFERENCES[0]]
    wanted = ours.score(sources, references)
    for candidate, known in zip(theirs.score(sources, references), wanted, strict=True):
        assert candidate.token_log_probs == pytest.approx(known.token_log_probs, abs=1e-4)


def test_what_is_too_long_is_an_error(nonsense: Path) -> None:
    _, theirs = both(nonsense)
    assert len(theirs.score(["red"], ["RED " * 1023])[0].token_log_probs or ()) == 1024
    with pytest.raises(DataError, match=r"cannot score these sentences .*1024"):
        theirs.score(["red"], ["RED " * 1024])
    theirs.data = replace(theirs.data, max_length=2000)
    with pytest.raises(DataError, match=r"cannot translate these sentences .*1024"):
        theirs.translate("red " * 1500)


@pytest.mark.parametrize("quantization", ["float32", "int8"])
def test_the_model_that_is_exported_stays_as_it_is(
    nonsense: Path, tmp_path: Path, quantization: str
) -> None:
    loaded = load_run(nonsense, torch.device("cpu"), TRANSLATION)
    before = {name: p.clone() for name, p in loaded.model.named_parameters()}
    convert.write_ctranslate2(loaded, tmp_path, quantization)
    after = dict(loaded.model.named_parameters())
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert (tmp_path / "model.bin").is_file()


# --- search


def log_probs(translation: Translation) -> list[float]:
    return [candidate.log_prob for candidate in translation.candidates]


@pytest.mark.parametrize("unknown_words", ["replace", "forbid"])
@pytest.mark.parametrize("alpha", [0.0, 1.0, 1.5])
def test_candidates_have_the_log_probabilities_of_our_model(
    any_pair: tuple[Translator, Translator], unknown_words: str, alpha: float
) -> None:
    ours, _ = any_pair
    searched = [
        Translator(
            t.engine,
            t.tokenizers,
            t.data,
            replace(t.decoding, length_penalty=alpha, unknown_words=unknown_words),  # type: ignore[arg-type]
        )
        for t in any_pair
    ]
    wanted, found = (t.translate(LINES, n_best=4) for t in searched)
    for one, other in zip(wanted, found, strict=True):
        candidates = other.candidates
        assert 1 <= len(candidates) <= 4
        assert len({c.token_ids for c in candidates}) == len(candidates)
        assert [c.score for c in candidates] == sorted((c.score for c in candidates), reverse=True)
        ids = [c.token_ids for c in candidates]
        rescored = ours.engine.token_log_probs([other.src_ids] * len(ids), ids)
        for candidate, known in zip(candidates, rescored, strict=True):
            assert candidate.log_prob == pytest.approx(sum(known), abs=1e-4)
            assert candidate.token_log_probs == pytest.approx(known, abs=1e-4)
            norm = length_normalization(len(known), alpha)
            assert candidate.score == pytest.approx(candidate.log_prob / norm)
            forbidden = {PAD_ID, SOS_ID, EOS_ID} | (
                {UNK_ID} if unknown_words == "forbid" else set()
            )
            assert forbidden.isdisjoint(candidate.token_ids)
            assert "[UNK]" not in candidate.text
        if unknown_words == "replace":  # else see below
            assert max(log_probs(other)) > min(log_probs(one)) - 1.0
    same = sum(one.text == other.text for one, other in zip(wanted, found, strict=True))
    # Told to forbid a likely token, CTranslate2 searches in other probabilities than we do; and of
    # a model that runs away, hypotheses become equal where they are cut off.
    assert same >= (0.7 if unknown_words == "forbid" else 0.9) * len(LINES)
    assert sum(len(t.candidates) for t in found) >= 0.75 * 4 * len(LINES)


def test_greedy_search_where_tokens_are_forbidden(tmp_path: Path) -> None:
    """Of a model that would most like to write [PAD], [SOS] and [UNK]."""
    run = RunDir(make_run(tmp_path, output_bias=True))
    loaded = load_run(run.path, torch.device("cpu"), TRANSLATION)
    with torch.no_grad():
        loaded.model.output.bias[[PAD_ID, SOS_ID, UNK_ID]] += 2.0
        loaded.model.output.bias[EOS_ID] += 1.0
    checkpoint.save_weights(run.best, checkpoint.weights_of(loaded.model), loaded.state)
    for unknown_words in ("replace", "forbid"):
        ours, theirs = both(run.path, unknown_words=unknown_words)
        compare(ours, theirs)
        greedy = theirs.translate(LINES, beam_size=1)
        assert any(UNK_ID in t.candidates[0].token_ids for t in greedy) == (
            unknown_words == "replace"
        )
        limits = [theirs.decoding.length_limit(len(t.src_ids)) for t in greedy]
        lengths = [len(t.tokens) for t in greedy]
        assert any(n < limit for n, limit in zip(lengths, limits, strict=True))


@pytest.mark.parametrize(("ratio", "offset"), [(0.0, 1), (0.5, 2), (3.0, 4)])
def test_length_limits_of_a_model_that_runs_away(nonsense: Path, ratio: float, offset: int) -> None:
    ours, theirs = both(nonsense, max_length_ratio=ratio, max_length_offset=offset)
    found = theirs.translate(LINES, n_best=3)
    limits = [int(ratio * len(t.src_ids)) + offset for t in found]
    lengths = [max(len(c.token_ids) for c in t.candidates) for t in found]
    assert all(length <= limit for length, limit in zip(lengths, limits, strict=True))
    assert any(length == limit for length, limit in zip(lengths, limits, strict=True))
    for translation in found:
        for candidate in translation.candidates:
            assert candidate.token_log_probs is not None
            assert sum(candidate.token_log_probs) == pytest.approx(candidate.log_prob, abs=1e-4)
    greedy = [[t.tokens for t in each.translate(LINES, beam_size=1)] for each in (ours, theirs)]
    assert greedy[0] == greedy[1]


@pytest.mark.parametrize("beam_size", [1, 4])
def test_line_is_translated_on_its_own(
    any_pair: tuple[Translator, Translator], beam_size: int
) -> None:
    """Neither the batch size, nor the company, nor the order has a say."""
    _, theirs = any_pair
    lines = [*LINES[:12], "", "red"]
    alone = [theirs.translate(line, beam_size=beam_size, n_best=beam_size) for line in lines]
    for batch_tokens in (1, 20, 100_000):
        for way in (slice(None), slice(None, None, -1)):
            found = theirs.translate(
                lines[way], beam_size=beam_size, n_best=beam_size, batch_tokens=batch_tokens
            )
            for one, other in zip(alone[way], found, strict=True):
                assert other.source == one.source
                assert [c.text for c in other.candidates] == [c.text for c in one.candidates]
                assert log_probs(other) == pytest.approx(log_probs(one), abs=1e-4)


def test_empty_lines(trained_pair: tuple[Translator, Translator]) -> None:
    ours, theirs = trained_pair
    lines = ["", "red blue", " ", "\t"]
    assert [t.text for t in theirs.translate(lines, n_best=2)] == ["", "blue red", "", ""]
    assert theirs.translate("") == ours.translate("")
    assert theirs.translate([]) == []


def test_beam_wider_than_the_vocabulary(trained_pair: tuple[Translator, Translator]) -> None:
    ours, theirs = trained_pair
    size = 2 * theirs.tokenizers.tgt.vocab_size
    one, other = (t.translate("red Namex", n_best=size, beam_size=size) for t in (ours, theirs))
    assert other.text == one.text
    assert len(other.candidates) >= size // 2


def test_int8_is_close(trained_run: Path, trained_pair: tuple[Translator, Translator]) -> None:
    ours, theirs = trained_pair
    small = transformer_mt.load(
        trained_run, engine="ctranslate2", quantization="int8", device="cpu"
    )
    references = [t.text for t in ours.translate(LINES)]
    wanted, found = ([c.log_prob for c in t.score(LINES, references)] for t in (theirs, small))
    assert found == pytest.approx(wanted, abs=0.2)
    assert found != pytest.approx(wanted, abs=1e-5)  # it is another one
    texts = [t.text for t in small.translate(LINES, beam_size=1)]
    assert sum(a == b for a, b in zip(texts, references, strict=True)) >= 0.9 * len(LINES)
    alone = [small.translate(line, beam_size=1).text for line in LINES]
    assert alone == texts
    sizes = []
    for name in ("float32", "int8"):
        transformer_mt.load(trained_run, engine="ctranslate2", quantization=name, device="cpu")
        sizes.append((export_of(RunDir(trained_run), name) / "model.bin").stat().st_size)
    assert sizes[1] < 0.8 * sizes[0]  # the positions, here many, stay


def test_threads_do_not_disturb_each_other(nonsense: Path) -> None:
    _, theirs = both(nonsense)
    tasks: list[Callable[[], object]] = []
    for line, reference in zip(LINES, REFERENCES, strict=True):
        tasks += [
            partial(theirs.translate, line, n_best=2),
            partial(theirs.translate, [line, "red"], beam_size=1),
            partial(theirs.score, [line], [reference]),
        ]
    wanted = [task() for task in tasks]
    with ThreadPoolExecutor(8) as pool:
        found = [future.result() for future in [pool.submit(task) for task in tasks]]
    assert found == wanted


# --- the export among the user's caches


@pytest.fixture
def run(nonsense: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDir:
    """A run without an export."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(nonsense, tmp_path / "run")
    return RunDir(tmp_path / "run")


@pytest.fixture
def exports(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Grows by the place of every export that is written."""
    real, places = convert.write_ctranslate2, list[Path]()

    def write(loaded: checkpoint.TranslatorRun, folder: Path, quantization: str) -> None:
        places.append(folder)
        real(loaded, folder, quantization)

    monkeypatch.setattr(convert, "write_ctranslate2", write)
    return places


def translate(run: RunDir, **options: Any) -> list[str]:
    translator = transformer_mt.load(run.path, engine="ctranslate2", device="cpu", **options)
    return [t.text for t in translator.translate(LINES[:6], beam_size=1, details=False)]


def export_of(run: RunDir, quantization: str = "float32") -> Path:
    return cache.export_place(run, run_dir.load_run_config(run, TranslationConfig), quantization)


def all_exports() -> list[str]:
    """Their names; nothing half-made stands beside them."""
    place = Path(os.environ["XDG_CACHE_HOME"]) / "transformer_mt"
    return [path.name for path in place.iterdir()] if place.exists() else []


def change_weights(run: RunDir) -> None:
    """To others, in a file of the same size."""
    loaded = load_run(run.path, torch.device("cpu"), TRANSLATION)
    perturb(loaded.model)
    checkpoint.save_weights(run.best, checkpoint.weights_of(loaded.model), loaded.state)


def in_torch(run: RunDir) -> list[str]:
    translator = transformer_mt.load(run.path, device="cpu")
    return [t.text for t in translator.translate(LINES[:6], beam_size=1, details=False)]


def test_run_is_exported_once(run: RunDir, exports: list[Path]) -> None:
    wanted = in_torch(run)
    with logged() as messages:
        assert translate(run) == translate(run) == wanted
    assert len(exports) == 1
    assert [m for m in messages if "exporting" in m] == [
        f"exporting the model to {export_of(run)}, once"
    ]
    assert all_exports() == [export_of(run).name]
    translate(run, quantization="int8")
    assert len(exports) == 2
    translate(run, quantization="int8")
    translate(run, quantization="float32")
    assert len(exports) == 2
    assert len(all_exports()) == 2


def test_other_weights_are_exported(run: RunDir, exports: list[Path]) -> None:
    before = translate(run)
    size = run.weights.stat().st_size
    change_weights(run)
    assert run.weights.stat().st_size == size
    assert translate(run) == in_torch(run) != before
    assert len(exports) == 2


def test_same_weights_are_known_by_their_contents(
    run: RunDir, exports: list[Path], tmp_path: Path
) -> None:
    wanted = translate(run)
    os.utime(run.weights, (1, 1))
    assert translate(run) == wanted
    copied = RunDir(tmp_path / "copied")
    shutil.copytree(run.path, copied.path, copy_function=shutil.copyfile)
    assert translate(copied) == wanted
    assert len(exports) == 1


def test_what_was_not_used_for_long_leaves_the_cache(run: RunDir) -> None:
    translate(run)
    translate(run, quantization="int8")
    used, unused = export_of(run), export_of(run, "int8")
    for folder in (used, unused):
        os.utime(folder, (0, 0))
    translate(run)  # which uses it again
    change_weights(run)
    translate(run)
    assert sorted(all_exports()) == sorted([used.name, export_of(run).name])
    assert not unused.exists()


def delete(name: str, folder: Path) -> None:
    (folder / name).unlink()


def truncate(name: str, folder: Path) -> None:
    os.truncate(folder / name, (folder / name).stat().st_size // 2)


def spoil_stamp(text: str, folder: Path) -> None:
    (folder / "SHA256SUMS").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "damage",
    [
        *(
            partial(act, name)
            for act in (delete, truncate)
            for name in ("model.bin", "config.json")
        ),
        partial(delete, "target_vocabulary.json"),
        partial(delete, "SHA256SUMS"),
        *(partial(spoil_stamp, text) for text in ("", "{", '{"model.bin": 1}')),
        shutil.rmtree,
        lambda folder: flip(folder),
    ],
    ids=[f"damage{number}" for number in range(11)],
)
def test_damaged_export_is_made_again(
    run: RunDir, exports: list[Path], damage: Callable[[Path], None]
) -> None:
    wanted = translate(run)
    damage(export_of(run))
    assert translate(run) == wanted
    assert len(exports) == 2
    assert translate(run) == wanted
    assert len(exports) == 2


def test_export_of_another_version_is_made_again(
    run: RunDir, exports: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    translate(run)
    monkeypatch.setattr(cache, "__version__", "99.0")
    translate(run)
    assert len(exports) == 2


def test_longer_sentences_need_another_export(run: RunDir, exports: list[Path]) -> None:
    translate(run)
    config = run_dir.load_run_config(run, TranslationConfig)
    run_dir.save_config(run, replace(config, data=replace(config.data, max_length=1500)))
    long = transformer_mt.load(run.path, engine="ctranslate2", device="cpu")
    assert len(long.translate("red " * 1400, beam_size=1, details=False).src_ids) == 1400
    assert len(exports) == 2


def test_training_that_goes_on_meanwhile(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that are replaced between being read and being written are exported again."""
    real = checkpoint.load_run

    def load(*args: Any) -> checkpoint.TranslatorRun:
        monkeypatch.setattr(checkpoint, "load_run", real)
        loaded = real(*args)
        change_weights(run)
        return loaded

    before = in_torch(run)
    monkeypatch.setattr(checkpoint, "load_run", load)
    assert translate(run) == in_torch(run) != before
    assert all_exports() == [export_of(run).name]


def test_another_process_is_quicker(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    """Just before the finished folder is moved to its place, there is one."""
    real = Path.rename

    def rename(path: Path, target: Path) -> Path:
        if target == export_of(run):
            monkeypatch.setattr(Path, "rename", real)
            translate(run)
        return real(path, target)

    wanted = in_torch(run)
    monkeypatch.setattr(Path, "rename", rename)
    assert translate(run) == wanted
    assert all_exports() == [export_of(run).name]


def test_no_place_that_can_be_written(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "TemporaryDirectory", refuse)
        with pytest.raises(DataError) as caught:
            translate(run)
        assert str(caught.value) == "a temporary folder: cannot be written (Permission denied)"
    wanted = translate(run)
    monkeypatch.setattr(tempfile, "TemporaryDirectory", refuse)
    assert translate(run) == wanted  # nothing is to be written


@pytest.mark.parametrize("why", ["a file", "read-only", "full", "closed"])
def test_a_cache_that_cannot_be_written_is_done_without(
    run: RunDir,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    why: str,
) -> None:
    wanted, cache_home = translate(run), tmp_path / "home"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache_home))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    if why == "a file":
        cache_home.write_text("")
    else:
        numbers = {"read-only": errno.EROFS, "full": errno.ENOSPC, "closed": errno.EACCES}
        hinder(monkeypatch, cache_home, numbers[why])
    assert translate(run) == wanted
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert str(cache_home) in warning
    assert warning.endswith("the model is exported to a temporary folder, for this time alone")
    assert list(temporary.iterdir()) == []
    if why != "closed":
        assert not cache_home.is_dir() or list(cache_home.iterdir()) == []


def hinder(monkeypatch: pytest.MonkeyPatch, folder: Path, number: int) -> None:
    """Refuse to make anything in a folder; without the right to look into it, that too."""

    def refused(name: str) -> None:
        real = getattr(Path, name)

        def method(path: Path, *args: Any, **kwargs: Any) -> Any:
            if path.is_relative_to(folder) and path != folder:
                raise OSError(number, os.strerror(number), str(path))
            return real(path, *args, **kwargs)

        monkeypatch.setattr(Path, name, method)

    refused("mkdir")
    if number == errno.EACCES:
        refused("stat")


def flip(folder: Path) -> None:
    """Another number in the middle of the weights; the size and the time stay."""
    file = folder / "model.bin"
    raw, status = bytearray(file.read_bytes()), file.stat()
    raw[len(raw) // 2] ^= 64
    file.write_bytes(raw)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_nothing_that_comes_with_a_run_is_taken_for_an_export(
    run: RunDir, exports: list[Path]
) -> None:
    wanted = translate(run)
    for place in (run.path / "engines" / "ctranslate2-float32", run.path / export_of(run).name):
        shutil.copytree(export_of(run), place)
        flip(place)
    shutil.rmtree(export_of(run))
    assert translate(run) == wanted
    assert len(exports) == 2


def test_run_without_weights(run: RunDir) -> None:
    translate(run)
    shutil.rmtree(run.best)
    with pytest.raises(DataError, match="no checkpoint 'best' yet; run tmt train first"):
        translate(run)


# --- processes and the command line

PROGRAM = """
import sys
from transformer_mt.cli import main
try:
    main()
except SystemExit as exit:
    assert not exit.code, exit.code
print("LOADED", *sys.modules)
"""


def test_exported_run_translates_without_torch(run: RunDir, tmp_path: Path) -> None:
    wanted = tmt("translate", "--model", run.path, "--engine", "ctranslate2", LINES[0]).stdout
    (tmp_path / "runs").mkdir()
    shutil.move(run.path, tmp_path / "runs" / "moved")
    for named in ((), ("--model", "runs/moved")):
        done = subprocess.run(
            python("-c", PROGRAM, "translate", "--engine", "ctranslate2", *named, LINES[0]),
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
        )
        shown, _, loaded = done.stdout.rpartition("LOADED ")
        assert shown == wanted
        assert "exporting" not in done.stderr
        assert "ctranslate2" in loaded.split()
        heavy = {"torch", "transformers", "datasets", "numpy", "pyarrow"}
        assert heavy.isdisjoint(loaded.split())


def test_two_processes_at_once(run: RunDir) -> None:
    wanted = in_torch(run)[0]
    options = ("--engine", "ctranslate2", "--greedy", "--device", "cpu")
    programs = [start_tmt("translate", "--model", run.path, *options, LINES[0]) for _ in range(2)]
    for program in programs:
        shown, errors = program.communicate(timeout=120)
        assert (program.returncode, shown) == (0, f"{wanted}\n"), errors
    assert all_exports() == [export_of(run).name]


def test_command_line_is_the_same_with_either_engine(trained_run: Path, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "src", [*LINES, ""])
    shown = [
        tmt(
            "translate", "--model", trained_run, "-i", source, "--engine", engine, "--device", "cpu"
        )
        for engine in ("torch", "ctranslate2")
    ]
    assert shown[0].exit_code == shown[1].exit_code == 0
    assert shown[0].stdout == shown[1].stdout
    assert len(shown[0].stdout.splitlines()) == len(LINES) + 1
    record = tmt(
        "translate",
        *("--model", trained_run, "--engine", "ctranslate2", "--format", "jsonl", "red Namex"),
    )
    told = json.loads(record.stdout)["candidates"][0]
    assert (told["text"], told["tokens"]) == ("Namex red", ["[UNK]", "red"])
    assert told["alignment"] == [1, 0]
    assert sum(told["token_log_probs"]) == pytest.approx(told["log_prob"], abs=1e-4)


def test_evaluation_is_the_same_with_either_engine(trained_run: Path) -> None:
    ours, theirs = (
        json.loads(tmt("evaluate", "--json", "--model", trained_run, "--engine", engine).stdout)
        for engine in ("torch", "ctranslate2")
    )
    for name in ("loss", "perplexity"):
        assert theirs.pop(name) == pytest.approx(ours.pop(name), abs=1e-5)
    assert theirs == ours


def test_wrong_engines_quantizations_and_devices_are_one_sentence(run: RunDir) -> None:
    given = ("translate", "--model", run.path, "red")
    assert refused(tmt(*given, "--engine", "onnx")) == (
        "--engine onnx: must be torch or ctranslate2"
    )
    assert "--quantization is for --engine ctranslate2" in refused(
        tmt(*given, "--quantization", "int8")
    )
    engine = (*given, "--engine", "ctranslate2")
    error = refused(tmt(*engine, "--quantization", "int4"))
    assert error.startswith("--quantization int4: must be one of float32, ")
    assert all(name in error for name in QUANTIZATIONS)
    assert not all_exports()
    for device in ("mps", "tpu", "cuda:x", ""):
        error = refused(tmt(*engine, "--device", device))
        assert error == f"--device {device}: CTranslate2 knows auto, cpu and cuda"
    for device in ("cpu:1", "cuda:99"):
        error = refused(tmt(*engine, "--device", device))
        assert error == f"--device {device}: there is no such device here; use auto or cpu"


def test_package_that_is_not_installed(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ("translate", "--model", run.path, "--engine", "ctranslate2", "red")
    for exported in (False, True):
        if exported:
            translate(run)
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "ctranslate2", None)
            error = refused(tmt(*command))
        assert error.startswith("ctranslate2 cannot be imported (")
        assert error.endswith('): pip install "transformer_mt[ctranslate2]"')
        assert len(all_exports()) == exported


def test_attention_is_refused(trained_pair: tuple[Translator, Translator]) -> None:
    with pytest.raises(ConfigError, match="attention of all layers: use engine torch"):
        trained_pair[1].translate("red", attention=True)


# --- the engine's own corners


def test_folder_that_cannot_be_loaded(run: RunDir, tmp_path: Path) -> None:
    tokenizers = run_dir.load_vocabulary(run, Tokenizers)
    with pytest.raises(DataError, match=f"{tmp_path}: CTranslate2 cannot load it on cpu"):
        CTranslate2Engine(tmp_path, tokenizers, "cpu")


def test_alignment_of_no_token(trained_pair: tuple[Translator, Translator]) -> None:
    for translator in trained_pair:
        assert translator.engine.alignments([[5]], [[]]) == [()]


@pytest.mark.parametrize(("setting", "threads"), [(None, 7), ("2", 0), ("", 7)])
def test_number_of_threads(
    monkeypatch: pytest.MonkeyPatch, setting: str | None, threads: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(7)), raising=False)
    if setting is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", setting)
    assert engine._num_threads() == threads
