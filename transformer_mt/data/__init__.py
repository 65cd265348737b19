"""From text to batches: corpora, tokenizers, encoded data, token-budget batches."""
