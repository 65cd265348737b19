"""The Transformer of "Attention Is All You Need", from torch primitives: train and translate.

    import transformer_mt as tmt

    translator = tmt.load("runs/quickstart")
    print(translator.translate("Where is the station?").text)

Nothing is loaded before it is used, so the import costs nothing.
"""

from typing import TYPE_CHECKING, Any

from transformer_mt._version import __version__ as __version__

if TYPE_CHECKING:
    from transformer_mt.api import (
        Candidate,
        Config,
        TmtError,
        Translation,
        Translator,
        build_tokenizers,
        describe_run,
        evaluate,
        evaluate_run,
        evaluate_translations,
        examine,
        export_model,
        import_model,
        load,
        load_classifier,
        load_config,
        load_generator,
        load_language_model,
        render,
        train,
    )

__all__ = [
    "Candidate",
    "Config",
    "TmtError",
    "Translation",
    "Translator",
    "build_tokenizers",
    "describe_run",
    "evaluate",
    "evaluate_run",
    "evaluate_translations",
    "examine",
    "export_model",
    "import_model",
    "load",
    "load_classifier",
    "load_config",
    "load_generator",
    "load_language_model",
    "render",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import the program when it is asked for (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from transformer_mt import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
