"""One process of a `Group`: runs `tmt` again and again, as each line of its standard input says."""

import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from tiny_runs import at_update, scripted_loss, tmt

ACTIONS: dict[str, Callable[[], object]] = {
    "term": partial(os.kill, os.getpid(), signal.SIGTERM),
    "die": partial(os._exit, 7),
}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    os.environ["MASTER_PORT"] = str(request["port"])
    os.chdir(request["folder"])
    with ExitStack() as stack:
        if request["action"]:
            stack.enter_context(at_update(request["step"], ACTIONS[request["action"]]))
        stack.enter_context(scripted_loss(*request["losses"]))
        result = tmt(*request["args"])
    return {"code": result.exit_code, "stdout": result.stdout, "stderr": result.stderr}


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(f"ANSWER {json.dumps(answer(json.loads(line)))}\n")
        sys.stdout.flush()
