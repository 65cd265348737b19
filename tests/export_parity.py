"""How far exported models are from ours, as their real engines tell.

`python tests/export_parity.py FOLDER` trains small models there on the built-in phrasebook, one for
each kind of normalisation, vocabulary and tokenizer, exports each to each format, and prints a
table: the largest difference of a reference's log-probability, the share of equal greedy
translations, and how good the model is (BLEU).
"""

import sys
from itertools import product
from pathlib import Path

from training_helpers import tmt

VOCABULARIES = {
    "separate": ("false", "none"),
    "joint": ("true", "decoder"),
    "tied": ("true", "all"),
}
SETTINGS = """
data: {src_lang: en, tgt_lang: fr, dataset: phrasebook}
tokenizer: {vocab_size: 3000}
model: {d_model: 64, num_heads: 4, d_ff: 128, num_encoder_layers: 2, num_decoder_layers: 2}
training: {batch_tokens: 2048, max_steps: 800, learning_rate: 0.004, warmup_steps: 300,
  schedule: linear, validate_every: 400, validate_sentences: 200, patience: 0}
"""


def train(folder: Path, norm: str, vocabulary: str, tokenizer: str) -> Path:
    """A run, trained unless it is there already."""
    run = folder / f"{norm}-{vocabulary}-{tokenizer}"
    joint, tied = VOCABULARIES[vocabulary]
    config = folder / f"{run.name}.yaml"
    config.write_text(f"run_dir: {run}\n{SETTINGS}")
    settings = (f"tokenizer.type={tokenizer}", f"tokenizer.joint={joint}", f"model.norm={norm}")
    options = [f"--set={each}" for each in (*settings, f"model.tied_embeddings={tied}")]
    result = tmt("train", "--config", config, "--quiet", *options)
    assert result.exit_code == 0, result.stderr
    return run


def main() -> None:
    """Print the table, row by row."""
    from transformer_mt import export_model

    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write = sys.stdout.write
    write("norm  vocabulary  tokenizer  format        log-prob  greedy        BLEU\n")
    for norm, vocabulary, tokenizer in product(("post", "pre"), VOCABULARIES, ("word", "bpe")):
        run = train(folder, norm, vocabulary, tokenizer)
        for to in ("ctranslate2", "transformers"):
            output = folder / "exports" / f"{run.name}-{to}"
            parity = export_model(run, output, to=to).parity
            assert parity is not None
            write(
                f"{norm:6}{vocabulary:12}{tokenizer:11}{to:14}{parity.log_prob_difference:.1e}"
                f"   {parity.equal_greedy}/{parity.sentences}"
                f"       {parity.scores[0].value:5.1f}\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
