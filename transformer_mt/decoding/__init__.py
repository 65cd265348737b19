"""Search for translations over a scorer protocol, without knowledge of the model."""
