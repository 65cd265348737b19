"""`tmt train`: what it refuses."""

from pathlib import Path

import pytest
from tiny_runs import Task, refused, task_file, tmt, write_lines

pytestmark = pytest.mark.usefixtures("among_runs")


@pytest.mark.parametrize(
    ("task", "settings", "code", "message"),
    [
        (
            "language-model",
            ["data.train=[BLANK]", "data.examples=lines"],
            2,
            "the vocabulary of the text is empty",
        ),
        ("language-model", ["data.validation=[BLANK]", "data.examples=lines"], 1, "validate on"),
        ("language-model", ["data.text_column=x", "data.train=TABLE"], 1, "no column 'x'"),
        ("language-model", ["data.src_lang=en"], 2, "is a key of the task translation"),
        ("language-model", ["model.pooling=max"], 2, "is a key of the task classification"),
        ("language-model", ["training.best_metric=bleu"], 2, "must be one of loss, not 'bleu'"),
        ("language-model", ["tokenizer.file=nothing"], 1, "tokenizer.file: nothing: there is no"),
        ("language-model", ["tokenizer.file=BLANK"], 1, "is not a tokenizer"),
        ("classification", ["data.block_size=9"], 2, "is a key of the task language-model"),
        ("classification", ["data.label_column=text"], 2, "is the column of the text"),
        ("classification", ["data.label_column=x"], 1, "no column 'x', only text, label"),
        ("classification", ["data.train=[BLANK,BLANK]"], 2, "must name a label for each file"),
        ("classification", ["data.train=ONE"], 1, "all training texts have the label 'a'"),
        ("classification", ["data.validation=ONE"], 1, "the label 'a' is none of those"),
        ("classification", ["task=regression"], 2, "'task' must be one of translation, language"),
    ],
)
def test_what_cannot_be_trained_on_is_one_sentence(
    tmp_path: Path, task: Task, settings: list[str], code: int, message: str
) -> None:
    files = {
        "BLANK": write_lines(tmp_path / "blank.txt", ["", " "]),
        "TABLE": write_lines(tmp_path / "table.tsv", ["text", "red"]),
        "ONE": write_lines(tmp_path / "one.tsv", ["text\tlabel", "red\ta", "blue\ta"]),
    }
    options = [f"--set={setting}" for setting in settings]
    for name, file in files.items():
        options = [option.replace(name, str(file)) for option in options]
    result = tmt("train", "-q", "-c", task_file(tmp_path, task), "--device=cpu", *options)
    assert message in refused(result, code)
    assert not (tmp_path / "run").exists()
