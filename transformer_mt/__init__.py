"""The Transformer of "Attention Is All You Need", from torch primitives: train and translate.

    import transformer_mt as tmt

    translator = tmt.load("runs/quickstart")
    print(translator.translate("Where is the station?").text)

The command line is a thin layer over these functions. Errors that a user can put right are
`TmtError`s, whose text is one sentence. Nothing is loaded before it is used, so the import costs
nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from transformer_mt._version import __version__ as __version__

if TYPE_CHECKING:
    from transformer_mt.config.load import load_config as load_config
    from transformer_mt.config.sections import Config as Config
    from transformer_mt.doctor.examine import examine as examine
    from transformer_mt.errors import TmtError as TmtError
    from transformer_mt.figures.render import render as render
    from transformer_mt.inference.evaluation import evaluate as evaluate
    from transformer_mt.inference.evaluation import evaluate_translations as evaluate_translations
    from transformer_mt.inference.load import load as load
    from transformer_mt.inference.load import load_classifier as load_classifier
    from transformer_mt.inference.load import load_generator as load_generator
    from transformer_mt.inference.load import load_language_model as load_language_model
    from transformer_mt.inference.results import Candidate as Candidate
    from transformer_mt.inference.results import Translation as Translation
    from transformer_mt.inference.translator import Translator as Translator
    from transformer_mt.interop.export import export_model as export_model
    from transformer_mt.interop.import_marian import import_model as import_model
    from transformer_mt.runs.info import describe_run as describe_run
    from transformer_mt.training.build_tokenizer import build_tokenizers as build_tokenizers
    from transformer_mt.training.evaluation import evaluate_run as evaluate_run
    from transformer_mt.training.loop import train as train

_MODULES = {
    "Candidate": "inference.results",
    "Config": "config.sections",
    "TmtError": "errors",
    "Translation": "inference.results",
    "Translator": "inference.translator",
    "build_tokenizers": "training.build_tokenizer",
    "describe_run": "runs.info",
    "evaluate": "inference.evaluation",
    "evaluate_run": "training.evaluation",
    "evaluate_translations": "inference.evaluation",
    "examine": "doctor.examine",
    "export_model": "interop.export",
    "import_model": "interop.import_marian",
    "load": "inference.load",
    "load_classifier": "inference.load",
    "load_config": "config.load",
    "load_generator": "inference.load",
    "load_language_model": "inference.load",
    "render": "figures.render",
    "train": "training.loop",
}
"""Module of each public name; the imports above say the same to type checkers."""

__all__ = [*_MODULES]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return [*_MODULES, "__version__"]
