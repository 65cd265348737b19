"""The commands of `tmt`: each parses, calls one function, and prints.

Nothing heavy is imported before a command runs, so that `--help` answers at once. The commands are
listed in the order in which their modules are imported here.
"""

# isort: off
from transformer_mt.cli import corpora, training, translating, texts, runs  # noqa: F401
from transformer_mt.cli.app import app as app
from transformer_mt.cli.app import main as main
