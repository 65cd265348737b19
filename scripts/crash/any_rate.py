"""Run `tmt` with any learning rate: trainings that must diverge need one that `tmt` refuses.

python any_rate.py train --config C
"""

from transformer_mt.cli import main
from transformer_mt.config.limits import LIMITS, Limits

LIMITS["learning_rate"] = Limits(0, 1e39, whole=False)

if __name__ == "__main__":
    main()
