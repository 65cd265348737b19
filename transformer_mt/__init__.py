"""The Transformer of "Attention Is All You Need", from torch primitives: train and translate."""

__version__ = "0.1.0"
