"""Options that several commands of `tmt` share."""

from pathlib import Path
from typing import Annotated

import typer

ConfigFile = Annotated[
    Path,
    typer.Option(
        "--config", "-c", help="YAML file; paths in it are relative to the current folder."
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Replace a setting, as in model.norm=pre."),
]
InputFile = Annotated[
    Path | None, typer.Option("--input", "-i", help="Input file; by default standard input.")
]
OutputFile = Annotated[
    Path | None, typer.Option("--output", "-o", help="Output file; by default standard output.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
BeamSize = Annotated[
    int | None, typer.Option("--beam-size", "-b", help="Hypotheses kept at each step; 1 is greedy.")
]
LengthPenalty = Annotated[
    float | None, typer.Option(help="Larger values prefer longer translations.")
]
NBest = Annotated[
    int, typer.Option(help="Translations to show of each line; fewer if the beam finds fewer.")
]
ModelDir = Annotated[
    Path | None,
    typer.Option(
        "--model",
        "-m",
        envvar="TMT_MODEL",
        help="Run directory of `tmt train`; by default the newest finished one in runs/.",
    ),
]
RunArgument = Annotated[Path | None, typer.Argument(help="Run directory, as for --model.")]
LanguageModelDir = Annotated[
    Path | None,
    typer.Option(
        help="Run directory of a language model of the target language, with the same tokens; its"
        " log-probabilities are added in the search."
    ),
]
LanguageModelWeight = Annotated[
    float | None,
    typer.Option(help="Weight of the language model's log-probabilities; the translator's is 1."),
]
Device = Annotated[
    str, typer.Option(help="auto, cpu, cuda or mps; auto takes a GPU if there is one.")
]
Engine = Annotated[
    str, typer.Option(help="torch or ctranslate2 (faster; the model is exported to it once).")
]
Quantization = Annotated[
    str | None,
    typer.Option(
        help="Number format of ctranslate2's weights, such as int8; float32 if not given."
    ),
]
BatchTokens = Annotated[
    int,
    typer.Option(
        help="Tokens in a batch; affects the speed, and at most the last digit of a score."
    ),
]
