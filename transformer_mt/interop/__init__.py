"""Model folders of other programs: export, import, comparison with our model."""
