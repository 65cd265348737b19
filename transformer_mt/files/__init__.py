"""Reading and writing of files: atomic writes, decompression, checks of untrusted files."""
