"""Corpora: where text comes from, read row by row."""
