"""Text to token ids and back, on the Hugging Face `tokenizers` library.

Every kind of tokenizer is one self-contained JSON file: what it splits, marks and joins is written
there, and any program with `tokenizers` reads it.
"""

import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, trainers

from transformer_mt.config import TokenizerConfig
from transformer_mt.data.tokenizer_file import MOST_BYTES, check_tokenizer
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.safe_files import read_text
from transformer_mt.task_config import PairTokenizerConfig

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[SOS]", "[EOS]")
PAD_ID, UNK_ID, SOS_ID, EOS_ID = range(4)

JOINER = "\uffed"  # a small square: "no space on this side" of a punctuation mark
_PUNCTUATION = rf"[^\w\s{JOINER}]"
_METASPACE = "\u2581"


class Tokenizer:
    """A vocabulary with the rules to split text into its tokens and to join them again.

    [PAD] [UNK] [SOS] [EOS] are ids 0 to 3. They are words of the vocabulary that no text can
    spell: brackets are always split off, so "[EOS]" in a sentence is three ordinary tokens.
    """

    def __init__(self, rules: tokenizers.Tokenizer) -> None:
        self._rules = rules
        self._is_word_level = isinstance(rules.model, models.WordLevel)

    @classmethod
    def build(cls, texts: Iterable[str], config: TokenizerConfig) -> "Tokenizer":
        """Learn a vocabulary. The same texts and settings give the same bytes in `to_json`.

        Raises:
            ConfigError: subwords need a larger vocabulary, to spell every word by its characters.
        """
        rules = _word_rules(config) if config.type == "word" else _subword_rules(config)
        try:
            rules.train_from_iterator(texts, _trainer(config))
            too_small = rules.get_vocab_size() > config.vocab_size
        except Exception:  # the unigram trainer's only one is of this kind
            too_small = True
        if too_small:
            raise ConfigError(
                f"tokenizer.vocab_size is {config.vocab_size}, but the training text has more"
                " different characters: raise it, or set tokenizer.type to word"
            )
        saved = json.loads(rules.to_str())
        if config.type == "unigram":
            saved["model"]["vocab"] = _settle(saved["model"]["vocab"])
        saved["added_tokens"] = []  # else text that spells a special token would become one
        return cls(tokenizers.Tokenizer.from_str(json.dumps(saved)))

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        """Read what `to_json` wrote.

        Raises:
            DataError: the file is missing or is not such a tokenizer.
        """
        try:
            text = read_text(path, MOST_BYTES)
            check_tokenizer(text, SPECIAL_TOKENS[UNK_ID])
            with _panics_are_errors():
                rules = tokenizers.Tokenizer.from_str(text)
        except FileNotFoundError:
            raise DataError(
                f"{path}: there is no such tokenizer; run tmt build-tokenizer"
            ) from None
        except Exception as error:  # the library raises plain Exception
            raise DataError(f"{path}: is not a tokenizer ({error})") from None
        found = [rules.id_to_token(number) for number in range(len(SPECIAL_TOKENS))]
        if found != list(SPECIAL_TOKENS):
            raise DataError(f"{path}: ids 0 to 3 must be {' '.join(SPECIAL_TOKENS)}, not {found}")
        return cls(rules)

    def to_json(self) -> str:
        """The tokenizer as the text of its file."""
        return self._rules.to_str(pretty=True) + "\n"

    @property
    def vocab_size(self) -> int:
        """Number of tokens, the special ones included."""
        return self._rules.get_vocab_size()

    def encode(self, text: str) -> list[int]:
        """Ids of the tokens of one sentence, without [SOS] and [EOS]."""
        with _failures_are_told():
            return self._rules.encode(text).ids

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` for many sentences, on all cores."""
        with _failures_are_told():
            return [encoding.ids for encoding in self._rules.encode_batch_fast(list(texts))]

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """The tokens as they stand in the vocabulary, with their marks of joining."""
        return [self._rules.id_to_token(number) or SPECIAL_TOKENS[UNK_ID] for number in ids]

    def pieces(self, text: str) -> list[str]:
        """The tokens of `encode(text)`, those outside the vocabulary spelled as in the text."""
        with _failures_are_told():
            if self._is_word_level:
                return self._split_words(text)
            encoding = self._rules.encode(text)
        return [
            text[start:end] if number == UNK_ID else token
            for number, token, (start, end) in zip(
                encoding.ids, encoding.tokens, encoding.offsets, strict=True
            )
        ]

    def join(self, tokens: Sequence[str]) -> str:
        """Normal text from tokens with their marks: "l" "￭'￭" "homme" gives "l'homme"."""
        with _failures_are_told():
            text: str = self._rules.decoder.decode(list(tokens))
        return text

    def decode(self, ids: Iterable[int]) -> str:
        """Normal text from ids; special tokens are left out."""
        return self.join(self.tokens(number for number in ids if number > EOS_ID))

    def unknown_pieces(self, texts: Iterable[str]) -> Counter[str]:
        """How often each piece of text outside the vocabulary occurs."""
        unknown: Counter[str] = Counter()
        for text in texts:
            ids = self.encode(text)
            if UNK_ID in ids:
                pairs = zip(ids, self.pieces(text), strict=True)
                unknown.update(piece.strip(JOINER) for number, piece in pairs if number == UNK_ID)
        return unknown

    def _split_words(self, text: str) -> list[str]:
        normalized = self._rules.normalizer.normalize_str(text)
        return [word for word, _ in self._rules.pre_tokenizer.pre_tokenize_str(normalized)]


@dataclass(frozen=True, slots=True)
class Tokenizers:
    """One tokenizer for each side; equal ones for a joint vocabulary."""

    src: Tokenizer
    tgt: Tokenizer

    names: ClassVar[tuple[str, ...]] = ("tokenizer.src.json", "tokenizer.tgt.json")

    @property
    def sizes(self) -> tuple[int, ...]:
        return self.src.vocab_size, self.tgt.vocab_size

    def texts(self) -> dict[str, str]:
        return dict(zip(self.names, (self.src.to_json(), self.tgt.to_json()), strict=True))

    @classmethod
    def of_texts(cls, texts: Mapping[str, str], folder: Path) -> "Tokenizers":
        return cls(*(Tokenizer(tokenizers.Tokenizer.from_str(texts[name])) for name in cls.names))

    @classmethod
    def load(cls, folder: Path) -> "Tokenizers":
        return cls(*(Tokenizer.load(folder / name) for name in cls.names))

    @classmethod
    def build(
        cls, src: Iterable[str], tgt: Iterable[str], config: PairTokenizerConfig
    ) -> "Tokenizers":
        """Learn the vocabularies of both sides, or a joint one.

        Raises:
            ConfigError: as for `Tokenizer.build`.
        """
        if config.joint:
            joint = Tokenizer.build(chain(src, tgt), config)
            return cls(joint, joint)
        return cls(Tokenizer.build(src, config), Tokenizer.build(tgt, config))


@contextlib.contextmanager
def _panics_are_errors() -> Iterator[None]:
    """What stops the library's own language is no subclass of Exception."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise ValueError(str(error)) from None
        raise


@contextlib.contextmanager
def _failures_are_told() -> Iterator[None]:
    """The rules of a file that nobody tested may fail on some texts."""
    try:
        with _panics_are_errors():
            yield
    except TypeError:  # a text that is none
        raise
    except Exception as error:
        raise DataError(f"the tokenizer cannot process this text ({error})") from None


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


def _settle(vocab: list[list[Any]]) -> list[list[Any]]:
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


def _trainer(config: TokenizerConfig) -> trainers.Trainer:
    shared: dict[str, Any] = {
        "vocab_size": config.vocab_size,
        "special_tokens": list(SPECIAL_TOKENS),
        "show_progress": False,
    }
    if config.type == "unigram":
        return trainers.UnigramTrainer(unk_token=SPECIAL_TOKENS[UNK_ID], **shared)
    trainer = trainers.WordLevelTrainer if config.type == "word" else trainers.BpeTrainer
    return trainer(min_frequency=config.min_frequency, **shared)
