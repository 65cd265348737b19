"""Computations done faster than they are written, each beside its plain formula."""
