"""Switches of the fast computations; False selects the plain form with the same result.

Tests compare values and gradients of each fast computation with the plain form.
"""

CHUNKED_LOSS = True
"""On a CPU, `fast/loss.py` computes value and gradients together, a few positions at a time."""

RANDOM_BITS_DROPOUT = True
"""On a CPU, `fast/dropout.py` takes four masks from each random word."""

UNFUSED_ATTENTION = True
"""On a CPU, `model/attention.py` computes bf16 or dropout attention by two products."""

ONEDNN_PRODUCTS = True
"""On a CPU, `fast/linear.py` uses oneDNN for products for which torch would use MKL."""

FAST_DECODER = True
"""Search in `inference/torch_engine.py` uses `model/fast_decoder.py`, not `Transformer.step`."""

GROUPED_TOP_K = True
"""Top-k search in `fast/top_k.py` examines only the best groups of tokens."""
