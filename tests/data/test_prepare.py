"""From a corpus to encoded data, and the cache of it."""

import gzip
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_runs import PAIRS, python, tsv, write

from transformer_mt import phrasebook
from transformer_mt.config.tasks import PairsConfig, PairTokenizerConfig, TranslationConfig
from transformer_mt.corpus.source import (
    Corpus,
    SentencePair,
    Source,
    load_corpus,
)
from transformer_mt.data import encoding, translation
from transformer_mt.data.batching import BilingualDataset
from transformer_mt.data.cache import (
    Kinds,
    PreparedData,
    load_cached,
    save_cached,
)
from transformer_mt.data.encoding import encode_texts
from transformer_mt.data.reports import DataReport
from transformer_mt.data.sequences import Sequences, SequenceStore
from transformer_mt.data.translation import prepare_pairs
from transformer_mt.data.vocabularies import build_tokenizers
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.text.tokenizer import Tokenizers
from transformer_mt.training.tasks.registry import prepare

pytestmark = pytest.mark.usefixtures("own_caches")


def config(**data: Any) -> TranslationConfig:
    return TranslationConfig(
        run_dir="r",
        data=PairsConfig(**{"src_lang": "en", "tgt_lang": "fr", "train": "-", **data}),
        tokenizer=PairTokenizerConfig(min_frequency=1),
    )


def tokenizers_of(corpus: Corpus[SentencePair]) -> Tokenizers:
    return build_tokenizers(config(), corpus)


PreparedPairs = PreparedData[BilingualDataset, SentencePair, DataReport]
KINDS = Kinds(BilingualDataset, SentencePair, DataReport)
TOKENIZERS = tokenizers_of(Corpus(PAIRS, [], []))


# what is kept, and how it is told


def test_what_is_dropped_is_counted_by_reason() -> None:
    good = [SentencePair(f"a{i} b", f"c d{i}") for i in range(10)]
    train = [
        *good,
        good[0],
        good[0],
        SentencePair("", "x"),
        SentencePair("x", " \t "),
        SentencePair("", ""),
        SentencePair("long " * 9, "long " * 8),
        SentencePair("fits " * 8, "fits " * 8),
        SentencePair("odd " * 7, "odd odd"),
        SentencePair("even " * 6, "even even"),
    ]
    validation = [good[1], SentencePair(good[2].src, "new"), SentencePair("long " * 30, "l")]
    test = [good[3], good[4], SentencePair("a", "b")]
    corpus = Corpus(train, validation, test, ["a note"])
    data = prepare_pairs(config(max_length=8, max_length_ratio=3), corpus, tokenizers_of(corpus))
    report = data.report
    assert (report.read, report.kept) == (19, 14)
    assert (report.empty, report.too_long, report.ratio) == (3, 1, 1)
    assert report.duplicates == 2
    assert (report.validation, report.validation_overlap) == (3, 2)  # one by its source alone
    assert (report.test, report.test_overlap) == (3, 2)
    assert len(data.train) == 14
    assert len(data.validation) == len(data.validation_rows) == 3  # all are scored
    text = "\n".join(report.lines())
    assert text.startswith("a note\ntrain: 19 pairs read, 14 kept; dropped 3 empty, 1 too long")
    assert "2 duplicates" in text
    assert "validation: 3 pairs, 2 with a sentence of train; test: 3 pairs, 2 with one" in text


def test_encoded_data_is_the_text_in_order() -> None:
    corpus = Corpus([SentencePair("", "x"), *PAIRS], PAIRS[:3], PAIRS[3:4])
    tokenizers = tokenizers_of(corpus)
    data = prepare_pairs(config(), corpus, tokenizers)
    for index, pair in enumerate(PAIRS):
        assert tokenizers.src.decode(data.train[index].src_ids.tolist()) == pair.src
        assert tokenizers.tgt.decode(data.train[index].tgt_ids.tolist()) == pair.tgt


def test_nothing_usable_says_why() -> None:
    corpus = Corpus([SentencePair("", "x"), SentencePair("a a a", "b")], PAIRS, PAIRS)
    with pytest.raises(DataError, match=r"none of the 2 training pairs .* 1 are empty, 1 longer"):
        prepare_pairs(config(max_length=2), corpus, tokenizers_of(corpus))


def test_text_is_encoded_alike_in_pieces_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [pair.src for pair in PAIRS] + [""]
    expected = [TOKENIZERS.src.encode(text) for text in texts]
    for chunk in (1, 3, len(texts), 1000):
        monkeypatch.setattr(encoding, "_PIECE", chunk)
        encoded = encode_texts(TOKENIZERS.src, texts)
        assert [encoded[index].tolist() for index in range(len(texts))] == expected
    assert len(encode_texts(TOKENIZERS.src, []).lengths) == 0


words = st.sampled_from(["a", "b", "c", ""])
some_pairs = st.lists(st.builds(SentencePair, words, words), max_size=12)


@given(some_pairs, some_pairs, some_pairs)
def test_overlap_and_duplicates_are_those_found_one_by_one(
    train: list[SentencePair], validation: list[SentencePair], test: list[SentencePair]
) -> None:
    kept = [pair for pair in train if pair.src and pair.tgt]
    if not kept:
        return
    corpus = Corpus(train, validation, test)
    report = prepare_pairs(config(), corpus, TOKENIZERS).report
    for others, count in ((validation, report.validation_overlap), (test, report.test_overlap)):
        assert count == sum(any(o.src == t.src or o.tgt == t.tgt for t in kept) for o in others)
    assert report.duplicates == sum(pair in kept[:index] for index, pair in enumerate(kept))


# the cache


def whole(side: SequenceStore) -> Sequences:
    """All in memory."""
    return side.take(range(len(side)))


def assert_same(first: PreparedPairs, second: PreparedPairs) -> None:
    for split in ("train", "validation"):
        for side in ("src", "tgt"):
            old, new = (whole(getattr(getattr(d, split), side)) for d in (first, second))
            assert np.array_equal(old.ids, new.ids)
            assert np.array_equal(old.offsets, new.offsets)
        assert getattr(first, split).fingerprint == getattr(second, split).fingerprint
    assert first.validation_rows == second.validation_rows
    assert all(isinstance(pair, SentencePair) for pair in second.validation_rows)
    assert first.report == second.report


def cache_files(tmp_path: Path) -> list[Path]:
    """Everything in the cache, half-written files too."""
    return [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def parallel(folder: Path) -> dict[str, Any]:
    src = write(folder / "x.en", "".join(f"{p.src}\n" for p in CORPUS))
    tgt = write(folder / "x.fr", "".join(f"{p.tgt}\n" for p in CORPUS))
    return {"train": (str(src), str(tgt))}


def packed(folder: Path) -> dict[str, Any]:
    plain = [Path(path) for path in parallel(folder)["train"]]
    sides = [write(Path(f"{path}.gz"), gzip.compress(path.read_bytes())) for path in plain]
    return {"train": tuple(map(str, sides))}


def table(folder: Path) -> dict[str, Any]:
    return {
        name: str(write(folder / f"{name}.tsv", tsv(pairs)))
        for name, pairs in (
            ("train", CORPUS[9:] * 3), ("validation", CORPUS[5:9]), ("test", CORPUS[:5])
        )
    }  # fmt: skip


def saved_set(folder: Path) -> dict[str, Any]:
    rows = [{"en": pair.src, "fr": pair.tgt} for pair in CORPUS]
    datasets.Dataset.from_list(rows).save_to_disk(str(folder / "set"))
    return {"train": None, "dataset": str(folder / "set")}


def book(_: Path) -> dict[str, Any]:
    return {"train": None, "dataset": "phrasebook"}


CORPUS = [*PAIRS, *PAIRS[:3], SentencePair("", "x"), SentencePair("« \u2028 » é", "long " * 30)]
ORIGINS = [parallel, packed, table, saved_set, book]


@pytest.fixture
def _small_phrasebook(monkeypatch: pytest.MonkeyPatch) -> None:
    splits = {"train": CORPUS, "validation": PAIRS[2:6], "test": PAIRS[:1]}
    monkeypatch.setattr(phrasebook, "phrasebook_splits", lambda: splits)


@pytest.mark.usefixtures("_small_phrasebook")
@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("limits", [{}, {"max_length": 20, "heldout_size": 3}])
def test_what_comes_from_the_cache_is_what_was_prepared(
    origin: Callable[[Path], dict[str, Any]],
    limits: dict[str, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = config(**origin(tmp_path), **limits)
    plain = prepare_pairs(settings, load_corpus(settings.data), TOKENIZERS)
    first = prepare(settings, Source(settings.data), TOKENIZERS)
    (cached,) = cache_files(tmp_path)

    def fail(*_: object) -> None:
        raise AssertionError("prepared again")

    monkeypatch.setattr(translation, "encode_pairs", fail)
    if settings.data.dataset != "phrasebook":  # there the text itself tells whether it is the same
        monkeypatch.setattr("transformer_mt.corpus.source.load_corpus", fail)
    second = prepare(settings, Source(settings.data), TOKENIZERS)
    assert_same(plain, first)
    assert_same(plain, second)
    assert cache_files(tmp_path) == [cached]


def prepare_anew(settings: TranslationConfig, tokenizers: Tokenizers = TOKENIZERS) -> None:
    """Prepares, and checks that no other text's cache was taken for this one's."""
    data = prepare(settings, Source(settings.data), tokenizers)
    assert_same(data, prepare_pairs(settings, load_corpus(settings.data), tokenizers))


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_file_of_other_content_but_equal_size_and_time_is_noticed(
    split: str, side: int, tmp_path: Path
) -> None:
    files = parallel(tmp_path)["train"]
    copies = {
        name: tuple(shutil.copy2(f, f"{f}.{name}") for f in files)
        for name in ("train", "validation", "test")
    }
    settings = config(**copies)
    prepare_anew(settings)
    path = Path(copies[split][side])
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b"e ", b"f ", 1))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    prepare_anew(settings)
    assert len(cache_files(tmp_path)) == 2


def test_a_file_that_was_only_touched_or_is_a_copy_of_itself_is_not_prepared_again(
    tmp_path: Path,
) -> None:
    settings = config(**parallel(tmp_path))
    prepare_anew(settings)
    for path in map(Path, settings.data.train or ()):
        os.utime(path, (0, 0))
        path.write_bytes(path.read_bytes())
    prepare_anew(settings)
    assert len(cache_files(tmp_path)) == 1


def test_text_moved_from_one_file_to_the_next_is_noticed(tmp_path: Path) -> None:
    files = {name: write(tmp_path / f"{name}.tsv", "en\tfr\n") for name in ("train", "test")}
    settings = config(validation=str(write(tmp_path / "v.tsv", tsv(PAIRS[:1]))),
                      **{name: str(path) for name, path in files.items()})  # fmt: skip
    for cut in (3, 4):
        write(files["train"], tsv(PAIRS[:cut]))
        write(files["test"], tsv(PAIRS[cut:]))
        prepare_anew(settings)
    assert len(cache_files(tmp_path)) == 2


def test_other_settings_and_tokenizers_are_prepared_anew(tmp_path: Path) -> None:
    settings = config(**table(tmp_path))
    changes: list[dict[str, Any]] = [
        {},
        {"max_length": 6},
        {"max_length_ratio": 1.0},
        {"src_column": "fr", "tgt_column": "en"},
        {"test": None},
        {"test": None, "heldout_size": 2},
    ]
    for change in changes:
        prepare_anew(replace(settings, data=replace(settings.data, **change)))
    prepare_anew(settings, Tokenizers(TOKENIZERS.tgt, TOKENIZERS.src))
    assert len(cache_files(tmp_path)) == len(changes) + 1


def test_text_of_a_data_set_is_known_by_its_content(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = config(train=None, dataset="phrasebook")
    seen = set()
    one, two = SentencePair("a b", "c"), SentencePair("a", "b c")
    for train, validation in (([one], [two]), ([two], [one]), ([one, two], []), ([], [one, two])):
        splits = {"train": train, "validation": validation, "test": []}
        monkeypatch.setattr(phrasebook, "phrasebook_splits", splits.copy)
        assert Source(settings.data).fingerprint == Source(settings.data).fingerprint
        seen.add(Source(settings.data).fingerprint)
    assert len(seen) == 4


def test_a_data_set_of_other_content_is_noticed(tmp_path: Path) -> None:
    settings = config(**saved_set(tmp_path))
    prepare_anew(settings)
    shutil.rmtree(tmp_path / "set")
    rows = [{"en": pair.src, "fr": f"{pair.tgt}!"} for pair in CORPUS]
    datasets.Dataset.from_list(rows).save_to_disk(str(tmp_path / "set"))
    prepare_anew(settings)
    assert len(cache_files(tmp_path)) == 2


def test_a_file_changed_while_it_was_read_is_not_cached(tmp_path: Path) -> None:
    settings = config(**parallel(tmp_path))
    source = Source(settings.data)
    for path in map(Path, settings.data.train or ()):
        path.write_bytes(path.read_bytes() + b"more\n")
    assert prepare(settings, source, TOKENIZERS).report.read > 0
    assert cache_files(tmp_path) == []


def test_what_can_be_read_only_once_is_read_once(tmp_path: Path) -> None:
    """A pipe, as of `<(zcat ...)`: its text is taken, and not known again."""
    pipe = tmp_path / "pipe.tsv"
    os.mkfifo(pipe)
    others = {name: table(tmp_path)[name] for name in ("validation", "test")}
    settings = config(train=str(pipe), **others)
    writer = subprocess.Popen(
        python("-c", "import sys; open(sys.argv[1], 'w').write(sys.argv[2])", str(pipe), tsv(PAIRS))
    )
    source = Source(settings.data)
    assert list(source.corpus.train) == PAIRS
    assert writer.wait(10) == 0
    assert len(prepare(settings, source, TOKENIZERS).train) == len(PAIRS)


@pytest.mark.parametrize("name", ["train", "validation", "test"])
def test_a_missing_file_is_named(name: str, tmp_path: Path) -> None:
    settings = config(**{**table(tmp_path), name: f"{tmp_path}/nowhere.tsv"})
    with pytest.raises(DataError, match=r"nowhere\.tsv: there is no such file"):
        Source(settings.data)


def flip_a_bit(raw: bytes, seed: int) -> bytes:
    at = random.Random(seed).randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "junk": lambda _: b"junk" * 50,
    "half": lambda raw: raw[: len(raw) // 2],
    "last byte missing": lambda raw: raw[:-1],
    "longer": lambda raw: raw + b"\0",
    **{f"bit {number}": partial(flip_a_bit, seed=number) for number in range(12)},
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_is_one_warning_and_is_rebuilt(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = config(**parallel(tmp_path))
    first = prepare_pairs(settings, load_corpus(settings.data), TOKENIZERS)
    prepare(settings, Source(settings.data), TOKENIZERS)
    (cached,) = cache_files(tmp_path)
    content = cached.read_bytes()
    cached.write_bytes(DAMAGES[damage](content))
    second = prepare(settings, Source(settings.data), TOKENIZERS)
    assert_same(first, second)
    assert cached.read_bytes() == content
    (warning,) = caplog.records
    assert warning.getMessage().startswith(f"{cached}: the cache cannot be read (")


def test_a_cache_that_cannot_be_written_is_only_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(write(tmp_path / "file", "in the way")))
    settings = config(**parallel(tmp_path))
    assert len(prepare(settings, Source(settings.data), TOKENIZERS).train) > 0
    assert "cannot be cached" in caplog.text


def test_a_user_without_a_home_is_told_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless() -> Path:
        raise RuntimeError

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    settings = config(**parallel(tmp_path))
    with pytest.raises(ConfigError, match="set XDG_CACHE_HOME"):
        prepare(settings, Source(settings.data), TOKENIZERS)


def test_what_was_not_used_for_long_leaves_the_cache(tmp_path: Path) -> None:
    settings = [config(**parallel(tmp_path), max_length=length) for length in (50, 51, 52)]
    prepare_anew(settings[0])
    prepare_anew(settings[1])
    for path in cache_files(tmp_path):
        os.utime(path, (0, 0))
    prepare_anew(settings[0])  # which uses it again
    (unused,) = (path for path in cache_files(tmp_path) if path.stat().st_mtime == 0)
    prepare_anew(settings[2])
    assert len(cache_files(tmp_path)) == 2
    assert not unused.exists()


FULL_DISK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
from pathlib import Path
from transformer_mt.data.cache import load_cached, save_cached
from transformer_mt.data.translation import prepare_pairs
from data import test_prepare
settings = test_prepare.config(**dict.fromkeys(("train", "validation", "test"), sys.argv[1]))
corpus = test_prepare.load_corpus(settings.data)
data = prepare_pairs(settings, corpus, test_prepare.TOKENIZERS)
save_cached(Path(sys.argv[2]), data)
print(load_cached(Path(sys.argv[2]), test_prepare.KINDS))
"""


def test_a_full_disk_is_a_warning_and_leaves_nothing(tmp_path: Path) -> None:
    train = write(tmp_path / "train.tsv", tsv(CORPUS * 20))
    cached = tmp_path / "cache" / "x"
    done = subprocess.run(
        python("-c", FULL_DISK, str(train), str(cached)),
        cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("None\n", 0)
    assert f"{cached}: the prepared data cannot be cached (" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert cache_files(tmp_path) == []


def test_many_that_write_and_read_at_once_never_see_half_a_cache(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = config(**parallel(tmp_path))
    plain = prepare(settings, Source(settings.data), TOKENIZERS)
    (cached,) = cache_files(tmp_path)

    path = cached.with_name(cached.name.split("-")[0])

    def write_and_read(_: int) -> PreparedPairs | None:
        save_cached(path, plain)
        return load_cached(path, KINDS)

    with ThreadPoolExecutor(8) as threads:
        for read in threads.map(write_and_read, range(200)):
            assert read is not None
            assert_same(plain, read)
    assert cache_files(tmp_path) == [cached]
    assert caplog.records == []
