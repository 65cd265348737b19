"""Command `tmt classify`: labels of texts, and checks of parallel files."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from transformer_mt.cli import models, options
from transformer_mt.cli.app import app
from transformer_mt.errors import ConfigError
from transformer_mt.runtime.console import print_note, write_out

if TYPE_CHECKING:
    from transformer_mt.doctor.with_classifier import PairCheck


@app.command()
def classify(
    texts: Annotated[
        list[str] | None,
        Argument(help="Texts, each in quotation marks; by default standard input."),
    ] = None,
    input_file: options.InputFile = None,
    output_file: options.OutputFile = None,
    layout: Annotated[
        str, Option("--format", help="text (label, tab, probability) or jsonl.")
    ] = "text",
    top: Annotated[
        int | None, Option(help="Labels to show, likeliest first; by default 1, in jsonl all.")
    ] = None,
    pairs: Annotated[
        tuple[Path, Path] | None,
        Option(
            metavar="FILE FILE", help="Find swapped and untranslated lines in two parallel files."
        ),
    ] = None,
    languages: Annotated[
        tuple[str, str] | None,
        Option(
            metavar="LANG LANG",
            help="With --pairs: languages of the files; by default their most frequent.",
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        Option(help="With --pairs: least probability of a language that counts; by default 0.99."),
    ] = None,
    model: options.ModelDir = None,
    device: options.Device = "auto",
    batch_tokens: options.BatchTokens = 4096,
) -> None:
    """Print the label and probability of each text, or check a parallel corpus (--pairs)."""
    if layout not in ("text", "jsonl"):
        raise ConfigError(f"--format {layout}: must be text or jsonl")
    if sum(map(bool, (texts, input_file, pairs))) > 1:
        raise ConfigError("give texts, --input or --pairs, one of them")
    if pairs and top:
        raise ConfigError("--top is for texts: --pairs tells one label for each line")
    if (threshold is not None or languages) and not pairs:
        raise ConfigError("--threshold and --languages are for --pairs")
    models.check_output_file(output_file, input_file, *(pairs or ()))
    models.refuse_several_processes()
    from transformer_mt.cli import streams
    from transformer_mt.config.tasks import ClassificationConfig
    from transformer_mt.inference.load import load_classifier

    if pairs:
        from transformer_mt.doctor.with_classifier import check_pairs

        found = check_pairs(
            load_classifier(models.find_model(model, ClassificationConfig), device=device),
            pairs,
            languages=languages,
            threshold=0.99 if threshold is None else threshold,
            batch_tokens=batch_tokens,
        )
        _show_pairs(found, output_file, layout)
        return
    with streams.open_chunks(texts, input_file) as chunks:
        run = models.find_model(model, ClassificationConfig)
        classifier = load_classifier(run, device=device)
        shown = top or (1 if layout == "text" else len(classifier.vocabulary.labels))

        def answer(lines: list[str], first_line: int) -> list[str]:
            found = classifier.classify(lines, batch_tokens=batch_tokens)
            return [each.line(line, layout, shown) for line, each in enumerate(found, first_line)]

        with streams.open_output(output_file) as target:
            show_progress = input_file is not None
            streams.write_chunks(
                answer, chunks, target, what="classifying", show_progress=show_progress
            )


def _show_pairs(found: "PairCheck", output_file: Path | None, layout: str) -> None:
    """Write suspicious pairs to the output, then print the counts."""
    from transformer_mt.cli.streams import open_output

    with open_output(output_file) as target:
        for pair in found.suspicious():
            write_out(target, f"{pair.show(layout)}\n")
        if layout == "jsonl":
            write_out(target, json.dumps({"summary": found.to_dict()}, ensure_ascii=False) + "\n")
    for line in found.lines():
        print_note(line)
