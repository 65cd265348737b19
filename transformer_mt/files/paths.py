"""Paths as a person writes them, with `~` and `$HOME`, where no shell has put in what they mean."""

import os
import re
from pathlib import Path

from transformer_mt.errors import InvalidValueError

_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})", re.ASCII)


def expand_home(text: str, key: str) -> str:
    """A path with the home folder in the place of a first `~` or `~user`; `./~` stays as it is.

    Args:
        text: the path.
        key: what names it in an error: a key, an option or a variable.

    Raises:
        InvalidValueError: there is no such user, and nothing at the path as it is written.
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
    """The same, and values of environment variables in the place of `$NAME` and `${NAME}`.

    Args:
        text: the path.
        key: what names it in an error.

    Raises:
        InvalidValueError: a variable is not set and nothing at the path as it is written; as for
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
    """The path that an argument of a function, `name`, stands for.

    Raises:
        InvalidValueError: as for `expand_home`.
    """
    return Path(expand_home(str(path), name))
