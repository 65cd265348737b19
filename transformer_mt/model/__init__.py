"""The Transformer: tensors in, tensors out; no files, no text, no choice of device."""
