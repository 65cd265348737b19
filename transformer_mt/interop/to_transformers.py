"""Export of a run to a model folder of the transformers library.

Post-norm models become MarianMTModel, pre-norm models PegasusForConditionalGeneration: the
library's two architectures with sinusoidal positions and the same layer norms as ours. Both have
all sines before all cosines, as our positions, so only the names of the weights change.
"""

import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import tokenizers
from safetensors import SafetensorError
from tokenizers import processors
from torch import Tensor
from torch.nn import functional as F

from transformer_mt.config.tasks import TranslationConfig
from transformer_mt.errors import ConfigError, DataError
from transformer_mt.interop.quiet import quiet_transformers
from transformer_mt.model.transformer import Transformer
from transformer_mt.runs.checkpoint import TranslatorRun
from transformer_mt.text.tokenizer import (
    EOS_ID,
    PAD_ID,
    SOS_ID,
    SPECIAL_TOKENS,
    UNK_ID,
    Tokenizer,
)

TARGET_TOKENIZER = "target_tokenizer"
"""Folder of the target tokenizer; missing if both sides have one vocabulary."""

_FEWEST_POSITIONS = 1024
_NEVER = -1e9
"""Output bias of padding rows of the vocabulary."""

_NEW_NAMES = (
    (r"^(encoder|decoder)_norm\.", r"model.\1.layer_norm."),
    (r"^(encoder|decoder)\.(\d+)\.", r"model.\1.layers.\2."),
    (r"\.cross_attn\.", ".encoder_attn."),
    (r"\.feed_forward\.inner\.", ".fc1."),
    (r"\.feed_forward\.outer\.", ".fc2."),
    (r"\.residuals\.0\.norm\.", ".self_attn_layer_norm."),
    (r"(\.decoder\..*)\.residuals\.1\.norm\.", r"\1.encoder_attn_layer_norm."),
    (r"\.residuals\.[12]\.norm\.", ".final_layer_norm."),
)


def write_transformers(run: TranslatorRun, folder: Path) -> None:
    """Write a folder that `AutoModelForSeq2SeqLM` and `AutoTokenizer` load.

    `generate` without options searches greedily, as our search with beam_size 1. Not exported,
    because not part of the model: an [UNK] is not replaced by the source word, and the length
    limit of the longest sentence is used for all sentences.

    Args:
        run: the loaded run.
        folder: an empty folder.

    Raises:
        ConfigError: no architecture of the library fits the model; the library is not installed.
        DataError: the folder cannot be written to.
    """
    if run.config.model.attention == "wide":
        raise ConfigError(
            "--to transformers: its models share d_model among the heads, so none of them can hold"
            " one with 'model.attention: wide'; --to ctranslate2 can"
        )
    with quiet_transformers() as transformers:
        model = _converted(transformers, run)
        try:
            model.save_pretrained(folder)
            _write_tokenizers(run, folder)
        except (OSError, SafetensorError) as error:
            raise DataError(f"{folder}: cannot be written ({error})") from None


def _converted(transformers: ModuleType, run: TranslatorRun) -> Any:
    """Build the library's model with copies of our weights."""
    config, sizes = run.config, (run.vocabulary.src.vocab_size, run.vocabulary.tgt.vocab_size)
    tied = config.model.tied_embeddings
    if config.model.norm == "pre":
        sizes = (max(sizes), max(sizes))
        model = transformers.PegasusForConditionalGeneration(
            transformers.PegasusConfig(
                **_common_settings(config), vocab_size=sizes[0], tie_word_embeddings=tied == "all"
            )
        )
    else:
        model = transformers.MarianMTModel(
            transformers.MarianConfig(
                **_common_settings(config),
                vocab_size=sizes[0],
                decoder_vocab_size=sizes[1],
                share_encoder_decoder_embeddings=tied == "all",
                tie_word_embeddings=tied != "none",
            )
        )
    model.generation_config = transformers.GenerationConfig(**_generation_settings(config))
    weights = _layers(run.model) | _tables(run.model, *sizes)
    if not hasattr(model.model, "shared"):  # Pegasus models have it, but do not use it
        del weights["model.shared.weight"]
    missing, unexpected = model.load_state_dict(weights, strict=False)  # copies the values
    assert not unexpected
    assert all("embed_positions" in name for name in missing)
    return model


def _common_settings(config: TranslationConfig) -> dict[str, Any]:
    """Return the settings that both architectures share."""
    model = config.model
    positions = max(_FEWEST_POSITIONS, config.data.max_length + 1, _longest_target(config) + 1)
    return {
        "d_model": model.d_model,
        "encoder_layers": model.num_encoder_layers,
        "decoder_layers": model.num_decoder_layers,
        "encoder_attention_heads": model.num_heads,
        "decoder_attention_heads": model.num_heads,
        "encoder_ffn_dim": model.d_ff,
        "decoder_ffn_dim": model.d_ff,
        "activation_function": model.activation,
        "dropout": model.dropout,
        "attention_dropout": model.attention_dropout,
        "scale_embedding": True,
        "max_position_embeddings": positions,
        "pad_token_id": PAD_ID,
        "bos_token_id": SOS_ID,
        "eos_token_id": EOS_ID,
        "decoder_start_token_id": SOS_ID,
        "forced_eos_token_id": EOS_ID,
        "dtype": "float32",
    }


def _generation_settings(config: TranslationConfig) -> dict[str, Any]:
    """Return the settings of greedy search; [EOS] is forced after the longest translation."""
    unknown = [UNK_ID] if config.decoding.unknown_words == "forbid" else []
    return {
        "num_beams": 1,
        "max_length": _longest_target(config) + 2,  # [SOS] and [EOS] count here
        "suppress_tokens": [PAD_ID, *unknown, SOS_ID],
        "pad_token_id": PAD_ID,
        "bos_token_id": SOS_ID,
        "eos_token_id": EOS_ID,
        "decoder_start_token_id": SOS_ID,
        "forced_eos_token_id": EOS_ID,
    }


def _longest_target(config: TranslationConfig) -> int:
    """Return the maximum tokens of a translation, without [SOS] and [EOS]."""
    return config.decoding.length_limit(config.data.max_length)


def _layers(model: Transformer) -> dict[str, Tensor]:
    """Return all weights of the layers under new names, without those of vocabulary size."""
    renamed = {}
    for name, weight in model.named_parameters():
        if name.startswith(("encoder", "decoder")):
            for pattern, replacement in _NEW_NAMES:
                name = re.sub(pattern, replacement, name)
            renamed[name] = weight.detach()
    return renamed


def _tables(model: Transformer, src_rows: int, tgt_rows: int) -> dict[str, Tensor]:
    """Return the weights of vocabulary size, padded to the rows; tied ones under each name."""
    src = _fill_up(model.src_embedding.token.weight, src_rows)
    output = model.output.weight
    bias = model.output.bias if model.config.output_bias else output.new_zeros(len(output))
    return {
        "model.shared.weight": src,
        "model.encoder.embed_tokens.weight": src,
        "model.decoder.embed_tokens.weight": _fill_up(model.tgt_embedding.token.weight, tgt_rows),
        "lm_head.weight": _fill_up(output, tgt_rows),
        "final_logits_bias": F.pad(bias.detach()[None], (0, tgt_rows - len(bias)), value=_NEVER),
    }


def _fill_up(table: Tensor, rows: int) -> Tensor:
    """Pad a table with zero rows: (vocab_size, d_model) -> (rows, d_model)."""
    return F.pad(table.detach(), (0, 0, 0, rows - len(table)))


def _write_tokenizers(run: TranslatorRun, folder: Path) -> None:
    src, tgt = run.vocabulary.src, run.vocabulary.tgt
    settings = _tokenizer_settings(run.config)
    _write_tokenizer(src, settings, folder)
    if tgt.to_json() != src.to_json():
        _write_tokenizer(tgt, settings, folder / TARGET_TOKENIZER)


def _tokenizer_settings(config: TranslationConfig) -> dict[str, Any]:
    """Return settings that cut text to `max_length` and treat spelled special tokens as text."""
    pad, unk, sos, eos = SPECIAL_TOKENS
    # Before version 5 the library tied the tables of every Pegasus model, which would be wrong for
    # untied ones. Old versions do not know "TokenizersBackend", and so refuse the folder.
    is_new = config.model.norm == "pre" and config.model.tied_embeddings != "all"
    return {
        "tokenizer_class": "TokenizersBackend" if is_new else "PreTrainedTokenizerFast",
        "pad_token": pad,
        "unk_token": unk,
        "bos_token": sos,
        "eos_token": eos,
        "model_max_length": config.data.max_length + 1,
        "model_input_names": ["input_ids", "attention_mask"],
        "padding_side": "right",
        "truncation_side": "right",
        "split_special_tokens": True,
        "clean_up_tokenization_spaces": False,
    }


def _write_tokenizer(tokenizer: Tokenizer, settings: dict[str, Any], folder: Path) -> None:
    """Write the files of a tokenizer that appends [EOS]."""
    end = SPECIAL_TOKENS[EOS_ID]
    rules = tokenizers.Tokenizer.from_str(tokenizer.to_json())
    rules.add_special_tokens(list(SPECIAL_TOKENS))
    rules.post_processor = processors.TemplateProcessing(
        single=f"$A {end}", pair=f"$A $B {end}", special_tokens=[(end, EOS_ID)]
    )
    folder.mkdir(exist_ok=True)
    for name, text in (
        ("tokenizer.json", rules.to_str(pretty=True)),
        ("tokenizer_config.json", json.dumps(settings, indent=2)),
    ):
        (folder / name).write_text(text + "\n", encoding="utf-8")
