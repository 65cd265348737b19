"""Looking inside a trained model: its attention, as numbers, pictures and a page."""
