"""Search for translations; knows a small protocol, not the model."""
