"""Commands of the program `tmt`: each parses options, calls one function, and prints.

Heavy modules are imported only when a command runs, so that `--help` is fast. `tmt --help` lists
the commands in the order of the imports below.
"""

# isort: off
from transformer_mt.cli import doctor, build_tokenizer, train  # noqa: F401
from transformer_mt.cli import translate, rescore, attention, generate, classify  # noqa: F401
from transformer_mt.cli import evaluate, info, export, import_  # noqa: F401
from transformer_mt.cli.app import app as app
from transformer_mt.cli.app import main as main
