"""Small model folders with the files of a real OPUS-MT folder, made as those were made.

Two SentencePiece models are trained on the phrasebook; vocab.json numbers the pieces that they
make of it, the most frequent first, with </s> and <unk> at the start and <pad> at the end.
"""

import io
import json
import warnings
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import sentencepiece
import torch
from tiny_runs import write

from transformer_mt.interop.quiet import quiet_transformers
from transformer_mt.phrasebook import phrasebook_splits

SIDES = ("source", "target")


@cache
def phrases(side: str, count: int) -> list[str]:
    """English or French sentences of all kinds."""
    pairs = phrasebook_splits()["train"]
    return [pair[SIDES.index(side)] for pair in pairs[:: len(pairs) // count][:count]]


@cache
def train_spm(texts: tuple[str, ...], vocab_size: int = 500, **options: Any) -> bytes:
    """A SentencePiece model; unigram, unless the options say otherwise."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=written,
        vocab_size=vocab_size,
        character_coverage=1.0,
        hard_vocab_limit=False,
        num_threads=1,
        minloglevel=2,
        **options,
    )
    return written.getvalue()


def spm_of(side: str) -> bytes:
    return train_spm(tuple(phrases(side, 2000)))


def processor(model: bytes) -> Any:
    return sentencepiece.SentencePieceProcessor(model_proto=model)


@cache
def vocabulary(sides: Sequence[str], codes: Sequence[str] = ()) -> tuple[str, ...]:
    """All tokens in order, for these sides and with these language codes."""
    pieces: Counter[str] = Counter()
    for side in sides:
        for each in processor(spm_of(side)).encode(phrases(side, 4000), out_type=str):
            pieces.update(each)
    by_frequency = sorted(pieces, key=lambda piece: (-pieces[piece], piece))
    return ("</s>", "<unk>", *codes, *by_frequency, "<pad>")


def make_marian_model(vocab_sizes: Sequence[int], **settings: Any) -> Any:
    """A random MarianMTModel; its padding token is not zero, as after some more training."""
    size, pad = vocab_sizes[0], vocab_sizes[0] - 1
    with quiet_transformers() as transformers:
        config = transformers.MarianConfig(
            **{
                "vocab_size": size,
                "decoder_vocab_size": vocab_sizes[-1],
                "d_model": 16,
                "encoder_layers": 2,
                "decoder_layers": 2,
                "encoder_attention_heads": 2,
                "decoder_attention_heads": 2,
                "encoder_ffn_dim": 24,
                "decoder_ffn_dim": 24,
                "activation_function": "swish",
                "scale_embedding": True,
                "max_position_embeddings": 64,
                "pad_token_id": pad,
                "eos_token_id": 0,
                "bos_token_id": 0,
                "forced_eos_token_id": 0,
                "decoder_start_token_id": pad,
            }
            | settings
        )
        model = transformers.MarianMTModel(config)
        model.generation_config = transformers.GenerationConfig(
            num_beams=4,
            max_length=64,
            bad_words_ids=[[pad]],
            pad_token_id=pad,
            eos_token_id=0,
            forced_eos_token_id=0,
            decoder_start_token_id=pad,
        )
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "embed_positions" not in name:
                parameter.normal_(std=0.25, generator=generator)
                if name.endswith("norm.weight"):
                    parameter.add_(1.0)
        model.model.decoder.layers[-1].final_layer_norm.weight.neg_()  # else it repeats itself
        model.final_logits_bias.normal_(std=0.5, generator=generator)
        model.final_logits_bias[:, 0] += 2  # some translations end early
    return model.eval()


def make_marian_folder(
    folder: Path,
    *,
    codes: Sequence[str] = (),
    separate: bool = False,
    half: bool = True,
    langs: tuple[str | None, str | None] = ("en", "fr"),
    **settings: Any,
) -> Path:
    """A whole model folder.

    Args:
        folder: is made.
        codes: language codes that a source may begin with.
        separate: each side has its own vocabulary and embedding.
        half: weights of 16 bits, as real folders have.
        langs: what the tokenizer's settings say.
        settings: of MarianConfig.
    """
    groups = [("source",), ("target",)] if separate else [SIDES]
    vocabularies = [vocabulary(group, tuple(codes)) for group in groups]
    if separate:  # of one size, as only one id of the padding token can be told
        settings |= {"share_encoder_decoder_embeddings": False}
        most = max(map(len, vocabularies))
        vocabularies = [
            (*tokens[:-1], *(f"rare{number}" for number in range(most - len(tokens))), tokens[-1])
            for tokens in vocabularies
        ]
    folder.mkdir(parents=True)
    for side in SIDES:
        write(folder / f"{side}.spm", spm_of(side))
    for name, tokens in zip(("vocab.json", "target_vocab.json"), vocabularies, strict=False):
        write(folder / name, json.dumps({token: i for i, token in enumerate(tokens)}))
    model = make_marian_model([len(tokens) for tokens in vocabularies], **settings)
    model = model.half() if half else model
    with quiet_transformers() as transformers, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save_pretrained(folder)
        tokenizer = transformers.MarianTokenizer(
            *(str(folder / name) for name in ("source.spm", "target.spm", "vocab.json")),
            target_vocab_file=str(folder / "target_vocab.json") if separate else None,
            separate_vocabs=separate,
            source_lang=langs[0],
            target_lang=langs[1],
        )
        tokenizer.save_pretrained(folder)
    return folder


def edit_json(path: Path, **changes: Any) -> None:
    """Change some settings of a file; None removes one."""
    settings = json.loads(path.read_text("utf-8")) | changes
    kept = {name: value for name, value in settings.items() if value is not None}
    write(path, json.dumps(kept))
