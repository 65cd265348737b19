"""The tasks that a model is trained for: translation, language modelling, classification."""
