"""Tests of the demo: torch alone."""
