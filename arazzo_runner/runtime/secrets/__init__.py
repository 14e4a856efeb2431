"""Secrets kept out of everything that is written (S1)."""
