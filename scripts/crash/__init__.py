"""The parts of crash_test.py."""
