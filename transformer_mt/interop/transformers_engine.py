"""Engine of the transformers library, to compare scores and translations with ours."""

from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from transformer_mt.interop.quiet import quiet_transformers
from transformer_mt.interop.to_transformers import TARGET_TOKENIZER

_SCORED_TOKENS = 1024
"""Target positions of a scoring batch: each has logits for the whole vocabulary."""
_TRANSLATED_TOKENS = 4096
"""Source positions of a search batch: each sentence has logits for one position only."""

Encode = Callable[[Sequence[str]], list[list[int]]]
"""Function from sentences to the engine's token ids, with end tokens."""


def _same_id(token_id: int) -> int:
    return token_id


class TransformersEngine:
    """An encoder-decoder model of the transformers library, on text.

    Args:
        model: a model in evaluation mode, with `generation_config`; any special ids.
        encode_src: function from source texts to token ids.
        encode_tgt: function from target texts to token ids, without a start token.
        to_ours: function from an ordinary id of the engine to our id.
    """

    def __init__(
        self,
        model: Any,
        encode_src: Encode,
        encode_tgt: Encode,
        to_ours: Callable[[int], int] = _same_id,
    ) -> None:
        self.model = model
        self.encode_src = encode_src
        self.encode_tgt = encode_tgt
        self.to_ours = to_ours

    @classmethod
    def load(cls, folder: Path) -> "TransformersEngine":
        """Load an exported folder; long sources are cut by the folder's tokenizer settings.

        Raises:
            ConfigError: the transformers library is not installed.
            OSError, ValueError: the library cannot load the folder.
        """
        with quiet_transformers() as transformers:
            load_tokenizer = transformers.AutoTokenizer.from_pretrained
            model = transformers.AutoModelForSeq2SeqLM.from_pretrained(
                folder, dtype=torch.float32, local_files_only=True
            )
            src = tgt = load_tokenizer(folder, local_files_only=True)
            if (folder / TARGET_TOKENIZER).is_dir():
                tgt = load_tokenizer(folder / TARGET_TOKENIZER, local_files_only=True)
        return cls(
            model.eval(),
            lambda texts: src(list(texts), truncation=True).input_ids if texts else [],
            lambda texts: tgt(list(texts)).input_ids if texts else [],
        )

    @torch.inference_mode()
    def token_log_probs(
        self, sources: Sequence[str], references: Sequence[str]
    ) -> list[list[float]]:
        """Return the log-probabilities of the tokens and the end token of each reference."""
        found: list[list[float]] = [[] for _ in sources]
        with quiet_transformers():
            src_ids, tgt_ids = self.encode_src(sources), self.encode_tgt(references)
            lengths = [max(map(len, pair)) for pair in zip(src_ids, tgt_ids, strict=True)]
            for rows in _batches_by_length(lengths, _SCORED_TOKENS):
                wanted = [tgt_ids[row] for row in rows]
                scores = self._scores([src_ids[row] for row in rows], wanted)
                for row, tokens, row_scores in zip(rows, wanted, scores, strict=True):
                    found[row] = row_scores[: len(tokens)].tolist()
        return found

    def _scores(self, src_ids: list[list[int]], tgt_ids: list[list[int]]) -> Tensor:
        """Return (batch, longest target) log-probabilities; values after a target are undefined."""
        start = self._special("decoder_start_token_id")
        wanted = self._padded(tgt_ids)
        logits: Tensor = self.model(
            **self._inputs(src_ids),
            decoder_input_ids=self._padded([[start, *ids[:-1]] for ids in tgt_ids]),
        ).logits
        chosen = logits.gather(2, wanted[:, :, None])[:, :, 0]
        return chosen - logits.logsumexp(dim=2)

    @torch.inference_mode()
    def greedy(self, sources: Sequence[str], limits: Sequence[int]) -> list[tuple[int, ...]]:
        """Return our ids of the greedy translations, without start and end tokens.

        A source without tokens has the empty translation, as in our translator.

        Args:
            sources: sentences.
            limits: maximum tokens of each translation, which is cut there.
        """
        found: list[tuple[int, ...]] = [() for _ in sources]
        with quiet_transformers():
            src_ids = self.encode_src(sources)
            lengths = [len(ids) if len(ids) > 1 else 0 for ids in src_ids]
            for rows in _batches_by_length(lengths, _TRANSLATED_TOKENS):
                row_limits = [limits[row] for row in rows]
                generated = self._generate([src_ids[row] for row in rows], max(row_limits))
                for row, limit, tokens in zip(rows, row_limits, generated, strict=True):
                    found[row] = tuple(map(self.to_ours, tokens[:limit]))
        return found

    def _generate(self, src_ids: list[list[int]], limit: int) -> Iterator[list[int]]:
        """Yield the tokens generated for each source: at most `limit` and an end token."""
        most = self.model.config.max_position_embeddings  # limit of the position table
        rows: Tensor = self.model.generate(
            **self._inputs(src_ids),
            max_new_tokens=min(limit + 1, most),
            num_beams=1,
            do_sample=False,
        )
        end = self._special("eos_token_id")
        for row in rows[:, 1:].tolist():
            yield list(takewhile(lambda token: token != end, row))

    def _inputs(self, src_ids: list[list[int]]) -> dict[str, Tensor]:
        lengths = torch.tensor([len(ids) for ids in src_ids])
        real = torch.arange(int(lengths.max())) < lengths[:, None]
        return {
            "input_ids": self._padded(src_ids),
            "attention_mask": real.long().to(self.model.device),
        }

    def _padded(self, sequences: list[list[int]]) -> Tensor:
        """Pad sequences to a tensor (batch, longest)."""
        rows = [torch.tensor(ids) for ids in sequences]
        padding = self._special("pad_token_id")
        padded = pad_sequence(rows, batch_first=True, padding_value=padding)
        return padded.to(self.model.device)

    def _special(self, name: str) -> int:
        """Return a special id from the generation settings, else from the model settings."""
        of_generation = getattr(self.model.generation_config, name)
        return getattr(self.model.config, name) if of_generation is None else of_generation


def _batches_by_length(lengths: Sequence[int], most_tokens: int) -> Iterator[list[int]]:
    """Yield indices of non-empty sentences in batches of at most `most_tokens`, longest first."""
    order = sorted((i for i, length in enumerate(lengths) if length), key=lambda i: -lengths[i])
    while order:
        size = max(1, most_tokens // lengths[order[0]])
        yield order[:size]
        order = order[size:]
