"""Sections and helpers of `scripts/benchmark.py`."""
