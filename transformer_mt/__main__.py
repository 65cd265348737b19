"""`python -m transformer_mt` is the same program as `tmt`."""

from transformer_mt.cli import main

if __name__ == "__main__":
    main()
