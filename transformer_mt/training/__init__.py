"""Training: the loop, the loss, the optimiser and validation."""
