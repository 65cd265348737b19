"""What the command line says, for all parts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

OURS = "transformer_mt"
"""The row of this project."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to measure."""

    threads: int
    device: str
    """"cpu" or "cuda"; "auto" until the machine has been asked."""
    quick: bool
    clock: str
    """"wall" or "cpu"."""
    folder: Path
    """For everything that is made on the way."""
    pairs: int = 1_000_000
    """Of the largest corpus."""
    run: Path | None = None
    """A trained run, whose corpus and model are used; None: made-up text, the phrasebook."""
    bf16: bool = True
    """Whether the machine gains from it."""

    @property
    def rounds(self) -> int:
        """Measured after the one that warms up."""
        return 2 if self.quick else 3

    def spec(self, **more: Any) -> dict[str, Any]:
        """What every contestant is told, and more."""
        return {
            "threads": self.threads,
            "device": self.device,
            "clock": self.clock,
            "run": None if self.run is None else str(self.run),
            **more,
        }
