"""Language codes, and character classes of scripts."""
