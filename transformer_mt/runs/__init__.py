"""A run directory: its files, checkpoints, state and owner."""
