"""`tmt generate`."""

import pytest
from tiny_runs import said, tmt

import transformer_mt

pytestmark = pytest.mark.usefixtures("among_runs")


def generate(*arguments: str, model: str = "other_lm", stdin: str = "") -> str:
    given = ("generate", "-q", "-m", f"runs/{model}", "--device", "cpu", *arguments)
    return said(tmt(*given, stdin=stdin))


@pytest.mark.parametrize("prompt", ["red blue", "", "red\nblue ", "grün"])
def test_a_prompt_goes_on(prompt: str) -> None:
    first = generate(prompt, "--length", "30", "--seed", "1")
    assert first.startswith(prompt)
    assert first.endswith("\n")
    assert len(first) > len(prompt) + 1
    assert generate(prompt, "--length", "30", "--seed", "1") == first
    assert generate("--length", "30", "--seed", "1", stdin=prompt) == first
    assert generate(prompt, "--length", "30", "--seed", "2") != first
    assert generate(prompt, "--length", "0") == prompt + "\n"


def test_options_of_generate_are_those_of_the_library() -> None:
    likeliest = generate("red", "--temperature", "0")
    assert generate("red", "--top-k", "1", "--seed", "5") == likeliest
    assert generate("red", "--top-p", "1e-9", "--seed", "6") == likeliest
    api = transformer_mt.load_generator("runs/other_lm", device="cpu")
    pieces = "".join(api.generate("red", temperature=0))
    assert f"red{pieces}\n" == likeliest
    assert "".join(api.generate("red", seed=3)) + "\n" == generate("red", "--seed", "3")[3:]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("length", "-1"),
        ("length", "x"),
        ("temperature", "-1"),
        ("temperature", "nan"),
        ("temperature", "inf"),
        ("top-k", "0"),
        ("top-p", "0"),
        ("top-p", "1.1"),
        ("top-p", "nan"),
        ("seed", "-1"),
        ("seed", str(2**63)),
        ("device", "abacus"),
    ],
)
def test_wrong_options_of_generate_are_named(option: str, value: str) -> None:
    result = tmt("generate", "red", "-m", "runs/lm", f"--{option}", value)
    assert (result.exit_code, result.stdout) == (2, "")
    assert option in result.stderr.replace("_", "-")
    assert "Traceback" not in result.stderr
