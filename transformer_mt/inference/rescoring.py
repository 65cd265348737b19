"""Rescoring of n-best lists with a language model.

Two formats are read: JSON lines of `tmt translate --format jsonl --n-best N`, and Moses' lines
`id ||| text ||| features ||| score`, grouped by sentence. The new score of a candidate is

    score + weight * log p(text) / norm

where norm is the length normalisation of the search, read from the JSON (log_prob / score if an
older version wrote it): the new score is then the normalised log_prob + weight * log p(text).
Moses' lines have no norm: it is 1.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any, Literal, Protocol, TextIO

from tqdm import tqdm

from transformer_mt.config.limits import check_numbers
from transformer_mt.errors import DataError
from transformer_mt.files.lines import one_line
from transformer_mt.runtime.console import hides_bars, write_whole
from transformer_mt.runtime.rounding import DECIMALS, rounded

Layout = Literal["text", "list"]
LogProbs = Callable[[Sequence[str]], Sequence[float]]
"""Function that returns the log-probability of each text."""
NumberedLines = Iterable[tuple[int, str]]

_CHUNK = 1024
"""Candidates after which a chunk of sentences ends."""
_EXCERPT = 40
"""Characters of a wrong value that an error message shows."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    text: str
    score: float
    norm: float
    record: Any
    """All fields that were read."""


@dataclass(frozen=True, slots=True)
class _Rescored:
    text: str
    score: float
    log_prob: float
    """Log-probability by the language model."""
    record: Any


class _Form(Protocol):
    """One of the two file formats."""

    def read(self, lines: NumberedLines) -> Iterator[list[_Candidate]]:
        """Yield the candidates of each sentence, at least one; DataError names a line."""

    def write(self, candidates: Sequence[_Rescored]) -> str:
        """Format the candidates of a sentence, best first, without a final newline."""


def rescore_lists(
    log_probs: LogProbs,
    chunks: Iterable[list[str]],
    target: TextIO,
    *,
    weight: float,
    layout: Layout,
    show_progress: bool,
) -> None:
    """Rescore n-best lists and write them, chunk by chunk.

    Args:
        log_probs: log-probabilities of a language model.
        chunks: lines, as returned by `cli.streams.read_chunks`.
        target: output stream.
        weight: weight of the language model's log-probabilities.
        layout: "text": the best candidate of each sentence; "list": the whole lists in the format
            that was read, with the new scores and the language model's log-probabilities.
        show_progress: whether to show a progress bar.

    Raises:
        ConfigError: the weight is negative or not a number.
        DataError: a line cannot be read (raised after the lines before it are written), or the
            target cannot be written.
    """
    check_numbers(lm_weight=weight)
    numbered = enumerate(chain.from_iterable(chunks), start=1)
    bar = tqdm(desc="rescoring", unit="sentence", disable=hides_bars() if show_progress else True)
    with bar:
        for form, lists in _chunked(numbered):
            ranked = _ranked(lists, log_probs, weight)
            if layout == "text":
                texts = [" ".join(candidates[0].text.splitlines()) for candidates in ranked]
            else:
                texts = [form.write(candidates) for candidates in ranked]
            write_whole(target, "".join(f"{text}\n" for text in texts))
            bar.update(len(texts))


def _chunked(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[_Form, list[list[_Candidate]]]]:
    """Yield sentences in chunks; raise an error only after the sentences before it."""
    lists: list[list[_Candidate]] = []
    failure: DataError | None = None
    form: _Form = _JsonLines()
    try:
        first = next(lines, None)
        if first is None:
            return
        form = _form_of(first[1])
        for candidates in form.read(chain([first], lines)):
            lists.append(candidates)
            if sum(map(len, lists)) >= _CHUNK:
                yield form, lists
                lists = []
    except DataError as error:
        failure = error
    if lists:
        yield form, lists
    if failure is not None:
        raise failure


def _form_of(first_line: str) -> _Form:
    if first_line.lstrip().startswith("{"):
        return _JsonLines()
    if "|||" in first_line:
        return _MosesLines()
    raise DataError(
        "line 1: is no n-best list: neither an object of tmt translate --format jsonl --n-best N,"
        " nor Moses' id ||| text ||| features ||| score"
    )


def _ranked(
    lists: Sequence[Sequence[_Candidate]], log_probs: LogProbs, weight: float
) -> list[list[_Rescored]]:
    """Rescore and sort candidates, best first; equal scores keep their order."""
    found = iter(log_probs([c.text for candidates in lists for c in candidates]))
    ranked = []
    for candidates in lists:
        rescored = [
            _Rescored(c.text, c.score + weight * log_prob / c.norm, log_prob, c.record)
            for c, log_prob in zip(candidates, found, strict=False)
        ]
        ranked.append(sorted(rescored, key=lambda candidate: -candidate.score))
    return ranked


class _JsonLines:
    """The JSON format: one object per sentence."""

    def read(self, lines: NumberedLines) -> Iterator[list[_Candidate]]:
        for number, line in lines:
            try:
                record = json.loads(line)
                candidates = [self._candidate(record, each) for each in record["candidates"]]
            except (KeyError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
                raise self._error(number, _wrong(error)) from None
            if not candidates:
                raise self._error(number, "there is no candidate")
            yield candidates

    def _error(self, number: int, wrong: str) -> DataError:
        return DataError(
            f"line {number}: is not what tmt translate --format jsonl --n-best N writes ({wrong})"
        )

    def _candidate(self, record: dict[str, Any], candidate: dict[str, Any]) -> _Candidate:
        text, score = _whole(candidate["text"]), _number(candidate["score"])
        log_prob = _number(candidate["log_prob"])
        ratio = log_prob / score if log_prob and score else float(log_prob == 0)
        norm = _number(candidate.get("norm", ratio))
        if not 0 < norm < math.inf:
            raise ValueError("score and log_prob do not belong together")
        return _Candidate(text, score, norm, (record, candidate))

    def write(self, candidates: Sequence[_Rescored]) -> str:
        record = candidates[0].record[0] | {
            "translation": candidates[0].text,
            "score": candidates[0].score,
            "candidates": [
                each.record[1] | {"score": each.score, "lm_log_prob": each.log_prob}
                for each in candidates
            ],
        }
        return one_line(_whole(json.dumps(rounded(record), ensure_ascii=False)))


class _MosesLines:
    """Moses' format: one line per candidate."""

    def read(self, lines: NumberedLines) -> Iterator[list[_Candidate]]:
        numbered = (self._candidate(*line) for line in lines)
        for _, candidates in groupby(numbered, key=lambda candidate: candidate.record[0]):
            yield list(candidates)

    def _candidate(self, number: int, line: str) -> _Candidate:
        fields = [field.strip() for field in line.split("|||")]
        try:
            return _Candidate(fields[1], _number(float(fields[3])), 1.0, fields)
        except (IndexError, ValueError):
            raise DataError(f"line {number}: is not id ||| text ||| features ||| score") from None

    def write(self, candidates: Sequence[_Rescored]) -> str:
        lines = []
        for candidate in candidates:
            name, text, features, _, *others = candidate.record
            features = f"{features} LM= {candidate.log_prob:.{DECIMALS}f}".lstrip()
            fields = [name, text, features, f"{candidate.score:.{DECIMALS}f}", *others]
            lines.append(" ||| ".join(fields))
        return "\n".join(lines)


def _wrong(error: Exception) -> str:
    """Return a description of an error in a line of JSON."""
    if isinstance(error, json.JSONDecodeError):
        return "it is no JSON"
    if isinstance(error, KeyError):
        return f"there is no {error}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error) if isinstance(error, ValueError) else "its parts are of other kinds"


def _whole(text: Any) -> str:
    """Replace lone surrogates, which JSON may hold but UTF-8 files and tokenizers may not."""
    if not isinstance(text, str):
        raise ValueError(f"{str(text)[:_EXCERPT]} is no text")  # noqa: TRY004
    return text.encode("utf-8", "replace").decode("utf-8")


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{str(value)[:_EXCERPT]} is no number")
    return float(value)
