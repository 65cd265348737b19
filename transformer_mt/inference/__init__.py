"""Inference with a trained model: translating, generating, classifying, scoring."""
