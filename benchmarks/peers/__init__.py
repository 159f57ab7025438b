"""Time and memory of weighted losses beside those of others: ``python -m benchmarks.peers``."""
