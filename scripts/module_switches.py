"""Count the files of the package that one command runs through, and the switches between them.

    python scripts/module_switches.py translate --model runs/quickstart "Where is the station?"
    python scripts/module_switches.py train --config my.yaml

A switch is a call of a function of the package from a function in another file of the package.
"""

import os
import sys
from collections import Counter
from types import FrameType
from typing import Any

import transformer_mt
from transformer_mt.cli import main

_PACKAGE = os.path.dirname(transformer_mt.__file__) + os.sep  # noqa: PTH120 - as code objects have it


class Switches:
    """Profiler that counts calls from one file of the package to another."""

    def __init__(self) -> None:
        self.pairs: Counter[tuple[str, str]] = Counter()
        """Number of calls by (caller's file, called file)."""
        self.files: set[str] = set()
        """Files of the package in which a function was called."""

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        """Count a call; `sys.setprofile` calls this for every event."""
        name = frame.f_code.co_filename
        if event != "call" or not name.startswith(_PACKAGE) or frame.f_code.co_name == "<module>":
            return
        self.files.add(name)
        caller = frame.f_back
        while caller is not None and not caller.f_code.co_filename.startswith(_PACKAGE):
            caller = caller.f_back
        if caller is not None and caller.f_code.co_filename != name:
            self.pairs[caller.f_code.co_filename, name] += 1

    def report(self) -> list[str]:
        """Return the counts and the most frequent switches as lines of text."""
        lines = [f"{len(self.files)} files, {self.pairs.total():,} switches between them"]
        for (caller, called), count in self.pairs.most_common(15):
            names = (path.removeprefix(_PACKAGE) for path in (caller, called))
            lines.append(f"{count:>6,}  {' -> '.join(names)}")
        return lines


def run() -> None:
    """Run `tmt` with the arguments of this program, and print the counts to stderr."""
    switches = Switches()
    sys.setprofile(switches)
    try:
        main()
    finally:
        sys.setprofile(None)
        print("\n".join(switches.report()), file=sys.stderr)


if __name__ == "__main__":
    run()
