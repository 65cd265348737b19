"""Reading of YAML 1.2, and conversion of a value to the type of its key.

A node keeps its text as written. The type of the key decides: a text key takes the text, so the
label `no`, the folder 0123 and the time 1:30 stay as they are. Unquoted text for other keys is
converted by the core schema of YAML 1.2: no octal number by a leading zero, no numbers of base 60,
no dates, and only `true`, `false` and `null` are special words.
"""

import difflib
import re
import types
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

import yaml

from transformer_mt.errors import ConfigError

MOST_BYTES, _MOST_DEPTH = 1 << 16, 10
"""Largest size in bytes and nesting depth of a configuration file."""

Scalar = str | int | float | bool | None

_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INFINITE = re.compile(r"([-+]?)\.(?:inf|Inf|INF)")
_NAN = (".nan", ".NaN", ".NAN")
_INT = re.compile(r"[-+]?[0-9]+")
_BASES = {8: re.compile(r"0o([0-7]+)"), 16: re.compile(r"0x([0-9a-fA-F]+)")}
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


class PlainLoader(yaml.SafeLoader):
    """YAML loader without tags, deep nesting, and aliases of lists and mappings."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        is_alias, mark = isinstance(event, yaml.AliasEvent), event.start_mark
        self.depth += 1
        if self.depth > _MOST_DEPTH:
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=mark)
        if not is_alias and event.tag is not None:
            problem = "a tag, which begins with an exclamation mark, is of no use here"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        if is_alias and not isinstance(node, yaml.ScalarNode):
            problem = "an alias can stand for a single value alone"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
        return node


def scalar(node: yaml.ScalarNode) -> Scalar:
    """Return the value of a scalar node by the core schema; quoted text is text."""
    text = node.value
    if node.style is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) and len(text) < 1000:  # more digits than Python reads
        return int(text)
    for base, pattern in _BASES.items():
        if match := pattern.fullmatch(text):
            return int(match[1], base)
    if match := _INFINITE.fullmatch(text):
        return float(f"{match[1]}inf")
    if text in _NAN:
        return float("nan")
    return float(text) if _FLOAT.fullmatch(text) else text


def plain(node: yaml.Node | None) -> Any:
    """Return the plain value of a node: a scalar, list or mapping."""
    if isinstance(node, yaml.ScalarNode):
        return scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [plain(each) for each in node.value]
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): plain(value) for key, value in node.value}
    return None


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
