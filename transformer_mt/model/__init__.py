"""Transformer models over tensors, without file access, text handling or device choice."""
