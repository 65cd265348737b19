"""A language model writes: text comes piece by piece, each as soon as it is certain."""

import logging
from collections.abc import Iterator, Sequence

import torch

from transformer_mt.config.limits import check_numbers
from transformer_mt.config.tasks import TextConfig
from transformer_mt.decoding.sampling import Sampling, sample
from transformer_mt.decoding.window import Sliding, SlidingState
from transformer_mt.errors import DataError
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
"""Tokens that tell how the next one is joined to them; most that are joined again at a step."""
_INCOMPLETE = "\N{REPLACEMENT CHARACTER}"


class TextGenerator:
    """Continues texts.

    Where the examples of training were lines, a text ends at [EOS]. Where they were blocks, [EOS]
    stands for the end of a line, and the text goes on. Beyond its window the model looks back on
    half a window at least.

    Args:
        model: on any device.
        tokenizer: its own.
        data: what it was trained on.
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
        r"""Continue a text.

        Args:
            prompt: its beginning. Line ends (\n) are what they were in training: ends of lines in
                blocks; in a text that is one line, spaces.
            length: most tokens to generate.
            temperature: see `Sampling`; 0 always takes the likeliest token.
            top_k: see `Sampling`.
            top_p: see `Sampling`.
            seed: equal ones give equal texts; None: another text every time.

        Returns:
            Pieces of the text that follows the prompt, whole characters, as they come.

        Raises:
            ConfigError: a value cannot be.
            DataError: the model's scores are no numbers (when the pieces are asked for).
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
        """What the model reads before the first token that it generates."""
        context = [start_id(self.data)]
        for number, ids in enumerate(self.tokenizer.encode_batch(lines)):
            context += [EOS_ID, *ids] if number else ids
        return context

    def _tokens(
        self, tokens: list[int], length: int, sampling: Sampling, random: torch.Generator
    ) -> Iterator[int]:
        """At most `length` new ones."""
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
        """Read tokens and draw what follows the last of them."""
        new = torch.tensor([tokens], device=state.tokens.device)
        logits = Sliding(self.model).extend(new, state)
        logits[:, _NEVER_DRAWN] = -torch.inf
        try:
            return int(sample(logits, sampling, random))
        except ValueError:
            raise DataError("the model's scores are no numbers: its weights are damaged") from None

    def _pieces(self, line: str, tokens: Iterator[int]) -> Iterator[str]:
        """The tokens as text that follows the beginning of a line."""
        before = self.tokenizer.pieces(line)
        joined = JoinedText(self.tokenizer, before)
        spaced = line.endswith(" ") and not self.tokenizer.join(before).endswith(" ")
        for token in tokens:
            if token == EOS_ID:
                yield joined.end() + "\n"
                joined = JoinedText(self.tokenizer)
            elif piece := joined.add(token):
                yield piece.removeprefix(" ") if spaced else piece  # the prompt has it
            spaced = False
        if rest := joined.end():
            yield rest


class JoinedText:
    """Token after token becomes text, as `Tokenizer.join` makes it of all of them.

    Its law: of all decoders here, what the tokens so far become is what all of them begin with;
    but for the last character, which may lack some of its bytes and is held back.

    Args:
        tokenizer: knows how.
        before: tokens that the first new one is joined to.
    """

    def __init__(self, tokenizer: Tokenizer, before: Sequence[str] = ()) -> None:
        self._tokenizer = tokenizer
        self._tokens = list(before[-_CONTEXT:])
        self._told = len(tokenizer.join(self._tokens))

    def add(self, token: int) -> str:
        """The text that is certain with this token: none while a character lacks bytes."""
        self._tokens += self._tokenizer.tokens([token])
        certain = self._tokenizer.join(self._tokens).removesuffix(_INCOMPLETE)
        new = certain[self._told :]
        self._told = max(self._told, len(certain))
        if len(self._tokens) > _MOST:
            del self._tokens[:-_CONTEXT]
            self._told = len(self._tokenizer.join(self._tokens).removesuffix(_INCOMPLETE))
        return new

    def end(self) -> str:
        """What is still held back: no token follows."""
        return self._tokenizer.join(self._tokens)[self._told :]
