"""What runs a trained model: torch, or CTranslate2."""
