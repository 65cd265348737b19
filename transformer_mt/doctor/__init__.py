"""Checks of a corpus before anything is trained on it."""
