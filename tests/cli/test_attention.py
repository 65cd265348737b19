"""`tmt attention`."""

import json
from pathlib import Path

import pytest
from tiny_runs import tmt


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["The cat", "-o", "x.pdf"], "x.pdf"),
        (["  ", "-o", "x.json"], "the sentence is empty: there is nothing to attend to"),
    ],
)
def test_attention_refuses_other_files_and_blank_sentences(
    run: Path, args: list[str], message: str
) -> None:
    result = tmt("attention", *args, "--model", run)
    assert result.exit_code == 2
    assert message in result.error


def test_attention_writes_a_file_and_prints_the_translation(
    run: Path, expected: dict[str, str]
) -> None:
    result = tmt("attention", "The dog", "-o", "x.json", "--model", run)
    assert (result.exit_code, result.stdout) == (0, f"{expected['The dog']}\n")
    assert json.loads(Path("x.json").read_text())
