"""YAML 1.2 loader that refuses inputs that expand to much time or memory.

A node keeps its text as written. Unquoted text is converted by the core schema of YAML 1.2: no
octal number by a leading zero, no numbers of base 60, no dates, and only `true`, `false` and `null`
are special words.
"""

import re
from typing import Any

import yaml

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
