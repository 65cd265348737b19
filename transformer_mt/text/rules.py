"""Rules of each tokenizer type: normalisation, splitting, joiner marks and decoding."""

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

JOINER = "\uffed"  # "no space on this side" of a punctuation mark
_PUNCTUATION = rf"[^\w\s{JOINER}]"
METASPACE = "\u2581"
"""Character for a space in subwords and in the pieces of SentencePiece."""
_CHARACTERS = Regex(r"[\s\S]")
_UNSPACED = f"[{UNSPACED}]"
_SPACED = rf"[\w&&[^{UNSPACED}]]"

Steps = list[normalizers.Normalizer]


def rules_of(
    config: TokenizerConfig, normalization: Steps, learned: Iterable[str] | None = None
) -> tokenizers.Tokenizer:
    """Return an untrained tokenizer of the configured type; the byte vocabulary is complete.

    Args:
        config: the tokenizer settings, of which `type` is used.
        normalization: steps that precede the marking of text; see `normalization_of`.
        learned: tokens of the vocabulary; None before training. A word tokenizer without letters
            of unspaced scripts omits the rules for these scripts, which double the run time.
    """
    if config.type == "word":
        unspaced = learned is None or any(map(re.compile(_UNSPACED).search, learned))
        return _word_rules(normalization, unspaced=unspaced)
    return _RULES[config.type](config, normalization)


def normalization_of(config: TokenizerConfig, language: str, *, is_read: bool) -> Steps:
    """Return the normalisation steps for text of a language.

    Args:
        config: the tokenizer settings, of which `normalization` and `lowercase` are used.
        language: language code, or "" if unknown.
        is_read: the model only reads this text (source side). Quotation marks, apostrophes and
            hyphens are then mapped to ASCII. Text that the model writes keeps the characters of
            the corpus, which readers and reference translations expect.
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
    """Return steps for Unicode lower-casing with the language- and context-dependent rules.

    `normalizers.Lowercase` alone handles single letters without regard to the language. One
    deviation from Unicode: U+0130 becomes a plain i in every language, because "i" with a second
    dot does not occur in text.
    """
    code, *rest = subtags(language)
    replaced = [("\u0130|I\u0307", "i"), (_FINAL_SIGMA, "\u03c2")]
    if code in _DOTLESS or (code in _DOTLESS_IN_LATIN and "latn" in rest):
        replaced.append(("I", "\u0131"))
    elif code in ("lt", "lit"):  # Lithuanian keeps the dot under an accent
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
"""Languages in which the lower case of I is the dotless U+0131."""
_DOTLESS_IN_LATIN = {"ba", "bak", "kk", "kaz", "tt", "tat"}
"""Languages in which the lower case of I is U+0131 in Latin script, as in kk-Latn."""


def _word_rules(normalization: Steps, *, unspaced: bool) -> tokenizers.Tokenizer:
    """Return rules for words and single punctuation marks.

    A joiner on a punctuation mark encodes a missing space. Words never carry a joiner, so "homme"
    is the same token in "l'homme" and in "un homme".

    With `unspaced`, text of scripts without spaces is split into characters. A space between two
    such characters is a separate token; next to other letters they carry joiners like punctuation.
    """
    rules = tokenizers.Tokenizer(models.WordLevel(unk_token=SPECIAL_TOKENS[UNK_ID]))
    before, after = rf"(?<=\S)(?={_PUNCTUATION})", rf"(?<={_PUNCTUATION})(?=\w)"
    steps: Steps = [normalizers.Replace(JOINER, "\u25a0")]  # text must not contain joiners
    splits: list[pre_tokenizers.PreTokenizer] = [pre_tokenizers.WhitespaceSplit()]
    joins: list[decoders.Decoder] = []
    if unspaced:
        before += rf"|(?<={_SPACED})(?={_UNSPACED})"
        after += rf"|(?<={_UNSPACED})(?={_SPACED})"
        space = rf"\s(?<={_UNSPACED}\s)\s*(?={_UNSPACED})"
        steps.append(normalizers.Replace(METASPACE, "_"))
        steps.append(normalizers.Replace(Regex(space), f" {METASPACE} "))
        letter = Regex(f"{JOINER}?{_UNSPACED}{JOINER}?")
        splits.append(pre_tokenizers.Split(letter, "isolated"))
        joins.append(decoders.Replace(Regex(rf" (?<={_UNSPACED} )(?={_UNSPACED})"), ""))
        joins.append(decoders.Replace(Regex(f" ?{METASPACE} ?"), " "))
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
    """Return rules for subwords, in which U+2581 marks the space before a word.

    Punctuation is split off, so that no subword mixes punctuation with letters.
    """
    model = (
        models.BPE(unk_token=SPECIAL_TOKENS[UNK_ID]) if config.type == "bpe" else models.Unigram()
    )
    rules = tokenizers.Tokenizer(model)
    rules.normalizer = normalizers.Sequence(
        [*normalization, normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    words = Regex(rf"{METASPACE}?\w+|{METASPACE}?[^\w{METASPACE}]|{METASPACE}")
    rules.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Split(words, "isolated")]
    )
    rules.decoder = decoders.Metaspace()
    return rules


def settle(vocab: list[list[Any]]) -> list[list[Any]]:
    """Return the pieces of a unigram model with reproducible scores, sorted by score.

    The library sums scores in random order, hence the rounding to 6 digits. It also gives
    characters that should have been pruned the lowest score plus 0, 0.0001, 0.0002 ... in random
    order; here all of these characters get the lowest score.
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
    """Return the vocabulary trainer of a tokenizer type other than byte."""
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
    """Return rules that make every character a token, including spaces and line ends."""
    rules = tokenizers.Tokenizer(models.WordLevel(unk_token=SPECIAL_TOKENS[UNK_ID]))
    rules.normalizer = normalizers.Sequence(normalization)
    rules.pre_tokenizer = pre_tokenizers.Split(_CHARACTERS, "isolated")
    rules.decoder = decoders.Fuse()
    return rules


def _byte_rules(_: TokenizerConfig, normalization: Steps) -> tokenizers.Tokenizer:
    """Return rules that make every UTF-8 byte a token, so that no token is unknown.

    Byte b has id 4 + b. The vocabulary shows bytes as visible characters, as in GPT-2 (Radford et
    al. 2019): the Latin-1 character if visible, else the next character from U+0100 on.
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
