"""The TensorBoard files of a run: a convenience, whose failure is told and ends nothing."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

log = logging.getLogger(__name__)


class Board:
    """Writes to TensorBoard from `step` on; what an earlier session wrote after it is forgotten."""

    def __init__(self, folder: Path, step: int) -> None:
        self._folder = folder
        self._writer: SummaryWriter | None = None
        self._excepthook = threading.excepthook
        threading.excepthook = self._note  # it writes in a thread, which would print a traceback
        self.open(step)

    def open(self, step: int) -> None:
        """Begin anew after update `step`."""
        from torch.utils.tensorboard import SummaryWriter

        self._try(self._close_writer)
        try:
            self._writer = SummaryWriter(str(self._folder), purge_step=step + 1)
        except OSError as error:
            self._give_up(error)

    def write(self, method: str, *args: Any, **kwargs: Any) -> None:
        """Call `add_`method of a SummaryWriter."""
        if self._writer is not None:
            self._try(getattr(self._writer, f"add_{method}"), *args, **kwargs)

    def close(self) -> None:
        """Write what is left."""
        self._try(self._close_writer)
        threading.excepthook = self._excepthook

    def _close_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def _try(self, action: Callable[..., object], *args: Any, **kwargs: Any) -> None:
        try:
            action(*args, **kwargs)
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: BaseException) -> None:
        self._writer = None
        log.warning("%s: TensorBoard gets nothing more of this session (%s)", self._folder, error)

    def _note(self, args: threading.ExceptHookArgs) -> None:
        if not isinstance(args.exc_value, OSError):  # the writer raises such a one again, to us
            self._excepthook(args)
