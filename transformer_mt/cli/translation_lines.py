"""Translations as lines of text, JSON or TSV."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TextIO

from transformer_mt.cli.streams import write_chunks
from transformer_mt.files.lines import one_line
from transformer_mt.inference.results import Candidate, Translation
from transformer_mt.runtime.rounding import DECIMALS, rounded


class Translate(Protocol):
    """Function of the type of `Translator.translate` with its options set."""

    def __call__(self, text: list[str], *, first_line: int) -> list[Translation]: ...


def translate_chunks(
    translate: Translate,
    chunks: Iterable[list[str]],
    target: TextIO,
    *,
    layout: str,
    scores: bool,
    show_progress: bool,
) -> None:
    """Translate lines and write the translations, chunk by chunk."""

    def answer(lines: list[str], first_line: int) -> Iterator[str]:
        translations = translate(lines, first_line=first_line)
        for line, translation in enumerate(translations, start=first_line):
            yield format_translation(translation, line, layout, scores=scores)

    write_chunks(answer, chunks, target, what="translating", show_progress=show_progress)


def format_translation(translation: Translation, line: int, layout: str, *, scores: bool) -> str:
    """Return one translation as text without a final newline.

    Args:
        translation: translation with the candidates to show.
        line: line number, from 1.
        layout: "text": the candidates separated by tabs, each after its score if wanted: always
            one line. "jsonl": one object. "tsv": for each candidate a row of line, rank, score,
            source, text.
        scores: for "text", show the scores.
    """
    candidates = translation.candidates
    if layout == "jsonl":
        record = {
            "line": line,
            "source": translation.source,
            "translation": translation.text,
            "score": translation.score,
            "source_tokens": translation.src_tokens,
            "candidates": [_record(candidate) for candidate in candidates],
        }
        return one_line(json.dumps(rounded(record), ensure_ascii=False))
    if layout == "tsv":
        source = " ".join(translation.source.split())
        return "\n".join(
            f"{line}\t{rank}\t{_shown(c)}\t{source}\t{c.text}"
            for rank, c in enumerate(candidates, start=1)
        )
    return "\t".join(f"{_shown(c)}\t{c.text}" if scores else c.text for c in candidates)


def _shown(candidate: Candidate) -> str:
    return f"{rounded(candidate.score):.{DECIMALS}f}"


def _record(candidate: Candidate) -> dict[str, Any]:
    """Return a candidate as a JSON object.

    `alignment` has the index of a source token for each token. `norm` is the length normalisation,
    exact where `log_prob` and `score` are rounded to 0.
    """
    return {
        "text": candidate.text,
        "score": candidate.score,
        "log_prob": candidate.log_prob,
        "norm": candidate.log_prob / candidate.score if candidate.score else 1.0,
        "tokens": candidate.tokens,
        "token_log_probs": candidate.token_log_probs,
        "alignment": candidate.alignment,
    }
