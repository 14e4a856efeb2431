"""Conformance: our own cases as data, and the independent ones, read from beside the checkout when they are there."""
