"""Greedy and beam search, sampling and shallow fusion, independent of the model."""
