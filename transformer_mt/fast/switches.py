"""The switches of the fast paths; with one set to False, its plain form computes the same.

Tests hold each to its plain form, values and gradients.
"""

CHUNKED_LOSS = True
"""On a CPU, `fast/loss.py` computes value and gradients together, a few positions at a time."""

RANDOM_BITS_DROPOUT = True
"""On a CPU, `fast/dropout.py` takes four masks from each random word."""

UNFUSED_ATTENTION = True
"""On a CPU, `model/attention.py` computes bf16 attention, or that with dropout, by two products."""

ONEDNN_PRODUCTS = True
"""On a CPU, `fast/linear.py` asks oneDNN for products that torch would ask MKL for."""

FAST_DECODER = True
"""`inference/torch_engine.py` searches with `model/fast_decoder.py`, not `Transformer.step`."""

GROUPED_TOP_K = True
"""`fast/top_k.py` looks for the best tokens in the best groups of tokens."""
