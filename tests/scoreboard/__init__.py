"""Fifteen figures that say how far the library can be relied on: ``python -m tests.scoreboard``."""
