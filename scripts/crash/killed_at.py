"""Program `tmt` that kills itself before the nth file operation in the run directory.

    python killed_at.py NTH train --config C

With NTH 0 it is not killed, and prints the number of operations: new, removed and renamed files
and folders, and files opened for writing. Files of TensorBoard are not counted.
"""

import atexit
import os
import signal
import sys

from transformer_mt.cli import main

_CHANGES = {"open", "os.mkdir", "os.rename", "os.link", "os.remove", "os.rmdir"}
_HERE = -1
"""Value of dir_fd in an audit event if there is none."""


def count_changes(nth: int) -> None:
    """Count operations from now on; send SIGKILL before the nth."""
    made = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal made
        if event in _CHANGES and _is_one(event, arguments):
            made += 1
            if made == nth:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    if nth == 0:
        atexit.register(lambda: print(f"changes: {made}", file=sys.stderr))


def _is_one(event: str, arguments: tuple[object, ...]) -> bool:
    name = str(arguments[0])
    if "tensorboard" in name:
        return False
    if event == "open":
        flags = arguments[2]
        writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR) != 0
        return writes and name.startswith("run/")
    if event in ("os.remove", "os.rmdir") and arguments[-1] != _HERE:
        return True  # shutil.rmtree uses dir_fd and names without the folder
    return name.split("/")[0] == "run"


if __name__ == "__main__":
    count_changes(int(sys.argv.pop(1)))
    main()
