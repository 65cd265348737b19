"""Translating with the CTranslate2 library."""
