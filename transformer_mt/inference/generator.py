"""Text generation with a language model, streamed in pieces of whole characters."""

import logging
from collections.abc import Iterator, Sequence

import torch

from transformer_mt.config.limits import check_numbers
from transformer_mt.config.tasks import TextConfig
from transformer_mt.decoding.sampling import Sampling, sample
from transformer_mt.decoding.window import Sliding, SlidingState
from transformer_mt.errors import DamagedWeightsError
from transformer_mt.inference.text_scorer import start_id
from transformer_mt.model.language_model import LanguageModel, TextState
from transformer_mt.text.tokenizer import (
    EOS_ID,
    PAD_ID,
    SOS_ID,
    UNK_ID,
    Tokenizer,
)

log = logging.getLogger(__name__)

_NEVER_DRAWN = [PAD_ID, UNK_ID, SOS_ID]
_CONTEXT, _MOST = 8, 64
"""Tokens that decide how the next one is joined; maximum tokens that are joined at each step."""
_INCOMPLETE = "\N{REPLACEMENT CHARACTER}"


class TextGenerator:
    """A language model that continues texts.

    If the model was trained on lines, a text ends at [EOS]. If it was trained on blocks, [EOS]
    is the end of a line, and the text continues. Beyond `max_length` the model reads at least the
    last half window.

    Args:
        model: the model, on any device.
        tokenizer: the tokenizer of the model.
        data: the data settings of the training.
    """

    def __init__(self, model: LanguageModel, tokenizer: Tokenizer, data: TextConfig) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.data = data

    def generate(
        self,
        prompt: str = "",
        *,
        length: int = 200,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        seed: int | None = None,
    ) -> Iterator[str]:
        r"""Generate the continuation of a prompt.

        Args:
            prompt: beginning of the text. \n is the end of a line if the model was trained on
                blocks; else it is replaced by a space.
            length: maximum tokens to generate.
            temperature: see `Sampling`; 0 always takes the most probable token.
            top_k: see `Sampling`.
            top_p: see `Sampling`.
            seed: equal seeds give equal texts; None: a different text every time.

        Returns:
            Pieces of the text after the prompt, in whole characters, as they are generated.

        Raises:
            ConfigError: a value is outside the limits.
            DamagedWeightsError: the model's scores are not finite (raised during the iteration).
        """
        sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p)
        check_numbers(length=length, seed=seed)
        random = torch.Generator()
        if seed is None:
            random.seed()
        else:
            random.manual_seed(seed)
        lines = self._lines(prompt)
        self._warn_of_unknown(lines)
        return self._pieces(lines[-1], self._tokens(self._context(lines), length, sampling, random))

    def _lines(self, prompt: str) -> list[str]:
        lines = prompt.split("\n")
        return lines if self.data.examples == "blocks" else [" ".join(lines)]

    def _warn_of_unknown(self, lines: Sequence[str]) -> None:
        unknown = list(self.tokenizer.unknown_pieces(lines))
        if unknown:
            log.warning(
                "the model does not know all of the prompt: %s%s",
                " ".join(piece[:20] for piece in unknown[:10]),
                " ..." if len(unknown) > 10 else "",
            )

    def _context(self, lines: Sequence[str]) -> list[int]:
        """Return the token ids that the model reads before it generates the first token."""
        context = [start_id(self.data)]
        for number, ids in enumerate(self.tokenizer.encode_batch(lines)):
            context += [EOS_ID, *ids] if number else ids
        return context

    def _tokens(
        self, tokens: list[int], length: int, sampling: Sampling, random: torch.Generator
    ) -> Iterator[int]:
        """Yield at most `length` generated token ids."""
        self.model.eval()
        state = Sliding(self.model).start(1, self.model.output.weight.device)
        for _ in range(length):
            token = self._next_token(tokens, state, sampling, random)
            if token == EOS_ID and self.data.examples == "lines":
                return
            yield token
            tokens = [token]

    @torch.inference_mode()
    def _next_token(
        self,
        tokens: list[int],
        state: SlidingState[TextState],
        sampling: Sampling,
        random: torch.Generator,
    ) -> int:
        """Read tokens and sample the next one."""
        new = torch.tensor([tokens], device=state.tokens.device)
        logits = Sliding(self.model).extend(new, state)
        logits[:, _NEVER_DRAWN] = -torch.inf
        try:
            return int(sample(logits, sampling, random))
        except ValueError:
            raise DamagedWeightsError from None

    def _pieces(self, line: str, tokens: Iterator[int]) -> Iterator[str]:
        """Convert generated tokens to text that continues the beginning of a line."""
        before = self.tokenizer.pieces(line)
        joined = JoinedText(self.tokenizer, before)
        spaced = line.endswith(" ") and not self.tokenizer.join(before).endswith(" ")
        for token in tokens:
            if token == EOS_ID:
                yield joined.end() + "\n"
                joined = JoinedText(self.tokenizer)
            elif piece := joined.add(token):
                yield piece.removeprefix(" ") if spaced else piece  # the prompt ends with the space
            spaced = False
        if rest := joined.end():
            yield rest


class JoinedText:
    """Incremental `Tokenizer.join`: converts tokens to text one by one.

    Assumption, true of all decoders here: the text of the first n tokens is a prefix of the text
    of all tokens, except the last character, which may lack bytes and is held back.

    Args:
        tokenizer: the tokenizer of the tokens.
        before: tokens that the first new one is joined to.
    """

    def __init__(self, tokenizer: Tokenizer, before: Sequence[str] = ()) -> None:
        self._tokenizer = tokenizer
        self._tokens = list(before[-_CONTEXT:])
        self._told = len(tokenizer.join(self._tokens))

    def add(self, token: int) -> str:
        """Add a token and return the new text; empty while a character lacks bytes."""
        self._tokens += self._tokenizer.tokens([token])
        certain = self._tokenizer.join(self._tokens).removesuffix(_INCOMPLETE)
        new = certain[self._told :]
        self._told = max(self._told, len(certain))
        if len(self._tokens) > _MOST:
            del self._tokens[:-_CONTEXT]
            self._told = len(self._tokenizer.join(self._tokens).removesuffix(_INCOMPLETE))
        return new

    def end(self) -> str:
        """Return the text that is still held back, after the last token."""
        return self._tokenizer.join(self._tokens)[self._told :]
