"""The transformers library without warnings and progress bars."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from transformer_mt.runtime.extras import require


@contextmanager
def quiet_transformers() -> Iterator[ModuleType]:
    """Yield the transformers library, which logs only errors within the block.

    Raises:
        ConfigError: the library is not installed.
    """
    transformers = require("transformers")
    logging = transformers.utils.logging
    verbosity, had_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield transformers
    finally:
        logging.set_verbosity(verbosity)
        if had_bars:
            logging.enable_progress_bar()
