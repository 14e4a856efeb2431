"""Runs, batches and listings, driven for the verbs."""
