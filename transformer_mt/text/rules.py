"""The rules of each type of tokenizer: how text is normalised, split, marked, and joined again."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, trainers

from transformer_mt.config.sections import TokenizerConfig
from transformer_mt.languages.characters import (
    ACCENTS_AS_APOSTROPHES,
    DOUBLE_QUOTES,
    HYPHENS,
    INVISIBLE,
    SINGLE_QUOTES,
    UNSPACED,
)
from transformer_mt.languages.codes import subtags

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[SOS]", "[EOS]")
PAD_ID, UNK_ID, SOS_ID, EOS_ID = range(4)

JOINER = "\uffed"  # a small square: "no space on this side" of a punctuation mark
_PUNCTUATION = rf"[^\w\s{JOINER}]"
_METASPACE = "\u2581"
_CHARACTERS = Regex(r"[\s\S]")
_UNSPACED = f"[{UNSPACED}]"
_SPACED = rf"[\w&&[^{UNSPACED}]]"

Steps = list[normalizers.Normalizer]


def rules_of(
    config: TokenizerConfig, normalization: Steps, learned: Iterable[str] | None = None
) -> tokenizers.Tokenizer:
    """The rules of a type, with an empty vocabulary; that of bytes is complete.

    Args:
        config: its `type`.
        normalization: what is done with text before its marks are set; see `normalization_of`.
        learned: the tokens of the vocabulary; None before it is learned. Words are split without
            the rules for scripts without spaces if it has no letter of them: they take as long as
            all others.
    """
    if config.type == "word":
        unspaced = learned is None or any(map(re.compile(_UNSPACED).search, learned))
        return _word_rules(normalization, unspaced=unspaced)
    return _RULES[config.type](config, normalization)


def normalization_of(config: TokenizerConfig, language: str, *, is_read: bool) -> Steps:
    """What is done with text of a language before it is split.

    Args:
        config: `normalization` and `lowercase`.
        language: its code, or "" where it is not known.
        is_read: the model reads such text and never writes it. Quotation marks, apostrophes and
            hyphens are then those of a keyboard. Where it writes, they stay as its corpus has them:
            a reader, and a score against a reference, expects those.
    """
    steps: Steps = []
    if config.normalization == "clean":
        steps.append(normalizers.Replace(Regex(INVISIBLE), ""))
        if is_read:
            apostrophes = f"[{SINGLE_QUOTES}]|{ACCENTS_AS_APOSTROPHES}"
            steps.append(normalizers.Replace(Regex(apostrophes), "'"))
            steps.append(normalizers.Replace(Regex(f"[{DOUBLE_QUOTES}]"), '"'))
            steps.append(normalizers.Replace(Regex(f"[{HYPHENS}]"), "-"))
    if config.normalization != "none":
        is_nfkc = config.normalization == "nfkc"
        steps.append(normalizers.NFKC() if is_nfkc else normalizers.NFC())
    if config.lowercase:
        steps += _lower_casing(language)
    return steps


def _lower_casing(language: str) -> Steps:
    """Unicode's rules for lower case, those that depend on the language or the place included.

    The library's own step takes each letter alone and knows no language. Only the dotted capital
    I becomes a plain i everywhere: Unicode's "i" with a second dot occurs in no text.
    """
    code, *rest = subtags(language)
    replaced = [("\u0130|I\u0307", "i"), (_FINAL_SIGMA, "\u03c2")]
    if code in _DOTLESS or (code in _DOTLESS_IN_LATIN and "latn" in rest):
        replaced.append(("I", "\u0131"))
    elif code in ("lt", "lit"):  # the dot stays under an accent
        replaced += [
            ("\u00cc", "i\u0307\u0300"),
            ("\u00cd", "i\u0307\u0301"),
            ("\u0128", "i\u0307\u0303"),
            (r"I(?=[\u0300-\u0314])", "i\u0307"),
            (r"J(?=[\u0300-\u0314])", "j\u0307"),
            (r"\u012e(?=[\u0300-\u0314])", "\u012f\u0307"),
        ]
    first = [normalizers.Replace(Regex(old), new) for old, new in replaced]
    return [*first, normalizers.Lowercase()]


_FINAL_SIGMA = r"\u03a3(?<=\p{L}.|\p{L}\p{M}.)(?!\p{M}*\p{L})"
_DOTLESS = {"tr", "tur", "az", "aze", "azj", "crh", "gag", "kaa"}
"""Languages whose i keeps its dot in upper case, so that I is the capital of a dotless letter."""
_DOTLESS_IN_LATIN = {"ba", "bak", "kk", "kaz", "tt", "tat"}
"""The same, where they are written in Latin letters, as in kk-Latn."""


def _word_rules(normalization: Steps, *, unspaced: bool) -> tokenizers.Tokenizer:
    """Words and single punctuation marks; a joiner on a mark tells where there was no space.

    Words never carry a joiner, so "homme" is one word in "l'homme" and in "un homme".

    With `unspaced`, scripts without spaces are split into their characters, between which there is
    no space unless a token of its own says so; beside other letters they carry joiners as marks do.
    """
    rules = tokenizers.Tokenizer(models.WordLevel(unk_token=SPECIAL_TOKENS[UNK_ID]))
    before, after = rf"(?<=\S)(?={_PUNCTUATION})", rf"(?<={_PUNCTUATION})(?=\w)"
    steps: Steps = [normalizers.Replace(JOINER, "\u25a0")]  # the marks themselves cannot be spelled
    splits: list[pre_tokenizers.PreTokenizer] = [pre_tokenizers.WhitespaceSplit()]
    joins: list[decoders.Decoder] = []
    if unspaced:
        before += rf"|(?<={_SPACED})(?={_UNSPACED})"
        after += rf"|(?<={_UNSPACED})(?={_SPACED})"
        space = rf"\s(?<={_UNSPACED}\s)\s*(?={_UNSPACED})"
        steps.append(normalizers.Replace(_METASPACE, "_"))
        steps.append(normalizers.Replace(Regex(space), f" {_METASPACE} "))
        letter = Regex(f"{JOINER}?{_UNSPACED}{JOINER}?")
        splits.append(pre_tokenizers.Split(letter, "isolated"))
        joins.append(decoders.Replace(Regex(rf" (?<={_UNSPACED} )(?={_UNSPACED})"), ""))
        joins.append(decoders.Replace(Regex(f" ?{_METASPACE} ?"), " "))
    steps.append(normalizers.Replace(Regex(before), f" {JOINER}"))
    steps.append(normalizers.Replace(Regex(after), f"{JOINER} "))
    rules.normalizer = normalizers.Sequence([*normalization, *steps])
    rules.pre_tokenizer = pre_tokenizers.Sequence(splits)
    rules.decoder = decoders.Sequence(
        [
            decoders.WordPiece(prefix=JOINER, cleanup=False),  # space before, unless joined
            decoders.Fuse(),
            decoders.Replace(f"{JOINER} ", ""),
            decoders.Replace(JOINER, ""),
            *joins,
        ]
    )
    return rules


def _subword_rules(config: TokenizerConfig, normalization: Steps) -> tokenizers.Tokenizer:
    """Pieces of words; the mark of a word's start stands for the space before it.

    Punctuation is kept apart, so that no piece mixes it with letters.
    """
    model = (
        models.BPE(unk_token=SPECIAL_TOKENS[UNK_ID]) if config.type == "bpe" else models.Unigram()
    )
    rules = tokenizers.Tokenizer(model)
    rules.normalizer = normalizers.Sequence(
        [*normalization, normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
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


def _character_rules(_: TokenizerConfig, normalization: Steps) -> tokenizers.Tokenizer:
    """Every character is a token, spaces and line ends too: nothing is marked, nothing is lost."""
    rules = tokenizers.Tokenizer(models.WordLevel(unk_token=SPECIAL_TOKENS[UNK_ID]))
    rules.normalizer = normalizers.Sequence(normalization)
    rules.pre_tokenizer = pre_tokenizers.Split(_CHARACTERS, "isolated")
    rules.decoder = decoders.Fuse()
    return rules


def _byte_rules(_: TokenizerConfig, normalization: Steps) -> tokenizers.Tokenizer:
    """Every byte of the text's UTF-8 is a token, so that none is ever unknown.

    Byte b is id 4 + b, and a visible character in the vocabulary, as in GPT-2 (Radford et al.
    2019): itself where it is one in Latin-1, else the next of those from U+0100.
    """
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    others = iter(sorted(c for c in alphabet if ord(c) > 255))
    shown = [chr(byte) if chr(byte) in alphabet else next(others) for byte in range(256)]
    vocab = {token: number for number, token in enumerate([*SPECIAL_TOKENS, *shown])}
    rules = tokenizers.Tokenizer(models.WordLevel(vocab, SPECIAL_TOKENS[UNK_ID]))
    rules.normalizer = normalizers.Sequence(normalization)
    rules.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            pre_tokenizers.Split(_CHARACTERS, "isolated"),
        ]
    )
    rules.decoder = decoders.ByteLevel()
    return rules


_RULES: dict[str, Callable[[TokenizerConfig, Steps], tokenizers.Tokenizer]] = {
    "bpe": _subword_rules,
    "unigram": _subword_rules,
    "character": _character_rules,
    "byte": _byte_rules,
}
