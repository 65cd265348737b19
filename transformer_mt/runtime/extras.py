"""Import of optional packages, installed as extras."""

import importlib
from types import ModuleType

from transformer_mt.errors import ConfigError

_EXTRAS = {
    "ctranslate2": "ctranslate2",
    "transformers": "transformers",
    "sentencepiece": "transformers",
}


def require(package: str) -> ModuleType:
    """Import a package of an extra.

    Raises:
        ConfigError: the package is not installed; the message gives the command that installs it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ConfigError(
            f"{package} cannot be imported ({error}):"
            f' pip install "transformer_mt[{_EXTRAS[package]}]"'
        ) from None
