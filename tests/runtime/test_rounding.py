"""What is printed has no digits that depend on which sentences are computed together."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_runs import PAIRS, make_run, tmt, tsv, write

from transformer_mt.runtime.rounding import DECIMALS, rounded

SOURCES = "".join(f"{src}\n{src} {src}\n\n{src} Zebra\n" for src, _ in PAIRS)
VALUES = st.recursive(
    st.none() | st.integers() | st.booleans() | st.text() | st.floats(-1e6, 1e6),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
)


@given(VALUES)
def test_only_floats_change_and_only_by_their_last_digits(value: Any) -> None:
    def check(before: Any, after: Any) -> None:
        if isinstance(before, float):
            assert abs(before - after) <= 0.5 * 10**-DECIMALS + 1e-9
            assert after == round(after, DECIMALS)
            assert math.copysign(1, after) == 1 or after < 0
        elif isinstance(before, dict):
            assert list(before) == list(after)
            for key in before:
                check(before[key], after[key])
        elif isinstance(before, list | tuple):
            assert len(before) == len(after)
            for pair in zip(before, after, strict=True):
                check(*pair)
        else:
            assert before is after or before == after

    check(value, rounded(value))
    json.dumps(rounded(value))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    data = str(write(folder / "data.tsv", tsv(PAIRS * 2)))
    return make_run(folder / "tiny", train=data, validation=data, test=data)


COMMANDS = {
    "jsonl": ["translate", "--format", "jsonl", "--n-best", "3"],
    "tsv": ["translate", "--format", "tsv", "--n-best", "3"],
    "scores": ["translate", "--scores"],
    "evaluate": ["evaluate", "--json"],
    "table": ["evaluate"],
}


@pytest.mark.parametrize("engine", ["torch", "ctranslate2"])
@pytest.mark.parametrize("what", COMMANDS)
def test_the_size_of_a_batch_changes_nothing_that_is_printed(
    run: Path, what: str, engine: str
) -> None:
    if engine == "ctranslate2":
        pytest.importorskip("ctranslate2")
    printed = []
    for size in ("1", "40", "4096"):
        given = (*COMMANDS[what], "--batch-tokens", size, "--engine", engine, "--model", run)
        result = tmt(*given, stdin=SOURCES)
        assert result.exit_code == 0, result.stderr
        printed.append(result.stdout)
    numbers = [_numbers(text) for text in printed]
    assert len({len(each) for each in numbers}) == 1
    for other in numbers[1:]:
        pairs = zip(numbers[0], other, strict=True)
        different = [pair for pair in pairs if pair[0] != pair[1]]
        assert len(different) <= max(1, len(other) / 50)  # a last digit that was just between two
        assert all(abs(a - b) < 1.5 * 10**-DECIMALS for a, b in different)
    assert len({_without_numbers(text) for text in printed}) == 1


def _words(text: str) -> list[str]:
    return text.replace(",", " ").replace("[", " ").replace("]", " ").split()


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return "." in word


def _numbers(text: str) -> list[float]:
    return [float(word) for word in _words(text) if _is_number(word)]


def _without_numbers(text: str) -> str:
    return " ".join(word for word in _words(text) if not _is_number(word))
