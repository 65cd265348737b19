"""A value of YAML as the type of its key, or one sentence that says what is expected."""

import difflib
import types
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

import yaml

from transformer_mt.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Setting:
    """A value as written, and where: "configs/base.yaml:14" or "--set model.norm"."""

    value: Any
    where: str


def convert(setting: Setting, hint: Any, key: str) -> Any:
    """The value as the type of its field, or a ConfigError that says what is expected."""
    options = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    for option in options:
        try:
            return convert_one(setting.value, option)
        except TypeError:
            continue
    expected = " or ".join(_describe(option) for option in options)
    raise ConfigError(
        f"{setting.where}: '{key}' must be {expected}, not {show(setting.value)}"
        + _literal_suggestion(setting.value, options)
        + _quotation_hint(setting.value, options)
    )


def convert_one(value: Any, hint: Any) -> Any:
    """The value as one type, which is no union.

    Raises:
        TypeError: it is of another.
    """
    if get_origin(hint) is Literal:
        if value is False and "none" in get_args(hint):  # YAML reads an unquoted `no` as false
            return "none"
        accepted = isinstance(value, str) and value in get_args(hint)
    elif get_origin(hint) is tuple:
        kinds = get_args(hint)
        if isinstance(value, list) and Ellipsis in kinds:
            kinds = kinds[:1] * len(value)
        accepted = isinstance(value, list) and 0 < len(value) == len(kinds)
        if accepted:
            return tuple(convert_one(v, t) for v, t in zip(value, kinds, strict=True))
    elif hint is float:
        return _as_float(value)
    elif hint is int:
        accepted = isinstance(value, int) and not isinstance(value, bool)
    elif hint is str and type(value) is int:  # the run_dir 2024, a max_time of 90 seconds
        return str(value)
    else:
        accepted = isinstance(value, hint)
    if not accepted:
        raise TypeError
    return value


def _as_float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError
    try:
        number = float(value)  # YAML 1.1 reads 1e-9 as text
    except ValueError:
        raise TypeError from None
    if number - number != 0:  # infinities and NaN
        raise TypeError
    return number


def _describe(hint: Any) -> str:
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(get_args(hint))
    if get_origin(hint) is tuple:
        return "a list" if Ellipsis in get_args(hint) else "a list of two file names"
    return "null" if hint is type(None) else names[hint]


def _literal_suggestion(value: Any, options: Sequence[Any]) -> str:
    choices = [c for option in options if get_origin(option) is Literal for c in get_args(option)]
    match = difflib.get_close_matches(str(value), choices, n=1, cutoff=0.5)
    return f"; did you mean '{match[0]}'?" if match else ""


def _quotation_hint(value: Any, options: Sequence[Any]) -> str:
    """YAML reads no, yes, on and off as truth values: a trap for the code of Norwegian."""
    return (
        '; put text in quotation marks, as in "no"'
        if isinstance(value, bool) and str in options
        else ""
    )


def show(value: Any) -> str:
    """A value as it would be written in YAML, in one line."""
    if isinstance(value, str):
        return f"'{value}'"
    shown = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1000)
    return shown.split("\n")[0]
