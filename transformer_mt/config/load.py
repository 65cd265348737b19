"""Strict reading of YAML into `Config`: errors name file, line and key."""

import contextlib
import dataclasses
import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Literal, TypeVar, get_type_hints, overload

import yaml

from transformer_mt.config.sections import PATHS, Config
from transformer_mt.config.tasks import CONFIGS, task_of
from transformer_mt.config.values import (
    MOST_BYTES,
    PlainLoader,
    Setting,
    as_node,
    convert,
    convert_one,
    scalar,
    show,
)
from transformer_mt.errors import ConfigError, InvalidValueError
from transformer_mt.files.paths import expand, user_path
from transformer_mt.files.untrusted import read_text

D = TypeVar("D")
C = TypeVar("C", bound=Config)

_Settings = dict[str, Setting]

_hints: Callable[[Any], dict[str, Any]] = cache(get_type_hints)
"""Types of the fields of a section, cached: computing the types takes most of the time here."""

_SAVED = "config.yaml"
"""File name of the resolved configuration, with every key, in a run directory."""
_INHERITED = ("model.", "tokenizer.")
_FREE = ("model.dropout", "model.attention_dropout")
"""Keys of `model` that may differ from those of `init_from`: no weight depends on these keys."""
_NEW_DEFAULTS = ("tokenizer.normalization",)
"""Keys that had another default in earlier versions."""


@overload
def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config: ...


@overload
def load_config(path: str | Path, overrides: Sequence[str], kind: type[C]) -> C: ...


def load_config(
    path: str | Path, overrides: Sequence[str] = (), kind: type[Config] = Config
) -> Config:
    """Read a run's configuration; the key `task` selects the class, "translation" by default.

    With `init_from`, missing keys of `model` and `tokenizer` are inherited: from the configuration
    saved in the run directory if the run exists already, else from the run directory of
    `init_from`; where both are gone, the defaults hold. A complete configuration, such as every
    saved one, inherits nothing. A run begun when a key had another default keeps the old value,
    unless the key is set.

    Args:
        path: a YAML file.
        overrides: "section.key=value" texts that win over the file; values are YAML.
        kind: expected class, such as `TranslationConfig`; any by default.

    Raises:
        ConfigError: a key or value is invalid, or the task is another; the message names file, line
            and key, and suggests a correction.
    """
    path = user_path(path, "config")
    settings, cls = _read_settings(path, overrides)
    with _with_places(settings, path):
        _expand_paths(settings)
    parent, inherited, init_from = None, {}, _text(settings, "init_from")
    keys = _inherited_keys(cls) if init_from else _NEW_DEFAULTS
    if any(key not in settings for key in keys):
        with contextlib.nullcontext() if init_from else contextlib.suppress(ConfigError):
            own = _saved_config(_text(settings, "run_dir"), path)
            begun = isinstance(own, cls) and (own.init_from or "") == init_from
            parent = _saved_config(init_from, path, cls) if not begun else None
            inherited = _to_inherit(own if begun else parent, keys)
    with _with_places(settings, path):
        config = _build(cls, inherited | settings, "", str(path))
        if parent is not None:
            check_inherited(config, parent)
        return _expect(config, kind, path)


def load_saved_config(path: Path, kind: type[C]) -> C:
    """Read the configuration saved in a run directory; nothing is inherited.

    Raises:
        ConfigError: a key or value is invalid, or the task is another; the message names file, line
            and key.
    """
    settings, cls = _read_settings(path)
    with _with_places(settings, path):
        return _expect(_build(cls, settings, "", str(path)), kind, path)


def _expect(config: Config, kind: type[C], path: Path) -> C:
    if isinstance(config, kind):
        return config
    raise ConfigError(f"{path}: its task is {config.task}, but {task_of(kind)} is needed here")


def check_inherited(config: Config, parent: Config) -> None:
    """Check that a configuration fits the weights and tokenizers of `config.init_from`.

    Args:
        config: configuration of the new run.
        parent: configuration of the run directory that `init_from` names; of the same task.

    Raises:
        InvalidValueError: naming the first key that differs, and the value that the key must have.
    """
    ours, theirs = _flat(to_dict(config)), _flat(to_dict(parent))
    for key in differing_keys(config, parent):
        if key.startswith(_INHERITED) and key not in _FREE:
            value, needed = show(ours[key]), show(theirs[key])
            raise InvalidValueError(
                key, f"is {value}, but must be {needed} as in init_from ({config.init_from})"
            )


def to_yaml(config: Config) -> str:
    """Return the resolved configuration as YAML that `load_config` reads back to an equal one."""
    return yaml.safe_dump(to_dict(config), sort_keys=False, allow_unicode=True)


def to_dict(config: Config) -> dict[str, Any]:
    """Return a configuration as nested dictionaries of plain values, tuples as lists."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return list(value) if isinstance(value, tuple) else value

    return plain(dataclasses.asdict(config))


def differing_keys(first: Config, second: Config) -> list[str]:
    """Return the dotted keys in which two configurations differ; for two tasks, only `task`."""
    if type(first) is not type(second):
        return ["task"]
    ours, theirs = _flat(to_dict(first)), _flat(to_dict(second))
    return [key for key in ours if ours[key] != theirs[key]]


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    items: dict[str, Any] = {}
    for key, value in values.items():
        nested = _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else None
        items.update({prefix + key: value} if nested is None else nested)
    return items


@contextlib.contextmanager
def _with_places(settings: _Settings, path: Path) -> Iterator[None]:
    """Convert InvalidValueError to ConfigError with the place of the value, --set first."""
    try:
        yield
    except InvalidValueError as error:
        places = [settings[key].where for key in error.keys if key in settings]
        culprit = min(places, key=lambda place: not place.startswith("--set"), default=str(path))
        raise ConfigError(f"{culprit}: {error}") from None


def _saved_config(folder: str, reading: Path, kind: type[Config] = Config) -> Config | None:
    """Return the configuration saved in a run directory; None if missing or being read now."""
    path = Path(folder) / _SAVED
    if not folder or not path.is_file() or path.samefile(reading):
        return None
    return load_saved_config(path, kind)


def _to_inherit(config: Config | None, keys: Iterable[str]) -> _Settings:
    values = {} if config is None else _flat(to_dict(config))
    inherited = [key for key in keys if key in values]
    return {key: Setting(as_node(values[key]), "init_from") for key in inherited}


def _inherited_keys(cls: type[Config]) -> list[str]:
    hints = _hints(cls)
    return [
        prefix + field.name
        for prefix in _INHERITED
        for field in dataclasses.fields(hints[prefix.rstrip(".")])
    ]


def _expand_paths(settings: _Settings) -> None:
    """Expand `~` and `$HOME` in the values of path keys: no shell has expanded the file."""
    for key in PATHS:
        node = settings[key].node if key in settings else None
        for each in node.value if isinstance(node, yaml.SequenceNode) else (node,):
            if isinstance(each, yaml.ScalarNode) and scalar(each) is not None:
                each.value = expand(each.value, key)


def _text(settings: _Settings, key: str) -> str:
    """Return a setting's text; empty where the key is missing, null, or of a wrong type."""
    try:
        return str(convert_one(settings[key].node, str))
    except (KeyError, TypeError):
        return ""


def _read_settings(path: Path, overrides: Sequence[str] = ()) -> tuple[_Settings, type[Config]]:
    """Return the settings of a file and its overrides, checked against the keys of the task."""
    root = _read_yaml(path)
    cls = CONFIGS[convert(_task(root, path, overrides), Literal[tuple(CONFIGS)], "task")]
    settings = _flatten(root, str(path), cls, prefix="")
    for override in overrides:
        settings.update(_parse_override(override, cls))
    return settings, cls


def _task(root: yaml.Node | None, path: Path, overrides: Sequence[str]) -> Setting:
    """Return the setting `task`, which decides what other keys are valid."""
    for text in reversed(overrides):
        if text.partition("=")[0].strip() == "task":
            return _parse_override(text, Config)["task"]
    for key_node, value_node in root.value if isinstance(root, yaml.MappingNode) else ():
        if key_node.value == "task":
            where = f"{path}:{key_node.start_mark.line + 1}"
            return Setting(value_node, where)
    return Setting(as_node("translation"), str(path))


def _read_yaml(path: Path) -> yaml.Node | None:
    try:
        text = read_text(path, MOST_BYTES)
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such configuration file") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not valid UTF-8 ({error.reason})") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error})") from None
    except ValueError as error:
        raise ConfigError(f"{path}: is no configuration ({error})") from None
    try:
        return yaml.compose(text, Loader=PlainLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}:{line}: not valid YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(f"{path}:{line}: not valid YAML: {error.reason}") from None


def _flatten(node: yaml.Node | None, path: str, cls: type, prefix: str) -> _Settings:
    """Return the dotted keys of a YAML mapping, checked against the fields of a dataclass."""
    if not isinstance(node, yaml.MappingNode):
        line = f":{node.start_mark.line + 1}" if node else ""
        name = f"'{prefix[:-1]}'" if prefix else "the file"
        raise ConfigError(f"{path}{line}: {name} must be a mapping of keys to values")
    settings: _Settings = {}
    for key_node, value_node in node.value:
        where = f"{path}:{key_node.start_mark.line + 1}"
        if not isinstance(key_node, yaml.ScalarNode):
            raise ConfigError(f"{where}: a key must be a word")
        key = f"{prefix}{key_node.value}"
        section = _field_type(cls, str(key_node.value), where, prefix)
        if key in settings or any(name.startswith(f"{key}.") for name in settings):
            raise ConfigError(f"{where}: '{key}' is set twice")
        if isinstance(section, type) and dataclasses.is_dataclass(section):
            settings.update(_flatten(value_node, path, section, f"{key}."))
        else:
            settings[key] = Setting(value_node, where)
    return settings


def _parse_override(text: str, cls: Any) -> _Settings:
    key, equals, value = text.partition("=")
    key, where = key.strip(), f"--set {text}"
    if not equals or not key:
        raise ConfigError(f"--set {text}: write it as section.key=value, such as model.norm=pre")
    *sections, name = key.split(".")
    for depth, section in enumerate(sections):
        prefix = "".join(f"{parent}." for parent in sections[:depth])
        cls = _field_type(cls, section, where, prefix)
        if not dataclasses.is_dataclass(cls):
            raise ConfigError(f"{where}: '{prefix}{section}' is a single value, not a section")
    if dataclasses.is_dataclass(_field_type(cls, name, where, "".join(f"{s}." for s in sections))):
        raise ConfigError(f"{where}: '{key}' is a section; name one of its keys")
    try:
        return {key: Setting(yaml.compose(value, Loader=PlainLoader), where)}
    except yaml.YAMLError:
        raise ConfigError(f"{where}: '{value}' is not a valid YAML value") from None


def _field_type(cls: Any, name: str, where: str, prefix: str) -> Any:
    hints = _hints(cls)
    if name in hints:
        return hints[name]
    if others := _tasks_with(prefix, name):
        raise ConfigError(f"{where}: '{prefix}{name}' is a key of the task {' or '.join(others)}")
    raise ConfigError(f"{where}: unknown key '{prefix}{name}'{_suggestion(name, hints)}")


def _tasks_with(prefix: str, name: str) -> list[str]:
    """Return the tasks that have the key `prefix + name`; `prefix` ends with a dot."""
    sections = {task: _hints(cls) for task, cls in CONFIGS.items()}
    if prefix:
        sections = {
            task: _hints(s[prefix[:-1]]) for task, s in sections.items() if prefix[:-1] in s
        }
    return [task for task, keys in sections.items() if name in keys]


def _suggestion(name: str, hints: dict[str, Any]) -> str:
    """Return a hint for an unknown key: a similar key here, or one in another section."""
    everywhere = {key: key for key in _hints(Config)}
    for section, section_type in chain(*(_hints(cls).items() for cls in CONFIGS.values())):
        if dataclasses.is_dataclass(section_type):
            for key in _hints(section_type):
                everywhere.setdefault(key, f"{section}.{key}")
    for candidates in (dict(zip(hints, hints, strict=True)), everywhere):
        if match := difflib.get_close_matches(name, candidates, n=1, cutoff=0.6):
            return f"; did you mean '{candidates[match[0]]}'?"
    return f"; the keys here are {', '.join(hints)}"


def _build(cls: type[D], settings: _Settings, prefix: str, source: str) -> D:
    values: dict[str, Any] = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        key, hint = prefix + field.name, _hints(cls)[field.name]
        if dataclasses.is_dataclass(hint):
            values[field.name] = _build(hint, settings, f"{key}.", source)  # type: ignore[arg-type]
        elif key in settings:
            values[field.name] = convert(settings[key], hint, key)
        elif field.default is dataclasses.MISSING:
            raise ConfigError(f"{source}: the key '{key}' is missing")
    return cls(**values)
