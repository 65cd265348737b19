"""Conversion of a YAML value to the type of its key, or an error that names the types allowed.

The type of the key decides: a text key takes the text as written, so the label `no`, the folder
0123 and the time 1:30 stay as they are, and a numeric key takes only a number.
"""

import difflib
import types
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

import yaml

from transformer_mt.config.plain_yaml import PlainLoader, plain, scalar
from transformer_mt.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Setting:
    """Setting's value as written, and where: "configs/base.yaml:14" or "--set model.norm"."""

    node: yaml.Node | None
    """YAML node of the value; None: nothing is written, which is null."""
    where: str


def as_node(value: Any) -> yaml.Node | None:
    """Return a plain value as a YAML node, as if written in a file."""
    return yaml.compose(yaml.safe_dump(value, allow_unicode=True), Loader=PlainLoader)


def convert(setting: Setting, hint: Any, key: str) -> Any:
    """Return a setting's value as the type `hint`, or raise ConfigError with the types allowed."""
    options = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    for option in options:
        try:
            return convert_one(setting.node, option)
        except TypeError:
            continue
    value = plain(setting.node)
    expected = " or ".join(_describe(option) for option in options)
    raise ConfigError(
        f"{setting.where}: '{key}' must be {expected}, not {show(value)}"
        + _suggestion(value, options)
    )


def convert_one(node: yaml.Node | None, hint: Any) -> Any:
    """Return a node's value as one type, which is not a union.

    Raises:
        TypeError: the value is of another type.
    """
    if get_origin(hint) is tuple:
        return _as_tuple(node, get_args(hint))
    if node is not None and not isinstance(node, yaml.ScalarNode):
        raise TypeError
    value = None if node is None else scalar(node)
    if hint is type(None) or value is None:
        accepted = hint is type(None) and value is None
    elif get_origin(hint) is Literal:
        value = node.value if node else None
        accepted = value in get_args(hint)
    elif hint is str:
        value, accepted = node.value if node else "", True
    elif hint is float:
        value, accepted = _as_float(value), True
    else:
        accepted = type(value) is hint
    if not accepted:
        raise TypeError
    return value


def _as_tuple(node: yaml.Node | None, kinds: Sequence[Any]) -> tuple[Any, ...]:
    if not isinstance(node, yaml.SequenceNode):
        raise TypeError
    if Ellipsis in kinds:
        kinds = [kinds[0]] * len(node.value)
    if not 0 < len(node.value) == len(kinds):
        raise TypeError
    return tuple(convert_one(v, kind) for v, kind in zip(node.value, kinds, strict=True))


def _as_float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    try:
        number = float(value)
    except OverflowError:
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


def _suggestion(value: Any, options: Sequence[Any]) -> str:
    """Return a hint for a wrong value: a similar choice, true or false, or plain digits."""
    choices = [c for option in options if get_origin(option) is Literal for c in get_args(option)]
    if match := difflib.get_close_matches(str(value), choices, n=1, cutoff=0.5):
        return f"; did you mean '{match[0]}'?"
    if not isinstance(value, str):
        return ""
    if bool in options and value in _TRUTHS:
        return f"; write {_TRUTHS[value]}"
    plain_digits = value.replace("_", "").replace(",", "")
    if (int in options or float in options) and plain_digits.isdecimal() and value.isascii():
        return f"; write {plain_digits}"
    return ""


_TRUTHS = {
    **dict.fromkeys(("yes", "Yes", "YES", "on", "On", "ON", "y", "Y"), "true"),
    **dict.fromkeys(("no", "No", "NO", "off", "Off", "OFF", "n", "N"), "false"),
}
"""Truth values of YAML 1.1 and the YAML 1.2 word for each."""
_MOST_SHOWN = 200
"""Most characters of a wrong value shown in an error message."""


def show(value: Any) -> str:
    """Return a value as YAML text on one line."""
    if isinstance(value, str):
        shown = f"'{value if value.isprintable() else repr(value)[1:-1]}'"
    else:
        dumped = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1000)
        shown = dumped.split("\n")[0]
    return shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}..."
