"""Run directories: files, checkpoints, training state and ownership."""
