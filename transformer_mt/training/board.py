"""Writing of TensorBoard files; a failure is logged and does not end the training."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformer_mt.figures.fonts import missing_fonts, missing_glyphs_are_boxes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)


class Board:
    """Writer of TensorBoard files, which hides the points of an earlier session after `step`.

    Without a folder it writes nothing.
    """

    def __init__(self, folder: Path | None, step: int) -> None:
        self._folder = folder
        self._writer: Any = None  # a SummaryWriter
        self._has_drawn = False
        self._excepthook = threading.excepthook
        threading.excepthook = self._note  # it writes in a thread, which would print a traceback
        if folder is None:
            return
        from torch.utils.tensorboard import SummaryWriter

        try:
            self._writer = SummaryWriter(str(folder), purge_step=step + 1)
        except OSError as error:
            self._give_up(error)

    def go_back(self, step: int) -> None:
        """Hide the points that were written after update `step`."""
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog

        if self._writer is not None:
            start = Event(step=step + 1, session_log=SessionLog(status=SessionLog.START))
            file: Any = self._writer.file_writer
            self._try(file.add_event, start)

    def write(self, method: str, *args: Any, **kwargs: Any) -> None:
        """Call `add_`method of a SummaryWriter."""
        if self._writer is not None:
            self._try(getattr(self._writer, f"add_{method}"), *args, **kwargs)

    def draw(self, name: str, figure: Figure, step: int) -> None:
        """Add a picture; the first warns of missing fonts."""
        if self._writer is None:
            return
        if not self._has_drawn and (missing := missing_fonts(figure)) is not None:
            log.warning("TensorBoard's picture: %s", missing)
        self._has_drawn = True
        self.write("figure", name, figure, step)

    def close(self) -> None:
        """Write the remaining points and close the files."""
        if self._writer is not None:
            self._try(self._writer.close)
        threading.excepthook = self._excepthook

    def _try(self, action: Callable[..., object], *args: Any, **kwargs: Any) -> None:
        try:
            with missing_glyphs_are_boxes():
                action(*args, **kwargs)
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: BaseException) -> None:
        self._writer = None
        log.warning("%s: TensorBoard gets nothing more of this session (%s)", self._folder, error)

    def _note(self, args: threading.ExceptHookArgs) -> None:
        if not isinstance(args.exc_value, OSError):  # the writer raises such a one again, to us
            self._excepthook(args)
