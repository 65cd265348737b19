"""Options that several commands of `tmt` share."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

ConfigFile = Annotated[
    Path, Option("--config", "-c", help="YAML file; its paths are relative to the current folder.")
]
Overrides = Annotated[
    list[str] | None,
    Option("--set", metavar="KEY=VALUE", help="Replace a setting, as in model.norm=pre."),
]
InputFile = Annotated[
    Path | None, Option("--input", "-i", help="Input file; by default standard input.")
]
OutputFile = Annotated[
    Path | None, Option("--output", "-o", help="Output file; by default standard output.")
]
AsJson = Annotated[bool, Option("--json", help="Print JSON.")]
BeamSize = Annotated[
    int | None, Option("--beam-size", "-b", help="Hypotheses kept at each step; 1 is greedy.")
]
LengthPenalty = Annotated[float | None, Option(help="Larger values prefer longer translations.")]
NBest = Annotated[
    int, Option(help="Translations to show of each sentence; fewer if the beam finds fewer.")
]
ModelDir = Annotated[
    Path | None,
    Option(
        "--model",
        "-m",
        envvar="TMT_MODEL",
        help="Run directory of `tmt train`; by default the newest finished one in runs/.",
    ),
]
RunArgument = Annotated[Path | None, Argument(help="Run directory, as for --model.")]
LanguageModelDir = Annotated[
    Path | None,
    Option(
        help="Run directory of a language model of the target language, with the same tokens; its"
        " log-probabilities are added in the search."
    ),
]
LanguageModelWeight = Annotated[
    float | None, Option(help="Weight of its log-probabilities; the translator's is 1.")
]
Device = Annotated[str, Option(help="auto, cpu, cuda or mps; auto takes a GPU if there is one.")]
Engine = Annotated[
    str, Option(help="torch or ctranslate2 (faster; the model is exported to it once).")
]
Quantization = Annotated[
    str | None, Option(help="Number format for ctranslate2, such as int8; by default float32.")
]
BatchTokens = Annotated[
    int, Option(help="Tokens in a batch; affects speed, and at most the last digit of a score.")
]
