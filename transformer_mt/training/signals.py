"""Handling of Ctrl-C and SIGTERM: finish the update, save, and say how to resume."""

import signal
import threading
import time
from types import FrameType, TracebackType

from transformer_mt.runtime.console import print_note

_SAME = 2.0
"""Seconds within which a repeated signal of a launcher counts as the same signal."""


class Interrupted(Exception):  # noqa: N818 - not an error: the run is saved
    """Exception for a training that a signal stopped after saving; has the shell's `exit_code`."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.exit_code = 128 + signal_number


class StopSignals:
    """Handler that notes the first signal in `received`; the second one acts as usual, at once.

    Args:
        launched: whether a launcher started the process and forwards its signals. A signal to the
            whole process group, as job schedulers send it, then arrives twice and counts once.
    """

    def __init__(self, *, launched: bool = False) -> None:
        self.received: int | None = None
        self._launched = launched
        self._since = 0.0
        self._previous: dict[int, object] = {}

    def __enter__(self) -> "StopSignals":
        in_main = threading.current_thread() is threading.main_thread()  # no other may set handlers
        for number in (signal.SIGINT, signal.SIGTERM) if in_main else ():
            self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._restore()

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.received is not None:
            if time.monotonic() - self._since > _SAME:
                self._restore()
                signal.raise_signal(number)
            return
        self.received, self._since = number, time.monotonic()
        if not self._launched:
            self._restore()
        print_note("stopping: saving after this update or validation; once more stops at once")

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._previous = {}
