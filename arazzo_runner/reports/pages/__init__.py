"""Runs as pages: a file that needs nothing else, its diagram and timeline, and the index of several."""
