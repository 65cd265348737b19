"""Generated text: what the uncached model would say, told exactly, piece by piece."""

import math
from collections.abc import Sequence
from itertools import islice
from random import Random
from typing import Any, Literal

import pytest
import torch
from tiny_models import EOS, PAD, SOS, UNK, next_log_probs, tiny_lm
from torch import Tensor, nn

from transformer_mt.config.sections import TokenizerConfig
from transformer_mt.config.tasks import TextConfig
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.inference.generator import JoinedText, TextGenerator
from transformer_mt.text.tokenizer import Tokenizer

Examples = Literal["blocks", "lines"]
TEXTS = [
    "L'homme, c'est-à-dire « lui », n'a (presque) rien dit : 12,5 % d'œufs !",
    "Ein  Mann\tsagt: “Na so was…” - and   goes.",
    "日本語も 🙂👍🏽 👨‍👩‍👧 e\u0301 \ufffd x",
    "the cat sat on the mat .",
]
each_type = pytest.mark.parametrize("kind", ["word", "bpe", "unigram", "character", "byte"])
each_examples = pytest.mark.parametrize("examples", ["blocks", "lines"])


def tokenizer_of(kind: Any) -> Tokenizer:
    config = TokenizerConfig(type=kind, vocab_size=300, min_frequency=1)
    return Tokenizer.build(TEXTS * 3, config)


def generator_of(
    model: Any, kind: str = "character", examples: Examples = "lines"
) -> TextGenerator:
    data = TextConfig(train="x.txt", examples=examples)
    return TextGenerator(model, tokenizer_of(kind), data)


class Parrot(nn.Module):
    """Says certain tokens, whatever it is told; keeps what it read."""

    max_length = 1000

    def __init__(self, ids: Sequence[int], vocab_size: int, unlikely: float = -5.0) -> None:
        super().__init__()
        self.output = nn.Linear(1, vocab_size)
        self.ids, self.unlikely = [*ids], unlikely
        self.read: list[int] = []

    def start(self) -> None:
        return None

    def extend(self, ids: Tensor, state: None) -> Tensor:  # noqa: ARG002
        self.read += ids[0].tolist()
        return torch.zeros(*ids.shape, 1)

    def project(self, hidden: Tensor) -> Tensor:
        logits = torch.full((len(hidden), self.output.out_features), self.unlikely)
        logits[:, [PAD, UNK, SOS]] = 50  # never drawn, however likely
        logits[:, self.ids.pop(0) if self.ids else EOS] = 5
        return logits


def parrot(text: str, kind: str, examples: Examples = "lines", **options: Any) -> TextGenerator:
    tokenizer = tokenizer_of(kind)
    model: Any = Parrot(tokenizer.encode(text), tokenizer.vocab_size, **options)
    return generator_of(model, kind, examples)


# --- tokens become text


@each_type
@pytest.mark.parametrize("before", ["", "the", "L'", "« ", "日", "so", "qqq"])
def test_pieces_together_are_the_joined_text(kind: str, before: str) -> None:
    """Any tokens at all, after any beginning; far more than are joined at once."""
    tokenizer, dice = tokenizer_of(kind), Random(3)
    context = tokenizer.pieces(before)
    for length in (0, 1, 2, 5, 300):
        for _ in range(5):
            ids = [dice.randrange(4, tokenizer.vocab_size) for _ in range(length)]
            joined = JoinedText(tokenizer, context)
            told = "".join(joined.add(token) for token in ids) + joined.end()
            assert tokenizer.join(context) + told == tokenizer.join(context + tokenizer.tokens(ids))


@each_type
@pytest.mark.parametrize("text", TEXTS)
def test_a_text_comes_out_as_it_is_decoded(kind: str, text: str) -> None:
    tokenizer = tokenizer_of(kind)
    ids = tokenizer.encode(text)
    joined = JoinedText(tokenizer)
    pieces = [joined.add(token) for token in ids]
    assert "".join(pieces) + joined.end() == tokenizer.decode(ids)
    if kind != "byte":  # nothing is held back without need
        assert "".join(pieces) == tokenizer.decode(ids)[: len("".join(pieces))]
        assert all(pieces[1:]) or "\ufffd" in text


def test_a_character_waits_for_its_bytes() -> None:
    tokenizer = tokenizer_of("byte")
    joined = JoinedText(tokenizer)
    assert [joined.add(token) for token in tokenizer.encode("aé€🙂b")] == [
        *("a", "", "é", "", "", "€", "", "", "", "🙂", "b")
    ]
    euro, letter = tokenizer.encode("€")[:2], tokenizer.encode("x")
    joined = JoinedText(tokenizer)
    assert [joined.add(token) for token in (*euro, *letter, *euro)] == ["", "", "\ufffdx", "", ""]
    assert joined.end() == "\ufffd"


def test_a_character_that_stays_incomplete_is_told_at_the_end() -> None:
    ids = tokenizer_of("byte").encode("a€")[:-1]
    told = list(generator_of(Parrot([*ids, EOS], 260), "byte").generate("", temperature=0))
    assert told == ["a", "\ufffd"]


@each_type
@pytest.mark.parametrize("text", TEXTS)
def test_what_the_model_says_is_what_is_told(kind: str, text: str) -> None:
    generator = parrot(text, kind)
    told = "".join(generator.generate("", temperature=0, length=1000))
    assert told == generator.tokenizer.decode(generator.tokenizer.encode(text))


@pytest.mark.parametrize("kind", ["word", "bpe"])
def test_a_continuation_is_joined_to_its_prompt(kind: str) -> None:
    generator = parrot("cat sat", kind)
    assert "".join(generator.generate("the", temperature=0)) == " cat sat"
    assert "".join(parrot("cat sat", kind).generate("", temperature=0)) == "cat sat"


@each_type
def test_a_space_after_the_prompt_is_not_told_twice(kind: str) -> None:
    """Some tokenizers drop the last space of a text, and put one before a word."""
    said = " cat sat" if kind == "unigram" else "cat sat"
    told = "".join(parrot(said, kind).generate("the ", temperature=0, length=100))
    assert "the " + told == "the cat sat"


@each_type
def test_text_comes_as_soon_as_it_is_known(kind: str) -> None:
    generator = parrot("the cat sat on the mat .", kind)
    model: Any = generator.model
    pieces = generator.generate("", temperature=0)
    assert model.read == []
    first = next(pieces)
    assert first
    assert "the cat".startswith(first)
    assert len(model.read) <= 2


# --- ends


def test_lines_end_and_blocks_go_on() -> None:
    ids = tokenizer_of("character").encode("cat")
    for examples, wanted in (("lines", "cat"), ("blocks", "cat\n\ncat\n\n")):
        generator = generator_of(
            Parrot([*ids, EOS, EOS, *ids, EOS], 300),
            examples=examples,  # type: ignore[arg-type]
        )
        model: Any = generator.model
        assert "".join(generator.generate("", temperature=0, length=10)) == wanted
        assert model.read[0] == (SOS if examples == "lines" else EOS)


def test_each_line_of_a_block_begins_anew() -> None:
    tokenizer = tokenizer_of("bpe")
    ids = [*tokenizer.encode("the cat"), EOS, *tokenizer.encode("the mat"), EOS]
    generator = generator_of(Parrot(ids, 300), "bpe", "blocks")
    told = "".join(generator.generate("on", temperature=0, length=len(ids)))
    assert told == " the cat\nthe mat\n"


@each_examples
@pytest.mark.parametrize("length", [0, 1, 7])
def test_a_text_has_at_most_this_many_tokens(length: int, examples: Examples) -> None:
    generator = parrot("the cat sat on the mat .", "character", examples)
    assert len("".join(generator.generate("", temperature=0, length=length))) == length


def test_special_tokens_are_never_drawn() -> None:
    """However likely they are, and however hot it is."""
    generator = parrot("", "character", "blocks", unlikely=0.0)
    told = "".join(generator.generate("", temperature=100.0, length=300, seed=1))
    assert len(told) == 300
    assert "[" not in told


# --- the model's text


@each_examples
@pytest.mark.parametrize(
    ("max_length", "positions"),
    [(2, "sinusoidal"), (7, "learned"), (7, "sinusoidal"), (1000, "learned")],
)
def test_cached_generation_is_what_the_whole_model_would_say(
    max_length: int, positions: str, examples: Examples
) -> None:
    """Greedily, token by token, also across slides of the window; with and without a prompt."""
    tokenizer = tokenizer_of("character")
    for seed, prompt in ((0, ""), (1, "the cat sat"), (2, "a" * 40)):
        model = tiny_lm(max_length, tokenizer.vocab_size, seed, positions=positions)
        ids = [EOS if examples == "blocks" else SOS, *tokenizer.encode(prompt)]
        expected: list[int] = []
        while len(expected) < 25:
            scores = next_log_probs(model, ids + expected)
            scores[[PAD, UNK, SOS]] = -math.inf
            token = int(scores.argmax())
            if token == EOS and examples == "lines":
                break
            expected.append(token)
        told = "".join(
            generator_of(model, examples=examples).generate(prompt, length=25, temperature=0)
        )
        lines = "".join("\n" if i == EOS else tokenizer.decode([i]) for i in expected)
        assert told == lines


def test_a_prompt_is_as_good_as_generated_text() -> None:
    generator = generator_of(tiny_lm(6, tokenizer_of("character").vocab_size), examples="blocks")
    whole = "".join(generator.generate("the", length=50, temperature=0))
    for cut in (1, 5, 20, 49):
        rest = generator.generate("the" + whole[:cut], length=50 - cut, temperature=0)
        assert "".join(rest) == whole[cut:]


def test_equal_seeds_give_equal_texts() -> None:
    generator = generator_of(tiny_lm(9, tokenizer_of("character").vocab_size), examples="blocks")

    def text(seed: int | None, **options: Any) -> str:
        return "".join(generator.generate("the", length=60, seed=seed, **options))

    assert text(1) == text(1) != text(2)
    assert text(1, top_k=1) == text(2, top_p=1e-6) == text(None, temperature=0)
    assert text(None) != text(None)


# --- prompts


def test_line_ends_of_a_prompt_are_those_of_training() -> None:
    tokenizer = tokenizer_of("character")
    the, cat = tokenizer.encode("the"), tokenizer.encode("cat")
    for examples, wanted in (
        ("blocks", [EOS, *the, EOS, *cat]),
        ("lines", [SOS, *the, *tokenizer.encode(" "), *cat]),
    ):
        generator = parrot("x", "character", examples)  # type: ignore[arg-type]
        model: Any = generator.model
        next(generator.generate("the\ncat"))
        assert model.read == wanted


def test_unknown_pieces_of_a_prompt_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    generator = parrot("cat", "character")
    told = "".join(generator.generate("the Ω or\nthe Ω Ж", temperature=0))
    assert told == "cat"
    assert caplog.messages == ["the model does not know all of the prompt: Ω Ж"]
    list(generator.generate("the cat"))
    assert len(caplog.messages) == 1


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"temperature": -1.0}, "temperature' must be"),
        ({"top_k": 0}, "top_k' must be"),
        ({"top_p": 1.5}, "top_p' must be"),
        ({"length": -1}, "length' must be at least 0"),
        ({"seed": -1}, "seed' must be"),
        ({"seed": 2**63}, "seed' must be"),
    ],
)
def test_impossible_options_are_refused_at_once(option: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parrot("x", "character").generate("", **option)


def test_a_damaged_model_is_told() -> None:
    model = tiny_lm(5, 300)
    with torch.no_grad():
        model.output.weight[7] = math.nan
    with pytest.raises(DataError, match="weights are damaged"):
        list(islice(generator_of(model).generate("the"), 3))
