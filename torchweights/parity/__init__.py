"""The public harness: the cases, the recordings of the real releases, and the comparison with them."""
