"""A document opened, and its workflows run."""
