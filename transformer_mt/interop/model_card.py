"""Model card (README.md) of an exported model, with metadata for the Hugging Face hub."""

import re
from pathlib import Path

from huggingface_hub import EvalResult, ModelCardData

from transformer_mt.interop.parity import ParityReport
from transformer_mt.metrics.translation import Score
from transformer_mt.runs.checkpoint import TranslatorRun
from transformer_mt.runs.info import describe_run

_HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")

_TRANSFORMERS = """\
```python
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

folder = "."  # this folder, or its name on the hub
tokenizer = AutoTokenizer.from_pretrained(folder)
{target}model = AutoModelForSeq2SeqLM.from_pretrained(folder)

inputs = tokenizer(["{sentence}"], return_tensors="pt", padding=True)
outputs = model.generate(**inputs)  # greedy; num_beams={beam_size} is better and slower
print({decode}.batch_decode(outputs, skip_special_tokens=True))
```
"""
_SEPARATE = """\
target_tokenizer = AutoTokenizer.from_pretrained(folder, subfolder="target_tokenizer")
"""
_CTRANSLATE2 = """\
```python
import ctranslate2
import tokenizers

folder = "."  # this folder
translator = ctranslate2.Translator(folder)
src = tokenizers.Tokenizer.from_file(f"{{folder}}/tokenizer.src.json")
tgt = tokenizers.Tokenizer.from_file(f"{{folder}}/tokenizer.tgt.json")

text = "{sentence}"
encoded = src.encode(text)
tokens = [  # an unknown word is spelled out, so that it can be copied
    text[slice(*place)] if token == "[UNK]" else token
    for token, place in zip(encoded.tokens, encoded.offsets)
]
results = translator.translate_batch(
    [tokens],
    beam_size={beam_size},
    replace_unknowns=True,
    suppress_sequences=[["[PAD]"], ["[SOS]"]],
)
print(tgt.decoder.decode(results[0].hypotheses[0]))
```
"""


def model_card(
    path: Path, run: TranslatorRun, to: str, quantization: str, parity: ParityReport | None
) -> str:
    """Return the text of the model card.

    Args:
        path: the run directory.
        run: the loaded run.
        to: "ctranslate2" or "transformers".
        quantization: number format of the exported weights.
        parity: the measured scores, if any; else the scores of training are shown.
    """
    data = run.config.data
    facts = {
        name: value
        for name, value in describe_run(path).items()
        if name not in ("run", "status", "source", "device", "validation")
    }
    if run.config.init_from is not None:
        facts["begun from"] = Path(run.config.init_from).resolve().name
    facts["weights"] = quantization
    rows = "".join(f"| {name} | {value} |\n" for name, value in facts.items())
    return (
        f"---\n{_metadata(run, to, parity).to_yaml()}\n---\n\n"
        f"# Translation model, {data.src_lang} to {data.tgt_lang}\n\n"
        "An encoder-decoder Transformer (Vaswani et al. 2017), trained with transformer_mt.\n\n"
        f"| | |\n| --- | --- |\n{rows}\n"
        f"## Data\n\n{_data(run)}\n\n"
        f"## Scores\n\n{_scores(run, parity)}\n\n"
        f"## Use\n\n{_usage(run, to)}\n"
        f"{_limits(run, to)}"
    )


def _metadata(run: TranslatorRun, to: str, parity: ParityReport | None) -> ModelCardData:
    data = run.config.data
    name, dataset = f"{data.src_lang}-{data.tgt_lang}", _dataset(run)
    results = [
        EvalResult(
            task_type="translation",
            dataset_type=dataset or "local",
            dataset_name=f"validation set of {dataset or 'local files'}",
            metric_type=score.name.lower().rstrip("2"),
            metric_value=round(score.value, 2),
        )
        for score in ((parity.other_scores or parity.scores) if parity else [])
    ]
    return ModelCardData(
        language=[data.src_lang, data.tgt_lang],
        library_name=to,
        pipeline_tag="translation",
        tags=["translation", "transformer_mt"],
        datasets=[dataset] if dataset and "/" in dataset else None,
        model_name=name if results else None,
        eval_results=results or None,
    )


def _dataset(run: TranslatorRun) -> str | None:
    """Return the name of the data set; of a local folder only the last part of the path."""
    name = run.config.data.dataset
    if name is None or (_HUB_NAME.fullmatch(name) and not Path(name).exists()):
        return name
    return Path(name).resolve().name


def _data(run: TranslatorRun) -> str:
    data, dataset = run.config.data, _dataset(run)
    if dataset is not None:
        return f"`{dataset}`" + (f", subset `{data.subset}`" if data.subset else "") + "."
    files = [data.train] if isinstance(data.train, str) else data.train or ()
    names = ", ".join(f"`{Path(file).name}`" for file in files)
    return f"Local files: {names}." if names else "Not known: the model was imported."


def _scores(run: TranslatorRun, parity: ParityReport | None) -> str:
    if parity is None:
        measured = ", ".join(f"{name} {value:.2f}" for name, value in run.state.scores.items())
        return f"On the validation set, measured in training: {measured or 'none'}."
    columns: list[tuple[str, list[Score]]] = [("original, greedy", parity.scores)]
    if parity.other_scores:
        columns.append(("this folder, greedy", parity.other_scores))
    rows = "".join(
        f"| {score.name} | {score.value:.2f} | {name} | {_code(score.signature)} |\n"
        for name, scores in columns
        for score in scores
    )
    comparison = "\n".join(f"- {line.strip()}" for line in parity.lines()[1:3])
    return (
        f"Of {parity.sentences:,} sentences of the validation set, by sacrebleu:\n\n"
        f"| score | value | of | signature |\n| --- | --- | --- | --- |\n{rows}\n"
        f"Compared with the original, by this format's own engine:\n\n{comparison}"
    )


def _code(text: str) -> str:
    """Format code for a table cell; escape bars, which would end the cell even in code."""
    return "`" + text.replace("|", r"\|") + "`"


def _usage(run: TranslatorRun, to: str) -> str:
    separate = run.vocabulary.src.to_json() != run.vocabulary.tgt.to_json()
    template = _TRANSFORMERS if to == "transformers" else _CTRANSLATE2
    return template.format(
        sentence="A sentence to translate.",
        beam_size=run.config.decoding.beam_size,
        target=_SEPARATE if separate else "",
        decode="target_tokenizer" if separate else "tokenizer",
    )


def _limits(run: TranslatorRun, to: str) -> str:
    """Return the limits of the exported model, as text for the card."""
    lines = [f"\nOne sentence at a time, of at most {run.config.data.max_length} tokens."]
    if to == "transformers":
        lines.append("The tokenizer files need transformers 5 or newer.")
    if run.config.tokenizer.type == "word" and to == "transformers":
        lines.append(
            "Words outside the vocabulary are left out of the decoded text: `tmt translate` and"
            " CTranslate2 can copy them from the source."
        )
    return " ".join(lines) + "\n"
