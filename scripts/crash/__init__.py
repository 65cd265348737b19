"""Parts of `scripts/crash_test.py`."""
