"""Preparation of training data: vocabularies, encoded examples, batches and reports."""
