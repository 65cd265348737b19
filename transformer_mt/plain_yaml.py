"""YAML without what makes a small file take a long time, or much memory."""

from typing import Any

import yaml

from transformer_mt.errors import ConfigError

MOST_BYTES, _MOST_DEPTH = 1 << 16, 10
"""Of a configuration file; the reference of all keys has a tenth of that."""


class PlainLoader(yaml.SafeLoader):
    """Plain values, not nested deeply, and no aliases of more than one: they multiply."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        is_alias, mark = self.check_event(yaml.AliasEvent), self.peek_event().start_mark  # type: ignore[no-untyped-call]
        self.depth += 1
        if self.depth > _MOST_DEPTH:
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        if is_alias and not isinstance(node, yaml.ScalarNode):
            problem = "an alias can stand for a single value alone"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
        return node


def construct(node: yaml.Node, where: str) -> Any:
    """The plain value of a node.

    Raises:
        ConfigError: it has none; the message begins with `where`.
    """
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    except ValueError as error:  # such as the date 2024-02-31
        raise ConfigError(f"{where}: not a valid YAML value ({error})") from None
    except yaml.MarkedYAMLError as error:  # such as an object of Python
        raise ConfigError(f"{where}: not valid YAML: {error.problem}") from None
    finally:
        loader.dispose()
