"""`tmt` in a process that torchrun has started; of the first group, the second process dies."""

import os
import signal
import sys

from tiny_runs import at_update

from transformer_mt.cli import main

if __name__ == "__main__":
    sys.argv = ["tmt", *sys.argv[1:]]
    if os.environ["RANK"] == "1" and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
        with at_update(13, lambda: os.kill(os.getpid(), signal.SIGKILL)):
            main()
    else:
        main()
