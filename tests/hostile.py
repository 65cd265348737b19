"""Run directories of somebody who means us harm, each made of a run that works.

`python tests/hostile.py` prints what the program says of each, as a table.
"""

import json
import os
import pickle
import shutil
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from helpers import make_run, tmt, write
from safetensors.numpy import load_file, save_file

from transformer_mt.runtime.console import print_lines

MARK = "HARMED"
"""A file of this name appears in the current folder where something was executed."""

WEIGHTS = "best/model.safetensors"
Spoil = Callable[[Path], object]


class Bomb:
    """Unpickled, it makes a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (MARK, "w")


def copy_of(run: Path, copy: Path, spoil: Spoil) -> Path:
    """A spoiled copy; without checksums, as whoever spoils a file would make those anew."""
    shutil.copytree(run, copy, ignore=shutil.ignore_patterns("SHA256SUMS", "last"))
    spoil(copy)
    return copy


def content(name: str, new: str | bytes) -> Spoil:
    """Another file under this name."""
    return lambda run: write(run / name, new)


def settings(**changes: Any) -> Spoil:
    """Other values in the configuration; `model__d_model` is the key model.d_model."""

    def spoil(run: Path) -> None:
        import yaml

        saved = yaml.safe_load((run / "config.yaml").read_text())
        for key, value in changes.items():
            *sections, name = key.split("__")
            section = saved
            for each in sections:
                section = section[each]
            section[name] = value
        write(run / "config.yaml", yaml.safe_dump(saved))

    return spoil


def tokenizer(change: Callable[[dict[str, Any]], object]) -> Spoil:
    """Another tokenizer of the source."""

    def spoil(run: Path) -> None:
        saved = json.loads((run / "tokenizer.src.json").read_text())
        change(saved)
        write(run / "tokenizer.src.json", json.dumps(saved))

    return spoil


def link(name: str, target: str) -> Spoil:
    """A link in the place of a file or folder."""

    def spoil(run: Path) -> None:
        path = run / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        path.symlink_to(target)

    return spoil


def both(first: Spoil, second: Spoil) -> Spoil:
    """One after the other."""

    def spoil(run: Path) -> None:
        first(run)
        second(run)

    return spoil


def folder(name: str) -> Spoil:
    """A folder in the place of a file."""

    def spoil(run: Path) -> None:
        (run / name).unlink()
        (run / name).mkdir()

    return spoil


def pipe(name: str) -> Spoil:
    """What would be waited for, for ever."""

    def spoil(run: Path) -> None:
        (run / name).unlink()
        os.mkfifo(run / name)

    return spoil


def header(change: Callable[[dict[str, Any]], object]) -> Spoil:
    """Another header before the same weights."""

    def spoil(run: Path) -> None:
        raw = (run / WEIGHTS).read_bytes()
        (size,) = struct.unpack("<Q", raw[:8])
        saved = json.loads(raw[8 : 8 + size])
        change(saved)
        text = json.dumps(saved).encode()
        write(run / WEIGHTS, struct.pack("<Q", len(text)) + text + raw[8 + size :])

    return spoil


def weights(change: Callable[[bytes], bytes]) -> Spoil:
    """Other bytes in the place of the weights."""
    return lambda run: write(run / WEIGHTS, change((run / WEIGHTS).read_bytes()))


def everywhere(value: float) -> Spoil:
    """All weights are this number."""

    def spoil(run: Path) -> None:
        tensors = load_file(run / WEIGHTS)
        save_file(
            {name: np.full_like(each, value) for name, each in tensors.items()}, run / WEIGHTS
        )

    return spoil


def _first(tensors: dict[str, Any]) -> dict[str, Any]:
    first: dict[str, Any] = tensors[min(tensors.keys() - {"__metadata__"})]
    return first


ALIASES = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
MERGES = "seed: {a: &b0 {k: 1}\n" + "".join(
    f" ,a{n}: &b{n} {{<<: [*b{n - 1}, *b{n - 1}]}}\n" for n in range(1, 30)
)

WEIGHT_CASES: dict[str, tuple[Spoil, str]] = {
    "a pickle bomb as the weights": (content(WEIGHTS, pickle.dumps(Bomb())), "damaged or no"),
    "weights cut off": (weights(lambda raw: raw[: len(raw) // 2]), "damaged or no safetensors"),
    "no bytes of weights": (content(WEIGHTS, b""), "damaged or no safetensors"),
    "a header of 2**63 bytes": (content(WEIGHTS, b"\xff" * 7 + b"\x7f{}"), "header of 92"),
    "a header longer than the file": (
        content(WEIGHTS, struct.pack("<Q", 1000) + b"{}"),
        "damaged or no safetensors",
    ),
    "a header nested deeply": (
        content(WEIGHTS, struct.pack("<Q", 10**5) + b"[" * 10**5),
        "damaged or no safetensors",
    ),
    "offsets beyond the file": (
        header(lambda h: _first(h).update(data_offsets=[0, 10**12])),
        "damaged or no safetensors",
    ),
    "a shape of 2**124 numbers": (
        header(lambda h: _first(h).update(shape=[2**62, 2**62])),
        "damaged or no safetensors",
    ),
    "weights that are whole numbers": (
        header(lambda h: _first(h).update(dtype="I32")),
        "holds I32, which no weight is",
    ),
    "a weight of another shape": (
        header(lambda h: _first(h).update(shape=[1, *_first(h)["shape"]])),
        "first difference: decoder",
    ),
    "a folder as the weights": (
        folder(WEIGHTS),
        "damaged or no safetensors",
    ),
    "the weights a link out of it": (link(WEIGHTS, "/dev/zero"), "is a link out of the folder"),
    "the checkpoint a link out of it": (link("best", "/etc"), "is a link out of the folder"),
    "what a crash left a link out of it": (
        link(".best.new", "/etc"),
        "is a link out of the folder",
    ),
    "the checkpoints a link out of it, for damaged weights": (
        both(content("best/SHA256SUMS", "-"), link("checkpoints", "/etc")),
        "checkpoints: is a link out of the folder",
    ),
    "a pipe as the weights": (pipe(WEIGHTS), "is no plain file"),
    "weights that are NaN": (everywhere(float("nan")), "scores are no numbers"),
    "weights that are infinite": (everywhere(float("inf")), "scores are no numbers"),
    "10**9 layers": (settings(model__num_encoder_layers=10**9), "at most 1,000"),
    "d_model of 10**9": (settings(model__d_model=10**9), "at most"),
    "10**9 wide heads": (
        settings(model__num_heads=10**9, model__attention="wide"),
        "at most 65,536",
    ),
    "d_ff of 10**30": (settings(model__d_ff=10**30), "at most"),
}
"""The files of the weights, and configurations that they do not fit."""

CONFIG_CASES: dict[str, tuple[Spoil, str]] = {
    "max_length of 10**15": (settings(data__max_length=10**15), "at most 100,000"),
    "beam_size of 10**9": (settings(decoding__beam_size=10**9), "at most 1,000"),
    "a length ratio of 1e308": (settings(decoding__max_length_ratio=1e308), "at most 100"),
    "NaN in the configuration": (
        settings(model__dropout=float("nan")),
        "must be a number, not .nan",
    ),
    "a YAML object of Python": (
        content("config.yaml", f"seed: !!python/object/apply:open [{MARK}, w]\n"),
        "config.yaml:1: not valid YAML",
    ),
    "YAML aliases of aliases": (
        content(
            "config.yaml", f"seed:\n{''.join(' ' + line for line in ALIASES.splitlines(True))}"
        ),
        "an alias can stand for a single value alone",
    ),
    "YAML merges of merges": (content("config.yaml", MERGES + "}\n"), "an alias can stand for"),
    "YAML nested deeply": (content("config.yaml", "seed: " + "[" * 20_000), "nested too deeply"),
    "a configuration of 200 kB": (content("config.yaml", "# x\n" * 50_000), "more than 65,536"),
    "a number of 5,000 digits": (
        content("config.yaml", f"run_dir: r\nseed: {'9' * 5000}"),
        "'seed' must be",
    ),
    "binary as the configuration": (content("config.yaml", b"\x00\xff\x80"), "not valid UTF-8"),
    "the configuration a link out of it": (link("config.yaml", "/etc/passwd"), "is a link out"),
    "the configuration a link to itself": (link("config.yaml", "config.yaml"), "no config.yaml"),
}

TOKENIZER_CASES: dict[str, tuple[Spoil, str]] = {
    "no JSON": (content("tokenizer.src.json", "junk"), "is not a tokenizer"),
    "a list": (content("tokenizer.src.json", "[1, 2]"), "is not a tokenizer"),
    "JSON nested deeply": (content("tokenizer.src.json", "[" * 100_000), "nested too deeply"),
    "a vocabulary that is a list": (
        tokenizer(lambda t: t["model"].update(vocab=[1, 2])),
        "its parts are not those",
    ),
    "a token of number 10**12": (
        tokenizer(lambda t: t["model"]["vocab"].update(cat=10**12)),
        "not numbered 0, 1, 2",
    ),
    "padding to 10**12 tokens": (
        tokenizer(lambda t: t.update(padding={"strategy": {"Fixed": 10**12}})),
        "it has padding",
    ),
    "text that becomes [EOS]": (
        tokenizer(lambda t: t.update(added_tokens=[{"id": 3, "content": "cat"}])),
        "it has added_tokens",
    ),
    "rules that stop the library": (
        tokenizer(
            lambda t: t.update(normalizer={"type": "Precompiled", "precompiled_charsmap": "AAAA"})
        ),
        "table of normalisation is damaged",
    ),
    "rules of another kind": (
        tokenizer(lambda t: t.update(pre_tokenizer={"type": "FixedLength", "length": 0})),
        "of type FixedLength",
    ),
    "another unknown token": (
        tokenizer(lambda t: t["model"].update(unk_token="x")),
        "its token for the unknown is x",
    ),
    "the tokenizer a link out of it": (
        link("tokenizer.src.json", "../../x"),
        "is a link out of the folder",
    ),
    "the tokenizer a pipe": (pipe("tokenizer.tgt.json"), "is no plain file"),
}

CASES = WEIGHT_CASES | CONFIG_CASES | {f"tokenizer: {n}": c for n, c in TOKENIZER_CASES.items()}


def commands(run: Path, out: Path) -> dict[str, list[str | Path]]:
    """Everything that can be done with a run that somebody else made."""
    source = write(out / "x.txt", "The cat is big .\n")
    pair = ("--source", source, "--reference", source)
    return {
        "translate": ["translate", "--model", run, "The cat"],
        "translate with ctranslate2": ["translate", "-m", run, "--engine", "ctranslate2", "cat"],
        "evaluate": ["evaluate", "--model", run, *pair],
        "attention": ["attention", "--model", run, "-o", out / "x.html", "The cat"],
        "export": ["export", run, "--to", "transformers", "-o", out / "export", "--no-verify"],
        "info": ["info", run],
    }


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        run = make_run(Path("run"))
        lines = ["| hostile input | the line printed by tmt translate | exit code |"]
        lines.append("| --- | --- | ---: |")
        for number, (name, (spoil, _)) in enumerate(CASES.items()):
            spoiled = copy_of(run, Path(f"model{number}"), spoil)
            result = tmt(*commands(spoiled, Path(place))["translate"])
            line = " ".join(result.stderr.split("\n")).strip().replace("|", r"\|")
            lines.append(f"| {name} | `{line}` | {result.exit_code} |")
        print_lines([*lines, "", f"executed: {'something' if Path(MARK).exists() else 'nothing'}"])


if __name__ == "__main__":
    main()
