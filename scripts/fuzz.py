#!/usr/bin/env python
"""Fuzz test of the tokenizers and of `tmt translate` with arbitrary bytes.

    python scripts/fuzz.py                      # 100,000 inputs, some minutes on one core
    python scripts/fuzz.py --inputs 2000 --seed 7

Inputs are lines of bytes of many kinds (`KINDS`). Each line is read as by `tmt translate`, encoded
by a tokenizer of every type, and translated by a small model with random weights (so that every
token occurs in the output). The laws:

- Reading: one text for each line, decoded as UTF-8, with U+FFFD for invalid bytes.
- Tokens: a text never becomes [PAD], [SOS] or [EOS], and there is a piece for each id.
- Round trip: without [UNK], decode(encode(x)) is x in Unicode's form NFC, without meaningless
  invisible characters; on the source side quotes become straight. Word and subword tokenizers
  reduce white space to single spaces, none at the ends, and x must not have the two marks that
  they put into text (the joiner U+FFED and SentencePiece's U+2581).
- Bytes: the byte tokenizer never returns [UNK].
- Ids: any ids of a vocabulary can be decoded.
- Translation: one line for each line (tsv: one for each candidate; jsonl: one object), without
  any character that another program takes for a line end.

A table is printed at the end. The exit code is 1 if a law was broken; the input is then printed.
"""

import argparse
import io
import json
import logging
import random
import re
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Literal, get_args

import torch
from tqdm import tqdm

from transformer_mt.cli.streams import read_chunks
from transformer_mt.cli.translation_lines import translate_chunks
from transformer_mt.config.tasks import (
    DecodingConfig,
    EncoderDecoderConfig,
    PairsConfig,
    PairTokenizerConfig,
    TranslationConfig,
)
from transformer_mt.corpus.source import Corpus, SentencePair
from transformer_mt.data.vocabularies import build_tokenizers
from transformer_mt.inference.results import Translation
from transformer_mt.inference.torch_engine import TorchEngine
from transformer_mt.inference.translator import Translator
from transformer_mt.languages.characters import (
    ACCENTS_AS_APOSTROPHES,
    DOUBLE_QUOTES,
    HYPHENS,
    INVISIBLE,
    SINGLE_QUOTES,
)
from transformer_mt.phrasebook import phrasebook_splits
from transformer_mt.runs import checkpoint, run_dir
from transformer_mt.runs.kinds import TRANSLATION
from transformer_mt.runs.run_dir import RunDir
from transformer_mt.runs.train_state import TrainState
from transformer_mt.runtime.console import set_up_logging
from transformer_mt.text.tokenizer import (
    EOS_ID,
    JOINER,
    SPECIAL_TOKENS,
    UNK_ID,
    Tokenizer,
)

Type = Literal["word", "bpe", "unigram", "character", "byte"]
TYPES: tuple[Type, ...] = get_args(Type)
EXACT = ("character", "byte")
LAYOUTS = (("text", 1), ("text", 3), ("tsv", 2), ("jsonl", 2))
METASPACE = "\u2581"

BATCH = 250
"""Inputs of a batch."""
MOST_SHOWN = 10

EMOJI = "😀👍🏽👨\u200d👩\u200d👧🇫🇷❤️🏴\U000e0067\U000e0062\U000e007f"
RIGHT_TO_LEFT = "שלום עולם مرحبا بالعالم \u200f\u202e\u2067\u2069\u200e"
MARKS = "e\u0301\u0323\u0300o\u0308\u0327a\u030a\u0489\u20dd\u093f\u0e34"
SPACES = " \t\u00a0\u202f\u3000\u2003\x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028\u2029\r\u200b\ufeff"
LOOKALIKES = (
    *SPECIAL_TOKENS,
    *("[ EOS ]", "[[EOS]]", "[EOS", "EOS]", "</s>", "<s>", "<unk>", "<pad>", "[MASK]", ">>fra<<"),
    *(JOINER, METASPACE, f"{JOINER}a", f"{METASPACE}a", "##ing", "@@ ", "\ufffd", "■"),
)


def _random_bytes(dice: random.Random) -> bytes:
    return dice.randbytes(_length(dice, 60))


def _binary(dice: random.Random) -> bytes:
    """Return null bytes and the first bytes of various file formats."""
    heads = (
        b"\x00",
        b"\x7fELF",
        b"\x89PNG\r",
        b"PK\x03\x04",
        b"\x1f\x8b",
        b"\xff\xfe",
        b"\xc0\x80",
    )
    return b"".join(dice.choice(heads) for _ in range(_length(dice, 20)))


def _unicode(dice: random.Random) -> bytes:
    """Return random code points, including surrogates, which are not valid in UTF-8."""
    top = dice.choice((0x80, 0x800, 0x10000, 0x110000))
    text = "".join(chr(dice.randrange(top)) for _ in range(_length(dice, 40)))
    return text.encode("utf-8", "surrogatepass")


def _of(characters: str, dice: random.Random) -> bytes:
    return "".join(dice.choices(characters, k=_length(dice, 30))).encode()


def _lookalikes(dice: random.Random) -> bytes:
    between = dice.choice(("", " ", "a"))
    return between.join(dice.choices(LOOKALIKES, k=_length(dice, 8))).encode()


def _sentences(dice: random.Random) -> bytes:
    """Return a sentence of the training text, so that many inputs have no [UNK]."""
    return dice.choice(_training_texts()).encode()


def _spoiled(dice: random.Random) -> bytes:
    """Return a sentence with some random bytes replaced."""
    raw = bytearray(_sentences(dice))
    for _ in range(dice.randrange(1, 4)):
        place = dice.randrange(len(raw) + 1)
        raw[place : place + dice.randrange(3)] = dice.randbytes(dice.randrange(3))
    return bytes(raw)


def _mixed(dice: random.Random) -> bytes:
    parts = [dice.choice(_PARTS) for _ in range(dice.randrange(1, 6))]
    return b"".join(part(dice)[:60] for part in parts)


def _long(dice: random.Random) -> bytes:
    """Return a line of 1 to 16 KiB, with or without spaces."""
    part = dice.choice(_PARTS)(dice) or b"x"
    size = 1 << dice.choice((10, 10, 10, 12, 14))
    return (part * (size // len(part) + 1))[:size]


_PARTS: tuple[Callable[[random.Random], bytes], ...] = (
    *(_random_bytes, _binary, _unicode, _lookalikes, _sentences),
    *(partial(_of, characters) for characters in (EMOJI, RIGHT_TO_LEFT, MARKS, SPACES)),
)
KINDS: dict[str, Callable[[random.Random], bytes]] = {
    "random bytes": _random_bytes,
    "binary": _binary,
    "any Unicode": _unicode,
    "white space": partial(_of, SPACES),
    "emoji": partial(_of, EMOJI),
    "right to left": partial(_of, RIGHT_TO_LEFT),
    "combining marks": partial(_of, MARKS),
    "special tokens": _lookalikes,
    "sentences": _sentences,
    "spoiled": _spoiled,
    "mixed": _mixed,
    "long": _long,
}


def _length(dice: random.Random, most: int) -> int:
    """Draw a length from 0 to `most`, small ones more often."""
    return int(dice.random() ** 2 * (most + 1))


def _training_texts() -> list[str]:
    """Return training sentences, and every character of the kinds above, alone and joined."""
    if not _TEXTS:
        _TEXTS.extend(source for source, _ in phrasebook_splits()["train"][:2000])
        for characters in (EMOJI, RIGHT_TO_LEFT, MARKS):
            _TEXTS.extend([characters, *characters.split(), " ".join(characters.replace(" ", ""))])
        _TEXTS.extend(["« Oui », dit-il ; l'homme n'est pas là !", "[ [ EOS ] ] a[PAD]b </s> ##"])
    return _TEXTS


_TEXTS: list[str] = []


@dataclass(frozen=True)
class Tested:
    """A small model with its tokenizers, in memory and as a run directory."""

    path: Path
    translator: Translator


def make_tested(path: Path, kind: Type) -> Tested:
    """Build a model with random weights and a low length limit, so that translation is fast."""
    config = TranslationConfig(
        run_dir=str(path),
        data=PairsConfig(src_lang="en", tgt_lang="fr", train="-", max_length=24),
        tokenizer=PairTokenizerConfig(type=kind, vocab_size=1500, min_frequency=1, joint=True),
        model=EncoderDecoderConfig(
            d_model=16, num_heads=2, d_ff=16, num_encoder_layers=1, num_decoder_layers=1
        ),
        decoding=DecodingConfig(beam_size=1, max_length_ratio=0.25, max_length_offset=2),
    )
    pairs = [SentencePair(text, text) for text in _training_texts()]
    tokenizers = build_tokenizers(config, Corpus(pairs, pairs, pairs))
    torch.manual_seed(1)
    model = TRANSLATION.make_model(config, tokenizers).eval()
    with torch.no_grad():  # else a random model would rarely output [UNK]
        model.output.weight[UNK_ID] *= 3
    run = RunDir(path)
    run_dir.save_config(run, config)
    run_dir.save_vocabulary(run, tokenizers)
    checkpoint.save_weights(run.best, checkpoint.weights_of(model), TrainState(finished="made"))
    return Tested(path, Translator(TorchEngine(model), tokenizers, config.data, config.decoding))


@dataclass
class Figures:
    """The counts of a fuzz test, and every law that was broken."""

    inputs: Counter[str] = field(default_factory=Counter)
    size: Counter[str] = field(default_factory=Counter)
    round_trips: Counter[str] = field(default_factory=Counter)
    encodings: Counter[str] = field(default_factory=Counter)
    lines: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def check(self, holds: object, law: str, given: object) -> None:
        """Record a law that does not hold."""
        if not holds:
            self.broken.append(f"{law}: {given!r:.500}")

    def table(self) -> Iterator[str]:
        """Yield the lines of a table with a row for each kind of input."""
        columns = ("inputs", "bytes", "encodings", "round trips", "lines out")
        counts = (self.inputs, self.size, self.encodings, self.round_trips, self.lines)
        yield f"| {'input':<16} | " + " | ".join(f"{name:>11}" for name in columns) + " |"
        yield f"| {'-' * 16} |" + f" {'-' * 10}: |" * len(columns)
        for kind in (*KINDS, "all"):
            row = [sum(c.values()) if kind == "all" else c[kind] for c in counts]
            yield f"| {kind:<16} | " + " | ".join(f"{n:>11,}" for n in row) + " |"


def clean(text: str) -> str:
    """Normalise a text as the source side does."""
    text = re.sub(f"[{SINGLE_QUOTES}]|{ACCENTS_AS_APOSTROPHES}", "'", re.sub(INVISIBLE, "", text))
    text = re.sub(f"[{HYPHENS}]", "-", re.sub(f"[{DOUBLE_QUOTES}]", '"', text))
    return unicodedata.normalize("NFC", text)


def normal(text: str) -> str:
    """Return the expected round trip. White space is Unicode's, without U+001C to U+001F."""
    return " ".join(re.split(r"[^\S\x1c-\x1f]+", clean(text))).strip(" ")


def check_tokenizer(
    figures: Figures, tokenizer: Tokenizer, of_type: Type, text: str, kind: str
) -> None:
    """Check the laws of tokens and of round trips for one text."""
    ids = tokenizer.encode(text)
    figures.encodings[kind] += 1
    figures.check(all(n == UNK_ID or n > EOS_ID for n in ids), "special ids from text", text)
    figures.check(len(tokenizer.pieces(text)) == len(ids), "a piece for each id", text)
    figures.check(UNK_ID not in ids or of_type != "byte", "no byte is unknown", text)
    is_exact = of_type in EXACT
    if UNK_ID not in ids and (is_exact or not {JOINER, METASPACE} & set(text)):
        expected = clean(text) if is_exact else normal(text)
        # The library's NFC is of an older Unicode, which does not reorder newer combining marks.
        decoded = unicodedata.normalize("NFC", tokenizer.decode(ids))
        figures.check(decoded == expected, "round trip", text)
        figures.round_trips[kind] += 1


def check_output(
    figures: Figures, written: str, texts: Sequence[str], layout: str, n_best: int
) -> None:
    """Check the laws of translation for the output lines of a batch."""
    lines = written.split("\n")
    figures.check(lines.pop() == "", "the last line ends", written[-80:])
    figures.check(len(lines) == len(written.splitlines()), "no line is two", texts)
    if layout == "tsv":
        numbers = [int(number) for number, _ in groupby(line.split("\t")[0] for line in lines)]
        figures.check(numbers == list(range(1, len(texts) + 1)), "rows for each line", texts)
    else:
        figures.check(len(lines) == len(texts), "a line for each", texts)
    for number, line in enumerate(lines):
        if layout == "jsonl":
            record = json.loads(line)
            figures.check(record["line"] == number + 1, "numbered lines", line)
            figures.check(record["source"] == texts[number], "the source in JSON", line)
        else:
            least, most = (4, 4) if layout == "tsv" else (0, n_best - 1)
            figures.check(least <= line.count("\t") <= most, "tabs between candidates", line)


def check_batch(
    figures: Figures, dice: random.Random, tested: dict[Type, Tested], turn: int
) -> None:
    """Draw a batch of inputs and check all laws."""
    kinds = dice.choices(list(KINDS), k=BATCH)
    raw = [KINDS[kind](dice).replace(b"\n", b"") for kind in kinds]
    for kind, line in zip(kinds, raw, strict=True):
        figures.inputs[kind] += 1
        figures.size[kind] += len(line)
    texts = [t for chunk in read_chunks(io.BytesIO(b"\n".join(raw) + b"\n")) for t in chunk]
    wanted = [line.removesuffix(b"\r").decode("utf-8", "replace") for line in raw]
    wanted[0] = wanted[0].removeprefix("\ufeff")
    figures.check(texts == wanted, "reading", raw)
    for kind, text in zip(kinds, texts, strict=True):
        for of_type, each in tested.items():
            check_tokenizer(figures, each.translator.tokenizers.src, of_type, text, kind)
    of_type = TYPES[turn % len(TYPES)]
    translator = tested[of_type].translator
    tokenizer = translator.tokenizers.tgt
    ids = dice.choices(range(tokenizer.vocab_size), k=dice.randrange(30))
    figures.check("\n" not in tokenizer.decode(ids) or of_type in EXACT, "any ids", ids)
    layout, n_best = LAYOUTS[turn // len(TYPES) % len(LAYOUTS)]
    target = io.StringIO()

    def translate(text: list[str], *, first_line: int) -> list[Translation]:
        details = layout == "jsonl"
        return translator.translate(text, n_best=n_best, details=details, first_line=first_line)

    translate_chunks(translate, [texts], target, layout=layout, scores=False, show_progress=False)
    check_output(figures, target.getvalue(), texts, layout, n_best)
    figures.lines.update(kinds)


def check_program(figures: Figures, dice: random.Random, tested: Tested) -> None:
    """Check the laws of translation for the program, with bytes on standard input."""
    raw = [kind(dice).replace(b"\n", b"") for kind in KINDS.values() for _ in range(20)]
    command = [sys.executable, "-m", "transformer_mt", "translate", "-m", str(tested.path)]
    done = subprocess.run(
        [*command, "--device", "cpu"], input=b"\n".join(raw), capture_output=True, check=False
    )
    figures.check(done.returncode == 0, "exit code 0", done.stderr[-500:])
    figures.check(done.stdout.count(b"\n") == len(raw), "a line for each, by the program", raw)
    figures.check(b"Traceback" not in done.stderr, "no traceback", done.stderr[-500:])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the fuzz test; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=100_000, help="how many (default: 100,000)")
    parser.add_argument("--seed", type=int, default=1, help="of all dice (default: 1)")
    options = parser.parse_args(arguments)
    set_up_logging(quiet=True, verbose=False)
    logging.getLogger("transformer_mt").setLevel(logging.ERROR)  # tests cover the warnings
    figures, start = Figures(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        tested = {kind: make_tested(Path(folder) / kind, kind) for kind in TYPES}
        batches = -(-options.inputs // BATCH)
        for turn in tqdm(range(batches), unit="batch", disable=None):
            check_batch(figures, random.Random(f"{options.seed} {turn}"), tested, turn)
            if len(figures.broken) >= MOST_SHOWN:
                break
        check_program(figures, random.Random(options.seed), tested["bpe"])
    print(f"seed {options.seed}, {time.process_time() - start:.0f} s of CPU time\n")
    print("\n".join(figures.table()))
    print(f"\nlaws broken: {len(figures.broken)}")
    for each in figures.broken[:MOST_SHOWN]:
        print(f"- {each}")
    return bool(figures.broken)


if __name__ == "__main__":
    sys.exit(main())
