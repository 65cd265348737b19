"""Scores: BLEU, chrF and TER of translations, and the tri-gram baseline of language models."""
