"""An exported folder behaves, in the transformers library, as the run that it was made of."""

import json
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from tiny_models import EOS, PAD, SOS, UNK, as_src, as_tgt, perturb, sentences
from torch import Tensor

from transformer_mt.config.tasks import (
    DecodingConfig,
    EncoderDecoderConfig,
    PairsConfig,
    PairTokenizerConfig,
    TranslationConfig,
)
from transformer_mt.decoding.hypothesis import SearchOptions
from transformer_mt.decoding.scorer import LogProbs
from transformer_mt.decoding.search import beam_search
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.interop import to_transformers, transformers_engine
from transformer_mt.interop.to_transformers import TARGET_TOKENIZER, write_transformers
from transformer_mt.interop.transformers_engine import TransformersEngine
from transformer_mt.runs.checkpoint import LoadedRun, TranslatorRun
from transformer_mt.runs.kinds import TRANSLATION
from transformer_mt.runs.train_state import TrainState
from transformer_mt.text.tokenizer import SPECIAL_TOKENS, Tokenizer, Tokenizers

transformers = pytest.importorskip("transformers")

SMALL_TEXTS = ["The cat is big .", "l'homme [EOS] dort, (bien) !"]
LARGE_TEXTS = [
    *SMALL_TEXTS,
    "Les grands chiens noirs ne mangent plus de pain depuis hier ; pourquoi ?",
]
SOURCES = [
    "The cat is big .",
    "",
    "l'homme dort",
    "is [EOS] [PAD] unknown, really!",
    "big  big\tbig big big big big big big big big big cat cat cat cat",
    "dort",
]
MAX_LENGTH = 12

SHARING = {  # name -> tied_embeddings, joint
    "untied": ("none", False),
    "tied decoder": ("decoder", False),
    "joint untied": ("none", True),
    "tied all": ("all", True),
}


@cache
def tokenizer(kind: str, large: bool) -> Tokenizer:
    config = PairTokenizerConfig(type=kind, vocab_size=60 if large else 40, min_frequency=1)  # type: ignore[arg-type]
    return Tokenizer.build(LARGE_TEXTS if large else SMALL_TEXTS, config)


def make(
    norm: str = "post",
    sharing: str = "tied decoder",
    kind: str = "word",
    *,
    large_source: bool = False,
    decoding: DecodingConfig | None = None,
    **model: Any,
) -> TranslatorRun:
    """An untrained run in which no bias is 0; its vocabularies differ in size unless joint."""
    tied, joint = SHARING[sharing]
    config = TranslationConfig(
        run_dir="nowhere",
        data=PairsConfig(src_lang="en", tgt_lang="fr", train="-", max_length=MAX_LENGTH),
        tokenizer=PairTokenizerConfig(joint=joint),
        model=EncoderDecoderConfig(
            **{
                "d_model": 16,
                "num_heads": 4,
                "d_ff": 24,
                "num_encoder_layers": 2,
                "num_decoder_layers": 1,
                "norm": norm,
                "tied_embeddings": tied,
                **model,
            }
        ),
        decoding=decoding or DecodingConfig(max_length_ratio=1.5, max_length_offset=3),
    )
    both = Tokenizers(tokenizer(kind, joint or large_source), tokenizer(kind, not large_source))
    run = LoadedRun(config, both, TRANSLATION.make_model(config, both).eval(), TrainState())
    perturb(run.model)
    return run


class Exported(NamedTuple):
    run: TranslatorRun
    folder: Path
    model: Any
    tokenizer: Any

    @classmethod
    def of(cls, run: TranslatorRun, folder: Path) -> "Exported":
        write_transformers(run, folder)
        return cls(
            run,
            folder,
            transformers.AutoModelForSeq2SeqLM.from_pretrained(folder),
            transformers.AutoTokenizer.from_pretrained(folder),
        )

    def generate(self, lines: Sequence[str] = SOURCES) -> list[list[int]]:
        inputs = self.tokenizer(lines, padding=True, truncation=True, return_tensors="pt")
        rows: list[list[int]] = self.model.generate(**inputs).tolist()
        return rows


def our_greedy(
    run: TranslatorRun, limits: Sequence[int], lines: Sequence[str] = SOURCES
) -> list[tuple[int, ...]]:
    unknown = (UNK,) if run.config.decoding.unknown_words == "forbid" else ()
    options = SearchOptions(
        sos_id=SOS, eos_id=EOS, forbidden=(PAD, SOS, *unknown), beam_size=1, length_penalty=0.0
    )
    src = as_src([ids[:MAX_LENGTH] for ids in run.vocabulary.src.encode_batch(lines)])
    return [found[0].token_ids for found in beam_search(LogProbs(run.model), src, limits, options)]


def whole_rows(found: Sequence[Sequence[int]]) -> list[list[int]]:
    """As `generate` returns them."""
    longest = max(map(len, found))
    return [[SOS, *ids, EOS] + [PAD] * (longest - len(ids)) for ids in found]


def longest_limit(run: TranslatorRun) -> int:
    return run.config.decoding.length_limit(run.config.data.max_length)


@torch.inference_mode()
def our_logits(run: TranslatorRun, src: Tensor, tgt_in: Tensor) -> Tensor:
    return run.model.project(run.model(src, tgt_in))


def difference(exported: Exported) -> float:
    """The largest between the logits at the real positions of a padded batch."""
    src_size, tgt_size = (
        exported.run.vocabulary.src.vocab_size,
        exported.run.vocabulary.tgt.vocab_size,
    )
    src = as_src(sentences(6, 1, 9, 4, vocab=src_size), extra=2)
    tgt_in, tgt_out = as_tgt(sentences(3, 8, 5, 0, vocab=tgt_size, seed=1), extra=1)
    with torch.inference_mode():
        theirs = exported.model(
            input_ids=src, attention_mask=src != PAD, decoder_input_ids=tgt_in
        ).logits
    assert theirs.dtype == torch.float32
    assert (theirs[..., tgt_size:] < -1e8).all()  # rows that only fill the table up
    real = tgt_out != PAD
    gap = theirs[..., :tgt_size] - our_logits(exported.run, src, tgt_in)
    return gap[real].abs().max().item()


CASES = [(norm, sharing, "word") for norm in ("post", "pre") for sharing in SHARING]
CASES += [("post", "untied", "bpe"), ("pre", "tied all", "bpe"), ("post", "untied", "unigram")]
CASES += [("post", "untied", "character"), ("pre", "tied decoder", "byte")]


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def exported(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Exported:
    torch.manual_seed(1)
    return Exported.of(make(*request.param), tmp_path_factory.mktemp("exported"))


def test_logits_are_ours(exported: Exported) -> None:
    assert difference(exported) < 1e-5


def test_generate_without_options_is_our_greedy_search(exported: Exported) -> None:
    limit = longest_limit(exported.run)
    found = our_greedy(exported.run, [limit] * len(SOURCES))
    assert exported.generate() == whole_rows(found)


def test_engine_agrees_with_our_model_and_search(exported: Exported) -> None:
    engine, run = TransformersEngine.load(exported.folder), exported.run
    references = [*reversed(LARGE_TEXTS), "", "big", SMALL_TEXTS[0]]
    assert len(references) == len(SOURCES)
    found = engine.token_log_probs(SOURCES, references)
    for source, reference, log_probs in zip(SOURCES, references, found, strict=True):
        src = as_src([run.vocabulary.src.encode(source)[:MAX_LENGTH]])
        tgt_in, tgt_out = as_tgt([run.vocabulary.tgt.encode(reference)])
        ours = our_logits(run, src, tgt_in)[0].log_softmax(dim=1)
        assert log_probs == pytest.approx(ours.gather(1, tgt_out.T)[:, 0].tolist(), abs=1e-5)

    limits = [3, 7, 1, 9, 5, 8]
    ours_found = our_greedy(run, limits)
    ours_found[SOURCES.index("")] = ()  # as in our translator
    assert engine.greedy(SOURCES, limits) == ours_found


def test_tokenizers_are_ours(exported: Exported) -> None:
    both = exported.run.vocabulary
    target = exported.folder / TARGET_TOKENIZER
    assert target.exists() == (both.src.to_json() != both.tgt.to_json())
    assert exported.tokenizer(SOURCES).input_ids == [[*both.src.encode(s), EOS] for s in SOURCES]
    if target.exists():
        theirs = transformers.AutoTokenizer.from_pretrained(target)
        assert theirs(SOURCES).input_ids == [[*both.tgt.encode(s), EOS] for s in SOURCES]


@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize(
    "changes",
    [
        {"activation": "gelu", "num_encoder_layers": 1, "num_decoder_layers": 3},
        {"activation": "swish", "output_bias": True, "large_source": True, "sharing": "untied"},
        {"output_bias": True, "sharing": "tied all"},
    ],
    ids=str,
)
def test_every_option_of_the_model(norm: str, changes: dict[str, Any], tmp_path: Path) -> None:
    exported = Exported.of(make(norm, **changes), tmp_path)
    assert difference(exported) < 1e-5
    limit = longest_limit(exported.run)
    assert exported.generate() == whole_rows(our_greedy(exported.run, [limit] * len(SOURCES)))


@pytest.mark.parametrize("unknown_words", ["replace", "forbid"])
def test_the_same_tokens_are_never_generated(unknown_words: Any, tmp_path: Path) -> None:
    decoding = DecodingConfig(unknown_words=unknown_words, max_length_ratio=0, max_length_offset=4)
    run = make(output_bias=True, decoding=decoding)
    with torch.no_grad():  # a model that would generate little else
        run.model.output.bias[[PAD, SOS]] += 100
        run.model.output.bias[UNK] += 50
    rows = Exported.of(run, tmp_path).generate()
    assert rows == whole_rows(our_greedy(run, [4] * len(SOURCES)))
    assert {token for row in rows for token in row[1:5]}.isdisjoint({PAD, SOS})
    assert any(UNK in row for row in rows) == (unknown_words == "replace")


@pytest.mark.parametrize(("norm", "ratio"), [("post", 1.5), ("post", 0.0), ("pre", 1.5)])
def test_longest_sentences_fit(
    norm: str, ratio: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no more positions than are needed, a model that never ends ends where ours does."""
    monkeypatch.setattr(to_transformers, "_FEWEST_POSITIONS", 1)
    decoding = DecodingConfig(max_length_ratio=ratio, max_length_offset=3)
    run = make(norm, output_bias=True, decoding=decoding)
    with torch.no_grad():
        run.model.output.bias[EOS] -= 100
    exported = Exported.of(run, tmp_path)
    limit = longest_limit(run)
    assert exported.model.config.max_position_embeddings == max(limit, MAX_LENGTH) + 1
    rows = exported.generate()
    assert rows == whole_rows(our_greedy(run, [limit] * len(SOURCES)))
    assert {len(row) for row in rows} == {limit + 2}
    assert all(row[-1] == EOS for row in rows)


def test_export_leaves_the_run_as_it_is(tmp_path: Path) -> None:
    for norm in ("post", "pre"):
        run = make(norm, "tied all")
        before = {name: p.clone() for name, p in run.model.named_parameters()}
        (tmp_path / norm).mkdir()
        write_transformers(run, tmp_path / norm)
        after = dict(run.model.named_parameters())
        assert after.keys() == before.keys()
        assert all(torch.equal(after[name], value) for name, value in before.items())


@pytest.mark.parametrize(
    ("norm", "sharing", "tables"),
    [
        ("post", "tied all", {"model.shared"}),
        ("post", "tied decoder", {"model.encoder.embed_tokens", "model.decoder.embed_tokens"}),
        ("pre", "tied all", {"model.shared"}),
    ],
)
def test_tied_tables_are_written_once(
    norm: str, sharing: str, tables: set[str], tmp_path: Path
) -> None:
    run = make(norm, sharing)
    write_transformers(run, tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    sizes = {run.vocabulary.src.vocab_size, run.vocabulary.tgt.vocab_size}
    found = {name.removesuffix(".weight") for name, w in weights.items() if len(w) in sizes}
    assert found - {name for name in found if ".layers." in name} == tables


def json_files(folder: Path) -> Iterator[tuple[str, Any]]:
    for path in folder.rglob("*.json"):
        yield str(path.relative_to(folder)), json.loads(path.read_text("utf-8"))


def test_files_tell_what_they_are_and_nothing_of_this_machine(tmp_path: Path) -> None:
    write_transformers(make("post"), tmp_path)
    tokenizer_files = {"tokenizer.json", "tokenizer_config.json"}
    names = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert names == {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        *tokenizer_files,
        *(f"{TARGET_TOKENIZER}/{name}" for name in tokenizer_files),
    }
    files = dict(json_files(tmp_path))
    for name, content in files.items():
        assert str(tmp_path) not in json.dumps(content), name
        assert not any("name_or_path" in key for key in content), name
    config, generation = files["config.json"], files["generation_config.json"]
    assert config["architectures"] == ["MarianMTModel"]
    assert config["dtype"] == "float32"
    for content in (config, generation):
        ids = [content[f"{name}_token_id"] for name in ("pad", "bos", "eos", "decoder_start")]
        assert ids == [PAD, SOS, EOS, SOS]
    assert generation["num_beams"] == 1
    settings = files["tokenizer_config.json"]
    assert settings["model_max_length"] == MAX_LENGTH + 1
    assert settings["model_input_names"] == ["input_ids", "attention_mask"]
    assert files["tokenizer.json"]["model"]["type"] == "WordLevel"


@pytest.mark.parametrize(
    ("norm", "sharing", "old_too"),
    [
        ("post", "untied", True),
        ("pre", "tied all", True),
        ("pre", "tied decoder", False),
        ("pre", "joint untied", False),
    ],
)
def test_old_versions_refuse_what_they_would_load_wrongly(
    norm: str, sharing: str, old_too: bool, tmp_path: Path
) -> None:
    """Before version 5 there was no class of this name, and all of Pegasus' tables were one."""
    write_transformers(make(norm, sharing), tmp_path)
    for name, content in json_files(tmp_path):
        if name.endswith("tokenizer_config.json"):
            assert (content["tokenizer_class"] == "PreTrainedTokenizerFast") == old_too
            assert (content["tokenizer_class"] == "TokenizersBackend") != old_too


# Tokenizers on any text.

Pair = tuple[Tokenizer, Any]
PARTS = [*SPECIAL_TOKENS, *"lmno'.(!", " ", "   ", "\t", "\n", "\u3000", "cat", "homme", "[", "]"]
TEXTS = st.lists(st.sampled_from(PARTS) | st.text(max_size=6)).map("".join)


@pytest.fixture(scope="module", params=["word", "bpe", "unigram", "character", "byte"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Pair:
    """Our source tokenizer and theirs, which was saved once more by the library itself."""
    first, second = (tmp_path_factory.mktemp(name) for name in ("first", "second"))
    run = make(kind=request.param)
    write_transformers(run, first)
    transformers.AutoTokenizer.from_pretrained(first).save_pretrained(second)
    assert (first / "tokenizer.json").read_text().split() == (
        (second / "tokenizer.json").read_text().split()
    )
    return run.vocabulary.src, transformers.AutoTokenizer.from_pretrained(second)


@given(texts=st.lists(TEXTS, min_size=1, max_size=3))
def test_any_text_has_our_ids(pair: Pair, texts: list[str]) -> None:
    ours, theirs = pair
    wanted = [[*ours.encode(text), EOS] for text in texts]
    batch = theirs(texts, padding=True)
    longest = max(map(len, wanted))
    assert batch.input_ids == [ids + [PAD] * (longest - len(ids)) for ids in wanted]
    assert batch.attention_mask == [[1] * len(i) + [0] * (longest - len(i)) for i in wanted]
    assert set(batch) == {"input_ids", "attention_mask"}
    cut = theirs(texts, truncation=True).input_ids
    assert cut == [[*ids[:-1][:MAX_LENGTH], EOS] for ids in wanted]
    plain = theirs(texts, add_special_tokens=False).input_ids
    assert plain == [ids[:-1] for ids in wanted]
    decoded = theirs.batch_decode(batch.input_ids, skip_special_tokens=True)
    assert decoded == [ours.decode(ids) for ids in wanted]


@given(data=st.data())
def test_any_ids_have_our_text(pair: Pair, data: st.DataObject) -> None:
    ours, theirs = pair
    ids = data.draw(st.lists(st.integers(0, ours.vocab_size - 1)))
    assert theirs.decode(ids, skip_special_tokens=True) == ours.decode(ids)


def test_special_tokens_have_their_roles(pair: Pair) -> None:
    _, theirs = pair
    roles = (theirs.pad_token_id, theirs.unk_token_id, theirs.bos_token_id, theirs.eos_token_id)
    assert roles == (PAD, UNK, SOS, EOS)
    assert theirs.all_special_ids == [SOS, EOS, UNK, PAD]


# The engine on its own.


def test_engine_works_with_other_special_ids() -> None:
    """As in the models of the Marian project: 0 ends a text, the last id starts and pads it."""
    size, start = 20, 19
    torch.manual_seed(3)
    config = transformers.MarianConfig(
        vocab_size=size,
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        max_position_embeddings=16,
        scale_embedding=True,
        pad_token_id=start,
        eos_token_id=0,
        decoder_start_token_id=start,
        forced_eos_token_id=0,
    )
    model = transformers.MarianMTModel(config).eval()
    perturb(model)
    model.final_logits_bias.normal_()
    model.final_logits_bias[0, 0] -= 3
    model.final_logits_bias[0, start] = -100.0

    def encode(texts: Sequence[str]) -> list[list[int]]:
        return [[*map(int, text.split()), 0] for text in texts]

    engine = TransformersEngine(model, encode, encode, to_ours=lambda token: token + 100)
    texts = ["5 6 7 8 9", "3", "", "4 4 4"]
    found = engine.token_log_probs(texts, texts[::-1])
    for source, target, log_probs in zip(encode(texts), encode(texts[::-1]), found, strict=True):
        with torch.inference_mode():
            logits = model(
                input_ids=torch.tensor([source]),
                decoder_input_ids=torch.tensor([[start, *target[:-1]]]),
            ).logits[0]
        wanted = logits.log_softmax(dim=1)[range(len(target)), target].tolist()
        assert log_probs == pytest.approx(wanted, abs=1e-5)

    limits = [2, 5, 5, 40]
    for source, limit, tokens in zip(
        encode(texts), limits, engine.greedy(texts, limits), strict=True
    ):
        assert tokens == greedy_by_hand(model, source, min(limit, 15) if source != [0] else 0)


def greedy_by_hand(model: Any, source: list[int], limit: int) -> tuple[int, ...]:
    """The most probable tokens one after the other, plus 100; without a cache or a batch."""
    tokens = [model.config.decoder_start_token_id]
    while len(tokens) <= limit:
        with torch.inference_mode():
            logits = model(
                input_ids=torch.tensor([source]), decoder_input_ids=torch.tensor([tokens])
            ).logits
        best = int(logits[0, -1].argmax())
        if best == model.config.eos_token_id:
            break
        tokens.append(best)
    return tuple(token + 100 for token in tokens[1:])


def test_engine_does_not_depend_on_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_transformers(make("pre"), tmp_path)
    engine = TransformersEngine.load(tmp_path)
    limits = [4, 4, 6, 9, 2, 1]
    together = engine.token_log_probs(SOURCES, SOURCES), engine.greedy(SOURCES, limits)
    monkeypatch.setattr(transformers_engine, "_SCORED_TOKENS", 1)
    monkeypatch.setattr(transformers_engine, "_TRANSLATED_TOKENS", 1)
    for ours, theirs in zip(together[0], engine.token_log_probs(SOURCES, SOURCES), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)
    assert together[1] == engine.greedy(SOURCES, limits)
    assert engine.token_log_probs([], []) == []
    assert engine.greedy([], []) == []


# What goes wrong, and what is not said.


def test_wide_attention_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"share d_model .* 'model.attention: wide'; --to ctr"):
        write_transformers(make(attention="wide"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_library_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    for use in (
        lambda: write_transformers(make(), tmp_path),
        lambda: TransformersEngine.load(tmp_path),
    ):
        with pytest.raises(ConfigError, match=r'pip install "transformer_mt\[transformers\]"'):
            use()
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(DataError, match="file: cannot be written"):
        write_transformers(make(), file)


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    logging = transformers.utils.logging
    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    write_transformers(make("pre"), tmp_path)
    engine = TransformersEngine.load(tmp_path)
    engine.greedy(SOURCES, [5] * len(SOURCES))
    engine.token_log_probs(SOURCES, ["cat " * 50] * len(SOURCES))
    assert capfd.readouterr() == ("", "")
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
