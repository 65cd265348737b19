"""Expansion of `~` and `$NAME` in paths that no shell has expanded."""

import os
import re
from pathlib import Path

from transformer_mt.errors import InvalidValueError

_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})", re.ASCII)


def expand_home(text: str, key: str) -> str:
    """Return a path with a leading `~` or `~user` replaced by the home folder; keeps `./~`.

    Args:
        text: the path.
        key: name in an error message: a key, an option or a variable.

    Raises:
        InvalidValueError: there is no such user, and no file at the path as written.
    """
    expanded = os.path.expanduser(text)  # noqa: PTH111 (a Path forgets the ./ of ./~)
    if expanded.startswith("~") and not os.path.lexists(text):
        user = text.split("/")[0]
        why = "this user has no home folder" if user == "~" else "there is no such user"
        raise InvalidValueError(
            key, f"begins with {user}, but {why}: for a name with ~ in it write ./{text}"
        )
    return expanded


def expand(text: str, key: str) -> str:
    """Return a path with `~`, `$NAME` and `${NAME}` replaced by their values.

    Args:
        text: the path.
        key: name in an error message.

    Raises:
        InvalidValueError: a variable is not set, and no file is at the path as written; also as for
            `expand_home`.
    """
    for match in _VARIABLE.finditer(text):
        name = match[1] or match[2]
        if name[0].isdigit() or os.environ.get(name) or os.path.lexists(text):
            continue
        raise InvalidValueError(key, f"has {match[0]}, but the variable {name} is not set")
    return expand_home(_VARIABLE.sub(_value, text), key)


def _value(match: re.Match[str]) -> str:
    return os.environ.get(match[1] or match[2]) or match[0]


def user_path(path: str | Path, name: str) -> Path:
    """Return the path that a Python function's argument `name` gives, with `~` expanded.

    Raises:
        InvalidValueError: as for `expand_home`.
    """
    return Path(expand_home(str(path), name))
