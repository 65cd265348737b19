"""Bytes on disk: written whole or not at all, read with care when they come from strangers."""
