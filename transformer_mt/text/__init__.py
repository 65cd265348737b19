"""Tokenizers and vocabularies, which convert text to token ids and back."""
