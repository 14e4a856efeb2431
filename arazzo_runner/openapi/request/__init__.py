"""Requests built from an operation and the values of a step (H2, H3, H4)."""
