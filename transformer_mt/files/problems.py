"""Problems that readers of a corpus meet, and the listener that training has for them."""

import logging
from dataclasses import dataclass
from typing import Literal

from transformer_mt.errors import DataError

log = logging.getLogger(__name__)

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem of a file or of one of its lines; an error is what training refuses."""

    code: str
    sentence: str
    """Sentence with which training refuses the corpus."""
    file: str
    line: int | None = None
    """Line number from 1; row number in a table that is no text file; None: the whole file."""
    heading: str = ""
    """Sentence for all problems of this kind in a list of them; "" for `sentence`."""
    text: str = ""
    """The text of the line, if it explains the problem."""
    remark: str = ""
    severity: Severity = "error"


class Listener:
    """The receiver of a reader's problems and progress; this class is that of training."""

    def tell(self, problem: Problem) -> bool:
        """Receive a problem; return True if no more warnings of its kind are wanted.

        Raises:
            DataError: the problem is an error.
        """
        if problem.severity == "error":
            raise DataError(problem.sentence)
        if problem.severity == "warning":
            log.warning("%s", problem.sentence)
        return True

    def advance(self, amount: int) -> None:
        """Receive the bytes (of a text file) or rows (of another table) read since last time."""


TRAINING = Listener()
