"""Ctrl-C and SIGTERM: finish the update, save, say how to go on."""

import signal
import threading
from types import FrameType, TracebackType

from transformer_mt.console import print_note


class Interrupted(Exception):  # noqa: N818 - not an error: the run is saved
    """Training was asked to stop, and has saved; `exit_code` is the shell's for the signal."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.exit_code = 128 + signal_number


class StopSignals:
    """While active, the first signal is noted in `received`; the second acts as usual, at once."""

    def __init__(self) -> None:
        self.received: int | None = None
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
        self.received = number
        self._restore()
        print_note("stopping: saving after this update or validation; once more stops at once")

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._previous = {}
