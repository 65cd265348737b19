"""Limits of every numeric setting, in one table for all interfaces.

Values from a configuration file, `--set`, a command-line option and a Python argument are checked
against the table, and the help texts of options show the limits from the table.
"""

import numbers
from dataclasses import dataclass
from typing import Any

from transformer_mt.errors import InvalidValueError

_MOST_SHOWN = 60
"""Most characters of a wrong value shown in an error message."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Range of numbers that a setting can have."""

    least: float
    most: float
    whole: bool = True
    least_counts: bool = True
    """True if `least` itself is allowed."""
    most_counts: bool = True
    """True if `most` itself is allowed."""

    def __str__(self) -> str:
        least = f"{'at least' if self.least_counts else 'above'} {self.least:,}"
        return f"{least} and {'at most' if self.most_counts else 'below'} {self.most:,}"

    @property
    def range(self) -> str:
        """Return the limits as short text for help."""
        least = f"{'' if self.least_counts else 'above '}{self.least:,}"
        return f"{least} to {self.most:,}" if self.most < 1_000_000_000 else f"{least} or more"

    def contain(self, number: Any) -> bool:
        """Return True if a number, which may be NaN or infinite, lies within the limits."""
        return bool(
            self.least <= number <= self.most
            and (self.least_counts or number != self.least)
            and (self.most_counts or number != self.most)
        )


def _number(least: float, most: float) -> Limits:
    return Limits(least, most, whole=False)


def _positive(most: float) -> Limits:
    return Limits(0, most, whole=False, least_counts=False)


_MANY = 10**12
"""Upper limit of updates or tokens: more than any run needs, far below integer overflow."""
_SHARE = Limits(0, 1, whole=False, most_counts=False)
_LENGTH = Limits(2, 100_000)
_LAYERS = Limits(1, 1000)

LIMITS: dict[str, Limits] = {
    # Configuration: see `config/sections.py` and `config/tasks.py`.
    "seed": Limits(0, 2**63 - 1),
    "heldout_size": Limits(1, _MANY),
    "max_length": _LENGTH,
    "block_size": _LENGTH,
    "data.max_length_ratio": _number(1, 100_000),
    "vocab_size": Limits(5, 10_000_000),
    "min_frequency": Limits(1, _MANY),
    "d_model": Limits(1, 65_536),
    "num_heads": Limits(1, 65_536),
    "d_ff": Limits(1, 1_048_576),
    "num_layers": _LAYERS,
    "num_encoder_layers": _LAYERS,
    "num_decoder_layers": _LAYERS,
    "dropout": _SHARE,
    "attention_dropout": _SHARE,
    "accumulate": Limits(1, 1_000_000),
    "max_steps": Limits(1, _MANY),
    "learning_rate": _positive(1000),
    "warmup_steps": Limits(1, _MANY),
    "adam_beta1": _SHARE,
    "adam_beta2": _SHARE,
    "adam_epsilon": _positive(1),
    "label_smoothing": _SHARE,
    "clip_norm": _number(0, 1_000_000_000),
    "validate_every": Limits(1, _MANY),
    "checkpoint_every": Limits(1, _MANY),
    "patience": Limits(0, _MANY),
    "keep_checkpoints": Limits(1, 1_000_000),
    "log_every": Limits(1, _MANY),
    "validate_sentences": Limits(1, _MANY),
    # Beam search. ((5 + length) / 6) ** 10 does not overflow.
    "beam_size": Limits(1, 1000),
    "length_penalty": _number(0, 10),
    "decoding.max_length_ratio": _number(0, 100),
    "max_length_offset": Limits(1, 100_000),
    # Arguments of a trained model.
    "n_best": Limits(1, 1000),
    "batch_tokens": Limits(1, _MANY),
    "first_line": Limits(0, 2**63 - 1),
    "lm_weight": _number(0, 1000),
    "length": Limits(0, _MANY),
    "temperature": _number(0, 1000),
    "top_k": Limits(1, _MANY),
    "top_p": _positive(1),
    "top": Limits(1, 1_000_000),
    "threshold": _number(0.5, 1),
}
"""Limits by setting name, with the section where two sections have the same name."""


def limits_of(key: str) -> Limits:
    """Return the limits of a setting: "decoding.beam_size" and "beam_size" have the same.

    Raises:
        KeyError: the setting has no limits.
    """
    return LIMITS[key] if key in LIMITS else LIMITS[key.rpartition(".")[2]]


def check_number(value: Any, key: str, shown: str | None = None) -> None:
    """Check that a value is a number within the limits of a setting.

    Args:
        value: of any type.
        key: name of the setting in the table.
        shown: name in the error message, such as "--beam-size"; None: `key`.

    Raises:
        InvalidValueError: the value is refused; the message names the setting and the limits.
    """
    limits = limits_of(key)
    kind = numbers.Integral if limits.whole else numbers.Real
    if isinstance(value, bool) or not isinstance(value, kind):
        expected = "a whole number" if limits.whole else "a number"
        raise InvalidValueError(shown or key, f"must be {expected}, not {_excerpt(value)}")
    if not limits.contain(value):
        raise InvalidValueError(shown or key, f"must be {limits}, not {_excerpt(value)}")


def check_numbers(**values: Any) -> None:
    """Check arguments against the limits of the settings of the same names; None is skipped.

    Raises:
        InvalidValueError: a value is refused; the message names the argument and the limits.
    """
    for name, value in values.items():
        if value is not None:
            check_number(value, name)


def _excerpt(value: Any) -> str:
    try:
        text = repr(value) if isinstance(value, str) else str(value).removesuffix(".0")
    except ValueError:  # an integer of thousands of digits
        return "such a large number"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
