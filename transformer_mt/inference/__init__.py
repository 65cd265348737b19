"""Using a trained model: translating, generating, classifying, scoring."""
