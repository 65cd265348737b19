"""Figures and HTML pages of attention weights and confusion matrices."""
