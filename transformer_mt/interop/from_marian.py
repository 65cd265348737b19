"""Import of OPUS-MT model folders (MarianMTModel of the transformers library).

The two architectures are the same; only names, the order of the vocabulary and the start token
differ. Marian's decoder starts with the padding token: the embedding of our [SOS] is a copy of the
padding token's embedding. The output bias of [SOS] keeps it from being predicted, so the
log-probabilities of all other tokens do not change.
"""

import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from transformer_mt.config.tasks import EncoderDecoderConfig
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.interop.marian_folder import (
    ACTIVATIONS,
    check_positions,
    languages,
    load_marian,
    read_vocabularies,
)
from transformer_mt.interop.quiet import quiet_transformers
from transformer_mt.interop.sentencepiece import read_sentencepiece, sentencepiece_tokenizer
from transformer_mt.interop.transformers_engine import TransformersEngine
from transformer_mt.runtime.extras import require
from transformer_mt.text.tokenizer import SOS_ID, Tokenizers

_SOS_BIAS = -100.0
"""Output bias of [SOS]: exp(-100) does not change a softmax, and a smoothed loss stays small."""

_NEW_NAMES = (
    (r"^model\.(encoder|decoder)\.layers\.", r"\1."),
    (r"\.encoder_attn\.", ".cross_attn."),
    (r"\.fc1\.", ".feed_forward.inner."),
    (r"\.fc2\.", ".feed_forward.outer."),
    (r"\.self_attn_layer_norm\.", ".residuals.0.norm."),
    (r"\.encoder_attn_layer_norm\.", ".residuals.1.norm."),
    (r"^(encoder\..*)\.final_layer_norm\.", r"\1.residuals.1.norm."),
    (r"\.final_layer_norm\.", ".residuals.2.norm."),
)


@dataclass(frozen=True, slots=True)
class MarianModel:
    """A Marian model folder, converted to our configuration, tokenizers and weights."""

    model: EncoderDecoderConfig
    tokenizers: Tokenizers
    weights: dict[str, Tensor]
    """Weights by parameter name of `Transformer`, tied ones once."""
    tgt_rows: tuple[int, ...]
    """Marian's id of each of our target tokens; for [SOS], the id of Marian's start token."""
    src_lang: str
    tgt_lang: str
    max_length: int
    """Maximum source tokens, without the end token."""
    beam_size: int


def read_marian(folder: Path) -> MarianModel:
    """Read a Marian model folder, without executing code from it.

    Raises:
        ConfigError: the transformers or the sentencepiece library is not installed.
        DataError: a file is missing or damaged, or our model cannot represent the model.
    """
    marian = load_marian(folder)
    model = _model_config(marian, folder)
    check_positions(marian, folder)
    src, tgt = read_vocabularies(marian, folder)
    src_lang, tgt_lang = languages(folder)
    return MarianModel(
        model=model,
        tokenizers=Tokenizers(
            sentencepiece_tokenizer(read_sentencepiece(folder / "source.spm"), src.tokens),
            sentencepiece_tokenizer(read_sentencepiece(folder / "target.spm"), tgt.tokens),
        ),
        weights=_layers(marian) | _tables(marian, src.rows, tgt.rows, model.tied_embeddings),
        tgt_rows=tgt.rows,
        src_lang=src_lang,
        tgt_lang=tgt_lang,
        max_length=marian.config.max_position_embeddings - 1,
        beam_size=marian.generation_config.num_beams or 1,
    )


def marian_engine(folder: Path, imported: MarianModel) -> TransformersEngine:
    """Load the original model and tokenizer, to compare with the imported model.

    Long sources are cut at the same length as ours. Differences: for the original tokenizer, the
    text </s>, <unk> or <pad> is a special token, and >>any<< at the start is a language code even
    if unknown; for our tokenizer both are text.

    Raises:
        ConfigError: the transformers or the sentencepiece library is not installed.
        DataError: the folder cannot be loaded.
    """
    require("sentencepiece")
    model = load_marian(folder)
    with quiet_transformers() as transformers, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it recommends a package (sacremoses) that is not needed
        try:
            tokenizer = transformers.MarianTokenizer.from_pretrained(folder, local_files_only=True)
        except Exception as error:  # two libraries raise errors of many types
            reason = str(error).partition("\n")[0]
            raise DataError(f"{folder}: the tokenizer cannot be loaded ({reason})") from None
    most = imported.max_length + 1
    ours = {row: index for index, row in enumerate(imported.tgt_rows) if index != SOS_ID}

    def encode_src(texts: Sequence[str]) -> list[list[int]]:
        return [tokenizer(text, truncation=True, max_length=most).input_ids for text in texts]

    def encode_tgt(texts: Sequence[str]) -> list[list[int]]:
        return [tokenizer(text_target=text).input_ids for text in texts]

    return TransformersEngine(model, encode_src, encode_tgt, ours.__getitem__)


def _model_config(marian: Any, folder: Path) -> EncoderDecoderConfig:
    config, body = marian.config, marian.model
    tied: Literal["none", "decoder", "all"] = "none"
    if config.scale_embedding and marian.lm_head.weight is body.decoder.embed_tokens.weight:
        shared = body.encoder.embed_tokens.weight is body.decoder.embed_tokens.weight
        tied = "all" if shared else "decoder"
    try:
        return EncoderDecoderConfig(
            d_model=config.d_model,
            num_heads=config.encoder_attention_heads,
            d_ff=config.encoder_ffn_dim,
            num_encoder_layers=config.encoder_layers,
            num_decoder_layers=config.decoder_layers,
            dropout=float(config.dropout),
            attention_dropout=float(config.attention_dropout),
            norm="post",
            tied_embeddings=tied,
            activation=ACTIVATIONS[config.activation_function],
            output_bias=True,
        )
    except ConfigError as error:
        raise DataError(f"{folder / 'config.json'}: in our terms, {error}") from None


def _layers(marian: Any) -> dict[str, Tensor]:
    """Return all weights of the layers under our names, without those of vocabulary size."""
    renamed = {}
    for name, weight in marian.state_dict().items():
        if ".layers." in name:
            for pattern, replacement in _NEW_NAMES:
                name = re.sub(pattern, replacement, name)
            renamed[name] = weight
    return renamed


def _tables(
    marian: Any, src_rows: Sequence[int], tgt_rows: Sequence[int], tied: str
) -> dict[str, Tensor]:
    """Return the untied weights of vocabulary size, with rows in our order.

    Our embedding always multiplies by sqrt(d_model). If Marian's does not, the table is divided by
    sqrt(d_model).
    """
    config, body = marian.config, marian.model
    scale = 1.0 if config.scale_embedding else 1 / math.sqrt(config.d_model)
    bias = marian.final_logits_bias[0, list(tgt_rows)]
    bias[SOS_ID] = _SOS_BIAS
    tables = {
        "src_embedding.token.weight": body.encoder.embed_tokens.weight[list(src_rows)] * scale,
        "tgt_embedding.token.weight": body.decoder.embed_tokens.weight[list(tgt_rows)] * scale,
        "output.weight": marian.lm_head.weight[list(tgt_rows)],
    }
    free = {"none": 3, "decoder": 2, "all": 1}[tied]
    kept = {name: table.detach() for name, table in list(tables.items())[:free]}
    return kept | {"output.bias": bias}
