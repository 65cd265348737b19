"""Conversion of SentencePiece models (Kudo and Richardson 2018) to our tokenizers.

The tokenizer keeps SentencePiece's pieces and scores, normalisation table and treatment of spaces,
but takes the token ids from a given vocabulary, which may also hold pieces of the other language.
The segmentation is that of SentencePiece, with these differences:

* a run of two or more unknown characters is one unknown piece in SentencePiece (looked up in the
  vocabulary as a whole); here other tokens of the vocabulary spell the run, and the text around
  it, as far as possible;
* a piece missing in the vocabulary is unknown in SentencePiece; here the best other segmentation
  is used;
* of two segmentations with the same score, up to rounding in 32 bits, the other may be chosen;
* letters with combining marks that have no composed form in Unicode may be normalised differently.
"""

import importlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers

from transformer_mt.errors import DataError
from transformer_mt.runtime.extras import require
from transformer_mt.text.file_check import check_charsmap
from transformer_mt.text.rules import METASPACE
from transformer_mt.text.tokenizer import SPECIAL_TOKENS, UNK_ID, Tokenizer

_LAST_RESORT = -1e6
"""Score of tokens that spell characters unknown to the model: far below any piece's score."""
_NEVER = -1e9
"""Score of tokens that occur only in translations, never in the segmentation of a text."""


def read_sentencepiece(path: Path) -> Any:
    """Read a SentencePiece model as a `ModelProto`.

    Raises:
        ConfigError: the sentencepiece package is not installed.
        DataError: the file is missing or damaged, or our tokenizers do not support the model.
    """
    require("sentencepiece")
    proto = importlib.import_module("sentencepiece.sentencepiece_model_pb2")
    try:
        model = proto.ModelProto.FromString(path.read_bytes())
        if model.normalizer_spec.precompiled_charsmap:
            check_charsmap(model.normalizer_spec.precompiled_charsmap)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    except Exception as error:  # ours, or protobuf's DecodeError
        raise DataError(f"{path}: is damaged or no SentencePiece model ({error})") from None
    if not model.pieces:
        raise DataError(f"{path}: is damaged or no SentencePiece model (it has no pieces)")
    reason = _unsupported(model)
    if reason:
        raise DataError(f"{path}: cannot be imported, because {reason}")
    return model


def _unsupported(model: Any) -> str | None:
    """Return the reason why our tokenizers do not support a model; None if they do."""
    trainer, types = model.trainer_spec, {piece.type for piece in model.pieces}
    kind = type(model.pieces[0])
    if trainer.model_type != trainer.UNIGRAM:
        name = trainer.ModelType.Name(trainer.model_type).lower()
        return f"it is a {name} model: only unigram models can be"
    if trainer.byte_fallback or kind.BYTE in types:
        return "it spells unknown characters as bytes"
    if kind.USER_DEFINED in types:
        return "it has user-defined symbols"
    if trainer.treat_whitespace_as_suffix or not model.normalizer_spec.escape_whitespaces:
        return "its pieces do not begin with the space before them"
    return None


def sentencepiece_tokenizer(model: Any, vocabulary: Sequence[str]) -> Tokenizer:
    """Build a tokenizer with the segmentation of a model and the ids of a vocabulary.

    A text may begin with a language code of the vocabulary, such as >>fra<<, which is one token.

    Args:
        model: the result of `read_sentencepiece`.
        vocabulary: all tokens in order, SPECIAL_TOKENS first, without duplicates.
    """
    normal = type(model.pieces[0]).NORMAL
    pieces = {piece.piece: piece.score for piece in model.pieces if piece.type == normal}
    codes = [token for token in vocabulary if _is_language_code(token)]
    rules = tokenizers.Tokenizer(models.Unigram(_scored(vocabulary, pieces), UNK_ID))
    rules.normalizer = _normalizer(model.normalizer_spec, codes)
    rules.pre_tokenizer = pre_tokenizers.Sequence(
        [
            _apart_from_specials(codes),
            pre_tokenizers.Metaspace(prepend_scheme="never", split=False),
        ]
    )
    rules.decoder = decoders.Sequence(
        [
            decoders.Replace(METASPACE, " "),
            decoders.Fuse(),
            decoders.Replace(Regex(r"\A +| +\z"), ""),
        ]
    )
    return Tokenizer(rules)


def _is_language_code(token: str) -> bool:
    return token.startswith(">>") and token.endswith("<<")


def _scored(vocabulary: Sequence[str], pieces: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return the tokens with scores that prefer the model's pieces over all other tokens.

    Language codes begin with a space, as every word does.
    """
    known = {piece for piece in pieces if len(piece) == 1}

    def scored(token: str) -> tuple[str, float]:
        if token in pieces:
            return token, pieces[token]
        if _is_language_code(token):
            return METASPACE + token, 0.0
        return token, _LAST_RESORT if known.isdisjoint(token) else _NEVER

    specials = len(SPECIAL_TOKENS)
    unread = [(token, _NEVER) for token in vocabulary[:specials]]
    return unread + [scored(token) for token in vocabulary[specials:]]


def _normalizer(spec: Any, codes: Sequence[str]) -> normalizers.Normalizer:
    """Build SentencePiece's normalisation; also insert a space after a language code."""
    steps: list[normalizers.Normalizer] = []
    if codes:
        first = "|".join(rf"\A{re.escape(code)}" for code in codes)
        steps.append(normalizers.Replace(Regex(f"(?<={first})"), " "))
    if spec.precompiled_charsmap:
        if "nfkc" in spec.name:  # Precompiled below sees only one mark of each letter
            steps.append(normalizers.NFC())
        steps.append(normalizers.Precompiled(spec.precompiled_charsmap))
    if spec.remove_extra_whitespaces:
        steps.append(normalizers.Replace(Regex(r"\A +| +\z|(?<= ) +"), ""))
    if spec.add_dummy_prefix:
        steps.append(normalizers.Prepend(" "))
    return normalizers.Sequence(steps)


def _apart_from_specials(codes: Iterable[str]) -> pre_tokenizers.PreTokenizer:
    """Split text within a spelled special token or a language code not at the start."""
    names = "|".join(re.escape(token.strip("[]")) for token in SPECIAL_TOKENS)
    cuts = [rf"(?<=\[)(?=(?:{names})\])"]
    rest = "|".join(re.escape(code.removeprefix(">>")) for code in codes)
    if rest:
        cuts.append(rf"(?<=. >>)(?={rest})")
    return pre_tokenizers.Split(Regex("|".join(cuts)), "isolated")
