"""`tmt info`."""

import json
from pathlib import Path

import pytest
from tiny_runs import MODELS, SIZES, said, tmt


def test_info_tells_what_a_run_is(run: Path) -> None:
    table = tmt("info", run).stdout
    for part in ("en -> fr", "finished (all updates made)", "d_model 16", "2 heads", "bleu 12.50"):
        assert part in table
    described = json.loads(tmt("info", run, "--json").stdout)
    assert described["languages"] == "en -> fr"
    for name, value in described.items():
        assert f"{name:<18}{value}" in table.splitlines()


@pytest.mark.usefixtures("among_runs")
@pytest.mark.parametrize("model", ["translator", "lm", "classifier"])
def test_info_tells_task_sizes_and_scores_of_every_task(model: str) -> None:
    told = json.loads(said(tmt("info", "--json", f"runs/{model}")))
    assert told["task"] == MODELS[model]
    assert told["status"] == "finished (all updates made)"
    assert "1" in told["model"]
    assert "d_model 16, 2 heads" in told["model"]
    if model in ("translator", "lm"):
        sizes = "{train} training, {validation} validation, {test} test examples"
        assert told["data"] == sizes.format(**SIZES)
    if model == "classifier":
        assert told["data"] == "100 training, 10 validation, 10 test examples"
        assert told["vocabulary"].endswith(" tokens, 2 labels")
        assert "accuracy 100.00" in told["validation"]
    plain = said(tmt("info", f"runs/{model}"))
    for value in told.values():
        assert str(value) in plain
