"""Errors that are sentences for the person who can fix them, with the program's exit code."""


class TmtError(Exception):
    """Anything the user can put right: one sentence with file, line or key, and what to do."""

    exit_code = 1


class DataError(TmtError):
    """A corpus, a run directory or another file cannot be used as it is."""


class DamagedWeightsError(DataError):
    """A model returned scores that are not finite."""

    def __init__(self) -> None:
        super().__init__("the model's scores are no numbers: its weights are damaged")


class TrainingError(TmtError):
    """Training cannot go on (for example because the loss is no longer a number)."""


class ConfigError(TmtError):
    """Wrong usage: an option or a configuration key with a name or value that cannot be."""

    exit_code = 2


class InvalidValueError(ConfigError, ValueError):
    """A value that its key cannot have, or not beside the values of `others`.

    From `keys` the loader of configurations tells the file and line.
    """

    def __init__(self, key: str, message: str, *others: str) -> None:
        super().__init__(f"'{key}' {message}")
        self.keys = (key, *others)


class SaidElsewhereError(TmtError):
    """Of several processes, another tells what went wrong: this one ends in silence."""
