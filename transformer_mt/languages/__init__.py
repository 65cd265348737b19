"""Languages and their letters: language codes, and scripts without spaces."""
