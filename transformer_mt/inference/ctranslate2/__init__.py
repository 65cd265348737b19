"""Translation with the CTranslate2 library."""
