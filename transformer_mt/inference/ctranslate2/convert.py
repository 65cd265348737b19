"""Conversion of a run to a model folder of CTranslate2 (https://opennmt.net/CTranslate2)."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from transformer_mt.config.tasks import TranslationConfig
from transformer_mt.model.attention import MultiHeadAttention
from transformer_mt.model.embedding import sinusoids
from transformer_mt.model.inspection import alignment_layer
from transformer_mt.model.layers import DecoderLayer, EncoderLayer, Residual
from transformer_mt.runs.checkpoint import TranslatorRun
from transformer_mt.runtime.extras import require
from transformer_mt.text.tokenizer import (
    EOS_ID,
    SOS_ID,
    SPECIAL_TOKENS,
    UNK_ID,
    Tokenizer,
)

_LEAST_POSITIONS = 1024
"""Minimum rows of the position table: CTranslate2's source limit, below which it fails."""


def write_ctranslate2(run: TranslatorRun, folder: Path, quantization: str = "float32") -> None:
    """Write the model and vocabularies of a run as CTranslate2 files.

    Args:
        run: a trained model, with pre-norm or post-norm.
        folder: existing folder for model.bin, config.json and the vocabularies.
        quantization: number format of the weights, see `QUANTIZATIONS`.

    Raises:
        ConfigError: ctranslate2 is not installed.
    """
    require("ctranslate2")
    from ctranslate2.specs import common_spec, transformer_spec

    model, config = run.model, run.config.model
    activations = {"relu": "RELU", "gelu": "GELU", "swish": "SWISH"}
    shape: dict[str, Any] = {
        "num_heads": config.num_heads,
        "head_dim": config.head_dim,
        "pre_norm": config.norm == "pre",
        "activation": common_spec.Activation[activations[config.activation]],
    }
    spec: Any = transformer_spec.TransformerSpec(
        transformer_spec.TransformerEncoderSpec(config.num_encoder_layers, **shape),
        transformer_spec.TransformerDecoderSpec(
            config.num_decoder_layers,
            alignment_layer=alignment_layer(config.num_decoder_layers),
            alignment_heads=0,  # all of them, averaged
            **shape,
        ),
    )
    positions = _array(sinusoids(_num_positions(run.config), config.d_model))
    spec.encoder.embeddings[0].weight = _array(model.src_embedding.token.weight)
    spec.decoder.embeddings.weight = _array(model.tgt_embedding.token.weight)
    _fill_linear(spec.decoder.projection, model.output)
    for side, layers, norm in (
        (spec.encoder, model.encoder, model.encoder_norm),
        (spec.decoder, model.decoder, model.decoder_norm),
    ):
        side.scale_embeddings = True
        side.position_encodings.encodings = positions.copy()
        for layer_spec, layer in zip(side.layer, layers, strict=True):
            _fill_layer(layer_spec, layer)
        if isinstance(norm, nn.LayerNorm):
            _fill_norm(side.layer_norm, norm)
    _describe(spec, run)
    spec.validate()
    spec.optimize(quantization=None if quantization == "float32" else quantization)
    spec.save(str(folder))


def _num_positions(config: TranslationConfig) -> int:
    """Return the number of positions for the longest source and the longest translation."""
    longest = config.data.max_length
    return max(_LEAST_POSITIONS, longest + 1, config.decoding.length_limit(longest) + 2)


def _array(tensor: Tensor) -> NDArray[np.float32]:
    """Copy a tensor to an array: CTranslate2 changes the arrays that it receives."""
    return tensor.detach().cpu().float().numpy().copy()


def _fill_layer(spec: Any, layer: nn.Module) -> None:
    assert isinstance(layer, EncoderLayer | DecoderLayer)
    attention = layer.self_attn
    _fill_linear(
        spec.self_attention.linear[0], attention.q_proj, attention.k_proj, attention.v_proj
    )
    _fill_linear(spec.self_attention.linear[1], attention.out_proj)
    norms = [spec.self_attention.layer_norm]
    if isinstance(layer, DecoderLayer):
        _fill_cross_attention(spec.attention, layer.cross_attn)
        norms.append(spec.attention.layer_norm)
    _fill_linear(spec.ffn.linear_0, layer.feed_forward.inner)
    _fill_linear(spec.ffn.linear_1, layer.feed_forward.outer)
    for norm_spec, residual in zip([*norms, spec.ffn.layer_norm], layer.residuals, strict=True):
        assert isinstance(residual, Residual)
        _fill_norm(norm_spec, residual.norm)


def _fill_cross_attention(spec: Any, attention: MultiHeadAttention) -> None:
    _fill_linear(spec.linear[0], attention.q_proj)
    _fill_linear(spec.linear[1], attention.k_proj, attention.v_proj)
    _fill_linear(spec.linear[2], attention.out_proj)


def _fill_linear(spec: Any, *layers: nn.Linear) -> None:
    """Concatenate the rows of several projections of one input into one weight matrix."""
    spec.weight = np.concatenate([_array(layer.weight) for layer in layers])
    if layers[0].bias is not None:
        spec.bias = np.concatenate([_array(layer.bias) for layer in layers])


def _fill_norm(spec: Any, norm: nn.LayerNorm) -> None:
    spec.gamma, spec.beta = _array(norm.weight), _array(norm.bias)


def _describe(spec: Any, run: TranslatorRun) -> None:
    """Set the vocabularies and the special tokens that CTranslate2 adds."""
    spec.register_source_vocabulary(_vocabulary(run.vocabulary.src))
    spec.register_target_vocabulary(_vocabulary(run.vocabulary.tgt))
    spec.config.unk_token = SPECIAL_TOKENS[UNK_ID]
    spec.config.bos_token = spec.config.decoder_start_token = SPECIAL_TOKENS[SOS_ID]
    spec.config.eos_token = SPECIAL_TOKENS[EOS_ID]
    spec.config.add_source_eos = True
    spec.config.layer_norm_epsilon = nn.LayerNorm(1).eps


def _vocabulary(tokenizer: Tokenizer) -> list[str]:
    return tokenizer.tokens(range(tokenizer.vocab_size))
