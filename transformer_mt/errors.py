"""Errors that a user can fix: one sentence each, with the exit code of the program."""


class TmtError(Exception):
    """An error that a user can fix; the text names file, line or key, and what to do."""

    exit_code = 1


class DataError(TmtError):
    """A corpus, run directory or other file that cannot be used as it is."""


class DamagedWeightsError(DataError):
    """A model returned scores that are not finite."""

    def __init__(self) -> None:
        super().__init__("the model's scores are no numbers: its weights are damaged")


class TrainingError(TmtError):
    """A training that cannot continue, for example because the loss is not finite."""


class ConfigError(TmtError):
    """Wrong usage: an invalid option or configuration key, or an invalid value of one."""

    exit_code = 2


class InvalidValueError(ConfigError, ValueError):
    """A value that its key cannot have, or not beside the values of `others`.

    From `keys` the loader of configurations tells the file and line.
    """

    def __init__(self, key: str, message: str, *others: str) -> None:
        super().__init__(f"'{key}' {message}")
        self.keys = (key, *others)


class SaidElsewhereError(TmtError):
    """An error that another process of the group reports: this process ends without a message."""
