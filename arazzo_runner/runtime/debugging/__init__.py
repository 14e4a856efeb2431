"""Debugging: a run held still, looked at, changed and gone back in. One driver for every door."""
