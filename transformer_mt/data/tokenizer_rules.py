"""The rules of each type of tokenizer: how text is normalised, split, marked, and joined again."""

from collections.abc import Callable
from typing import Any

import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, trainers

from transformer_mt.config import TokenizerConfig

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[SOS]", "[EOS]")
PAD_ID, UNK_ID, SOS_ID, EOS_ID = range(4)

JOINER = "\uffed"  # a small square: "no space on this side" of a punctuation mark
_PUNCTUATION = rf"[^\w\s{JOINER}]"
_METASPACE = "\u2581"
_CHARACTERS = Regex(r"[\s\S]")


def rules_of(config: TokenizerConfig) -> tokenizers.Tokenizer:
    """The rules of a type, with an empty vocabulary; that of bytes is complete."""
    return _RULES[config.type](config)


def _normalizers(config: TokenizerConfig) -> list[normalizers.Normalizer]:
    steps: list[normalizers.Normalizer] = []
    if config.normalization != "none":
        steps.append(normalizers.NFC() if config.normalization == "nfc" else normalizers.NFKC())
    if config.lowercase:
        steps.append(normalizers.Lowercase())
    return steps


def _word_rules(config: TokenizerConfig) -> tokenizers.Tokenizer:
    """Words and single punctuation marks; a joiner on a mark tells where there was no space.

    Words never carry a joiner, so "homme" is one word in "l'homme" and in "un homme".
    """
    rules = tokenizers.Tokenizer(models.WordLevel(unk_token=SPECIAL_TOKENS[UNK_ID]))
    rules.normalizer = normalizers.Sequence(
        [
            *_normalizers(config),
            normalizers.Replace(JOINER, "\u25a0"),  # the joiner itself cannot be spelled
            normalizers.Replace(Regex(rf"(?<=\S)(?={_PUNCTUATION})"), f" {JOINER}"),
            normalizers.Replace(Regex(rf"(?<={_PUNCTUATION})(?=\w)"), f"{JOINER} "),
        ]
    )
    rules.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    rules.decoder = decoders.Sequence(
        [
            decoders.WordPiece(prefix=JOINER, cleanup=False),  # space before, unless joined
            decoders.Fuse(),
            decoders.Replace(f"{JOINER} ", ""),
            decoders.Replace(JOINER, ""),
        ]
    )
    return rules


def _subword_rules(config: TokenizerConfig) -> tokenizers.Tokenizer:
    """Pieces of words; the mark of a word's start stands for the space before it.

    Punctuation is kept apart, so that no piece mixes it with letters.
    """
    model = (
        models.BPE(unk_token=SPECIAL_TOKENS[UNK_ID]) if config.type == "bpe" else models.Unigram()
    )
    rules = tokenizers.Tokenizer(model)
    rules.normalizer = normalizers.Sequence(
        [*_normalizers(config), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    words = Regex(rf"{_METASPACE}?\w+|{_METASPACE}?[^\w{_METASPACE}]|{_METASPACE}")
    rules.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Split(words, "isolated")]
    )
    rules.decoder = decoders.Metaspace()
    return rules


def settle(vocab: list[list[Any]]) -> list[list[Any]]:
    """The pieces of a unigram model and their scores, in digits that every build agrees on.

    The library adds up in a random order; and to characters that it would have pruned it gives
    the lowest score plus 0, 0.0001, 0.0002 ..., again in a random order: here all get the lowest.
    """
    specials, pieces = vocab[: len(SPECIAL_TOKENS)], vocab[len(SPECIAL_TOKENS) :]
    lowest = min((score for _, score in pieces), default=0.0)
    pruned_below = lowest + 0.0001 * sum(len(piece) == 1 for piece, _ in pieces)
    settled = [
        [piece, round(lowest if len(piece) == 1 and score < pruned_below else score, 6)]
        for piece, score in pieces
    ]
    return specials + sorted(settled, key=lambda item: (-item[1], item[0]))


def trainer_of(config: TokenizerConfig) -> trainers.Trainer:
    """What learns the vocabulary of a type, other than that of bytes."""
    shared: dict[str, Any] = {
        "vocab_size": config.vocab_size,
        "special_tokens": list(SPECIAL_TOKENS),
        "show_progress": False,
    }
    if config.type == "unigram":
        return trainers.UnigramTrainer(unk_token=SPECIAL_TOKENS[UNK_ID], **shared)
    trainer = trainers.BpeTrainer if config.type == "bpe" else trainers.WordLevelTrainer
    return trainer(min_frequency=config.min_frequency, **shared)


def _character_rules(config: TokenizerConfig) -> tokenizers.Tokenizer:
    """Every character is a token, spaces and line ends too: nothing is marked, nothing is lost."""
    rules = tokenizers.Tokenizer(models.WordLevel(unk_token=SPECIAL_TOKENS[UNK_ID]))
    rules.normalizer = normalizers.Sequence(_normalizers(config))
    rules.pre_tokenizer = pre_tokenizers.Split(_CHARACTERS, "isolated")
    rules.decoder = decoders.Fuse()
    return rules


def _byte_rules(config: TokenizerConfig) -> tokenizers.Tokenizer:
    """Every byte of the text's UTF-8 is a token, so that none is ever unknown.

    Byte b is id 4 + b, and a visible character in the vocabulary, as in GPT-2 (Radford et al.
    2019): itself where it is one in Latin-1, else the next of those from U+0100.
    """
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    others = iter(sorted(c for c in alphabet if ord(c) > 255))
    shown = [chr(byte) if chr(byte) in alphabet else next(others) for byte in range(256)]
    vocab = {token: number for number, token in enumerate([*SPECIAL_TOKENS, *shown])}
    rules = tokenizers.Tokenizer(models.WordLevel(vocab, SPECIAL_TOKENS[UNK_ID]))
    rules.normalizer = normalizers.Sequence(_normalizers(config))
    rules.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            pre_tokenizers.Split(_CHARACTERS, "isolated"),
        ]
    )
    rules.decoder = decoders.ByteLevel()
    return rules


_RULES: dict[str, Callable[[TokenizerConfig], tokenizers.Tokenizer]] = {
    "word": _word_rules,
    "bpe": _subword_rules,
    "unigram": _subword_rules,
    "character": _character_rules,
    "byte": _byte_rules,
}
