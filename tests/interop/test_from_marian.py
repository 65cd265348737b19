import json
import os
import pickle
import shutil
import sys
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tokenizers
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tiny_runs import write
from torch import Tensor
from torch.nn import functional as F

pytest.importorskip("sentencepiece")
pytest.importorskip("transformers")

from marian_models import (
    SIDES,
    edit_json,
    make_marian_folder,
    phrases,
    processor,
    spm_of,
    train_spm,
)

from transformer_mt.data.batching import Collator
from transformer_mt.decoding.hypothesis import SearchOptions
from transformer_mt.decoding.scorer import LogProbs
from transformer_mt.decoding.search import beam_search
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.fast.loss import label_smoothed_loss
from transformer_mt.interop.from_marian import MarianModel, marian_engine, read_marian
from transformer_mt.interop.quiet import quiet_transformers
from transformer_mt.interop.sentencepiece import read_sentencepiece, sentencepiece_tokenizer
from transformer_mt.model.transformer import Transformer
from transformer_mt.runs.checkpoint import load_weights
from transformer_mt.text.tokenizer import (
    EOS_ID,
    PAD_ID,
    SOS_ID,
    SPECIAL_TOKENS,
    UNK_ID,
    Tokenizer,
)

pytestmark = pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")

CODES = (">>fra<<", ">>fr_CA<<")
KINDS: dict[str, dict[str, Any]] = {
    "as published": {},
    "32 bits, gelu": {"half": False, "activation_function": "gelu"},
    "separate, relu": {"separate": True, "activation_function": "relu"},
    "not tied, silu": {"tie_word_embeddings": False, "activation_function": "silu"},
    "not scaled": {"scale_embedding": False},
    "language codes": {"codes": CODES},
}
COLLATOR = Collator(PAD_ID, SOS_ID, EOS_ID)


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder of each kind, made once; not to be changed."""
    root = tmp_path_factory.mktemp("marian")
    return cache(lambda kind: make_marian_folder(root / kind.replace(" ", "-"), **KINDS[kind]))


@pytest.fixture(scope="module")
def folder(folder_of: Callable[[str], Path]) -> Path:
    return folder_of("as published")


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    """A folder to be changed."""
    shutil.copytree(folder, tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture(scope="module")
def imported(folder: Path) -> MarianModel:
    return read_marian(folder)


def built(imported: MarianModel) -> Transformer:
    sizes = (imported.tokenizers.src.vocab_size, imported.tokenizers.tgt.vocab_size)
    model = Transformer(imported.model, *sizes, pad_id=PAD_ID)
    load_weights(model, imported.weights, Path("marian"))
    return model.eval()


def marian_tokenizer(folder: Path) -> Any:
    with quiet_transformers() as transformers:
        return transformers.MarianTokenizer.from_pretrained(folder)


def marian_model(folder: Path) -> Any:
    with quiet_transformers() as transformers:
        return transformers.MarianMTModel.from_pretrained(folder, dtype=torch.float32).eval()


def marian_batch(folder: Path) -> dict[str, Tensor]:
    """Sentences of different lengths, padded, as the original's own tokenizer makes them."""
    texts = [phrases(side, 40) for side in SIDES]
    batch = marian_tokenizer(folder)(
        texts[0], text_target=texts[1], padding=True, return_tensors="pt"
    )
    return dict(batch)


def marian_logits(folder: Path, batch: dict[str, Tensor]) -> Tensor:
    """(batch, tgt_len, Marian's vocabulary); the model itself shifts the labels."""
    model = marian_model(folder)
    labels = batch["labels"]
    shifted = model.prepare_decoder_input_ids_from_labels(labels)
    with torch.no_grad():
        logits: Tensor = model(
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
            decoder_input_ids=shifted,
        ).logits
    return logits


def our_batch(imported: MarianModel) -> tuple[Tensor, Tensor, Tensor]:
    """The same sentences: source, decoder input, targets."""
    src = imported.tokenizers.src.encode_batch(phrases("source", 40))
    tgt = imported.tokenizers.tgt.encode_batch(phrases("target", 40))
    return (
        COLLATOR.pad(src, after=EOS_ID),
        COLLATOR.pad(tgt, before=SOS_ID),
        COLLATOR.pad(tgt, after=EOS_ID),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_logits_are_the_original_ones(folder_of: Callable[[str], Path], kind: str) -> None:
    folder = folder_of(kind)
    imported = read_marian(folder)
    batch = marian_batch(folder)
    expected = marian_logits(folder, batch)
    src, tgt_in, targets = our_batch(imported)
    model = built(imported)
    with torch.no_grad():
        logits = model.project(model(src, tgt_in))
    assert src.shape == batch["input_ids"].shape  # padded
    assert 1 < (src == PAD_ID).sum() < src.numel() / 2
    assert expected.std() > 0.5
    real = targets != PAD_ID
    rows = list(imported.tgt_rows)
    ordinary = [index for index in range(len(rows)) if index != SOS_ID]
    found, wanted = logits[real], expected[real][:, rows]
    torch.testing.assert_close(found[:, ordinary], wanted[:, ordinary], atol=1e-5, rtol=0)
    torch.testing.assert_close(  # [SOS] takes nothing from the others
        found.log_softmax(1)[:, ordinary],
        expected[real].log_softmax(1)[:, [rows[i] for i in ordinary]],
        atol=1e-5,
        rtol=0,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_engine_finds_the_same(folder_of: Callable[[str], Path], kind: str) -> None:
    folder = folder_of(kind)
    imported = read_marian(folder)
    engine = marian_engine(folder, imported)
    model = built(imported)
    src, tgt_in, targets = our_batch(imported)
    with torch.no_grad():
        log_probs = model.project(model(src, tgt_in)).log_softmax(2)
    ours = log_probs.gather(2, targets[:, :, None])[:, :, 0]
    scores = engine.token_log_probs(phrases("source", 40), phrases("target", 40))
    for row, (found, expected) in enumerate(zip(ours.tolist(), scores, strict=True)):
        assert found[: len(expected)] == pytest.approx(expected, abs=1e-5)
        assert len(expected) == (targets[row] != PAD_ID).sum()
    limits = [4 + row % 5 for row in range(len(src))]
    options = SearchOptions(sos_id=SOS_ID, eos_id=EOS_ID, forbidden=(PAD_ID, SOS_ID), beam_size=1)
    hypotheses = beam_search(LogProbs(model), src, limits, options)
    greedy = engine.greedy(phrases("source", 40), limits)
    assert [found[0].token_ids for found in hypotheses] == greedy
    assert len(set(greedy)) > 3


def test_only_the_ties_of_the_original_are_kept(folder_of: Callable[[str], Path]) -> None:
    tied = {kind: read_marian(folder_of(kind)).model.tied_embeddings for kind in KINDS}
    assert tied == {
        "as published": "all",
        "32 bits, gelu": "all",
        "separate, relu": "decoder",
        "not tied, silu": "none",
        "not scaled": "none",
        "language codes": "all",
    }


def test_the_settings_are_the_original_ones(imported: MarianModel) -> None:
    config = imported.model
    assert (config.d_model, config.num_heads, config.d_ff) == (16, 2, 24)
    assert (config.num_encoder_layers, config.num_decoder_layers) == (2, 2)
    assert (config.norm, config.activation, config.output_bias) == ("post", "swish", True)
    assert (config.dropout, config.attention_dropout) == (0.1, 0.0)
    assert (imported.max_length, imported.beam_size) == (63, 4)
    assert (imported.src_lang, imported.tgt_lang) == ("en", "fr")


def test_settings_of_the_first_published_folders(copied: Path) -> None:
    pad = len(json.loads((copied / "vocab.json").read_text())) - 1
    (copied / "generation_config.json").unlink()
    (copied / "tokenizer_config.json").unlink()
    edit_json(
        copied / "config.json",
        _name_or_path="Helsinki-NLP/opus-mt-en-ROMANCE",
        _num_labels=3,
        add_bias_logits=False,
        add_final_layer_norm=False,
        bad_words_ids=[[pad]],
        classif_dropout=0.0,
        decoder_vocab_size=None,
        dtype=None,
        extra_pos_embeddings=pad + 1,
        id2label={"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"},
        label2id={"LABEL_0": 0, "LABEL_1": 1, "LABEL_2": 2},
        max_length=512,
        normalize_before=False,
        normalize_embedding=False,
        num_beams=6,
        num_hidden_layers=2,
        share_encoder_decoder_embeddings=None,
        static_position_embeddings=True,
        tie_word_embeddings=None,
        transformers_version="4.22.0.dev0",
    )
    imported = read_marian(copied)
    assert imported.beam_size == 6
    assert imported.model.tied_embeddings == "all"
    assert (imported.src_lang, imported.tgt_lang) == ("en", "ROMANCE")
    assert marian_engine(copied, imported).greedy(["A cat."], [3]) is not None


# tokenizers


def assert_segmented_alike(
    ours: Tokenizer, original: Callable[[str], list[int]], spm: Any, to_ours: Any, text: str
) -> None:
    """Equal, or of equal score for SentencePiece, which adds scores up in 32 bits."""
    found, expected = ours.encode(text), [to_ours[row] for row in original(text)]
    if found != expected:
        scores = [
            sum(spm.get_score(spm.piece_to_id(piece)) for piece in pieces)
            for pieces in (ours.tokens(found), spm.encode(text, out_type=str))
        ]
        assert len(found) == len(expected)
        assert scores[0] == pytest.approx(scores[1], abs=1e-3)


class Side:
    """One side of a folder: ours, and the original's as functions of text."""

    def __init__(self, folder: Path, side: str) -> None:
        imported, tokenizer = read_marian(folder), marian_tokenizer(folder)
        is_source = side == "source"
        self.ours = imported.tokenizers.src if is_source else imported.tokenizers.tgt
        self.to_ours = {row: i for i, row in enumerate(imported.tgt_rows) if i != SOS_ID}
        self.rows = imported.tgt_rows
        self.tokenizer = tokenizer
        self.keyword = "text" if is_source else "text_target"
        self.spm = processor(spm_of(side))
        vocabulary = json.loads((folder / "vocab.json").read_text())
        pieces = [self.spm.id_to_piece(number) for number in range(3, self.spm.vocab_size())]
        self.lacking = {piece for piece in pieces if piece not in vocabulary}
        self.characters = sorted(piece for piece in pieces if len(piece) == 1)

    def original(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(**{self.keyword: text}).input_ids
        assert ids[-1] == 0
        return ids[:-1]

    def expected(self, text: str) -> list[int]:
        return [self.to_ours[row] for row in self.original(text)]

    def check(self, text: str) -> None:
        assert_segmented_alike(self.ours, self.original, self.spm, self.to_ours, text)


@pytest.fixture(scope="module")
def sides(folder: Path) -> dict[str, Side]:
    return {side: Side(folder, side) for side in SIDES}


def test_both_tokenizers_have_one_vocabulary(imported: MarianModel) -> None:
    src, tgt = imported.tokenizers.src, imported.tokenizers.tgt
    tokens = src.tokens(range(src.vocab_size))
    assert tokens == tgt.tokens(range(tgt.vocab_size))
    assert tokens[:4] == list(SPECIAL_TOKENS)
    assert len(set(tokens)) == len(tokens) == len(imported.tgt_rows)


@pytest.mark.parametrize("side", SIDES)
def test_sentences_have_the_original_tokens(sides: dict[str, Side], side: str) -> None:
    texts = phrases(side, 1500)
    one = sides[side]
    assert one.ours.encode_batch(texts) == [one.expected(text) for text in texts]


@pytest.mark.parametrize("side", SIDES)
@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_text_has_the_original_tokens(
    sides: dict[str, Side], side: str, data: st.DataObject
) -> None:
    one = sides[side]
    characters = st.sampled_from([*one.characters, *"   "])
    text = data.draw(st.text(characters, max_size=40))
    if one.lacking.isdisjoint(one.spm.encode(text, out_type=str)):
        one.check(text)


@pytest.mark.parametrize("side", SIDES)
def test_few_pieces_are_lacking(sides: dict[str, Side], side: str) -> None:
    assert len(sides[side].lacking) < 10  # else the test above tests nothing


def test_tokenizers_survive_saving(imported: MarianModel, tmp_path: Path) -> None:
    path = write(tmp_path / "t.json", imported.tokenizers.src.to_json())
    texts = phrases("source", 50)
    loaded = Tokenizer.load(path)
    assert loaded.encode_batch(texts) == imported.tokenizers.src.encode_batch(texts)
    assert loaded.vocab_size == imported.tokenizers.src.vocab_size


@pytest.mark.parametrize("side", SIDES)
def test_decoding_restores_sentences(sides: dict[str, Side], side: str) -> None:
    one = sides[side]
    for text in phrases(side, 300):
        assert one.ours.decode(one.ours.encode(text)) == one.spm.normalize(text)[1:].replace(
            "\u2581", " "
        )


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_tokens_become_the_original_text(sides: dict[str, Side], data: st.DataObject) -> None:
    one = sides["target"]
    ids = data.draw(st.lists(st.integers(0, one.ours.vocab_size - 1), max_size=12))
    expected = one.tokenizer.decode([one.rows[number] for number in ids], skip_special_tokens=True)
    assert one.ours.decode(ids) == expected


@pytest.mark.parametrize("tokens", ["_ _a b _ _", "_", "_ _", "b _ _ a", "_Le _ ."])
def test_spaces_in_tokens_become_the_original_text(sides: dict[str, Side], tokens: str) -> None:
    one = sides["target"]
    rows = one.tokenizer.convert_tokens_to_ids(tokens.replace("_", "\u2581").split(" "))
    expected = one.tokenizer.decode(rows, skip_special_tokens=True)
    assert one.ours.decode([one.to_ours[row] for row in rows]) == expected


def normalizer(tokenizer: Tokenizer) -> Callable[[str], str]:
    rules = tokenizers.Tokenizer.from_str(tokenizer.to_json())
    return lambda text: rules.normalizer.normalize_str(text).replace(" ", "\u2581")


@settings(deadline=None, max_examples=200, suppress_health_check=list(HealthCheck))
@given(text=st.text(st.characters(categories=("Lu", "Ll", "N", "P", "Zs", "Sc", "Sm", "So"))))
def test_text_is_normalized_as_sentencepiece_does(sides: dict[str, Side], text: str) -> None:
    one = sides["source"]
    assert normalizer(one.ours)(text) == one.spm.normalize(text)


def test_each_character_is_normalized_as_sentencepiece_does(sides: dict[str, Side]) -> None:
    one = sides["source"]
    normalize = normalizer(one.ours)
    for number in range(1, 0x3400):
        text = f"a{chr(number)}b"
        if number != 0x344:  # two marks in one, which Unicode composes with the letter
            assert normalize(text) == one.spm.normalize(text), hex(number)


def test_decomposed_letters_are_normalized_as_sentencepiece_does(sides: dict[str, Side]) -> None:
    one = sides["source"]
    normalize = normalizer(one.ours)
    letters = [
        *range(0xC0, 0x250),
        *range(0x370, 0x530),
        *range(0x1E00, 0x2000),
        *range(44032, 44400),
    ]
    texts = [unicodedata.normalize("NFD", chr(number)) for number in letters]
    assert sum(len(text) > 2 for text in texts) > 200
    for text in texts:
        assert normalize(text) == one.spm.normalize(text), ascii(text)


def test_spaces_are_treated_as_by_the_original(sides: dict[str, Side]) -> None:
    for text in ("", " ", "\t\n", "  a \u00a0 b\u3000c  ", "a\nb", "\u2581a\u2581", " . a"):
        sides["source"].check(text)
        sides["target"].check(text)
    assert sides["source"].ours.encode("") == []


def test_a_character_of_the_other_side_is_its_token(sides: dict[str, Side]) -> None:
    source, target = sides["source"], sides["target"]
    foreign = [c for c in target.characters if c not in source.characters]
    known = [c for c in foreign if UNK_ID not in target.ours.encode(c)]
    assert "\u00e9" in known
    for character in known:
        for text in (f"a {character} b", f"caf{character}.", character):
            source.check(text)
            assert UNK_ID not in source.ours.encode(text)


def test_what_no_side_knows_is_one_unknown_token(sides: dict[str, Side]) -> None:
    for text in (
        "\u65e5\u672c",
        "a \u65e5\u672c \u65e5 b",
        "x\u65e5\u672c\u8a9ey",
        "\U0001f600 ok",
    ):
        for one in sides.values():
            one.check(text)
            assert UNK_ID in one.ours.encode(text)


def test_a_run_of_the_other_side_is_spelled(sides: dict[str, Side]) -> None:
    one = sides["source"]
    tokens = one.ours.tokens(one.ours.encode("\u00e9\u00e8"))
    assert one.expected("\u00e9\u00e8")[1:] == [UNK_ID]
    assert tokens[1:] == ["\u00e9", "\u00e8"]


@pytest.mark.parametrize("special", SPECIAL_TOKENS)
def test_no_text_spells_a_special_token(sides: dict[str, Side], special: str) -> None:
    for one in sides.values():
        for text in (special, f"a {special} b", f"a{special}{special}b", f"[{special}]"):
            ids = one.ours.encode(text)
            assert not {PAD_ID, SOS_ID, EOS_ID} & set(ids)


def test_marians_names_of_special_tokens_are_ordinary_text(sides: dict[str, Side]) -> None:
    ids = sides["source"].ours.encode("a </s> b <pad>")
    assert not {PAD_ID, SOS_ID, EOS_ID} & set(ids)


def test_text_with_brackets_is_not_cut(folder: Path) -> None:
    spm = train_spm(tuple(["a [EO b", "[EOS] [EO", "PAD] [S"] * 20), 20)
    path = write(folder.parent / "brackets.spm", spm)
    pieces = [processor(spm).id_to_piece(i) for i in range(3, processor(spm).vocab_size())]
    ours = sentencepiece_tokenizer(read_sentencepiece(path), [*SPECIAL_TOKENS, *pieces])
    for text in ("a [EO b", "EOS] [", "[S PAD]", "[[EO]]"):
        assert ours.tokens(ours.encode(text)) == processor(spm).encode(text, out_type=str)
    for special in SPECIAL_TOKENS:
        assert not {0, 2, 3} & set(ours.encode(f"a {special}{special}"))


def test_control_pieces_are_not_read(tmp_path: Path) -> None:
    spm = train_spm(tuple(["a <s> b", "< s > /s"] * 20), 14)
    model = processor(spm)
    pieces = [model.id_to_piece(number) for number in range(1, model.vocab_size())]
    assert pieces[:2] == ["<s>", "</s>"]
    path = write(tmp_path / "a.spm", spm)
    ours = sentencepiece_tokenizer(read_sentencepiece(path), [*SPECIAL_TOKENS, *pieces])
    for text in ("a <s> b", "</s>"):
        assert ours.tokens(ours.encode(text)) == model.encode(text, out_type=str)


@pytest.mark.parametrize(
    "options",
    [
        {"normalization_rule_name": "identity"},
        {"normalization_rule_name": "nfkc_cf"},
        {"add_dummy_prefix": False},
        {"remove_extra_whitespaces": False},
        {"split_by_whitespace": False},
    ],
    ids=str,
)
def test_other_settings_of_sentencepiece(tmp_path: Path, options: dict[str, Any]) -> None:
    spm = train_spm(tuple(phrases("target", 500)), 200, **options)
    model = processor(spm)
    pieces = [model.id_to_piece(i) for i in range(3, model.vocab_size())]
    path = write(tmp_path / "a.spm", spm)
    ours = sentencepiece_tokenizer(read_sentencepiece(path), [*SPECIAL_TOKENS, *pieces])
    texts = [*phrases("target", 200), "  Le  CHAT ", "\uff21\ufb01", "a", " "]
    for text in texts:
        found = ours.tokens(ours.encode(text))
        expected = [p if p in pieces else "[UNK]" for p in model.encode(text, out_type=str)]
        assert found == expected


# language codes


@pytest.fixture(scope="module")
def multilingual(folder_of: Callable[[str], Path]) -> Side:
    return Side(folder_of("language codes"), "source")


@pytest.mark.parametrize("code", CODES)
def test_a_language_code_is_one_token(multilingual: Side, code: str) -> None:
    sentence = phrases("source", 10)[3]
    for text in (f"{code} {sentence}", f"{code}{sentence}", code, f"{code}  {sentence}"):
        ids = multilingual.ours.encode(text)
        assert ids == multilingual.expected(text)
        assert multilingual.rows[ids[0]] == 2 + CODES.index(code)
    plain = multilingual.ours.encode(sentence)
    assert plain == multilingual.expected(sentence)
    assert multilingual.ours.encode(f"{code} {sentence}")[1:] == plain


def test_a_language_code_within_a_sentence_is_text(multilingual: Side) -> None:
    codes = {i for i, row in enumerate(multilingual.rows) if row in (2, 3)}
    for text in ("a >>fra<< b", "a>>fra<<b", ">>fra<< a >>fra<<b", "a >>fr_CA<<"):
        found = multilingual.ours.encode(text)
        assert not codes & set(found[1:])
        assert found == multilingual.expected(text)


# languages


@pytest.mark.parametrize(
    ("tokenizer", "name", "folder_name", "expected"),
    [
        (("eng", "deu"), "Helsinki-NLP/opus-mt-en-de", "m", ("eng", "deu")),
        ((None, None), "Helsinki-NLP/opus-mt-en-de", "m", ("en", "de")),
        (("", "de"), "Helsinki-NLP/opus-mt-tc-big-en-fr", "m", ("en", "fr")),
        ((None, None), "./opus-mt-fr+es-en/", "opus-mt-a-b", ("fr+es", "en")),
        ((None, None), None, "opus-mt-de-zh_TW", ("de", "zh_TW")),
        ((None, None), "opus-mt-en-de-finetuned", "m", ("src", "tgt")),
        ((None, None), None, "m", ("src", "tgt")),
    ],
)
def test_the_languages_are_those_of_the_original(
    copied: Path,
    tokenizer: tuple[str | None, str | None],
    name: str | None,
    folder_name: str,
    expected: tuple[str, str],
) -> None:
    langs = dict(zip(("source_lang", "target_lang"), tokenizer, strict=True))
    edit_json(copied / "tokenizer_config.json", **langs)
    edit_json(copied / "config.json", _name_or_path=name)
    moved = copied.rename(copied.with_name(folder_name))
    imported = read_marian(moved)
    assert (imported.src_lang, imported.tgt_lang) == expected


# training


def test_smoothed_loss_is_that_of_the_original(folder: Path, imported: MarianModel) -> None:
    batch = marian_batch(folder)
    labels = batch["labels"].masked_fill(batch["labels"] == len(imported.tgt_rows) - 2, -100)
    logits = marian_logits(folder, batch).flatten(0, 1)
    expected = F.cross_entropy(
        logits, labels.flatten(), label_smoothing=0.1, ignore_index=-100, reduction="sum"
    )
    model = built(imported)
    src, tgt_in, targets = our_batch(imported)
    loss = label_smoothed_loss(
        model(src, tgt_in), model.output.weight, targets, PAD_ID, 0.1, bias=model.output.bias
    )
    tokens = int((targets != PAD_ID).sum())
    vocab_size = len(imported.tgt_rows)
    # [SOS] has its share of the smoothing, and some 110 nats for it: little, with a real vocabulary
    surplus = (loss - expected) / tokens
    assert 0 < surplus * vocab_size / 0.1 < 130
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_training_goes_on_from_the_import(imported: MarianModel) -> None:
    model = built(imported).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    src, tgt_in, targets = our_batch(imported)
    losses = []
    for _ in range(12):
        loss = (
            label_smoothed_loss(
                model(src, tgt_in),
                model.output.weight,
                targets,
                PAD_ID,
                0.1,
                bias=model.output.bias,
            )
            / (targets != PAD_ID).sum()
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    with torch.no_grad():
        logits = model.eval().project(model(src, tgt_in))
    assert logits.softmax(2)[:, :, SOS_ID].max() < 1e-20


# refusals


def edit_config(**changes: Any) -> Callable[[Path], None]:
    return lambda folder: edit_json(folder / "config.json", **changes)


def edit_vocabulary(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        ids = json.loads((folder / "vocab.json").read_text())
        change(ids)
        write(folder / "vocab.json", json.dumps(ids))

    return edit


def rename_token(old: str, new: str) -> Callable[[Path], None]:
    return edit_vocabulary(lambda ids: ids.update({new: ids.pop(old)}))


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def replace(name: str, content: bytes | str) -> Callable[[Path], None]:
    return lambda folder: (write(folder / name, content), None)[1]


def cut_in_half(name: str) -> Callable[[Path], None]:
    def cut(folder: Path) -> None:
        content = (folder / name).read_bytes()
        write(folder / name, content[: len(content) // 2])

    return cut


def edit_weights(change: Callable[[dict[str, Tensor]], Any]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / "model.safetensors"
        weights = load_file(path)
        change(weights)
        save_file(weights, path, metadata={"format": "pt"})

    return edit


def add_positions(weights: dict[str, Tensor]) -> None:
    weights["model.encoder.embed_positions.weight"] = torch.full((64, 16), 0.5)


def bpe(folder: Path) -> None:
    write(folder / "target.spm", train_spm(tuple(phrases("target", 500)), 200, model_type="bpe"))


def other_spm(**options: Any) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        write(folder / "source.spm", train_spm(tuple(phrases("source", 500)), 400, **options))

    return edit


REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no folder": (shutil.rmtree, "config.json: there is no such file"),
    "no config": (remove("config.json"), "config.json: there is no such file"),
    "no JSON": (replace("config.json", "{"), "config.json: cannot be read"),
    "a list": (replace("config.json", "[]"), "config.json: is damaged"),
    "not UTF-8": (replace("config.json", b"\xff"), "config.json: cannot be read"),
    "t5": (edit_config(model_type="t5"), "holds a model of type t5; only marian"),
    "no type": (edit_config(model_type=None), "holds a model of type None"),
    "wrong setting": (edit_config(d_model="wide"), "config.json: is no configuration"),
    "activation": (edit_config(activation_function="gelu_new"), "activation_function gelu_new"),
    "heads": (edit_config(decoder_attention_heads=4), "encoder_attention_heads is 2, but"),
    "ffn": (edit_config(encoder_ffn_dim=32), "encoder_ffn_dim is 32, but decoder_ffn_dim 24"),
    "no weights": (remove("model.safetensors"), "has no weights (model.safetensors, in"),
    "half weights": (cut_in_half("model.safetensors"), "model.safetensors: is damaged or no"),
    "other sizes": (edit_config(d_model=20), "(of another size: model.decoder.layers.0"),
    "other rows": (edit_config(vocab_size=2000), "(of another size: final_logits_bias and others)"),
    "a layer more": (edit_config(encoder_layers=3), "do not fit config.json (missing: model.enc"),
    "a layer less": (edit_config(decoder_layers=1), "(unexpected: model.decoder.layers.1."),
    "no weight": (
        edit_weights(lambda w: w.pop("model.encoder.layers.0.fc1.bias")),
        "do not fit config.json (missing: model.encoder.layers.0.fc1.bias)",
    ),
    "a giant": (edit_config(d_model=2 * 10**9), "do not fit config.json (86 tensors in"),
    "a tower": (edit_config(encoder_layers=10**9), "are no 1000000002 layers of width 16)"),
    "a giant vocabulary": (edit_config(vocab_size=10**12), "do not fit config.json (86 tensors"),
    "long lines": (edit_config(max_position_embeddings=10**15), "max_position_embeddings is 1000"),
    "a link": (
        lambda folder: (folder / "x.json").symlink_to("/etc/passwd"),
        "x.json: is a link out of the folder, to /etc/passwd",
    ),
    "several files": (
        lambda folder: (folder / "model.safetensors").rename(
            folder / "model-00001-of-2.safetensors"
        ),
        "has no weights (model.safetensors, in one file)",
    ),
    "adapters": (
        lambda folder: write(folder / "adapter_config.json", "{}"),
        "adapter_config.json: a model with adapters is not imported",
    ),
    "another place": (
        lambda folder: edit_json(folder / "tokenizer_config.json", source_spm="../x"),
        "tokenizer_config.json: 'source_spm' is set; files of other names are not read",
    ),
    "deep": (replace("vocab.json", "[" * 100_000), "vocab.json: cannot be read (it is nested too"),
    "positions": (edit_weights(add_positions), "has learned positions"),
    "dropout": (edit_config(dropout=1.0), "config.json: in our terms, 'model.dropout'"),
    "no vocabulary": (remove("vocab.json"), "vocab.json: there is no such file"),
    "numbers": (replace("vocab.json", "[1, 2]"), "vocab.json: is damaged"),
    "a token more": (
        edit_vocabulary(lambda ids: ids.update(new=len(ids))),
        "vocab.json: does not fit the weights",
    ),
    "a hole": (edit_vocabulary(lambda ids: ids.update({".": 9999})), "does not fit the weights"),
    "no number": (edit_vocabulary(lambda ids: ids.update({".": "x"})), "does not fit the weights"),
    "no number more": (
        edit_vocabulary(lambda ids: ids.update(new="x")),
        "vocab.json: does not fit the weights",
    ),
    "no pad": (rename_token("<pad>", "<p>"), "vocab.json: <pad> is not the pad_token_id"),
    "no end": (rename_token("</s>", "</p>"), "vocab.json: </s> is not the eos_token_id"),
    "no unknown": (rename_token("<unk>", "<u>"), "vocab.json: has no token <unk>"),
    "our name": (rename_token(".", "[SOS]"), "vocab.json: has a token [SOS]"),
    "no start": (
        lambda folder: edit_json(folder / "generation_config.json", decoder_start_token_id=9999),
        "vocab.json: has no token 9999",
    ),
    "separate": (
        lambda folder: edit_json(folder / "tokenizer_config.json", separate_vocabs=True),
        "has separate vocabularies, but one embedding for both",
    ),
    "settings": (replace("tokenizer_config.json", "no"), "tokenizer_config.json: cannot be read"),
    "no spm": (remove("source.spm"), "source.spm: cannot be read (No such file"),
    "half spm": (cut_in_half("target.spm"), "target.spm: is damaged or no SentencePiece model"),
    "empty spm": (replace("target.spm", b""), "target.spm: is damaged or no SentencePiece model"),
    "bpe": (bpe, "target.spm: cannot be imported, because it is a bpe model"),
    "bytes": (other_spm(byte_fallback=True), "source.spm: cannot be imported, because it spells"),
    "symbols": (other_spm(user_defined_symbols="<x>"), "it has user-defined symbols"),
    "suffixes": (
        other_spm(treat_whitespace_as_suffix=True),
        "its pieces do not begin with the space before them",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_imported_is_refused(copied: Path, case: str) -> None:
    damage, message = REFUSED[case]
    damage(copied)
    with pytest.raises(DataError) as caught:
        read_marian(copied)
    assert message in str(caught.value)
    assert str(copied) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_odd_width_is_refused(tmp_path: Path) -> None:
    odd = make_marian_folder(
        tmp_path / "m", d_model=15, encoder_attention_heads=3, decoder_attention_heads=3
    )
    with pytest.raises(DataError, match=r"config.json: in our terms, 'model.d_model' must be even"):
        read_marian(odd)


def test_the_cache_of_the_hub_holds_links_to_its_own_files(copied: Path, tmp_path: Path) -> None:
    hub = tmp_path / "models--a--b"
    snapshot = hub / "snapshots" / "0123abc"
    snapshot.parent.mkdir(parents=True)
    copied.rename(snapshot)
    (hub / "blobs").mkdir()
    for file in snapshot.iterdir():
        blob = file.rename(hub / "blobs" / f"of-{file.name}")
        file.symlink_to(f"../../blobs/{blob.name}")
    read_marian(snapshot)
    (hub / "blobs").rename(tmp_path / "elsewhere")
    (hub / "blobs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="is a link out of the folder"):
        read_marian(snapshot)


class Harm:
    """Pickled, it makes a folder when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_is_never_read(copied: Path, tmp_path: Path) -> None:
    harm = Harm(tmp_path / "harmed")
    pickle.loads(pickle.dumps(harm))
    harm.path.rmdir()  # it works
    torch.save({"model.shared.weight": harm}, copied / "pytorch_model.bin")
    read_marian(copied)  # beside the weights it does no harm
    (copied / "model.safetensors").unlink()
    with pytest.raises(DataError, match=r"pytorch_model.bin: is a pickle, .* convert it to model."):
        read_marian(copied)
    shutil.copy(copied / "pytorch_model.bin", copied / "model.safetensors")
    with pytest.raises(DataError, match=r"model.safetensors: is damaged"):
        read_marian(copied)
    assert not harm.path.exists()


@pytest.mark.parametrize("package", ["sentencepiece", "transformers"])
def test_missing_packages_are_named(
    folder: Path, imported: MarianModel, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    for act in (lambda: read_marian(folder), lambda: marian_engine(folder, imported)):
        with pytest.raises(ConfigError, match=package):
            act()


def test_long_sources_are_cut_alike(folder: Path, imported: MarianModel) -> None:
    engine = marian_engine(folder, imported)
    (ids,) = engine.encode_src([" ".join(phrases("source", 40))])
    assert len(ids) == imported.max_length + 1
    assert ids[-1] == 0
    model = built(imported)
    text = " ".join(phrases("source", 40))
    src = torch.tensor([[*imported.tokenizers.src.encode(text)[: imported.max_length], EOS_ID]])
    options = SearchOptions(sos_id=SOS_ID, eos_id=EOS_ID, forbidden=(PAD_ID, SOS_ID), beam_size=1)
    found = beam_search(LogProbs(model), src, [6], options)
    assert engine.greedy([text], [6]) == [found[0][0].token_ids]
