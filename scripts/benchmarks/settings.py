"""Settings of the command line for all sections."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

OURS = "transformer_mt"
"""Row name of this project."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a benchmark."""

    threads: int
    device: str
    """Device "cpu" or "cuda"; "auto" until the facts of the machine are known."""
    quick: bool
    clock: str
    """Clock to use, "wall" or "cpu"."""
    folder: Path
    """Folder of all temporary files."""
    pairs: int = 1_000_000
    """Number of pairs of the largest corpus."""
    run: Path | None = None
    """Trained run, whose corpus and model are used; None: generated text and the phrasebook."""
    bf16: bool = True
    """True if the device is faster in bf16."""

    @property
    def rounds(self) -> int:
        """Number of rounds after the warm-up round."""
        return 2 if self.quick else 3

    def spec(self, **more: Any) -> dict[str, Any]:
        """Return the settings that every contestant gets, and `more`."""
        return {
            "threads": self.threads,
            "device": self.device,
            "clock": self.clock,
            "run": None if self.run is None else str(self.run),
            **more,
        }
