"""Models of other programs, trained in their usual way.

Both have our sizes, one matrix for all embeddings, dropout at the same places and no attention
dropout unless it is their default. Both use the fused Adam, as we do. The causal mask already hides
target padding on the right from all real target positions, so neither gets a target padding mask:
this is fastest.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from transformer_mt.config.tasks import TranslationConfig
from transformer_mt.data.batching import PairBatch
from transformer_mt.interop.quiet import quiet_transformers
from transformer_mt.text.tokenizer import EOS_ID, PAD_ID, SOS_ID

MOST_POSITIONS = 1024
"""Maximum positions of a peer's model."""

Forward = Callable[[PairBatch], Tensor]
"""Function from a batch to logits (batch, tgt_len, vocab_size)."""


class TorchTransformer(nn.Module):
    """A `torch.nn.Transformer` with embeddings, positions and output layer."""

    def __init__(self, config: TranslationConfig, vocab_size: int) -> None:
        super().__init__()
        model = config.model
        self.embedding = nn.Embedding(vocab_size, model.d_model, padding_idx=PAD_ID)
        nn.init.normal_(self.embedding.weight, std=model.d_model**-0.5)
        self.transformer = nn.Transformer(
            model.d_model,
            model.num_heads,
            model.num_encoder_layers,
            model.num_decoder_layers,
            model.d_ff,
            model.dropout,
            batch_first=True,
            norm_first=model.norm == "pre",
        )
        self.dropout = nn.Dropout(model.dropout)
        position = torch.arange(MOST_POSITIONS)[:, None]
        rate = torch.exp(torch.arange(0, model.d_model, 2) * (-math.log(10000) / model.d_model))
        angles = position * rate
        self.register_buffer("positions", torch.cat((angles.sin(), angles.cos()), dim=1))

    def forward(self, batch: PairBatch) -> Tensor:
        """Return the logits of all target positions."""
        is_pad = batch.src == PAD_ID
        causal = nn.Transformer.generate_square_subsequent_mask(
            batch.tgt_in.shape[1], device=batch.tgt_in.device
        )
        hidden = self.transformer(
            self._embed(batch.src),
            self._embed(batch.tgt_in),
            tgt_mask=causal,
            tgt_is_causal=True,
            src_key_padding_mask=is_pad,
            memory_key_padding_mask=is_pad,
        )
        return F.linear(hidden, self.embedding.weight)

    def _embed(self, ids: Tensor) -> Tensor:
        scaled = self.embedding(ids) * math.sqrt(self.embedding.embedding_dim)
        positions = self.get_buffer("positions")[: ids.shape[1]]
        embedded: Tensor = self.dropout(scaled + positions)
        return embedded


class Marian(nn.Module):
    """A `MarianMTModel` of the transformers library.

    Raises:
        ConfigError: the library is not installed.
    """

    def __init__(self, config: TranslationConfig, vocab_size: int) -> None:
        super().__init__()
        model = config.model
        with quiet_transformers() as transformers:
            settings = transformers.MarianConfig(
                vocab_size=vocab_size,
                d_model=model.d_model,
                encoder_layers=model.num_encoder_layers,
                decoder_layers=model.num_decoder_layers,
                encoder_attention_heads=model.num_heads,
                decoder_attention_heads=model.num_heads,
                encoder_ffn_dim=model.d_ff,
                decoder_ffn_dim=model.d_ff,
                activation_function="relu",
                dropout=model.dropout,
                attention_dropout=0.0,
                scale_embedding=True,
                max_position_embeddings=MOST_POSITIONS,
                use_cache=False,
                pad_token_id=PAD_ID,
                bos_token_id=SOS_ID,
                eos_token_id=EOS_ID,
                decoder_start_token_id=SOS_ID,
                forced_eos_token_id=EOS_ID,
            )
            self.model: Any = transformers.MarianMTModel(settings)
        self.rate = model.dropout

    def choose(self, attention: str) -> None:
        """Choose the implementation of attention.

        Args:
            attention: "sdpa": the library's default; "eager": two matrix products; "dropout": sdpa
                with attention dropout, for which it has no fast path on a CPU.
        """
        self.model.set_attn_implementation("eager" if attention == "eager" else "sdpa")
        for module in self.model.modules():
            if type(module).__name__ == "MarianAttention":
                module.dropout = self.rate if attention == "dropout" else 0.0

    def forward(self, batch: PairBatch) -> Tensor:
        """Return the logits of all target positions."""
        logits: Tensor = self.model(
            input_ids=batch.src,
            attention_mask=(batch.src != PAD_ID).long(),
            decoder_input_ids=batch.tgt_in,
        ).logits
        return logits


class Trainer:
    """A plain training loop for a peer."""

    def __init__(self, model: nn.Module, config: TranslationConfig, device: torch.device) -> None:
        self.model, self.config, self.device = model.to(device).train(), config.training, device
        self.optimizer = torch.optim.Adam(
            model.parameters(),
            betas=(self.config.adam_beta1, self.config.adam_beta2),
            eps=self.config.adam_epsilon,
            fused=True,
        )

    def update(self, batches: list[PairBatch], lr: float, *, bf16: bool) -> float:
        """Make one update; return the mean loss of a token."""
        num_tokens = sum(batch.num_tokens for batch in batches)
        total = 0.0
        for batch in batches:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16):
                logits = self.model(batch)
                loss = F.cross_entropy(
                    logits.flatten(0, 1),
                    batch.tgt_out.flatten(),
                    ignore_index=PAD_ID,
                    label_smoothing=self.config.label_smoothing,
                    reduction="sum",
                )
            (loss / num_tokens).backward()
            total += loss.item() / num_tokens
        nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm or math.inf)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
        self.optimizer.zero_grad()
        return total
