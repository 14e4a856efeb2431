"""Runs from Python: the runner, handles of runs, batches, and the engines that keep them."""
