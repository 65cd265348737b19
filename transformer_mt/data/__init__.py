"""Encoded examples and batches of them."""
