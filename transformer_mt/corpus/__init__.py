"""Corpora as streams of rows, from files, tables, data sets and the phrasebook."""
