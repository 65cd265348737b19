"""Training a model: the loop, the optimizer, validation and checkpoints."""
