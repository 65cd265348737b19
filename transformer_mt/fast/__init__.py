"""Faster forms of computations, each with the plain formula it must equal."""
