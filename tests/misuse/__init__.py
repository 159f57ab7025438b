"""Calls that cannot be meant: each is a typed error that names the argument and the way out, and changes no state."""
